"""Recordings' three forms, told from content; times read as text."""

import gzip
from pathlib import Path

import pytest
import zstandard

from streaming.errors import RecordingError
from streaming.forms import parse_time_ns, read_frames

DEPTH = '{"stream":"ethusdt@depth@100ms","data":{"e":"depthUpdate","s":"ETHUSDT"}}'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1723161254024619568", 1723161254024619568),
        ("1680652800004107", 1680652800004107000),
        ("1680652800004", 1680652800004000000),
        ("1680652800", 1680652800000000000),
        ("1633998512.0633569", 1633998512063356900),
        ("1786310819.52652", 1786310819526520000),
    ],
)
def test_unit_of_a_time_is_told_by_its_magnitude_and_no_digit_is_lost(text: str, expected: int) -> None:
    assert parse_time_ns(text) == expected


@pytest.mark.parametrize("text", ["", "12", "1.5e9", "17231612540246195680", "-1680652800"])
def test_text_that_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected a time"):
        parse_time_ns(text)


def test_time_json_lines_keep_the_payload_bytes(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text(f"1723161254024619568 {DEPTH}\n")

    (frame,) = read_frames(path, "binance_spot")

    assert frame.payload == DEPTH.encode()
    assert (frame.subject.kind, frame.subject.symbol, frame.line) == ("websocket", "ETHUSDT", 1)


def test_compression_is_told_from_the_first_bytes(tmp_path: Path) -> None:
    line = f"1723161254024619568 {DEPTH}\n".encode()
    frames = zstandard.ZstdCompressor().compress(line) + zstandard.ZstdCompressor().compress(line)
    (tmp_path / "a").write_bytes(gzip.compress(line * 2))
    (tmp_path / "b").write_bytes(frames)

    assert len(list(read_frames(tmp_path / "a", "binance_spot"))) == 2
    assert len(list(read_frames(tmp_path / "b", "binance_spot"))) == 2


def test_inline_snapshot_is_a_rest_reply_without_symbol(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text('1723161254024619568 {"lastUpdateId":1,"bids":[],"asks":[]}\n')

    (frame,) = read_frames(path, "binance_spot")

    assert (frame.subject.kind, frame.subject.symbol) == ("rest_depth", "")


def test_cryptofeed_http_records_name_their_symbol_by_the_address(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text(
        '{"t":"header","exchange":"BINANCE"}\n'
        '{"t":"http","conn":"h","ts":1633998512.320639,"url":"https://x/api/v3/depth?symbol=NKNUSDT&limit=9","data":"{}"}\n'
        '{"t":"connect","conn":"w","ts":1633998512.4,"addr":"wss://x"}\n'
    )

    frames = list(read_frames(path, "binance_spot"))

    assert [(frame.subject.kind, frame.subject.symbol) for frame in frames] == [
        ("rest_depth", "NKNUSDT"),
        ("control", ""),
    ]
    assert frames[0].ts_recv_ns == 1633998512320639000


def test_cryptofeed_file_of_another_venue_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text('{"t":"header","exchange":"BINANCE_FUTURES"}\n')

    with pytest.raises(RecordingError, match="recorded from 'BINANCE_FUTURES'"):
        list(read_frames(path, "binance_spot"))


def test_market_lines_keep_the_raw_text_byte_for_byte(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text(
        r'{"recv_ts":1786310819.52652,"market":"spot","raw":"{\"topic\":\"orderbook.200.ETHUSDT\", \"a\":1}"}' + "\n"
    )

    (frame,) = read_frames(path, "bybit_spot")

    assert frame.payload == b'{"topic":"orderbook.200.ETHUSDT", "a":1}'
    assert (frame.market, frame.subject.symbol) == ("spot", "ETHUSDT")


def test_truncated_line_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text(f"1723161254024619568 {DEPTH}\n1723161254024619569 {DEPTH[:40]}")

    with pytest.raises(RecordingError, match="line 2: expected a whole recorded message, found it truncated"):
        list(read_frames(path, "binance_spot"))


@pytest.mark.parametrize("suffix", ["gz", "zst"])
def test_cut_off_compression_is_named_with_its_line(tmp_path: Path, suffix: str) -> None:
    lines = "".join(f"{1723161254024619568 + number} {DEPTH}\n" for number in range(2_000)).encode()
    data = gzip.compress(lines) if suffix == "gz" else zstandard.ZstdCompressor().compress(lines)
    path = tmp_path / f"a.{suffix}"
    path.write_bytes(data[: len(data) // 2])

    with pytest.raises(RecordingError, match=r"compressed data is damaged or cut off after line \d+"):
        list(read_frames(path, "binance_spot"))


@pytest.mark.parametrize("content", ["hello\n", '{"a":1}\n', "[]\n"])
def test_file_of_no_known_form_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "a"
    path.write_text(content)

    with pytest.raises(RecordingError, match="line 1: expected"):
        list(read_frames(path, "binance_spot"))


def test_empty_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("\n\n")

    with pytest.raises(RecordingError, match="empty file"):
        list(read_frames(tmp_path / "a", "binance_spot"))
