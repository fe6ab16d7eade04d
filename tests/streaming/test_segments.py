"""Segment files: whole or absent, readable alone, damage named with its byte."""

import random
from pathlib import Path

import pytest

import native
from streaming.errors import SegmentError, TornError
from streaming.segments import (
    BLOCK_BYTES,
    HOUR_NS,
    KIND_FRAME,
    READ_BYTES,
    HourlySegments,
    InstrumentEntry,
    OriginFile,
    SegmentHeader,
    SegmentWriter,
    SourceEntry,
    read_block,
    read_header,
    stream_blocks,
)

T0_NS = 1_700_000_000 * 1_000_000_000


def header() -> SegmentHeader:
    entry = InstrumentEntry(
        id=0,
        venue="binance_usdm",
        symbol="BTCUSDT",
        market_type="perpetual",
        tick="0.1",
        size_unit="0.001",
        lot="0.001",
        maker_fee_bps="2.0",
        taker_fee_bps="5.0",
        base="BTC",
        quote="USDT",
    )
    source = SourceEntry(id=0, venue="binance_usdm", instrument=None, kind="websocket")
    origin = OriginFile(name="a.gz", sha256="00")
    return SegmentHeader(run="r1", instruments=(entry,), sources=(source,), origin=(origin,))


def write(path: Path, count: int = 3) -> None:
    writer = SegmentWriter(path, header())
    for number in range(1, count + 1):
        writer.append(KIND_FRAME, 0, number, T0_NS + number, b"x" * number)
    writer.close()


def test_header_comes_back_as_it_was_written(tmp_path: Path) -> None:
    write(tmp_path / "a.seg.zst")

    assert read_header(tmp_path / "a.seg.zst") == header()


def test_records_come_back_in_order_after_the_header(tmp_path: Path) -> None:
    write(tmp_path / "a.seg.zst")

    records = native.scan_records(read_block(tmp_path / "a.seg.zst"))

    assert records["kind"].tolist() == [0, 1, 1, 1]
    assert records["length"].tolist()[1:] == [1, 2, 3]


def test_same_records_give_the_same_bytes(tmp_path: Path) -> None:
    write(tmp_path / "a.seg.zst")
    write(tmp_path / "b.seg.zst")

    assert (tmp_path / "a.seg.zst").read_bytes() == (tmp_path / "b.seg.zst").read_bytes()


def test_nothing_appears_before_close(tmp_path: Path) -> None:
    writer = SegmentWriter(tmp_path / "a.seg.zst", header())
    writer.append(KIND_FRAME, 0, 1, T0_NS, b"x")

    assert not (tmp_path / "a.seg.zst").exists()
    writer.abort()
    assert list(tmp_path.iterdir()) == []


def test_time_that_goes_back_is_refused(tmp_path: Path) -> None:
    writer = SegmentWriter(tmp_path / "a.seg.zst", header())
    writer.append(KIND_FRAME, 0, 1, T0_NS, b"x")

    with pytest.raises(ValueError, match="expected ts_ns >="):
        writer.append(KIND_FRAME, 0, 2, T0_NS - 1, b"x")
    writer.abort()


def test_records_go_to_the_file_of_their_hour(tmp_path: Path) -> None:
    hour_ns = T0_NS // HOUR_NS * HOUR_NS
    segments = HourlySegments(tmp_path, header(), "binance_usdm", 0)
    for number, ts_ns in enumerate((hour_ns, hour_ns + HOUR_NS - 1, hour_ns + HOUR_NS), start=1):
        segments.append(KIND_FRAME, 0, number, ts_ns, b"x")

    paths = segments.close()

    assert [path.relative_to(tmp_path).as_posix() for path in paths] == [
        "raw/venue=binance_usdm/date=2023-11-14/hour=22/r1-0-0.seg.zst",
        "raw/venue=binance_usdm/date=2023-11-14/hour=23/r1-0-0.seg.zst",
    ]
    assert len(native.scan_records(read_block(paths[0]))) == 3


@pytest.mark.parametrize("kept", [1, 40, 200])
def test_cut_off_file_is_named_with_its_byte(tmp_path: Path, kept: int) -> None:
    path = tmp_path / "a.seg.zst"
    write(path)
    path.write_bytes(path.read_bytes()[:-kept])

    with pytest.raises(SegmentError, match=r"a\.seg\.zst: byte \d+: "):
        read_block(path)


def test_file_that_is_no_segment_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.seg.zst"
    path.write_bytes(b"hello")

    with pytest.raises(SegmentError, match="byte 0"):
        read_header(path)


def test_blocks_come_one_by_one_with_the_byte_at_which_each_ends(tmp_path: Path) -> None:
    path, rng = tmp_path / "a.seg.zst", random.Random(1)
    writer = SegmentWriter(path, header())
    for number in range(1, 8):
        writer.append(KIND_FRAME, 0, number, T0_NS, rng.randbytes(BLOCK_BYTES // 2))
    writer.close()

    ends, blocks = zip(*stream_blocks(path), strict=True)

    assert len(blocks) == 5  # the header, three of two frames, the last frame
    assert ends[1] > 2 * READ_BYTES
    assert ends[-1] == path.stat().st_size
    assert b"".join(blocks) == read_block(path)


def test_cut_off_block_and_damaged_block_are_told_apart(tmp_path: Path) -> None:
    path = tmp_path / "a.seg.zst"
    write(path)
    whole = path.read_bytes()

    path.write_bytes(whole[:-1])
    with pytest.raises(TornError, match="the last block is cut off"):
        list(stream_blocks(path))
    path.write_bytes(whole + b"no zstd frame")
    with pytest.raises(SegmentError, match=f"byte {len(whole)}: not whole") as damaged:
        list(stream_blocks(path))
    assert not isinstance(damaged.value, TornError)
