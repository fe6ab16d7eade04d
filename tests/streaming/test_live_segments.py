"""Files that grow: whole at every moment, cut at the last whole record when their writer died."""

import errno
import os

import pytest

import native
from streaming.errors import BadDataError
from streaming.live_segments import LiveSegment, recover_segments
from streaming.runs import manifest_path, read_manifest
from streaming.segments import KIND_FRAME, SegmentHeader, SourceEntry, read_block, read_header, scan

HEADER = SegmentHeader(
    run="recorded-bybit_spot-1",
    instruments=(),
    sources=(SourceEntry(id=0, venue="bybit_spot", instrument=None, kind="websocket"),),
)


def record(seq):
    return native.encode_record(KIND_FRAME, 0, seq, 1_000 + seq, f"frame {seq}".encode())


def path_in(tmp_path, hour="00"):
    folder = tmp_path / "raw" / "venue=bybit_spot" / "date=2026-01-05" / f"hour={hour}"
    return folder / "recorded-bybit_spot-1-0-0.seg.zst"


def test_sealed_file_holds_the_header_and_every_record(tmp_path):
    segment = LiveSegment(path_in(tmp_path), HEADER)
    segment.append(record(1) + record(2))
    segment.append(record(3))
    path = segment.seal()

    assert read_header(path) == HEADER
    assert scan(path, read_block(path))["seq"].tolist() == [0, 1, 2, 3]


def test_live_file_is_not_taken_for_a_segment(tmp_path):
    LiveSegment(path_in(tmp_path), HEADER)
    assert not list(tmp_path.rglob("*.seg.zst"))


@pytest.mark.parametrize("kept_share", [0.0, 0.3, 0.6, 0.99])
def test_every_cut_leaves_whole_records(tmp_path, kept_share):
    segment = LiveSegment(path_in(tmp_path), HEADER)
    sizes = []
    for seq in range(1, 11):
        segment.append(record(seq))
        sizes.append(segment.size)
    part = next(tmp_path.rglob("*.part"))
    cut = int(segment.size * kept_share)
    os.truncate(part, cut)

    found = recover_segments(tmp_path)

    whole = sum(size <= cut for size in sizes)
    assert [item.records for item in found] == ([whole] if whole else [])
    for item in found:
        assert scan(item.path, read_block(item.path))["seq"].tolist() == list(range(whole + 1))
        manifest = read_manifest(tmp_path, HEADER.run)
        assert manifest is not None and manifest.frames == whole
    assert not list(tmp_path.rglob("*.part"))


def test_a_run_killed_before_its_manifest_gets_one(tmp_path):
    for hour in ("00", "01"):
        segment = LiveSegment(path_in(tmp_path, hour), HEADER)
        segment.append(record(int(hour) + 1))
        segment.seal()
    assert not manifest_path(tmp_path, HEADER.run).exists()

    assert recover_segments(tmp_path) == []

    manifest = read_manifest(tmp_path, HEADER.run)
    assert manifest is not None and (manifest.frames, len(manifest.files)) == (2, 2)


def test_bytes_lost_in_the_middle_are_not_passed_over(tmp_path):
    segment = LiveSegment(path_in(tmp_path), HEADER)
    segment.append(record(1)[:-1] + b"x")  # a wrong checksum
    with pytest.raises(BadDataError, match=r"checksum does not match.*move the file away, then record again"):
        recover_segments(tmp_path)


def test_a_write_that_fails_half_way_is_taken_back(tmp_path, monkeypatch):
    segment = LiveSegment(path_in(tmp_path), HEADER)
    segment.append(record(1))
    real = os.write
    calls = []

    def write(descriptor, data):
        calls.append(len(data))
        if len(calls) == 1:
            return real(descriptor, data[:5])
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", write)
        with pytest.raises(OSError, match="No space left"):
            segment.append(record(2))
    segment.append(record(3))
    path = segment.seal()

    assert scan(path, read_block(path))["seq"].tolist() == [0, 1, 3]
