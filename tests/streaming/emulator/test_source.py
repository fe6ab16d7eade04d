"""Sources: the endless market is its seed's, and a lake plays back what it holds."""

from datetime import UTC, datetime
from itertools import islice, pairwise

import orjson
import pytest

from streaming.emulator.generator import generate
from streaming.emulator.instruments import SYMBOL
from streaming.emulator.market import MarketEmulator
from streaming.emulator.source import EndlessMarket, RecordedMarket, Snapshot
from streaming.emulator.streams import MarketFrame, read_frame
from streaming.errors import UsageError
from warehouse.lake import Lake

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
START_NS = int(START.timestamp()) * 10**9
NAMES = [f"{venue}:{SYMBOL}" for venue in ("binance_usdm", "binance_spot", "bybit_spot")]


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    root = tmp_path_factory.mktemp("lake")
    generate(root, 300 / 36_000, 7, 1.0, START)
    return Lake(root)


def test_equal_seeds_are_equal_markets_and_times_never_go_back() -> None:
    first, second, other = ([*islice(EndlessMarket(seed, START_NS).items(), 3_000)] for seed in (1, 1, 2))

    assert first == second != other
    assert all(a.ts_ns <= b.ts_ns for a, b in pairwise(first))


def test_a_lake_plays_back_the_frames_that_it_holds(lake) -> None:
    market = RecordedMarket(lake, NAMES)

    items = [*market.items()]

    frames = [item for item in items if isinstance(item, MarketFrame)]
    snapshots = [item for item in items if isinstance(item, Snapshot)]
    assert {frame.venue for frame in frames} == {name.partition(":")[0] for name in NAMES}
    assert {snapshot.venue for snapshot in snapshots} == {"binance_usdm", "binance_spot"}
    assert len(frames) > 1_500
    assert market.skipped == 0
    assert [entry.name for entry in market.instruments] == NAMES


def test_books_of_a_recording_are_known_and_end_where_it_ends(lake) -> None:
    emulator = MarketEmulator(RecordedMarket(lake, NAMES))
    now_ns = emulator.prime()

    emulator.advance(now_ns + 40 * 10**9, 10**6)

    assert emulator.is_over
    assert all(emulator.truth_at(name) is not None for name in NAMES)
    assert sum(book.holes for venue in emulator.venues.values() for book in venue.books.values()) == 0


def test_one_venue_of_a_lake_is_served_alone(lake) -> None:
    emulator = MarketEmulator(RecordedMarket(lake, NAMES[1:2]))

    assert [*emulator.venues] == ["binance_spot"]


def test_a_lake_without_the_instrument_is_refused(tmp_path) -> None:
    with pytest.raises(UsageError, match="holds no segment"):
        RecordedMarket(Lake(tmp_path), NAMES)


@pytest.mark.parametrize(
    ("document", "stream"),
    [
        ({"e": "depthUpdate", "E": 1, "s": "ETHUSDT", "U": 1, "u": 2, "b": [], "a": []}, "ethusdt@depth@100ms"),
        ({"u": 1, "s": "ETHUSDT", "b": "1", "B": "1", "a": "2", "A": "1"}, "ethusdt@bookTicker"),
        ({"e": "trade", "s": "ETHUSDT"}, "ethusdt@trade"),
        ({"data": {"e": "trade", "s": "ETHUSDT"}, "stream": "ethusdt@trade"}, "ethusdt@trade"),
    ],
)
def test_raw_and_oddly_ordered_messages_get_their_stream(document, stream) -> None:
    frame = read_frame("binance_spot", orjson.dumps(document), 5)

    assert frame is not None
    assert (frame.stream, frame.symbol) == (stream, "ETHUSDT")
    assert orjson.loads(frame.raw) == document.get("data", document)


@pytest.mark.parametrize("document", [{"result": None, "id": 1}, [], {"success": True, "op": "ping"}])
def test_what_is_no_market_message_is_none(document) -> None:
    assert read_frame("binance_spot", orjson.dumps(document), 5) is None


def test_a_depth_message_without_ids_is_an_error() -> None:
    with pytest.raises(ValueError, match="without 'U'"):
        read_frame("binance_spot", b'{"stream":"x@depth","data":{"b":[],"a":[]}}', 5)
