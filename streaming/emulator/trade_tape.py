"""The public trades of one instrument as they were heard, read from whichever of its trade streams the source carries.

A source may carry single trades, aggregates of them, or both; the first stream seen is the one that counts, so that
nothing is counted twice.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

import orjson

from streaming.emulator.streams import BYBIT, MarketFrame

TRADES_KEPT_MAX = 1_000
"""What a REST answer may hold at most."""


class PublicTrade(NamedTuple):
    """A trade, or an aggregate of several at one price."""

    first_id: str
    last_id: str
    price: str
    size: str
    is_buyer_maker: bool
    ts_ms: int
    """Matching time."""
    event_ms: int
    sequence: int
    """Bybit's `seq`, otherwise 0."""
    is_market: bool = True
    """False for fills of the insurance fund and of liquidations, which USD-M leaves out of aggregates."""

    @property
    def trades(self) -> int:
        """Return how many trades it holds."""
        return 1 if self.first_id == self.last_id else int(self.last_id) - int(self.first_id) + 1

    @property
    def value(self) -> Decimal:
        """Return price times size, exactly."""
        return Decimal(self.price) * Decimal(self.size)


def is_trade(stream: str) -> bool:
    """Tell whether a stream carries trades."""
    return stream.endswith(("@trade", "@aggTrade")) or stream.startswith("publicTrade.")


def read_trades(frame: MarketFrame) -> Iterator[PublicTrade]:
    """Yield the trades in a message of a trade stream."""
    document = orjson.loads(frame.payload)
    data = document["data"]
    if frame.venue == BYBIT:
        for row in data:
            is_maker = row["S"] == "Sell"
            yield PublicTrade(row["i"], row["i"], row["p"], row["v"], is_maker, row["T"], document["ts"], row["seq"])
        return
    first, last = (data["t"], data["t"]) if data["e"] == "trade" else (data["f"], data["l"])
    is_market = data.get("X", "MARKET") == "MARKET"
    yield PublicTrade(str(first), str(last), data["p"], data["q"], data["m"], data["T"], data["E"], 0, is_market)


@dataclass(slots=True)
class TradeSums:
    """What a ticker of 24 hours says, of all that was heard."""

    first: PublicTrade
    last: PublicTrade
    high: str
    low: str
    volume: Decimal = Decimal(0)
    value: Decimal = Decimal(0)

    def add(self, trade: PublicTrade) -> None:
        """Add a trade."""
        price = Decimal(trade.price)
        if price > Decimal(self.high):
            self.high = trade.price
        if price < Decimal(self.low):
            self.low = trade.price
        self.last = trade
        self.volume += Decimal(trade.size)
        self.value += trade.value


class TradeTape:
    """The last trades of one instrument, oldest first, and sums over all."""

    def __init__(self) -> None:
        self.stream = ""
        """The one that counts; empty until it was heard."""
        self.trades: deque[PublicTrade] = deque(maxlen=TRADES_KEPT_MAX)
        self.sums: TradeSums | None = None
        """None before the first trade."""

    def take(self, frame: MarketFrame) -> list[PublicTrade]:
        """Take a message of a trade stream; return its trades, none where the stream does not count."""
        self.stream = self.stream or frame.stream
        if frame.stream != self.stream:
            return []
        found = [*read_trades(frame)]
        self.trades.extend(found)
        for trade in found:
            if self.sums is None:
                self.sums = TradeSums(trade, trade, trade.price, trade.price)
            self.sums.add(trade)
        return found
