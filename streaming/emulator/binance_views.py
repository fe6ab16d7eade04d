"""Binance's streams that are made from others: slower and shorter depth, trades in other sums, candles, mark price.

Documented forms only. What the venue's frames say beyond them (`ps`, `st`) is kept as the source's own frames have it.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal

import orjson

from streaming.emulator.candles import Candle, CandleView
from streaming.emulator.session import NEVER_NS
from streaming.emulator.streams import DepthChange, DepthIds, MarketFrame
from streaming.emulator.trade_tape import PublicTrade, TradeTape
from streaming.emulator.true_book import TrueBook
from streaming.emulator.views import NS_PER_MS, MakeView, View, stated_ms, window_end_ns

USDM, SPOT = "binance_usdm", "binance_spot"
DEPTH_EVERY_MS = {USDM: {"": 250, "@500ms": 500, "@100ms": 100}, SPOT: {"": 1_000, "@100ms": 100}}
CANDLE_EVERY_MS = {USDM: 250, SPOT: 2_000}
CANDLE_MINUTES = {
    "1m": 1,
    "3m": 3,
    "5m": 5,
    "15m": 15,
    "30m": 30,
    "1h": 60,
    "2h": 120,
    "4h": 240,
    "8h": 480,
    "1d": 1_440,
}
AGGREGATE_EVERY_NS = 100 * NS_PER_MS
FUNDING_EVERY_MS = 8 * 3_600_000

IndexOf = Callable[[str], Decimal | None]
"""Return the index price of a symbol: the mean of what its spot markets stand at; None where there is none."""


@dataclass(slots=True)
class _Window:
    """Depth frames of one window, not yet said."""

    first: DepthIds
    last: MarketFrame
    bids: dict[str, str] = field(default_factory=dict)
    asks: dict[str, str] = field(default_factory=dict)

    def add(self, frame: MarketFrame, change: DepthChange) -> None:
        self.last = frame
        self.bids.update(change.bids)
        self.asks.update(change.asks)


@dataclass(slots=True)
class DepthView:
    """Diff depth of longer windows, or with `levels` the best of the book as often as it changed in a window."""

    stream: str
    book: TrueBook
    every_ns: int
    levels: int = 0
    due_ns: int = NEVER_NS
    _window: _Window | None = None
    _said_id: int = 0

    def take(self, frame: MarketFrame, trades: list[PublicTrade]) -> list[MarketFrame]:
        """Gather a depth frame."""
        if frame.depth is not None:
            if self._window is None:
                self._window = _Window(frame.depth.ids, frame)
                self.due_ns = window_end_ns(frame.ts_ns, self.every_ns)
            self._window.add(frame, frame.depth)
        return []

    def close(self, ts_ns: int) -> list[MarketFrame]:
        """Say what changed in the window."""
        window, self._window, self.due_ns = self._window, None, NEVER_NS
        if window is None or (self.levels and not self.book.is_known):
            return []
        change = window.last.depth
        assert change is not None
        ids = DepthIds(window.first.first, change.ids.last, self._said_id or window.first.previous, 0)
        self._said_id = ids.last
        return [self._partial(window, ids, ts_ns) if self.levels else self._diff(window, ids, ts_ns)]

    def snapshot(self) -> None:
        """Binance tells new subscribers nothing."""

    def _partial(self, window: _Window, ids: DepthIds, ts_ns: int) -> MarketFrame:
        bids, asks = self.book.top(self.levels)
        if window.last.venue == SPOT:
            data: dict[str, object] = {"lastUpdateId": ids.last, "bids": bids, "asks": asks}
        else:
            data = _depth_data(window.last, ids, bids, asks, ts_ns)
        return _message(window.last, self.stream, data, ts_ns)

    def _diff(self, window: _Window, ids: DepthIds, ts_ns: int) -> MarketFrame:
        bids = sorted(window.bids.items(), key=_price, reverse=True)
        asks = sorted(window.asks.items(), key=_price)
        data, last = _depth_data(window.last, ids, bids, asks, ts_ns), window.last.depth
        assert last is not None
        change = DepthChange(ids, False, bids, asks, last.ts_event_ms, last.ts_engine_ms)
        return _message(window.last, self.stream, data, ts_ns, change)


def _depth_data(
    frame: MarketFrame, ids: DepthIds, bids: list[tuple[str, str]], asks: list[tuple[str, str]], ts_ns: int
) -> dict[str, object]:
    """Return the data of a depth frame with other ids and levels, its keys in the order of the source's."""
    data: dict[str, object] = orjson.loads(frame.raw)
    assert frame.depth is not None
    data |= {"E": stated_ms(frame, frame.depth.ts_event_ms, ts_ns), "U": ids.first, "u": ids.last, "b": bids, "a": asks}
    if "pu" in data:
        data["pu"] = ids.previous
    return data


