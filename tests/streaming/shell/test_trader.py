"""`trader start --mode paper` over loopback sockets: frames to orders, and a journal that replays byte for byte."""

import asyncio
import socket
import threading

import orjson
import pytest
from paper_house import SPEED, EagerModel, eager, emulator, make_house
from small_venue import BYBIT, INFO, SmallVenue
from small_venue import START_NS as MARKET_NS

from streaming.emulator.faults import Fault, FaultKind
from streaming.errors import NotRunningError, RefusedError, TraderError
from streaming.lock import held
from streaming.record_config import RecordConfig, RestSettings, VenueAddresses
from streaming.replay import replay
from streaming.report import build_report
from streaming.shell.clock import Clock
from streaming.shell.trader import run_paper
from streaming.shell.trader_names import LOCK_NAME, SOCKET_NAME
from streaming.trading_run import read_summary
from warehouse.lake import Lake

VENUES = ("binance_usdm", "binance_spot", "bybit_spot")


@pytest.fixture
def house(settings_file):
    return make_house(settings_file)


@pytest.fixture
def market(house):
    with emulator(house.addresses_file) as running:
        yield running


def silent(message):
    """Progress for tests."""


def test_a_session_over_sockets_trades_and_replays_byte_for_byte(house, market):
    def script(house):
        house.until(lambda status: status["counts"]["fills"] >= 20 and status["counts"]["steps"] >= 100)

    summary = house.trade(script, eager())

    counts = summary.status["counts"]
    assert summary.journal.name.endswith(".seg.zst") and not list(summary.journal.parent.glob("*.part"))
    assert replay(summary.journal, silent).identical and summary.landed.identical
    assert counts["orders"] > 0 and counts["rejects"] == 0 and counts["gaps_opened"] == 0
    assert summary.status["latency"]["socket_to_order"]["count"] > 0
    assert summary.status["latency"]["socket_to_engine"]["count"] >= counts["frames"] - 20  # the rest came over REST
    assert any(line.startswith("PAPER  ACTIVE") and " fills" in line for line in house.lines)
    assert not (house.run_dir / SOCKET_NAME).exists()


def test_the_report_tells_of_the_ended_session(house, market):
    def script(house):
        house.until(lambda status: status["counts"]["fills"] >= 10)

    summary = house.trade(script, eager())

    folders = house.settings.warehouse
    report = build_report(Lake(folders.lake_dir), read_summary(folders.journal_dir, None))
    assert report.summary.mode == "paper" and report.summary.run == summary.status["run"]
    assert sum(item.fills for item in report.instruments) == summary.status["counts"]["fills"]
    assert format(report.pnl.normalize() + 0, "f") == summary.status["pnl"]


def test_without_a_model_it_hears_the_market_and_sends_nothing(house, market):
    def script(house):
        house.until(lambda status: status["counts"]["steps"] >= 30 and "NO MODEL" in "".join(house.lines))

    summary = house.trade(script)

    assert summary.status["counts"]["orders"] == 0 and summary.status["model"] is None


def test_a_span_that_is_over_ends_it(house, market):
    summary = run_paper(house.request(span_ns=5_000_000_000), silent)

    assert 20 <= summary.status["counts"]["steps"] <= 400


def test_a_model_slower_than_a_step_skips_windows_and_trading_goes_on(house, market):
    def script(house):
        house.until(lambda status: status["counts"]["windows_skipped"] >= 20 and status["counts"]["fills"] >= 3)

    summary = house.trade(script, eager(delay_s=0.03, period=2))  # of a step of 10 ms

    counts = summary.status["counts"]
    assert counts["windows"] >= counts["forecasts"] + counts["windows_skipped"]
    assert replay(summary.journal, silent).identical


def test_a_late_forecast_is_dropped_and_counted(house, market):
    def script(house):
        house.until(lambda status: status["counts"]["forecasts_late"] >= 2)

    summary = house.trade(script, eager(delay_s=0.2))  # 2 s of the market, 500 ms are allowed

    assert summary.status["counts"]["forecasts"] == summary.status["counts"]["orders"] == 0


def test_a_model_that_breaks_is_told_and_the_market_is_heard_on(house, market):
    class Rotten(EagerModel):
        def forecast(self, features, valid):
            raise ValueError("not finite")

    model = eager()
    object.__setattr__(model.loaded, "forecaster", Rotten())

    def script(house):
        house.until(lambda status: status["counts"]["forecast_failures"] >= 5 and "FAIL" in "".join(house.lines))

    summary = house.trade(script, model)

    assert summary.status["counts"]["forecasts"] == 0
    assert "not finite" in summary.status["last_forecast_problem"]


def test_a_dropped_frame_is_a_gap_that_is_repaired_while_it_trades_on(house, market):
    async def drop():
        fault = Fault(kind=FaultKind.drop_depth, venue="binance_spot")
        market["market"].arm(fault, market["served"].clock.now_ns())

    def script(house):
        house.until(lambda status: status["counts"]["steps"] >= 20)
        asyncio.run_coroutine_threadsafe(drop(), market["loop"]).result(10)
        house.until(lambda status: status["counts"]["gaps_closed"] >= 1)

    summary = house.trade(script, eager())

    assert (summary.status["counts"]["gaps_opened"], summary.status["counts"]["gaps_closed"]) == (1, 1)
    assert replay(summary.journal, silent).identical


