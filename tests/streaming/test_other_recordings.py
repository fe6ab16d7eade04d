"""Recordings of the three forms that differ from those at hand: units of time, packing, line ends, order, repeats."""

import gzip
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
import spot_recording as recording
import zstandard

from streaming.convert import convert_hour
from streaming.errors import RecordingError
from streaming.importer import ImportRequest, ImportResult, import_recording
from streaming.recordings import read_recordings
from streaming.segments import read_header
from warehouse.lake import Lake

HOUR = datetime(2024, 8, 8, 23, tzinfo=UTC)


def bring(root: Path, *files: Path, venue: str = "binance_spot", tick: str = "0.01") -> ImportResult:
    request = ImportRequest(files=files, venue=venue, symbol="ETHUSDT", tick=tick, size_unit="0.0001")
    return import_recording(root / "lake", request, lambda message: None)


def book_rows(root: Path) -> tuple[int, int, int]:
    """Return the rows of book updates, gaps and rejects after the conversion of the one hour."""
    lake = Lake(root / "lake")
    (venue,) = lake.venues()
    (hour,) = lake.hours(venue)
    report = convert_hour(lake, venue, hour)
    return report.rows["book_updates"], report.gap_count, report.reject_count


def usual_rows(root: Path) -> tuple[int, int, int]:
    (root / "usual").mkdir()
    bring(root / "usual", recording.write(root / "usual" / "file", recording.lines(recording.messages())))
    return book_rows(root / "usual")


PACKINGS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "gzip of two members": lambda data: gzip.compress(data[:5_000]) + gzip.compress(data[5_000:]),
    "zstd": zstandard.ZstdCompressor().compress,
    "zstd of two frames": lambda data: b"".join(map(zstandard.ZstdCompressor().compress, (data[:5_000], data[5_000:]))),
    "CRLF": lambda data: data.replace(b"\n", b"\r\n"),
    "blank lines": lambda data: b"\n" + data.replace(b"\n", b"\n\n"),
    "no last line end": lambda data: data.rstrip(b"\n"),
    "byte order mark": lambda data: b"\xef\xbb\xbf" + data,
    "tabs": lambda data: data.replace(b" {", b"\t{"),
}


@pytest.mark.parametrize("packing", PACKINGS)
def test_packing_changes_nothing(packing: str, tmp_path: Path) -> None:
    plain = "".join(line + "\n" for line in recording.lines(recording.messages())).encode()
    (tmp_path / "file").write_bytes(PACKINGS[packing](plain))

    result = bring(tmp_path, tmp_path / "file")

    assert (result.frames, result.snapshots, result.warnings) == (42, 1, [])
    assert book_rows(tmp_path) == usual_rows(tmp_path)


@pytest.mark.parametrize("unit_ns", [1, 1_000, 1_000_000])
def test_times_in_ns_us_and_ms_are_one_time(unit_ns: int, tmp_path: Path) -> None:
    texts = recording.lines(recording.messages(), unit_ns=unit_ns)

    result = bring(tmp_path, recording.write(tmp_path / "file", texts))

    assert result.ts_from_ns == recording.T0_NS


def test_times_in_decimal_seconds_are_read_to_the_ns(tmp_path: Path) -> None:
    texts = [f"1723161254.{number:09d} {text}" for number, text in enumerate(recording.messages())]

    result = bring(tmp_path, recording.write(tmp_path / "file", texts))

    assert (result.ts_from_ns, result.ts_to_ns) == (1_723_161_254_000_000_000, 1_723_161_254_000_000_041)


@pytest.mark.parametrize("snapshot_at", [0, 1, 20])
def test_snapshot_first_or_late_gives_the_same_book(snapshot_at: int, tmp_path: Path) -> None:
    texts = recording.messages(snapshot_at=snapshot_at)

    bring(tmp_path, recording.write(tmp_path / "file", recording.lines(texts)))

    rows, gaps, rejects = book_rows(tmp_path)
    assert (rows > 40, gaps, rejects) == (True, 0, 0)


def test_several_snapshots_are_one_book_without_gap(tmp_path: Path) -> None:
    texts = recording.messages(snapshot_at=2)
    texts.insert(30, recording.snapshot(127))

    result = bring(tmp_path, recording.write(tmp_path / "file", recording.lines(texts)))

    assert (result.snapshots, result.warnings) == (2, [])
    assert book_rows(tmp_path)[1:] == (0, 0)


def test_missing_snapshot_is_said_and_leaves_the_book_unsynchronised(tmp_path: Path) -> None:
    texts = [text for text in recording.messages() if "lastUpdateId" not in text]

    result = bring(tmp_path, recording.write(tmp_path / "file", recording.lines(texts)))

    assert "no REST snapshot in the recording" in result.warnings[0]
    assert book_rows(tmp_path)[0] == 0


def test_snapshot_that_the_updates_never_reach_is_said(tmp_path: Path) -> None:
    texts = [*recording.messages()]
    texts[2] = recording.snapshot(9_000_000)

    result = bring(tmp_path, recording.write(tmp_path / "file", recording.lines(texts)))

    assert result.warnings == ["the snapshots and the updates do not meet: the book stays unsynchronised"]