def _price(level: tuple[str, str]) -> float:
    return float(level[0])


@dataclass(slots=True)
class TradeView:
    """Trades said at once in another form: spot's aggregates, each of one trade; USD-M's single trades."""

    stream: str
    due_ns: int = NEVER_NS

    def take(self, frame: MarketFrame, trades: list[PublicTrade]) -> list[MarketFrame]:
        """Say each trade; an aggregate of several cannot be told apart and is left out."""
        says = _spot_aggregate if frame.venue == SPOT else _usdm_trade
        return [_message(frame, self.stream, says(frame, trade), frame.ts_ns) for trade in trades if trade.trades == 1]

    def close(self, ts_ns: int) -> list[MarketFrame]:
        """Nothing waits here."""
        return []

    def snapshot(self) -> None:
        """Binance tells new subscribers nothing."""


def _spot_aggregate(frame: MarketFrame, trade: PublicTrade) -> dict[str, object]:
    number = int(trade.first_id)
    data: dict[str, object] = {"e": "aggTrade", "E": trade.event_ms, "s": frame.symbol, "a": number}
    data |= {"p": trade.price, "q": trade.size, "f": number, "l": number}
    return data | {"T": trade.ts_ms, "m": trade.is_buyer_maker, "M": True}


def _usdm_trade(frame: MarketFrame, trade: PublicTrade) -> dict[str, object]:
    data: dict[str, object] = {"e": "trade", "E": trade.event_ms, "T": trade.ts_ms, "s": frame.symbol}
    data |= {"t": int(trade.first_id), "p": trade.price, "q": trade.size}
    return data | {"X": "MARKET", "m": trade.is_buyer_maker}


@dataclass(slots=True)
class MergedTradesView:
    """USD-M's aggregates from single trades: one taker side's fills at one price within 100 ms.

    Fills of the insurance fund are left out. Ids of aggregates are dense while the view lives.
    """

    stream: str
    due_ns: int = NEVER_NS
    _frame: MarketFrame | None = None
    _groups: list[list[PublicTrade]] = field(default_factory=list)
    _number: int = 0

    def take(self, frame: MarketFrame, trades: list[PublicTrade]) -> list[MarketFrame]:
        """Gather trades."""
        for trade in trades:
            if not trade.is_market:
                continue
            if self.due_ns == NEVER_NS:
                self.due_ns = window_end_ns(frame.ts_ns, AGGREGATE_EVERY_NS)
            self._frame = frame
            kind = (trade.price, trade.is_buyer_maker)
            if not self._groups or kind != (self._groups[-1][-1].price, self._groups[-1][-1].is_buyer_maker):
                self._groups.append([])
            self._groups[-1].append(trade)
        return []

    def close(self, ts_ns: int) -> list[MarketFrame]:
        """Say the window's aggregates."""
        groups, self._groups, self.due_ns = self._groups, [], NEVER_NS
        frame = self._frame
        assert frame is not None
        return [_message(frame, self.stream, self._aggregate(frame, group, ts_ns), ts_ns) for group in groups]

    def snapshot(self) -> None:
        """Binance tells new subscribers nothing."""

    def _aggregate(self, frame: MarketFrame, group: list[PublicTrade], ts_ns: int) -> dict[str, object]:
        first, last = group[0], group[-1]
        self._number = self._number + 1 if self._number else int(first.first_id)
        data: dict[str, object] = {"e": "aggTrade", "E": stated_ms(frame, last.event_ms, ts_ns), "a": self._number}
        data |= {"s": frame.symbol, "p": last.price, "q": f"{sum(Decimal(trade.size) for trade in group):f}"}
        data |= {"f": int(first.first_id), "l": int(last.last_id), "T": last.ts_ms}
        return data | {"m": last.is_buyer_maker}


def candle_message(stream: str, frame: MarketFrame, candle: Candle, now_ms: int, is_over: bool) -> bytes:
    """Return a `kline` message."""
    is_spot = frame.venue == SPOT
    interval = stream.rpartition("_")[2]
    inner: dict[str, object] = {"t": candle.start_ms, "T": candle.end_ms, "s": frame.symbol, "i": interval}
    inner |= {"f": int(candle.first_id), "L": int(candle.last_id), "o": candle.open, "c": candle.close}
    inner |= {"h": candle.high, "l": candle.low, "v": _sum(candle.volume, is_spot=is_spot), "n": candle.trades}
    inner |= {"x": is_over, "q": _sum(candle.value, is_spot=is_spot)}
    inner |= {"V": _sum(candle.taker_buy_volume, is_spot=is_spot), "Q": _sum(candle.taker_buy_value, is_spot=is_spot)}
    data: dict[str, object] = {"e": "kline", "E": now_ms, "s": frame.symbol, "k": {**inner, "B": "0"}}
    return _payload(stream, data)


