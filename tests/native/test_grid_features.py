"""Grid rows of recorded books: the engine against plain Python bit for bit, and nothing known before its time."""

import heapq
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from features_reference import Scale
from plain_grid import PlainFeed, plain_rows
from recorded_frames import ETHUSDT_PERP, ETHUSDT_SPOT, document_for, recorded_lines

import native

STEP_NS = 100_000_000
STALE_NS = 300_000_000
"""Short, so that the recording has stale steps too."""

PERP, SPOT = 0, 1
FLOWS = ("ofi_l1", "trade_flow", "trade_count")

Frames = list[tuple[int, int, bytes]]


def grid_document() -> dict[str, Any]:
    """Settings of both ETHUSDT in one grid around a masked place: sources 0, 1 the perpetual's, 2, 3 the spot's."""
    perp, spot = document_for(*ETHUSDT_PERP), document_for(*ETHUSDT_SPOT)
    return {
        "instruments": [perp["instruments"][0], {**spot["instruments"][0], "id": 1}],
        "sources": [*perp["sources"], *({**source, "id": source["id"] + 2} for source in spot["sources"])],
        "emit": {"grid": True},
        "grid": {
            "step_ns": STEP_NS,
            "slots": [PERP, None, SPOT],
            "reference": 0,
            "stale_ns": STALE_NS,
            "window_steps": 20,
            "max_catchup_steps": 600,
        },
    }


def play(frames: Frames) -> tuple[native.Engine, np.ndarray]:
    """Feed all frames; returns the engine and its grid rows."""
    engine = native.Engine(json.dumps(grid_document()))
    for seq, (slot, ts_recv_ns, payload) in enumerate(frames, start=1):
        engine.frame(seq, 2 * slot + payload.startswith(b'{"lastUpdateId"'), ts_recv_ns, payload)
    return engine, engine.drain()["grid"]


def closed_by(rows: np.ndarray, seq: int) -> np.ndarray:
    """The rows that inputs up to `seq` closed; a slice, so that every byte of them is kept."""
    return rows[: int(np.searchsorted(rows["seq"], seq, side="right"))]


@pytest.fixture(scope="module")
def frames(recordings: Path) -> Frames:
    """(instrument, ts_recv_ns, payload) of the last minutes of 2024-08-08, both markets in the order of receipt."""
    raw = recordings / "binance-raw"

    def of(slot: int, *names: str) -> Iterator[tuple[int, int, bytes]]:
        return ((slot, ts_ns, payload) for ts_ns, payload in recorded_lines([raw / name for name in names]))

    perp = of(PERP, "usdm/ethusdt_20240808.gz")
    spot = of(SPOT, "spot/ethusdt_20240808.gz", "spot/ethusdt_20240809.gz")
    return list(heapq.merge(perp, spot, key=lambda frame: frame[1]))


@pytest.fixture(scope="module")
def whole(frames: Frames) -> np.ndarray:
    """The engine's rows of all frames."""
    return play(frames)[1]


def test_engine_rows_equal_plain_python_bit_for_bit_flows_included(frames: Frames, whole: np.ndarray) -> None:
    feeds = [PlainFeed(True, price_decimals=2, size_decimals=3), PlainFeed(False, price_decimals=2, size_decimals=8)]
    scales = [Scale(0.01, 0.001, STALE_NS), Scale(0.01, 1e-8, STALE_NS)]

    rows = list(plain_rows(iter(frames), feeds, scales, STEP_NS, reference=0))

    assert len(rows) == len(whole) > 6_000
    for name in ("seq", "ts_step_ns", "is_valid", "is_first"):
        np.testing.assert_array_equal(whole[name], [getattr(row, name) for row in rows], err_msg=name)
    np.testing.assert_array_equal(whole["instrument"], [row.slot for row in rows])
    valid = [i for i, row in enumerate(rows) if row.is_valid]
    for name in ("price_ticks", "size_units"):
        np.testing.assert_array_equal(whole[name][valid], [getattr(rows[i], name) for i in valid], err_msg=name)
    expected = np.array([row.features for row in rows], dtype=np.float32)
    for i, name in enumerate(native.FEATURE_NAMES):
        actual = np.ascontiguousarray(whole["features"][:, i])
        np.testing.assert_array_equal(actual.view(np.uint32), expected[:, i].copy().view(np.uint32), err_msg=name)


