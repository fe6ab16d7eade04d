"""The generator leaves whole files: segments like a recorder's, the truth beside them, and the same bytes each time."""

from datetime import UTC, datetime

import orjson
import pyarrow.parquet as pq
import pytest

from streaming.emulator import generator
from streaming.emulator.generator import generate, run_name
from streaming.errors import UsageError
from streaming.segments import KIND_FRAME, KIND_HEADER, KIND_REQUEST, read_block, read_header, scan

START = datetime(2026, 3, 1, 23, 59, 30, tzinfo=UTC)
MINUTE = 1 / 60


def files(root):
    return {path.relative_to(root): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def test_equal_arguments_give_equal_bytes(tmp_path):
    first = generate(tmp_path / "a", MINUTE, 7, 1.0, START)
    second = generate(tmp_path / "b", MINUTE, 7, 1.0, START)

    assert files(tmp_path / "a") == files(tmp_path / "b")
    assert first.run == second.run
    assert len(first.segments) == 6  # three venues, two hours


def test_segments_lie_by_venue_and_hour_and_say_that_they_are_generated(tmp_path):
    run = generate(tmp_path, MINUTE, 7, 1.0, START)

    folders = {path.parent.relative_to(tmp_path).as_posix() for path in run.segments}
    assert "raw/venue=binance_usdm/date=2026-03-01/hour=23" in folders
    assert "raw/venue=bybit_spot/date=2026-03-02/hour=00" in folders
    header = read_header(run.segments[0])
    assert header.generated
    assert header.run == run.run
    assert [entry.name for entry in header.instruments] == [
        "binance_usdm:BTCUSDT",
        "binance_spot:BTCUSDT",
        "bybit_spot:BTCUSDT",
    ]
    assert {entry.taker_fee_bps for entry in header.instruments} == {"0.0"}


def test_records_of_a_segment_are_frames_and_requests_of_its_venue(tmp_path):
    run = generate(tmp_path, MINUTE, 7, 1.0, START)
    frames = 0
    for path in run.segments:
        block = read_block(path)
        records = scan(path, block)
        kinds, venue = records["kind"], {f"venue={entry.venue}": entry.venue for entry in read_header(path).instruments}
        own = {entry.id for entry in read_header(path).sources if entry.venue == venue[path.parts[-4]]}
        assert kinds[0] == KIND_HEADER
        assert set(kinds[1:]) <= {KIND_FRAME, KIND_REQUEST}
        assert set(records["source"][1:].tolist()) <= own
        last = records[-1]
        start = int(last["offset"])
        assert orjson.loads(block[start : start + int(last["length"])])
        frames += int((kinds == KIND_FRAME).sum())

    assert frames == sum(run.frames.values())


def test_truth_has_a_row_for_every_step(tmp_path):
    run = generate(tmp_path, MINUTE, 7, 1.0, START)

    table = pq.read_table(run.truth)

    assert run.truth == tmp_path / "truth" / f"{run.run}.parquet"
    assert table.num_rows == run.steps == 600
    steps = table["ts_step_ns"].to_pylist()
    assert (steps[0], steps[-1]) == (run.ts_first_step_ns, run.ts_last_step_ns)
    assert steps[0] == int(START.timestamp()) * 10**9 + 100_000_000
    assert table.column_names[1:5] == ["m_0_h1_bps", "m_0_h5_bps", "m_0_h10_bps", "m_0_h20_bps"]
    assert table["m_2_h20_bps"].null_count == 0


def test_a_failure_leaves_no_file(tmp_path, monkeypatch):
    def fail(done, total):
        raise OSError("no space left on device")

    with pytest.raises(OSError, match="no space"):
        generate(tmp_path, MINUTE, 7, 1.0, START, progress=fail)

    assert files(tmp_path) == {}


def test_progress_ends_with_all_steps(tmp_path, monkeypatch):
    monkeypatch.setattr(generator, "BLOCK_STEPS", 250)
    seen = []

    generate(tmp_path, MINUTE, 7, 1.0, START, progress=lambda done, total: seen.append((done, total)))

    assert seen == [(250, 600), (500, 600), (600, 600)]


def test_run_name_says_every_argument():
    names = {
        run_name(1.0, 7, 1.0, START, False),
        run_name(2.0, 7, 1.0, START, False),
        run_name(1.0, 8, 1.0, START, False),
        run_name(1.0, 7, 0.0, START, False),
        run_name(1.0, 7, 1.0, datetime(2026, 3, 1, tzinfo=UTC), False),
        run_name(1.0, 7, 1.0, START, True),
    }

    assert len(names) == 6
    assert run_name(1, 7, 1, START, False) == "generated-s7-e1.0-h1.0-20260301T235930"


@pytest.mark.parametrize(
    ("arguments", "key"),
    [
        ({"hours": 0.0}, "hours"),
        ({"seed": -1}, "seed"),
        ({"effect": 1.5}, "effect"),
        ({"start": datetime(2026, 3, 1)}, "start"),
        ({"start": datetime(2026, 3, 1, 0, 0, 0, 50_000, tzinfo=UTC)}, "start"),
    ],
)
def test_arguments_outside_their_range_are_refused_by_name(tmp_path, arguments, key):
    with pytest.raises(UsageError, match=f"^{key}: expected"):
        generate(tmp_path, **({"hours": MINUTE, "seed": 7, "start": START} | arguments))

    assert files(tmp_path) == {}
