"""`trader alerts`: what it says with and without a process that watches."""

import json
from pathlib import Path

import pytest
from alert_receivers import http_receiver
from alerts_process import alert_while, settings_with
from waiting import until

from streaming.alert_inbox import drop_report
from streaming.alerts.report import Report
from streaming.cli.main import main


def said(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """Return what a command printed; it must do well."""
    assert main(["alerts", *words]) == 0
    return capsys.readouterr().out


def test_commands_ask_the_process_that_watches_and_the_history_after_it(
    settings_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with http_receiver() as hook:
        settings = settings_with(settings_file, {"hook": hook.url}, routes={"gone": {}})

        def script(alerts):
            drop_report(settings.data_dir, Report(subject="backup", title="The backup failed", words="disk 2", ts_ns=1))
            until(lambda: hook.got, "the message")
            listed = json.loads(said(capsys, "list", "--open", "--json"))
            (alert,) = listed["alerts"]
            assert listed["is_watched"] and alert["title"] == "The backup failed"

            assert "acknowledged" in said(capsys, "ack", alert["id"][:6], "--reason", "seen")
            silence = said(capsys, "silence", "--rule", "report", "--for", "2h", "--reason", "known")
            assert "rule report, subject *" in silence and "known" in silence
            lines = said(capsys, "list")
            assert "!  " in lines and "The backup failed [backup]" in lines and ": seen" in lines
            assert said(capsys, "unsilence", silence.split()[1]).startswith("ended silence ")
            status = said(capsys, "status")
            assert "hook (JSON): warning and graver, 1 sent" in status and "gone: no address" in status
            assert main(["alerts", "ack", "zz"]) == 2
            assert "trader alerts list" in capsys.readouterr().err

        alert_while(settings, script)

    lines = said(capsys, "list")
    assert lines.startswith("nobody watches") and "acknowledged" in lines and "hook: sent" in lines
    assert json.loads(said(capsys, "list", "--json"))["alerts"][0]["count"] == 1


@pytest.mark.parametrize("words", [["status"], ["ack", "a"], ["stop"], ["silence", "--for", "1m", "--reason", "x"]])
def test_without_a_process_asking_is_exit_code_4_and_says_what_to_do(
    data_dir: Path, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["alerts", *words]) == 4
    assert "next: trader alerts run" in capsys.readouterr().err


def test_history_of_an_empty_house_is_empty(data_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, "list").splitlines()[-1] == "no alert"


@pytest.mark.parametrize("span", ["", "2", "2w", "-1h", "0m", "h"])
def test_span_that_is_none_is_usage(span: str) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["alerts", "silence", "--for", span, "--reason", "x"])

    assert caught.value.code == 2


def test_test_message_tells_each_address_and_fails_when_one_does(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with http_receiver() as good, http_receiver() as bad:
        bad.status = 500
        monkeypatch.setenv("LOB_STREAMING__ALERTS__URLS__GOOD", good.url)
        monkeypatch.setenv("LOB_STREAMING__ALERTS__URLS__BAD", bad.url)

        assert main(["alerts", "test"]) == 1
        told = capsys.readouterr().out
        assert main(["alerts", "test", "good", "--json"]) == 0

    assert "good (JSON): sent" in told and "bad (JSON): NOT SENT: failure" in told and "500" in told
    assert json.loads(capsys.readouterr().out)["routes"]["good"]["ok"]
    assert "secret-word" not in told
    assert good.titles == ["Test of alerts", "Test of alerts"]


def test_test_without_an_address_says_how_to_set_one(data_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["alerts", "test"]) == 2
    assert "LOB_STREAMING__ALERTS__URLS__NAME" in capsys.readouterr().err
