"""Candles from trades: one interval's open, high, low, close and sums, as far as trades were heard."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from streaming.emulator.session import NEVER_NS
from streaming.emulator.streams import MarketFrame
from streaming.emulator.trade_tape import PublicTrade
from streaming.emulator.views import NS_PER_MS, stated_ms, window_end_ns


@dataclass(slots=True)
class Candle:
    """One interval of one instrument; prices as printed."""

    start_ms: int
    end_ms: int
    """Last millisecond of the interval."""
    open: str
    high: str
    low: str
    close: str
    first_id: str
    last_id: str
    trades: int = 0
    volume: Decimal = Decimal(0)
    value: Decimal = Decimal(0)
    taker_buy_volume: Decimal = Decimal(0)
    taker_buy_value: Decimal = Decimal(0)

    @classmethod
    def opened(cls, trade: PublicTrade, interval_ms: int) -> "Candle":
        """Return the candle that `trade` opens; add the trade to it then."""
        start_ms = trade.ts_ms // interval_ms * interval_ms
        price = trade.price
        end_ms = start_ms + interval_ms - 1
        return cls(start_ms, end_ms, price, price, price, price, trade.first_id, trade.last_id)

    def add(self, trade: PublicTrade) -> None:
        """Add a trade of this interval."""
        price, size, value = Decimal(trade.price), Decimal(trade.size), trade.value
        if price > Decimal(self.high):
            self.high = trade.price
        if price < Decimal(self.low):
            self.low = trade.price
        self.close, self.last_id = trade.price, trade.last_id
        self.trades += trade.trades
        self.volume += size
        self.value += value
        self.taker_buy_volume += 0 if trade.is_buyer_maker else size
        self.taker_buy_value += 0 if trade.is_buyer_maker else value


CandleForm = Callable[[str, MarketFrame, Candle, int, bool], bytes]
"""Return the message of a stream, of a frame of trades, the candle, the venue's time in ms, and whether it is over."""


@dataclass(slots=True)
class CandleView:
    """Candles of one stream, said when they changed in a window and once more when their interval is over.

    A candle whose interval began before the first trade that was heard holds what was heard of it. An interval without
    a trade has none.
    """

    stream: str
    interval_ms: int
    every_ns: int
    form: CandleForm
    due_ns: int = NEVER_NS
    _candle: Candle | None = None
    _heard: tuple[MarketFrame, int] | None = None
    """The last frame of trades and the time that it states."""
    _is_changed: bool = False

    def take(self, frame: MarketFrame, trades: list[PublicTrade]) -> list[MarketFrame]:
        """Add trades; a candle that they leave behind is said for the last time."""
        said: list[MarketFrame] = []
        for trade in trades:
            candle = self._candle
            if candle is not None and trade.ts_ms > candle.end_ms:
                said.append(self._said(candle, frame.ts_ns, is_over=True))
                candle = None
            self._candle = candle or Candle.opened(trade, self.interval_ms)
            self._candle.add(trade)
            self._heard, self._is_changed = (frame, trade.event_ms), True
            self.due_ns = min(self.due_ns, window_end_ns(frame.ts_ns, self.every_ns))
        return said

    def close(self, ts_ns: int) -> list[MarketFrame]:
        """Say the candle where it changed or is over."""
        candle, heard = self._candle, self._heard
        assert candle is not None
        assert heard is not None
        left_ms = candle.end_ms + 1 - stated_ms(*heard, ts_ns)
        said = [self._said(candle, ts_ns, is_over=left_ms <= 0)] if self._is_changed or left_ms <= 0 else []
        self._is_changed = False
        self.due_ns = NEVER_NS if left_ms <= 0 else ts_ns + left_ms * NS_PER_MS
        if left_ms <= 0:
            self._candle = None
        return said

    def snapshot(self) -> None:
        """A candle is told with its next change."""

    def _said(self, candle: Candle, ts_ns: int, *, is_over: bool) -> MarketFrame:
        assert self._heard is not None
        frame = self._heard[0]
        payload = self.form(self.stream, frame, candle, stated_ms(*self._heard, ts_ns), is_over)
        return MarketFrame(frame.venue, frame.symbol, self.stream, payload, ts_ns)
