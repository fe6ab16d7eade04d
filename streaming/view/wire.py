"""What a view reads from the venues' own frames: a book's newest update number, its lag, and public trades.

The engine of a trader puts out no market rows, so that trading pays for none. The frames themselves are looked at here,
a few times a second, when a view is made.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import orjson

import native
from streaming.recorder.meters import lag_ms_of
from streaming.segments import InstrumentEntry, SegmentHeader
from streaming.venues.dialect import Dialect, StreamKind
from streaming.venues.dialects import DIALECTS
from streaming.view.queue import Print

WEBSOCKET = "websocket"
BOOK_WORDS = ("depth", "orderbook")
TRADE_WORDS = ("aggTrade", "trade", "publicTrade")
NAMES_MAX = 1_024
"""Names of streams remembered; a session has a few an instrument."""
HeardFrame = tuple[int, int, bytes]
"""Source of the header, receive time in ns, payload."""


@dataclass(slots=True)
class WireNews:
    """What the frames of one instrument told since the last time."""

    ts_book_ns: int = 0
    """When the newest frame of its book was received; 0: none was."""
    lag_ms: float | None = None
    update_id: int = 0
    prints: list[Print] = field(default_factory=list)
    """Oldest first."""


@dataclass(frozen=True, slots=True)
class _Subject:
    """What a stream's frames are about."""

    entry: InstrumentEntry
    is_book: bool


class WireReader:
    """Reads the frames of a session's header; what it cannot read it leaves out: a view never fails for a frame."""

    def __init__(self, header: SegmentHeader) -> None:
        self._dialects = {
            source.id: DIALECTS[source.venue]
            for source in header.sources
            if source.kind == WEBSOCKET and source.venue in DIALECTS
        }
        self._entries = {(entry.venue, entry.symbol): entry for entry in header.instruments}
        self._subjects: dict[tuple[str, str], _Subject | None] = {}

    def read(self, frames: Iterable[HeardFrame]) -> Mapping[int, WireNews]:
        """Return what `frames`, oldest first, tell of each instrument that they speak of, by its id."""
        news: dict[int, WireNews] = {}
        books: dict[int, tuple[Dialect, int, bytes]] = {}
        for source, ts_ns, payload in frames:
            dialect = self._dialects.get(source)
            subject = None if dialect is None else self._subject(dialect, payload)
            if dialect is None or subject is None:
                continue
            if subject.is_book:
                books[subject.entry.id] = dialect, ts_ns, payload
            else:
                news.setdefault(subject.entry.id, WireNews()).prints += prints_of(subject.entry, ts_ns, payload)
        for number, (dialect, ts_ns, payload) in books.items():
            own = news.setdefault(number, WireNews())
            ids = dialect.ids_of(StreamKind.book, payload)
            own.ts_book_ns, own.lag_ms = ts_ns, lag_ms_of(payload, ts_ns)
            own.update_id = 0 if ids is None else ids.last
        return news

    def _subject(self, dialect: Dialect, payload: bytes) -> _Subject | None:
        name = dialect.stream_of(payload)
        if name is None:
            return None
        place = dialect.venue, name
        if place not in self._subjects:
            if len(self._subjects) >= NAMES_MAX:
                return None
            self._subjects[place] = self._named(dialect.venue, name)
        return self._subjects[place]

    def _named(self, venue: str, name: str) -> _Subject | None:
        """Read `btcusdt@depth@100ms`, `btcusdt@aggTrade`, `orderbook.50.BTCUSDT`, `publicTrade.BTCUSDT`."""
        if "@" in name:
            symbol, _, word = name.partition("@")
            symbol, word = symbol.upper(), word.partition("@")[0]
        else:
            word, symbol = name.partition(".")[0], name.rpartition(".")[2]
        entry = self._entries.get((venue, symbol))
        if entry is None or word not in (*BOOK_WORDS, *TRADE_WORDS):
            return None
        is_book = word in BOOK_WORDS
        is_told_otherwise = any(
            other is not None and other.entry is entry and not other.is_book for other in self._subjects.values()
        )
        # Of one print told on two streams (trade, aggTrade) one counts: the first kind that was heard.
        return None if not is_book and is_told_otherwise else _Subject(entry, is_book)


def prints_of(entry: InstrumentEntry, ts_ns: int, payload: bytes) -> list[Print]:
    """Return the public trades in a frame of a trade stream, received at `ts_ns`; those that cannot be read are not."""
    try:
        data = orjson.loads(payload)["data"]
        rows = data if isinstance(data, list) else [data]
        return [_print_of(entry, ts_ns, row) for row in rows]
    except (ValueError, KeyError, TypeError):
        return []


def _print_of(entry: InstrumentEntry, ts_ns: int, row: Mapping[str, object]) -> Print:
    """Read Binance's p, q and m (the buyer rested), or Bybit's p, v and S (the taker's side)."""
    size = row["q"] if "q" in row else row["v"]
    is_taker_buy = row["m"] is False if "m" in row else row["S"] == "Buy"
    return Print(
        ts_ns=ts_ns,
        price_ticks=native.parse_decimal(str(row["p"]), entry.tick),
        size_units=native.parse_decimal(str(size), entry.size_unit),
        is_taker_buy=is_taker_buy,
    )