def _sum(value: Decimal, *, is_spot: bool) -> str:
    """Print a sum: spot to eight decimals, USD-M to those that its parts have."""
    return f"{value:.8f}" if is_spot else f"{value:f}"


@dataclass(slots=True)
class MarkPriceView:
    """USD-M's mark price: what the middle of the perpetual's book stands at; the rate is that of a calm market."""

    stream: str
    book: TrueBook
    every_ns: int
    index_of: IndexOf
    frame: MarketFrame
    """The last depth frame, which tells the venue's time."""
    due_ns: int = NEVER_NS

    def __post_init__(self) -> None:
        self.due_ns = window_end_ns(self.frame.ts_ns, self.every_ns)

    def take(self, frame: MarketFrame, trades: list[PublicTrade]) -> list[MarketFrame]:
        """Look at the venue's time."""
        if frame.depth is not None:
            self.frame = frame
        return []

    def close(self, ts_ns: int) -> list[MarketFrame]:
        """Say the mark price, as every window does."""
        self.due_ns = ts_ns + self.every_ns
        assert self.frame.depth is not None
        prices = mark_prices(self.book, self.index_of)
        if prices is None:
            return []
        now_ms = stated_ms(self.frame, self.frame.depth.ts_event_ms, ts_ns)
        data: dict[str, object] = {"e": "markPriceUpdate", "E": now_ms, "s": self.book.symbol}
        data |= {"p": prices[0], "i": prices[1], "P": prices[1], "r": FUNDING_RATE, "T": next_funding_ms(now_ms)}
        if self.frame.payload.endswith(b',"st":1}}'):
            data["st"] = 1
        return [_message(self.frame, self.stream, data, ts_ns)]

    def snapshot(self) -> None:
        """Binance tells new subscribers nothing."""


FUNDING_RATE = "0.00010000"


def mark_prices(book: TrueBook, index_of: IndexOf) -> tuple[str, str] | None:
    """Return mark and index price as printed, None while the book is unknown or has an empty side."""
    mark = middle(book)
    if mark is None:
        return None
    return f"{mark:.8f}", f"{index_of(book.symbol) or mark:.8f}"


def middle(book: TrueBook) -> Decimal | None:
    """Return the middle between the best prices, None where a side is empty or nothing is known."""
    bids, asks = book.top(1)
    return (Decimal(bids[0][0]) + Decimal(asks[0][0])) / 2 if bids and asks else None


def next_funding_ms(now_ms: int) -> int:
    """Return the next of 00, 08 and 16 h UTC."""
    return (now_ms // FUNDING_EVERY_MS + 1) * FUNDING_EVERY_MS


def _message(
    frame: MarketFrame, stream: str, data: dict[str, object], ts_ns: int, depth: DepthChange | None = None
) -> MarketFrame:
    return MarketFrame(frame.venue, frame.symbol, stream, _payload(stream, data), ts_ns, depth)


def _payload(stream: str, data: dict[str, object]) -> bytes:
    return b'{"stream":"%b","data":%b}' % (stream.encode(), orjson.dumps(data))


_KINDS = re.compile(
    r"(?P<depth>depth(?P<levels>5|10|20)?(?P<speed>@\d+ms)?)|kline_(?P<interval>\w+)|(?P<name>\w+)(@1s)?"
)


def binance_views(venue: str, index_of: IndexOf) -> MakeView:
    """Return what makes the views of one of Binance's markets."""

    def make(stream: str, book: TrueBook, tape: TradeTape, last: MarketFrame | None) -> View | None:
        kind = stream.partition("@")[2]
        found = _KINDS.fullmatch(kind)
        if found is None:
            return None
        if found["depth"]:
            every_ms = DEPTH_EVERY_MS[venue].get(found["speed"] or "")
            return DepthView(stream, book, every_ms * NS_PER_MS, int(found["levels"] or 0)) if every_ms else None
        if found["interval"]:
            minutes, every_ns = CANDLE_MINUTES.get(found["interval"]), CANDLE_EVERY_MS[venue] * NS_PER_MS
            return CandleView(stream, minutes * 60_000, every_ns, candle_message) if minutes else None
        if venue == USDM:
            return _usdm_view(stream, kind, book, index_of, last)
        return TradeView(stream) if kind == "aggTrade" else None

    return make


def _usdm_view(stream: str, kind: str, book: TrueBook, index_of: IndexOf, last: MarketFrame | None) -> View | None:
    if kind == "trade":
        return TradeView(stream)
    if kind == "aggTrade":
        return MergedTradesView(stream)
    every_s = {"markPrice": 3, "markPrice@1s": 1}.get(kind)
    return MarkPriceView(stream, book, every_s * 1_000 * NS_PER_MS, index_of, last) if every_s and last else None
