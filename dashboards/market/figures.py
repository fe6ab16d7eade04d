"""What a ladder and its head show of one market: texts and shares out of a view. No I/O, no clock.

Prices and sizes stay the decimals that they are; only shares and basis points, which are drawn, become floats.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Literal

from dashboards.model.truth import BPS, Mids, mid_in, slot_of
from dashboards.snapshot import History
from streaming.bus_view import ForecastView, Level, MarketView, OwnOrder

AHEAD_DIGITS: Final = 4
Side = Literal["ask", "bid"]
Mark = Literal["", "at", "band"]
"""Whether a level is where the forecast sees the mid, or within the band around it."""


@dataclass(frozen=True, slots=True)
class Expected:
    """Where a forecast sees the mid some steps ahead."""

    price: float
    bps: float
    band_bps: float | None
    """Root of the live mean squared error; None before anything was scored."""

    @property
    def low(self) -> float:
        """The band's lower end; the price where there is no band."""
        return self.price * math.exp(-(self.band_bps or 0.0) / BPS)

    @property
    def high(self) -> float:
        """The band's upper end."""
        return self.price * math.exp((self.band_bps or 0.0) / BPS)


@dataclass(frozen=True, slots=True)
class Came:
    """The newest forecast whose moment has come, and what the mid did."""

    bps: float
    move_bps: float


@dataclass(frozen=True, slots=True)
class Rung:
    """One level of a ladder, as it is drawn."""

    side: Side
    price: str
    size: str
    share: float
    """Of the largest size shown, from 0 to 1."""
    own: str
    """Our orders there, in words; empty for none."""
    mark: Mark


def places_of(tick: str) -> int:
    """Return how many decimals a price of this tick has."""
    exponent = Decimal(tick).as_tuple().exponent
    assert isinstance(exponent, int), f"expected a finite tick, found {tick!r}"
    return max(0, -exponent)


def fixed(price: str, places: int) -> str:
    """Return a price with all the decimals of its tick, so that prices stand under one another."""
    return f"{Decimal(price):.{places}f}"


def spread_of(market: MarketView) -> Decimal | None:
    """Return best ask less best bid; None where a side is missing."""
    if not market.bids or not market.asks:
        return None
    return Decimal(market.asks[0][0]) - Decimal(market.bids[0][0])


def mid_text(market: MarketView) -> str | None:
    """Return the mid, exact; None where a side is missing."""
    spread = spread_of(market)
    if spread is None:
        return None
    return f"{Decimal(market.bids[0][0]) + spread / 2:.{places_of(market.tick) + 1}f}"


def microprice_text(market: MarketView) -> str | None:
    """Return (bid x ask size + ask x bid size) / both sizes: nearer to the side that is thinner."""
    if not market.bids or not market.asks:
        return None
    (bid, bid_size), (ask, ask_size) = [[Decimal(word) for word in side[0]] for side in (market.bids, market.asks)]
    if not bid_size + ask_size:
        return None
    price = (bid * ask_size + ask * bid_size) / (bid_size + ask_size)
    return f"{price:.{places_of(market.tick) + 2}f}"


def spread_text(market: MarketView) -> str | None:
    """Return the spread in the quote currency and in basis points of the mid."""
    spread = spread_of(market)
    if spread is None:
        return None
    mid = Decimal(market.bids[0][0]) + spread / 2
    return f"{spread.normalize():f}, {float(spread / mid) * BPS:.2f} bps"


def expected_of(forecast: ForecastView | None, instrument: str, horizon: int) -> Expected | None:
    """Return where the forecast sees an instrument's mid `horizon` steps ahead; None where it does not say."""
    slot = None if forecast is None else slot_of(forecast, instrument)
    if forecast is None or slot is None or not 1 <= horizon <= len(forecast.mid_bps[slot]):
        return None
    mid, bps = mid_in(forecast, instrument), forecast.mid_bps[slot][horizon - 1]
    if mid is None:
        return None
    band = None
    if horizon in forecast.horizons:
        band = forecast.band_bps[slot][forecast.horizons.index(horizon)]
    return Expected(mid * math.exp(bps / BPS), bps, band)


