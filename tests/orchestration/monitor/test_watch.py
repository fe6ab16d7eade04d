"""What is said of recorder and trader: fresh only when they run and write, never by their files alone."""

import os
import shutil
import socket
import time
from pathlib import Path

import dagster as dg
import pytest
from serving_control import serving

from orchestration.defs.monitor.sensors import running_processes
from orchestration.defs.monitor.watch import newest_segment, see_recorder, see_trader
from orchestration.defs.resources import House
from orchestration.settings import Settings
from streaming.socket_name import short_name

STATUS = {"run": "paper-1", "state": "active", "pnl": "-1.25", "counts": {"frames": 7, "gaps_opened": 1, "seq": 3}}
VENUES = {
    "state": "recording",
    "venues": [{"run": "recorded-a", "frames": 3, "gaps_opened": 0}, {"run": "recorded-b", "frames": 4}],
}


def write_journal(house: Settings, age_s: float = 0.0) -> Path:
    path = house.folders.journal_dir / "paper-1.seg.zst.part"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"")
    os.utime(path, (time.time() - age_s,) * 2)
    return path


def test_a_trader_that_answers_and_writes_is_fresh_and_tells_its_figures(house: Settings):
    journal = write_journal(house)

    with serving(house.folders.run_dir / "trader.sock", lambda _request: STATUS):
        seen = see_trader(house)

    assert seen.is_fresh
    assert (seen.run, seen.process_state, seen.pnl, seen.newest_file) == ("paper-1", "active", "-1.25", journal)
    assert seen.counts == {"frames": 7, "gaps_opened": 1}


def test_a_process_that_does_not_answer_is_not_running_however_new_its_file_is(house: Settings):
    write_journal(house)

    seen = see_trader(house)

    assert (seen.state, seen.run, seen.counts) == ("not answering", "", {})
    assert "nothing is running there; paper-1.seg.zst.part was written 0 s ago" in seen.words


def test_a_process_that_answers_but_writes_nothing_is_stale(house: Settings):
    write_journal(house, age_s=600.0)

    with serving(house.folders.run_dir / "trader.sock", lambda _request: STATUS):
        seen = see_trader(house)

    assert seen.state == "stale"
    assert "written 600 s ago, more than 60 s" in seen.words


def test_a_recorder_is_seen_by_its_growing_segment_and_the_sums_over_its_venues(house: Settings):
    folder = house.lake.root / "raw" / "venue=bybit_spot" / "date=2026-01-06" / "hour=00"
    folder.mkdir(parents=True)
    growing = folder / "recorded-a-0-0.seg.zst.part"
    growing.write_bytes(b"")

    with serving(house.folders.run_dir / "record.sock", lambda _request: VENUES):
        seen = see_recorder(house)

    assert seen.is_fresh
    assert (seen.run, seen.newest_file) == ("recorded-a, recorded-b", growing)
    assert seen.counts == {"frames": 7, "gaps_opened": 0}


def test_an_empty_lake_has_no_newest_segment(tmp_path: Path):
    assert newest_segment(tmp_path, {}) is None


def test_a_process_that_hangs_is_not_fresh_and_said_to_hang(house: Settings):
    write_journal(house)
    path = house.folders.run_dir / "trader.sock"
    path.parent.mkdir(parents=True, exist_ok=True)

    with socket.socket(socket.AF_UNIX) as hanging, short_name(path) as place:
        hanging.bind(place)
        hanging.listen()  # the kernel takes the connection, nobody reads from it
        seen = see_trader(house)

    assert not seen.is_fresh
    assert "no answer in 2 s; the process may hang" in seen.words


def test_a_recorder_of_which_one_venue_writes_no_more_is_stale(house: Settings):
    segments = {}
    for venue, age_s in (("binance_spot", 0.0), ("bybit_spot", 600.0)):
        folder = house.lake.root / "raw" / f"venue={venue}" / "date=2026-01-06" / "hour=00"
        folder.mkdir(parents=True)
        segments[venue] = folder / f"{venue}.seg.zst.part"
        segments[venue].write_bytes(b"")
        os.utime(segments[venue], (time.time() - age_s,) * 2)
    status = {"state": "recording", "venues": [{"venue": venue, "run": venue} for venue in segments]}

    with serving(house.folders.run_dir / "record.sock", lambda _request: status):
        seen = see_recorder(house)
        segments["bybit_spot"].rename(house.lake.root / "gone")
        shutil.rmtree(house.lake.root / "raw" / "venue=bybit_spot")
        without = see_recorder(house)

    assert (seen.state, seen.newest_file) == ("stale", segments["bybit_spot"])
    assert "bybit_spot.seg.zst.part was written 600 s ago" in seen.words
    assert without.words == "stale: it answers, but of it or of one of its venues nothing is written yet"


def tick(instance: dg.DagsterInstance, cursor: str | None = None) -> dg.SensorResult:
    context = dg.build_sensor_context(instance=instance, cursor=cursor, resources={"house": House()})
    result = running_processes(context)
    assert isinstance(result, dg.SensorResult)
    return result


def told(result: dg.SensorResult) -> list[tuple[str, str]]:
    return [(type(event).__name__, event.asset_key.to_user_string()) for event in result.asset_events]


@pytest.fixture
def instance() -> dg.DagsterInstance:
    return dg.DagsterInstance.ephemeral()


def test_a_process_at_rest_is_told_once_as_a_failed_check_and_an_observation(
    house: Settings, instance: dg.DagsterInstance
):
    first = tick(instance)
    second = tick(instance, first.cursor)

    assert told(first) == [
        ("AssetObservation", "recorder"),
        ("AssetCheckEvaluation", "recorder"),
        ("AssetObservation", "trader"),
        ("AssetCheckEvaluation", "trader"),
    ]
    assert [event.passed for event in first.asset_events if isinstance(event, dg.AssetCheckEvaluation)] == [False] * 2
    assert told(second) == []


def test_a_fresh_trader_is_a_materialisation_at_every_tick_so_that_dagsters_freshness_holds(
    house: Settings, instance: dg.DagsterInstance
):
    cursor = tick(instance).cursor
    write_journal(house)

    with serving(house.folders.run_dir / "trader.sock", lambda _request: STATUS):
        once = tick(instance, cursor)
        again = tick(instance, once.cursor)
    gone = tick(instance, again.cursor)

    fresh = [("AssetMaterialization", "trader"), ("AssetCheckEvaluation", "trader")]
    assert told(once) == told(again) == fresh
    assert [event.passed for event in once.asset_events if isinstance(event, dg.AssetCheckEvaluation)] == [True]
    assert told(gone) == [("AssetObservation", "trader"), ("AssetCheckEvaluation", "trader")]
