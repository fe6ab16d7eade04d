"""How fast and how late `trader record` is over loopback, beside another way of listening; printed, never asserted."""

import shutil
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import orjson
import pytest
from bench_table import Row, percentiles_ms, show
from capture_checks import last_keys, read_records
from capture_truth import truth_until
from emulator_process import Play
from live_capture import START_S, Capture, capture, child, emulator_of, settings_in

from streaming.live_segments import PART_SUFFIX, recover_segments

START_NS = int(datetime(2026, 1, 5, tzinfo=UTC).timestamp()) * 1_000_000_000
SPEEDS = (1.0, 10.0, 30.0, 60.0, 90.0)
"""Beyond, the emulator (one process of Python, too) does not keep up."""
MARKET_FRAMES_S = 65
SPAN_S = 6
COMPARED_SPEED = 25.0
COMPARED_S = 8.0
SHARES = (0.25, 0.5, 1.0)


def play(speed: float, frames: int) -> Play:
    return Play(seed=5, start_ns=START_NS, speed=speed, frames=frames, fault_seed=1, faults_per_hour=0.0)


def row_of(captured: Capture, speed: float) -> Row:
    """Return rate and lag of a captured session; lag runs from the venue's sending being due to our reading it."""
    records = read_records(captured.lake)
    truth = truth_until(captured.play, last_keys(records))
    lags = []
    for venue, record in records.items():
        streamed = np.array([not frame.is_pulled and not frame.is_pushed for frame in record.book_frames])
        lags.append(record.ts_ns[streamed] - truth[venue].ts_ns[truth[venue].at(record.keys[streamed])])
    venues = captured.summary["venues"]
    frames = sum(venue["frames"] for venue in venues)
    span_ns = max(venue["ts_last_ns"] for venue in venues) - min(venue["ts_first_ns"] for venue in venues)
    return {
        "speed": speed,
        "frames": frames,
        "due a second": round(MARKET_FRAMES_S * speed),
        "recorded a second": round(frames / (span_ns / speed / 1e9)),
        **percentiles_ms(np.concatenate(lags), speed),
        "gaps": sum(venue["gaps_opened"] for venue in venues),
        "pauses": captured.summary["pauses"],
    }


@pytest.mark.bench
def test_frames_a_second_and_lag_by_speed(tmp_path: Path) -> None:
    rows = []
    for speed in SPEEDS:
        folder = tmp_path / f"{speed:g}"
        folder.mkdir()
        rows.append(row_of(capture(folder, play(speed, int(MARKET_FRAMES_S * speed * SPAN_S))), speed))
    show("record", "trader record over loopback, three venues, emulator beside it", rows)


@pytest.mark.bench
def test_the_core_beside_websockets_and_dicts(tmp_path: Path) -> None:
    settings, rows = settings_in(tmp_path), list[Row]()
    names = {"core": "picows + core with features", "plain": "websockets + orjson + dict"}
    with emulator_of(tmp_path, play(COMPARED_SPEED, 10**9), settings):
        clients = [
            child("client_process.py", kind, str(tmp_path), stream="stdout", settings=settings) for kind in names
        ]
        with clients[0] as core, clients[1] as plain:
            for each in (core, plain):
                assert each.line(START_S) == "ready\n"
            time.sleep(COMPARED_S)
            heard = [orjson.loads(each.end().splitlines()[-1]) for each in (core, plain)]
    ours_us = heard[0]["cpu_s"] / heard[0]["frames"] * 1e6
    for name, found in zip(names.values(), heard, strict=True):
        used_us = found["cpu_s"] / found["frames"] * 1e6
        rows.append(
            {
                "listener": name,
                "frames": found["frames"],
                "us of a core a frame": round(used_us, 1),
                "times ours": round(used_us / ours_us, 2),
                "age p50 ms": round(found["p50_ms"], 2),
                "age p99 ms": round(found["p99_ms"], 2),
            }
        )
    show("listeners", "the same frames at the same time: sockets to books and best five levels, nothing written", rows)


@pytest.mark.bench
def test_recovery_of_a_killed_recording_by_size(tmp_path: Path) -> None:
    captured, rows = capture(tmp_path, play(60.0, 60_000)), list[Row]()
    (sealed,) = (captured.lake.root / "raw" / "venue=binance_usdm").glob("date=*/hour=*/*.seg.zst")
    for share in SHARES:
        root = tmp_path / f"killed-{share}"
        part = root / sealed.relative_to(captured.lake.root).with_name(sealed.name + PART_SUFFIX)
        part.parent.mkdir(parents=True)
        shutil.copyfile(sealed, part)
        with part.open("r+b") as file:
            file.truncate(int(sealed.stat().st_size * share) - 10)
        began = time.perf_counter()
        (recovered,) = recover_segments(root)
        rows.append(
            {
                "size_mb": round(sealed.stat().st_size * share / 1e6, 2),
                "records": recovered.records,
                "recovery_ms": round((time.perf_counter() - began) * 1e3, 1),
            }
        )
    show("record_recovery", "a growing segment with a torn tail, cut and sealed", rows)