def test_the_recording_has_something_to_compare_in_every_feature(whole: np.ndarray) -> None:
    for slot in (PERP, SPOT):
        rows = whole[whole["instrument"] == slot]
        valid = rows[rows["is_valid"] == 1]["features"]
        assert len(valid) > 2_500
        moving = np.ptp(valid, axis=0) > 0
        still = [name for i, name in enumerate(native.FEATURE_NAMES) if not moving[i]]
        assert still == (["basis_bps"] if slot == PERP else [])
        for name in FLOWS:
            assert np.count_nonzero(valid[:, native.FEATURE_NAMES.index(name)]) > 500, name
    assert set(whole["is_valid"]) == {0, 1}
    assert whole["is_first"].sum() >= 2


@pytest.mark.parametrize("part", [0.02, 0.37, 0.5, 0.9001])
def test_frames_cut_off_leave_all_rows_of_steps_closed_by_then_as_they_were(
    frames: Frames, whole: np.ndarray, part: float
) -> None:
    cut = int(len(frames) * part)

    rows = play(frames[:cut])[1]

    assert 0 < len(rows) < len(whole)
    assert rows.tobytes() == closed_by(whole, cut).tobytes()


def test_a_row_holds_what_came_up_to_its_step_and_waits_for_the_first_frame_after_it(
    frames: Frames, whole: np.ndarray
) -> None:
    times = np.array([ts_ns for _, ts_ns, _ in frames])
    closing = whole["seq"].astype(np.int64) - 1

    assert (times[closing] > whole["ts_step_ns"]).all()
    assert (times[closing - 1] <= whole["ts_step_ns"]).all()


def test_a_later_frame_of_other_content_changes_no_row_closed_before_it(frames: Frames, whole: np.ndarray) -> None:
    cut = len(frames) // 2
    ts_ns = frames[cut][1]
    snapshot = b'{"lastUpdateId":9000000000000000,"bids":[["1.00","1"]],"asks":[["2.00","1"]]}'

    rows = play([*frames[:cut], (SPOT, ts_ns, snapshot)])[1]

    assert rows.tobytes() == closed_by(whole, cut + 1).tobytes()


def test_the_window_is_the_newest_rows_with_zeros_in_the_masked_place(frames: Frames) -> None:
    engine, rows = play(frames[:60_000])

    ts_step_ns, features, valid = engine.window(20)

    last = rows[-40:].reshape(20, 2)
    assert ts_step_ns == last["ts_step_ns"][-1, 0]
    np.testing.assert_array_equal(features[:, [0, 2]], last["features"])
    np.testing.assert_array_equal(valid[:, [0, 2]], last["is_valid"])
    assert not features[:, 1].any()
    assert not valid[:, 1].any()


def rest_snapshot(engine: native.Engine, last_id: int) -> bytes:
    """The perpetual's present book as the venue would send it on request."""
    bids, asks = (
        [[f"{price / 100:.2f}", f"{size / 1000:.3f}"] for price, size in side.tolist()]
        for side in engine.book(PERP, 1000)
    )
    return json.dumps({"lastUpdateId": last_id, "bids": bids, "asks": asks}, separators=(",", ":")).encode()


def test_a_lost_depth_frame_makes_its_steps_invalid_and_the_next_valid_row_a_first_one(
    frames: Frames, whole: np.ndarray
) -> None:
    depth = [i for i, (slot, _, payload) in enumerate(frames) if slot == PERP and b"@depth" in payload[:40]]
    lost, after = depth[1_000], depth[1_001]
    snapshot = rest_snapshot(play(frames[: after + 1])[0], json.loads(frames[after][2])["data"]["u"])
    ts_repair_ns = frames[after][1] + 10 * STEP_NS
    rest = frames[lost + 1 : lost + 20_000]
    between = [frame for frame in rest if frame[1] <= ts_repair_ns]

    rows = play([*frames[:lost], *between, (PERP, ts_repair_ns, snapshot), *rest[len(between) :]])[1]

    perp = rows[rows["instrument"] == PERP]
    broken = (perp["ts_step_ns"] >= frames[after][1]) & (perp["ts_step_ns"] < ts_repair_ns)
    first = perp[(perp["ts_step_ns"] >= ts_repair_ns) & (perp["is_valid"] == 1)][0]
    assert broken.sum() >= 10
    assert not perp["is_valid"][broken].any()
    assert not perp["features"][broken].any()
    assert first["is_first"] == 1
    flows = (*FLOWS, "mid_return_bps")
    spanning = [i for i, name in enumerate(native.FEATURE_NAMES) if "_pct_" in name or name in flows]
    assert not first["features"][spanning].any()
    as_never_lost = whole[(whole["instrument"] == PERP) & (whole["ts_step_ns"] == first["ts_step_ns"])][0]
    np.testing.assert_array_equal(first["price_ticks"], as_never_lost["price_ticks"])
    np.testing.assert_array_equal(first["size_units"], as_never_lost["size_units"])
