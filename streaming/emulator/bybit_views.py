"""Bybit's topics that are made from others: books of other depths, tickers, candles."""

from dataclasses import dataclass, field
from decimal import Decimal

import orjson

from streaming.emulator.candles import Candle, CandleView
from streaming.emulator.session import NEVER_NS, NS_PER_S
from streaming.emulator.streams import DepthChange, DepthIds, MarketFrame, Side
from streaming.emulator.trade_tape import PublicTrade, TradeSums, TradeTape
from streaming.emulator.true_book import BookState, TrueBook
from streaming.emulator.views import NS_PER_MS, View, stated_ms, window_end_ns

BOOK_EVERY_MS = {1: 10, 50: 20, 200: 100, 1_000: 200}
"""By levels."""
SAME_AGAIN_NS = 3 * NS_PER_S
TICKER_EVERY_NS = 50 * NS_PER_MS
CANDLE_EVERY_NS = NS_PER_S
CANDLE_MINUTES = {
    "1": 1, "3": 3, "5": 5, "15": 15, "30": 30, "60": 60, "120": 120, "240": 240, "360": 360, "720": 720, "D": 1_440,
}  # fmt: skip
KIND_TICKERS, KIND_CANDLE = "tickers", "kline"


@dataclass(slots=True)
class LevelsView:
    """The best `levels` of the book: a snapshot, then what changed in each window, `u` counting its own messages.

    Of one level every message is a snapshot, repeated under the same `u` when nothing changed for three seconds.
    """

    stream: str
    book: TrueBook
    levels: int
    due_ns: int = NEVER_NS
    _frame: MarketFrame | None = None
    _bids: dict[str, str] = field(default_factory=dict)
    _asks: dict[str, str] = field(default_factory=dict)
    _last_id: int = 0

    def __post_init__(self) -> None:
        if self.book.is_known:
            self._remember()
            self._last_id = self.book.last_id
            if self.levels == 1 and self._frame is not None:
                self.due_ns = self._frame.ts_ns + SAME_AGAIN_NS

    def take(self, frame: MarketFrame, trades: list[PublicTrade]) -> list[MarketFrame]:
        """Look at the book after a depth frame; a snapshot of the source is one here, at once."""
        if frame.depth is None:
            return []
        is_anew = frame.depth.is_snapshot or not self._last_id
        self._frame = frame
        if is_anew and self.book.is_known:
            self._remember()
            self._last_id = frame.depth.ids.last
            self.due_ns = frame.ts_ns + SAME_AGAIN_NS if self.levels == 1 else NEVER_NS
            return [self._said("snapshot", frame.ts_ns, [*self._bids.items()], [*self._asks.items()])]
        window_ns = window_end_ns(frame.ts_ns, BOOK_EVERY_MS[self.levels] * NS_PER_MS)
        self.due_ns = min(self.due_ns, window_ns)
        return []

    def close(self, ts_ns: int) -> list[MarketFrame]:
        """Say what changed."""
        self.due_ns = ts_ns + SAME_AGAIN_NS if self.levels == 1 else NEVER_NS
        if not self.book.is_known:
            return []
        before = self._bids, self._asks
        self._remember()
        bids, asks = _changed(before[0], self._bids), _changed(before[1], self._asks)
        self._last_id += bool(bids or asks)
        if self.levels == 1:
            return [self._said("snapshot", ts_ns, [*self._bids.items()], [*self._asks.items()])]
        return [self._said("delta", ts_ns, bids, asks)] if bids or asks else []

    def snapshot(self) -> tuple[bytes, int] | None:
        """Return the book as it was last said."""
        state = self.book.state(0)
        if state is None or not self._last_id:
            return None
        data = self._data([*self._bids.items()], [*self._asks.items()], state.sequence)
        message = _book_message(self.stream, "snapshot", data, (state.ts_event_ms, state.ts_engine_ms))
        return message, self._last_id

    def _remember(self) -> None:
        bids, asks = self.book.top(self.levels)
        self._bids, self._asks = dict(bids), dict(asks)

    def _said(self, kind: str, ts_ns: int, bids: Side, asks: Side) -> MarketFrame:
        frame = self._frame
        assert frame is not None
        change = frame.depth
        assert change is not None
        ids = DepthIds(self._last_id, self._last_id, self._last_id - 1, change.ids.sequence)
        stamps = stated_ms(frame, change.ts_event_ms, ts_ns), change.ts_engine_ms
        payload = _book_message(self.stream, kind, self._data(bids, asks, change.ids.sequence), stamps)
        said = None if self.levels == 1 else DepthChange(ids, kind == "snapshot", bids, asks, *stamps)
        return MarketFrame(frame.venue, frame.symbol, self.stream, payload, ts_ns, said)

    def _data(self, bids: Side, asks: Side, sequence: int) -> dict[str, object]:
        return {"s": self.book.symbol, "b": bids, "a": asks, "u": self._last_id, "seq": sequence}