def last_come(history: History, instrument: str, horizon: int) -> Came | None:
    """Return what came of the newest forecast whose moment has come; None while there is none."""
    newest = next(iter(reversed(history.forecasts)), None)
    if newest is None:
        return None
    mids = Mids(history, instrument, newest.ts_step_ns - 4 * horizon * newest.step_ns)
    for forecast in reversed(history.forecasts):
        slot, ahead_ns = slot_of(forecast, instrument), horizon * forecast.step_ns
        if slot is None or not 1 <= horizon <= len(forecast.mid_bps[slot]):
            return None
        if newest.ts_step_ns - forecast.ts_step_ns > 4 * ahead_ns + forecast.step_ns:
            return None
        begin = mids.at(forecast.ts_step_ns, forecast.step_ns)
        end = mids.at(forecast.ts_step_ns + ahead_ns, forecast.step_ns)
        if begin is not None and end is not None and forecast.ts_step_ns + ahead_ns <= newest.ts_step_ns:
            return Came(forecast.mid_bps[slot][horizon - 1], BPS * math.log(end / begin))
    return None


def ladder(market: MarketView, levels: int, expected: Expected | None) -> list[Rung]:
    """Return `levels` asks, the best last, then as many bids, the best first; fewer where the book has fewer.

    Our orders need not be among the sizes shown: one that stands alone at its price has a rung of size 0.
    """
    own = _own_words(market)
    asks = _with_own(market.asks, [price for is_bid, price in own if not is_bid], is_bid=False)[:levels][::-1]
    bids = _with_own(market.bids, [price for is_bid, price in own if is_bid], is_bid=True)[:levels]
    both, places = [*asks, *bids], places_of(market.tick)
    largest = max((size for _, size in both), default=Decimal(0))
    nearest = _nearest([float(price) for price, _ in both], expected)
    return [
        Rung(
            side="ask" if number < len(asks) else "bid",
            price=f"{price:.{places}f}",
            size=f"{size:f}",
            share=float(size / largest) if largest else 0.0,
            own=own.get((number >= len(asks), price), ""),
            mark=_mark(float(price), number == nearest, expected),
        )
        for number, (price, size) in enumerate(both)
    ]


def _with_own(levels: Sequence[Level], own: Sequence[Decimal], *, is_bid: bool) -> list[tuple[Decimal, Decimal]]:
    """Return a side's (price, size), best first, and among them our prices that the book does not show."""
    found = {Decimal(price): Decimal(size) for price, size in levels}
    return sorted({**dict.fromkeys(own, Decimal(0)), **found}.items(), reverse=is_bid)


def _own_words(market: MarketView) -> Mapping[tuple[bool, Decimal], str]:
    """Return words of our orders by (is a bid, price)."""
    words: dict[tuple[bool, Decimal], list[str]] = {}
    for order in market.orders:
        words.setdefault((order.side == "buy", Decimal(order.price)), []).append(own_words(order))
    return {place: "; ".join(found) for place, found in words.items()}


def own_words(order: OwnOrder) -> str:
    """Return an order's side, what is left of it, and what stands before it, in as many digits as a ladder has room."""
    left = Decimal(order.size) - Decimal(order.filled)
    ahead = "" if order.queue_ahead is None else f" · {float(order.queue_ahead):.{AHEAD_DIGITS}g}"
    return f"{order.side} {left.normalize():f}{ahead}"


def _nearest(numbers: Sequence[float], expected: Expected | None) -> int | None:
    """Return the place of the price nearest to where the mid is expected; None when that lies beyond all of them."""
    if expected is None or not numbers or not min(numbers) <= expected.price <= max(numbers):
        return None
    wanted = expected.price
    return min(range(len(numbers)), key=lambda place: abs(numbers[place] - wanted))


def _mark(price: float, is_nearest: bool, expected: Expected | None) -> Mark:
    if expected is None:
        return ""
    if is_nearest:
        return "at"
    return "band" if expected.band_bps is not None and expected.low <= price <= expected.high else ""