def test_snapshot_in_a_file_of_its_own_is_taken(tmp_path: Path) -> None:
    first, *rest = recording.lines(recording.messages(snapshot_at=0))
    files = [recording.write(tmp_path / "rest", rest), recording.write(tmp_path / "snapshot", [first])]

    result = bring(tmp_path, *files)

    assert (result.frames, result.snapshots) == (42, 1)
    assert book_rows(tmp_path)[0] > 40


def test_files_in_wrong_order_give_the_bytes_of_the_right_one(tmp_path: Path) -> None:
    texts = recording.lines(recording.messages())
    one, two = recording.write(tmp_path / "1", texts[:20]), recording.write(tmp_path / "2", texts[20:])

    results = [bring(tmp_path / "right", one, two), bring(tmp_path / "wrong", two, one)]

    assert results[0] == results[1]
    (name,) = results[0].files
    assert len({(tmp_path / place / "lake" / name).read_bytes() for place in ("right", "wrong")}) == 1


def test_repeated_lines_change_no_book(tmp_path: Path) -> None:
    texts = [line for line in recording.lines(recording.messages()) for _ in range(2)]

    bring(tmp_path, recording.write(tmp_path / "file", texts))

    assert book_rows(tmp_path)[1:] == (0, 0)


def test_price_off_the_tick_late_in_the_file_is_named_with_its_line(tmp_path: Path) -> None:
    texts = recording.lines(recording.messages())
    texts[30] = texts[30].replace("2679.99", "2679.995")

    with pytest.raises(RecordingError, match=r"file: line 31: a price is not a positive multiple of the tick"):
        bring(tmp_path, recording.write(tmp_path / "file", texts))


def test_a_few_frames_that_cannot_be_decoded_are_said(tmp_path: Path) -> None:
    texts = recording.lines(recording.messages(count=300))
    texts[30] = texts[30].replace('"a":[]', '"a":7')

    result = bring(tmp_path, recording.write(tmp_path / "file", texts))

    assert "1 frames cannot be decoded, first line 31 of file: a field has another JSON type" in result.warnings[0]


def bybit_line(number: int, update: int, kind: str) -> str:
    data = {"s": "ETHUSDT", "b": [["2680.00", "1.5"]], "a": [["2680.01", "2.5"]], "u": update, "seq": update}
    raw = {
        "topic": "orderbook.200.ETHUSDT",
        "ts": 1_723_161_254_000,
        "type": kind,
        "data": data,
        "cts": 1_723_161_254_000,
    }
    return json.dumps({"recv_ts": 1_723_161_254.0 + number / 10, "market": "spot", "raw": json.dumps(raw)})


def test_bybit_restart_with_u_1_is_one_gap_repaired_by_its_snapshot(tmp_path: Path) -> None:
    before = [bybit_line(number, 50 + number, "delta" if number else "snapshot") for number in range(10)]
    after = [bybit_line(10 + number, 1 + number, "delta" if number else "snapshot") for number in range(10)]

    bring(tmp_path, recording.write(tmp_path / "file", before + after), venue="bybit_spot")

    rows, gaps, rejects = book_rows(tmp_path)
    assert (rows > 0, gaps <= 1, rejects) == (True, True, 0)


def test_recordings_toml_takes_sub_folders_whole_numbers_and_no_lot(tmp_path: Path) -> None:
    (tmp_path / "spot" / "2024").mkdir(parents=True)
    recording.write(tmp_path / "spot" / "2024" / "a.txt", recording.lines(recording.messages()))
    (tmp_path / "recordings.toml").write_text(
        '[[recording]]\nfiles = ["spot/2024/a.txt"]\nvenue = "binance_spot"\ninstrument = "ETHUSDT"\n'
        'tick = "0.01"\nsize_unit = "0.0001"\n[[recording]]\nfiles = ["b"]\nvenue = "binance_spot"\n'
        'instrument = "PEPEUSDT"\ntick = 1\nsize_unit = 10\n'
    )

    first, second = read_recordings(tmp_path)
    result = import_recording(tmp_path / "lake", first, lambda message: None)

    assert (second.tick, second.size_unit, second.lot) == ("1", "10", None)
    assert read_header(tmp_path / "lake" / result.files[0]).instruments[0].lot == "0.0001"


BAD_TOML = [
    (
        '[[recording]]\nfiles = ["a"]\ninstrument = "X"\n',
        "recording.0.venue: expected a value, found none; add the key",
    ),
    ('[[recording]]\nvenue = "v"\ninstrument = "X"\n', "recording.0.files: expected a value, found none"),
    (
        '[[recording]]\nfiles = ["a"]\nvenue = "v"\ninstrument = "X"\ntik = "1"\n',
        "recording.0.tik: unknown key; expected",
    ),
    (
        '[[recording]]\nfiles = ["a"]\nvenue = "v"\ninstrument = "X"\ntick = 0.01\n',
        "tick: expected a decimal in quotes",
    ),
    ("recording = 1\n", "recording: "),
    ("[[\n", "cannot be read"),
    ("", "recording: expected a value, found none"),
]


@pytest.mark.parametrize(("text", "problem"), BAD_TOML)
def test_recordings_toml_names_file_and_key(text: str, problem: str, tmp_path: Path) -> None:
    (tmp_path / "recordings.toml").write_text(text)

    with pytest.raises(RecordingError) as caught:
        read_recordings(tmp_path)

    assert str(tmp_path / "recordings.toml") in str(caught.value) and problem in str(caught.value)
