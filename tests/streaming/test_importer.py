"""Imports: selection, order, idempotence, refusals that leave nothing behind."""

from dataclasses import replace
from pathlib import Path

import pytest

import native
from streaming.errors import RecordingError, RefusedError, UsageError
from streaming.importer import ImportRequest, import_recording
from streaming.recordings import read_recordings
from streaming.segments import read_block, read_header

T0_NS = 1_723_161_254_000_000_000


def silent(message: str) -> None:
    """Progress for tests."""


def line(ts_ns: int, symbol: str = "ETHUSDT") -> str:
    """Return a depth update as Binance spot sends it; ids grow with the time."""
    update = ts_ns - T0_NS + 1_000
    return (
        f'{ts_ns} {{"stream":"{symbol.lower()}@depth","data":{{"e":"depthUpdate","E":1723161254000,"s":"{symbol}",'
        f'"U":{update},"u":{update},"b":[["2683.80","3.0292"]],"a":[]}}}}\n'
    )


def request(*files: Path) -> ImportRequest:
    return ImportRequest(files=files, venue="binance_spot", symbol="ETHUSDT", tick="0.01", size_unit="0.0001")


def segments(lake: Path) -> list[Path]:
    return sorted((lake / "raw").glob("venue=*/date=*/hour=*/*"))


def test_frames_of_others_are_counted_and_skipped(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_text(
        line(T0_NS) + line(T0_NS + 1, "BTCUSDT") + line(T0_NS + 2) + f'{T0_NS + 3} {{"result":null,"id":1}}\n'
    )

    result = import_recording(tmp_path / "lake", request(file), silent)

    assert (result.frames, result.skipped) == (2, {"BTCUSDT": 1, "control": 1})


def test_importing_again_writes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_text(line(T0_NS))
    first = import_recording(tmp_path / "lake", request(file), silent)
    times = [path.stat().st_mtime_ns for path in segments(tmp_path / "lake")]

    again = import_recording(tmp_path / "lake", replace(request(file), tick="0.010"), silent)

    assert again.already_there and again.run == first.run
    assert [path.stat().st_mtime_ns for path in segments(tmp_path / "lake")] == times


def test_run_whose_segment_is_gone_is_imported_again(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_text(line(T0_NS))
    import_recording(tmp_path / "lake", request(file), silent)
    segments(tmp_path / "lake")[0].unlink()

    again = import_recording(tmp_path / "lake", request(file), silent)

    assert not again.already_there
    assert len(segments(tmp_path / "lake")) == 1


def test_same_file_under_another_tick_is_refused_until_told_to_replace(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_text(line(T0_NS))
    other = replace(request(file), tick="0.1")
    import_recording(tmp_path / "lake", request(file), silent)

    with pytest.raises(RefusedError, match="--replace"):
        import_recording(tmp_path / "lake", other, silent)
    import_recording(tmp_path / "lake", other, silent, replace=True)

    assert [read_header(path).instruments[0].tick for path in segments(tmp_path / "lake")] == ["0.1"]


def test_files_of_one_stream_are_put_in_order_of_time(tmp_path: Path) -> None:
    (tmp_path / "late").write_text(line(T0_NS + 10))
    (tmp_path / "early").write_text(line(T0_NS))

    import_recording(tmp_path / "lake", request(tmp_path / "late", tmp_path / "early"), silent)

    records = native.scan_records(read_block(segments(tmp_path / "lake")[0]))
    assert records["ts_ns"].tolist() == [0, T0_NS, T0_NS + 10]


def test_files_that_overlap_in_time_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a").write_text(line(T0_NS) + line(T0_NS + 20))
    (tmp_path / "b").write_text(line(T0_NS + 10))

    with pytest.raises(RecordingError, match="overlaps a in time"):
        import_recording(tmp_path / "lake", request(tmp_path / "a", tmp_path / "b"), silent)


def test_time_that_goes_back_is_named_and_leaves_nothing(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_text(line(T0_NS) + line(T0_NS - 5))

    with pytest.raises(RecordingError, match="line 2: receive time goes back by 5 ns"):
        import_recording(tmp_path / "lake", request(file), silent)

    assert not (tmp_path / "lake").exists()


def test_truncated_last_line_leaves_nothing(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_text(line(T0_NS) + line(T0_NS + 1)[:-10])

    with pytest.raises(RecordingError, match="line 2"):
        import_recording(tmp_path / "lake", request(file), silent)

    assert not (tmp_path / "lake").exists()


def test_snapshot_without_symbol_in_a_file_of_several_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_text(line(T0_NS) + line(T0_NS, "BTCUSDT") + f'{T0_NS} {{"lastUpdateId":1,"bids":[],"asks":[]}}\n')

    with pytest.raises(RecordingError, match="line 3: a REST snapshot without symbol"):
        import_recording(tmp_path / "lake", request(file), silent)


def test_unknown_instrument_is_told_what_the_file_holds(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_text(line(T0_NS, "BTCUSDT"))

    with pytest.raises(RecordingError, match=r"no frame of binance_spot:ETHUSDT; found lines of: BTCUSDT \(1\)"):
        import_recording(tmp_path / "lake", request(file), silent)


def test_unknown_venue_is_told_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="unknown venue 'kraken'; expected one of: binance_usdm"):
        import_recording(tmp_path / "lake", replace(request(tmp_path / "a"), venue="kraken"), silent)


def test_missing_tick_names_the_option(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_text(line(T0_NS))

    with pytest.raises(UsageError, match="give --tick"):
        import_recording(tmp_path / "lake", replace(request(file), tick=None), silent)


def test_rest_replies_listed_ahead_wait_for_their_moment(recordings: Path, tmp_path: Path) -> None:
    """Cryptofeed lists its REST replies before the stream; the size unit comes from the exchange information."""
    ask = ImportRequest(
        files=(recordings / "cryptofeed" / "BINANCE.jsonl.zst",), venue="binance_spot", symbol="NKNUSDT", tick="0.00001"
    )

    result = import_recording(tmp_path / "lake", ask, silent)

    path = segments(tmp_path / "lake")[0]
    records = native.scan_records(read_block(path))[1:]
    entry = read_header(path).instruments[0]
    assert (records["ts_ns"][1:] >= records["ts_ns"][:-1]).all()
    assert records["source"].tolist().count(1) == result.snapshots == 1
    assert (entry.tick, entry.size_unit, entry.lot, entry.base) == ("0.00001", "0.00000001", "1", "NKN")


def test_order_is_judged_after_selection_of_the_market(recordings: Path, tmp_path: Path) -> None:
    """The file's spot lines begin 42 s before its last linear line."""
    (ask,) = [item for item in read_recordings(recordings) if item.venue == "bybit_spot"]

    result = import_recording(tmp_path / "lake", ask, silent)

    assert result.skipped == {"market linear": 1251, "control": 7}
    assert result.frames == 307


def test_two_days_are_one_stream(recordings: Path, tmp_path: Path) -> None:
    (ask,) = [item for item in read_recordings(recordings) if item.instrument == "binance_spot:ETHUSDT"]

    result = import_recording(tmp_path / "lake", ask, silent)

    assert (result.frames, result.snapshots, len(result.files)) == (79_744, 1, 2)
