"""What stages took in a running trader: told in its status, kept beside its journal, landed with its tables."""

import asyncio
from itertools import pairwise
from pathlib import Path

import pytest
from paper_house import eager, emulator, make_house

from streaming.performance.stage_file import StageRow, encode_rows, read_rows
from streaming.performance.text import show_way
from streaming.report import build_report
from streaming.shell.clock import Clock
from streaming.shell.latency import Latencies
from streaming.shell.stage_keeper import StageKeeper
from streaming.trading_run import read_summary
from warehouse.lake import Lake

SETTINGS = Path(__file__).resolve().parents[3] / "settings.toml"
VENUES = ("binance_usdm", "binance_spot", "bybit_spot")
ON_THE_WAY = ["receive", "engine", "journal", "window", "queue", "inference", "hand_back", "decision", "send_to_ack"]


def told(status):
    """Whether a status tells of an order's whole way, and has counted every stage."""
    return whole_way(status) and all(stage["count"] for stage in status["latency"].values())


def whole_way(status):
    """The newest order that a forecast caused and the venue answered; orders of a step itself saw no model."""
    return next((each for each in status["waterfalls"] if each["is_answered"] and len(each["stages"]) == 9), None)


@pytest.fixture(scope="module")
def lived(tmp_path_factory):
    """A status from the middle of a session over sockets, its summary and its settings."""
    file = tmp_path_factory.mktemp("house") / "settings.toml"
    file.write_text(SETTINGS.read_text(encoding="utf-8"), encoding="utf-8")
    house, seen = make_house(file), []

    def script(house):
        status = house.until(told)
        ways = [house.ask("way", client_order_id=number) for number in (whole_way(status)["client_order_id"], "1")]
        seen.append({**status, "ways": ways})

    with emulator(house.addresses_file):
        summary = house.trade(script, eager())
    return seen[0], summary, house.settings


def test_every_stage_is_measured_and_the_last_minute_beside_the_whole_session(lived):
    status, _, _ = lived
    latency = status["latency"]

    assert {f"feed_age.{venue}" for venue in VENUES} < set(latency)
    for name, stage in latency.items():
        assert stage["p50_us"] <= stage["p99_us"] <= stage["p99.9_us"] <= stage["max_us"], name
        assert set(stage["recent"]) == set(stage) - {"recent"} and 0 < stage["recent"]["count"] <= stage["count"]
        assert sum(count for _, count in status["latency_bars"][name]) == stage["count"]
    frames = status["counts"]["frames"]
    assert latency["decode_book"]["count"] + latency["features"]["count"] > frames // 2
    assert latency["decode_book"]["p50_us"] < latency["socket_to_engine"]["p50_us"] < 1e6
    assert latency["send_to_ack"]["p50_us"] >= 1_000 * 0.9, "5 ms each way on a clock ten times as fast"


def test_the_waterfall_of_an_order_has_no_hole_from_the_frame_to_the_answer(lived):
    status, _, _ = lived
    order = whole_way(status)

    stages = order["stages"]
    assert [stage["stage"] for stage in stages] == ON_THE_WAY
    for before, after in pairwise(stages[:-1]):
        assert after["begin_us"] == pytest.approx(before["begin_us"] + before["took_us"], abs=0.3)
    assert stages[-1]["begin_us"] == pytest.approx(stages[-2]["begin_us"], abs=0.3)  # of the input that caused it
    assert order["total_us"] == pytest.approx(stages[-1]["begin_us"] + stages[-1]["took_us"], abs=0.3)
    assert order["strategy"] == "forecast" and order["instrument"].partition(":")[0] in VENUES


def test_the_way_of_one_order_may_be_asked_for(lived, capsys):
    status, _, _ = lived
    found, unknown = status["ways"]

    assert found["way"]["client_order_id"] == whole_way(status)["client_order_id"]
    assert (unknown["ok"], unknown["exit_code"]) == (False, 3) and "trader orders" in unknown["error"]
    show_way(found["way"])
    lines = capsys.readouterr().out.splitlines()
    assert "BTCUSDT" in lines[0] and any(line.strip().startswith("inference") for line in lines)


def test_what_was_kept_beside_the_journal_lands(lived):
    status, summary, settings = lived

    rows = Lake(settings.warehouse.lake_dir).scan("stage_latencies").collect()

    assert summary.landed.rows["stage_latencies"] == len(rows) > 0
    assert set(rows["stage"]) == {name.partition(".")[0] for name in status["latency"]}
    assert rows["durations"].sum() > status["counts"]["frames"]


def test_the_report_ends_on_the_figures_that_the_session_said(lived):
    _, summary, settings = lived
    report = build_report(Lake(settings.warehouse.lake_dir), read_summary(settings.warehouse.journal_dir, None))

    said = summary.status["performance"]["total"]
    assert report.figures[0]["pnl_e8"] == round(float(said["pnl"]) * 1e8)
    assert report.figures[0]["trades"] == said["trades"] > 0
    assert {stage["stage"] for stage in report.stages} >= {"decode_book", "inference", "send_to_ack"}


def kept_by(path, rows):
    """Keep rows with a keeper of their own, as after a restart."""

    class Told(Latencies):
        def take_kept(self, ts_ns):
            return rows

    async def keep():
        clock = Clock.wall()
        keeper = StageKeeper(asyncio.get_running_loop(), clock, Told(clock), path)
        await keeper.close()
        return keeper

    return asyncio.run(keep())


def test_a_mistake_in_what_is_counted_is_told_and_not_raised(tmp_path):
    class Broken(Latencies):
        def roll(self, now_s):
            raise ZeroDivisionError("no bucket")

    async def keep():
        clock = Clock.wall()
        keeper = StageKeeper(asyncio.get_running_loop(), clock, Broken(clock), tmp_path / "run.stages")
        await keeper.close()
        return keeper.to_json()

    assert asyncio.run(keep()) == {
        "written": 0,
        "dropped": 0,
        "failed": 1,
        "last_problem": "ZeroDivisionError: no bucket",
    }


def test_a_torn_line_costs_itself_alone(tmp_path):
    path = tmp_path / "run.stages"
    first, second = (StageRow(ts_ns, "inference", "", 1, 2, 3, 4, 5, 6) for ts_ns in (1, 2))
    path.write_bytes(encode_rows([first]) + b'{"ts_ns": 9, "sta')

    keeper = kept_by(path, [second])

    assert [*read_rows(path)] == [first, second] and keeper.written == 1


def test_a_disk_that_takes_nothing_costs_the_rows_and_says_so(tmp_path):
    (tmp_path / "file").write_text("no folder")

    keeper = kept_by(tmp_path / "file" / "run.stages", [StageRow(1, "inference", "", 1, 2, 3, 4, 5, 6)])

    assert (keeper.written, keeper.dropped) == (0, 1) and "run.stages" in keeper.last_problem