def test_words_of_the_operator_move_the_state_and_stop_names_what_stays_open(house, market):
    def script(house):
        assert house.until(lambda status: status["counts"]["fills"] >= 1)["state"] == "active"
        refused = house.ask("resume", reason="why not")
        assert (refused["ok"], refused["exit_code"]) == (False, 3) and "active" in refused["error"]
        reduced = house.ask("reduce", reason="lunch")
        assert (reduced["state_before"], reduced["state"]) == ("active", "reducing")
        assert house.ask("resume", reason="")["exit_code"] == 3
        assert house.ask("resume", reason="back")["state"] == "active"
        assert house.ask("flatten", reason="night")["state"] == "flattening"
        house.until(lambda status: status["state"] == "halted")
        assert all(item["position"] == "0" for item in house.ask("positions")["positions"])
        assert house.ask("reduce", reason="x")["exit_code"] == 3
        assert house.ask("resume", reason="morning")["state"] == "active"
        house.until(lambda status: any(item["position"] != "0" for item in status["instruments"]))
        assert house.ask("halt", reason="evening")["state"] == "halted"
        house.until(lambda status: not any(item["open_orders"] for item in status["instruments"]))
        listed = house.ask("orders", limit=1_000)["orders"]
        sent = [order for order in listed if order["refused_by"] is None]  # a forecast may come after the halt
        assert sent and {order["state"] for order in sent} <= {"filled", "expired", "cancelled"}
        assert len(house.ask("orders", limit=3)["orders"]) == 3
        assert house.ask("orders", limit=0)["exit_code"] == 2
        assert house.ask("dance")["exit_code"] == 2
        house.stopped = house.ask("stop", reason="done")

    # It never turns: a position on its way to the other side would be none at the moment of the halt.
    summary = house.trade(script, eager(period=10**9))

    left = [item for item in summary.status["instruments"] if item["position"] != "0"]
    assert house.stopped["state"] == summary.status["state"] == "halted" and summary.status["reason"] == "evening"
    assert len(house.stopped["positions"]) == len(left) > 0
    assert f"watched by nobody: {left[0]['instrument']} {left[0]['position']}" in house.stopped["will"]
    assert replay(summary.journal, silent).identical


def test_a_second_trader_is_refused_while_one_holds_the_lock(house, market):
    with held(house.run_dir / LOCK_NAME), pytest.raises(RefusedError, match="doing the same"):
        run_paper(house.request(), silent)


def test_a_venue_that_does_not_answer_at_the_start_is_one_clear_error(house):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        place = f"127.0.0.1:{unused.getsockname()[1]}"  # nothing listens there
        address = VenueAddresses(rest=f"http://{place}", websocket=(f"ws://{place}",))
        rest = RestSettings(start_timeout_ms=300, retry_min_ms=50, retry_max_ms=50)
        config = RecordConfig(addresses=dict.fromkeys(VENUES, address), rest=rest)
        house.addresses_file.write_text('{"addresses": {}, "clock": {"epoch_ns": 1, "speed": 1.0, "start_ns": 0}}')
        request = house.request()
        object.__setattr__(request, "config", config)

        with pytest.raises(TraderError, match=r"exchange information: .*check the network"):
            run_paper(request, house.lines.append)

    assert not house.settings.warehouse.journal_dir.exists()


def test_told_to_end_before_the_venues_answered_it_leaves_nothing(house):
    house.addresses_file.write_text('{"addresses": {}, "clock": {"epoch_ns": 1, "speed": 1.0, "start_ns": 0}}')
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen()  # takes connections and never answers
        place = f"127.0.0.1:{mute.getsockname()[1]}"
        address = VenueAddresses(rest=f"http://{place}", websocket=(f"ws://{place}",))
        request = house.request()
        config = RecordConfig(addresses=dict.fromkeys(VENUES, address))
        object.__setattr__(request, "config", config)
        answers = []

        def script():
            while not answers:
                try:
                    answers.append(house.ask("status"))
                except NotRunningError:
                    continue
            answers.extend((house.ask("halt", reason="x"), house.ask("stop")))

        acting = threading.Thread(target=script, daemon=True)
        acting.start()

        assert run_paper(request, silent) is None

        acting.join(10)
    assert answers[0]["state"] == "starting" and answers[1]["exit_code"] == 3 and answers[2]["ok"]


def test_a_venue_that_changes_its_tick_halts_trading_and_says_what_to_do(house):
    place = "/v5/market/instruments-info"

    async def script(venue):
        await venue.subscribed(BYBIT)
        reply = orjson.loads(INFO[place])
        reply["result"]["list"][0]["priceFilter"]["tickSize"] = "0.001"
        venue.replies[place] = [(200, orjson.dumps(reply), ())]
        await venue.until(lambda: "changed its rules" in "".join(house.lines))

    with SmallVenue(script) as venue:
        places = dict.fromkeys(VENUES, f"127.0.0.1:{venue.port}")
        document = {"addresses": places, "clock": Clock.starting_at(MARKET_NS, 1.0).to_json()}
        house.addresses_file.write_bytes(orjson.dumps(document))
        rest = RestSettings(exchange_info_minutes=0.05 / 60, exchange_info_soon_ms=10)
        summary = run_paper(house.request(rest=rest), house.lines.append)

    assert (summary.status["state"], "bybit_spot changed its rules" in summary.status["reason"]) == ("halted", True)
    assert any("trader start --new-session" in line for line in house.lines)
    assert [item["rules_changed"] != "" for item in summary.status["venues"]] == [False, False, True]


def test_a_fast_clock_at_a_real_address_is_refused(house, market):
    request = house.request()
    object.__setattr__(request, "config", RecordConfig())
    object.__setattr__(request, "clock", Clock.starting_at(1, SPEED))

    with pytest.raises(RefusedError, match="clock speed 10"):
        run_paper(request, silent)