def _changed(before: dict[str, str], after: dict[str, str]) -> Side:
    changed = [(price, size) for price, size in after.items() if before.get(price) != size]
    return changed + [(price, "0") for price in before if price not in after]


def _book_message(topic: str, kind: str, data: dict[str, object], stamps_ms: tuple[int, int]) -> bytes:
    document = {"topic": topic, "ts": stamps_ms[0], "type": kind, "data": data, "cts": stamps_ms[1]}
    return orjson.dumps(document)


def snapshot_message(topic: str, state: BookState) -> bytes:
    """Return the pushed snapshot of a book on a depth topic."""
    data: dict[str, object] = {"s": state.symbol, "b": state.bids, "a": state.asks, "u": state.last_id}
    return _book_message(topic, "snapshot", data | {"seq": state.sequence}, (state.ts_event_ms, state.ts_engine_ms))


@dataclass(slots=True)
class TickerView:
    """Last price and sums of all trades that were heard, which stand for those of 24 hours."""

    stream: str
    tape: TradeTape
    due_ns: int = NEVER_NS
    _frame: MarketFrame | None = None

    def take(self, frame: MarketFrame, trades: list[PublicTrade]) -> list[MarketFrame]:
        """Say it at the end of a window with a trade."""
        if trades:
            self._frame = frame
            self.due_ns = min(self.due_ns, window_end_ns(frame.ts_ns, TICKER_EVERY_NS))
        return []

    def close(self, ts_ns: int) -> list[MarketFrame]:
        """Say it."""
        self.due_ns = NEVER_NS
        frame, sums = self._frame, self.tape.sums
        assert frame is not None
        assert sums is not None
        payload = self._message(sums, stated_ms(frame, sums.last.event_ms, ts_ns))
        return [MarketFrame(frame.venue, frame.symbol, self.stream, payload, ts_ns)]

    def snapshot(self) -> tuple[bytes, int] | None:
        """Return it as of the last trade."""
        sums = self.tape.sums
        return None if sums is None else (self._message(sums, sums.last.event_ms), 0)

    def _message(self, sums: TradeSums, now_ms: int) -> bytes:
        symbol = self.stream.rpartition(".")[2]
        row = {"symbol": symbol, **ticker_numbers(sums), "usdIndexPrice": sums.last.price}
        document = {"topic": self.stream, "ts": now_ms, "type": "snapshot", "cs": sums.last.sequence, "data": row}
        return orjson.dumps(document)


def ticker_numbers(sums: TradeSums) -> dict[str, str]:
    """Return a ticker's numbers as printed."""
    change = Decimal(sums.last.price) / Decimal(sums.first.price) - 1
    return {
        "lastPrice": sums.last.price,
        "highPrice24h": sums.high,
        "lowPrice24h": sums.low,
        "prevPrice24h": sums.first.price,
        "volume24h": plain(sums.volume),
        "turnover24h": plain(sums.value),
        "price24hPcnt": plain(change.quantize(Decimal("0.0001"))),
    }


def plain(value: Decimal) -> str:
    """Print a number without trailing zeros and without an exponent, as Bybit does."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def candle_message(topic: str, frame: MarketFrame, candle: Candle, now_ms: int, is_over: bool) -> bytes:
    """Return a `kline` message."""
    interval = topic.split(".")[1]
    row: dict[str, object] = {"start": candle.start_ms, "end": candle.end_ms, "interval": interval}
    row |= {"open": candle.open, "close": candle.close, "high": candle.high, "low": candle.low}
    row |= {"volume": plain(candle.volume), "turnover": plain(candle.value)}
    row |= {"confirm": is_over, "timestamp": now_ms}
    return orjson.dumps({"type": "snapshot", "topic": topic, "data": [row], "ts": now_ms})


def is_served(topic: str) -> bool:
    """Tell whether a topic can be made; what the source carries is served besides."""
    kind, _, rest = topic.partition(".")
    middle = rest.rpartition(".")[0]
    if kind == "orderbook":
        return middle.isdecimal() and int(middle) in BOOK_EVERY_MS
    return (kind == KIND_TICKERS and not middle) or (kind == KIND_CANDLE and middle in CANDLE_MINUTES)


def make_bybit_view(topic: str, book: TrueBook, tape: TradeTape, last: MarketFrame | None) -> View | None:
    """Return the view of a topic, None where it is none that is made."""
    if not is_served(topic):
        return None
    kind, _, rest = topic.partition(".")
    middle = rest.rpartition(".")[0]
    if kind == "orderbook":
        return LevelsView(topic, book, int(middle), _frame=last)
    if kind == KIND_TICKERS:
        return TickerView(topic, tape)
    return CandleView(topic, CANDLE_MINUTES[middle] * 60_000, CANDLE_EVERY_NS, candle_message)
