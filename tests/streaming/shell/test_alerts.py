"""The alerts' process beside a trader, a recorder and an inbox: who is told, what stays, what it survives."""

import signal
import threading

import pytest
from alert_receivers import http_receiver, mail_receiver
from alert_sights import trader_status
from alerts_process import Alerts, alert_while, alerts_process, settings_with
from paper_house import emulator, make_house
from waiting import until
from watched_trader import watched

from streaming.alert_history import alerts_in_lake
from streaming.alert_inbox import drop_report, inbox_dir
from streaming.alerts.report import Report
from streaming.bus import ALERTS, Telemetry
from streaming.errors import RefusedError, SettingsError
from streaming.lock import held
from streaming.shell.alerts import run_alerts
from streaming.shell.alerts_eyes import Eyes
from streaming.shell.alerts_names import LOCK_NAME, PROCESS
from streaming.shell.bus_client import BusClient, ask_over_redis
from streaming.watchdog.heartbeat import Heartbeat
from warehouse.lake import Lake


@pytest.fixture
def house(settings_file):
    return make_house(settings_file)


def failure(subject="sessions", **words):
    return Report(rule="run_failure", subject=subject, title=f"Run of {subject} failed", ts_ns=1, **words)


def newest_in_lake(alerts):
    """Return how the newest alert stands in the lake's table, None while there is none."""
    return next(iter(alerts_in_lake(alerts.settings.lake_root)), None)


def test_killed_trader_is_told_though_no_redis_is_there(house):
    with http_receiver() as hook, emulator(house.addresses_file):

        def script(alerts):
            with watched(house) as trader:
                trader.until_trades()
                assert alerts.shown() == {}

                trader.send(signal.SIGKILL)

                until(lambda: hook.got, "the alert")

        alert_while(settings_with(house.settings_file, {"hook": hook.url}), script)

    assert hook.titles[0] == "[CRITICAL] The trader died"
    assert "had not ended in order" in hook.got[0]["message"]


def test_report_reaches_webhook_mail_and_history_and_is_acknowledged(house):
    with http_receiver() as hook, mail_receiver() as letters:

        def script(alerts):
            drop_report(house.settings.data_dir, failure(words="step convert"))
            until(lambda: hook.got and letters.got, "both messages")
            until(lambda: not list(inbox_dir(house.settings.data_dir).glob("*.json")), "the inbox to be empty")
            number = alerts.shown()["Run of sessions failed"]["id"]

            answer = alerts.ask("ack", id=number[:5], by="ann", reason="seen")

            assert answer["alert"]["state"] == "acknowledged"
            assert alerts.ask("ack", id="nothing")["exit_code"] == 2
            assert alerts.ask("fly")["exit_code"] == 2

        alerts, summary = alert_while(
            settings_with(house.settings_file, {"hook": hook.url, "mail": letters.url}), script
        )

    assert (summary.alerts, summary.sent) == (1, 2)
    assert letters.got[0][2] == hook.titles[0] == "[WARNING] Run of sessions failed"
    newest = newest_in_lake(alerts)
    assert (newest["state"], newest["by"]) == ("acknowledged", "ann: seen")
    assert "hook: sent" in newest["delivered"] and "mail: sent" in newest["delivered"]
    assert not any("secret-word" in line for line in alerts.lines)


def test_look_that_fails_is_told_and_what_was_reported_meanwhile_is_not_lost(house, monkeypatch):
    real, failing = Eyes.look, threading.Event()

    def look(self, *words):
        if failing.is_set():
            raise OSError("no such folder")
        return real(self, *words)

    monkeypatch.setattr(Eyes, "look", look)

    def script(alerts):
        failing.set()
        drop_report(house.settings.data_dir, failure())
        until(lambda: "no such folder" in alerts.ask("status")["look_problem"], "the problem")
        assert alerts.shown() == {}

        failing.clear()

        until(lambda: "Run of sessions failed" in alerts.shown(), "the report")
        until(lambda: alerts.ask("status")["look_problem"] == "", "a look that went well")

    alerts, _ = alert_while(settings_with(house.settings_file), script)
    assert sum("no such folder" in line for line in alerts.lines) == 1


def test_killed_alerts_go_on_where_they_were_and_tell_nobody_twice(house):
    with http_receiver() as hook:
        urls = {"hook": hook.url}
        with alerts_process(house.settings_file, urls) as (first, process):
            drop_report(house.settings.data_dir, failure())
            until(lambda: hook.got, "the message")
            first.ask("silence", rule="report", subject="*", seconds=600, reason="known", by="ann")
            until(lambda: "sent" in (newest_in_lake(first) or {}).get("delivered", ""), "the history")
            process.send_signal(signal.SIGKILL)
            process.wait()
        drop_report(house.settings.data_dir, failure("other"))

        def script(second):
            until(lambda: len(hook.got) == 2, "what happened meanwhile")
            assert set(second.shown()) == {"Run of sessions failed", "Run of other failed"}
            assert [silence["by"] for silence in second.ask("list")["silences"]] == ["ann"]

        alert_while(settings_with(house.settings_file, urls), script)
    assert hook.titles == ["[WARNING] Run of sessions failed", "[WARNING] Run of other failed"]


def test_address_that_hangs_holds_up_neither_others_nor_the_next_look(house):
    with http_receiver() as stuck, http_receiver() as hook:
        stuck.hold = threading.Event()

        def script(alerts):
            for subject in ("one", "two"):
                drop_report(house.settings.data_dir, failure(subject))
                until(lambda subject=subject: any(subject in title for title in hook.titles), subject)
            looks = alerts.ask("status")["looks"]
            until(lambda: alerts.ask("status")["looks"] > looks, "the next look")
            stuck.hold.set()

        alert_while(settings_with(house.settings_file, {"stuck": stuck.url, "hook": hook.url}), script)


def test_telemetry_becomes_a_notice_on_the_bus_and_control_comes_by_it(settings_file):
    house = make_house(settings_file, redis="")
    run_dir, redis = house.settings.warehouse.run_dir, house.settings.streaming.redis
    heard = []
    client = BusClient(redis, run_dir, "test", ears={ALERTS: heard.append})

    def script(alerts):
        client.start()
        until(lambda: client.reading().is_connected and alerts.ask("status")["bus"]["is_connected"], "the bus")
        heart = Heartbeat(run_dir)
        body = trader_status(state="halted", trigger="limit", reason="drawdown 501")

        def told():
            heart.touch()
            client.publish(Telemetry(process="trader", run="session-1", mode="paper", ts_ns=1, body=body))
            return any(b"trading is halted" in payload for payload in heard)

        until(told, "the notice")
        number = alerts.shown()["PAPER trading is halted"]["id"]
        answer = ask_over_redis(redis, run_dir, PROCESS, {"op": "ack", "id": number, "reason": "over redis"})

        assert answer["alert"]["by"].endswith(": over redis")
        until(lambda: any(b"acknowledged" in payload for payload in heard), "the second notice")
        heart.end()
        heart.close()
        client.stop()

    alert_while(settings_with(settings_file), script)


def test_second_process_is_refused(house):
    with held(house.settings.warehouse.run_dir / LOCK_NAME), pytest.raises(RefusedError, match="doing the same"):
        run_alerts(house.settings, print)


def test_address_that_nobody_understands_ends_the_start(house):
    with pytest.raises(SettingsError, match=r"streaming\.alerts\.urls\.mail"):
        run_alerts(settings_with(house.settings_file, {"mail": "nothing://secret-word"}), print)


def test_memory_that_cannot_be_read_is_kept_aside(house):
    state = house.settings.data_dir / "alerts" / "state.json"
    state.parent.mkdir(parents=True)
    state.write_text("{")

    alert_while(settings_with(house.settings_file), lambda alerts: alerts.shown())

    assert state.with_suffix(".unreadable.json").read_text() == "{"


def test_disk_that_takes_nothing_is_told_and_alerts_go_on(house):
    """A file stands where the table's folder should be; what could not be written is written once it is gone."""
    place = house.settings.lake_root / "alerts"
    with http_receiver() as hook:

        def script(alerts):
            drop_report(house.settings.data_dir, failure())
            until(lambda: hook.got, "the message")
            until(lambda: alerts.ask("status")["history_problem"], "the problem")
            assert list(inbox_dir(house.settings.data_dir).glob("*.json"))
            place.unlink()
            until(lambda: newest_in_lake(alerts), "the history")
            until(lambda: not list(inbox_dir(house.settings.data_dir).glob("*.json")), "the inbox to be empty")

        house.settings.lake_root.mkdir(parents=True)
        place.write_text("")
        alert_while(settings_with(house.settings_file, {"hook": hook.url}), script)

    assert hook.titles == ["[WARNING] Run of sessions failed"]


def test_test_message_goes_to_one_address_and_names_an_unknown_one(house):
    with http_receiver() as hook:

        def script(alerts):
            assert alerts.ask("test", route="hook")["routes"] == ["hook"]
            until(lambda: hook.titles == ["Test of alerts"], "the test")
            assert "hook" in alerts.ask("test", route="nobody")["error"]

        alerts, _ = alert_while(settings_with(house.settings_file, {"hook": hook.url}), script)
    assert isinstance(alerts, Alerts) and Lake(house.settings.lake_root).exists("alerts") is False
