"""What is known at one moment, for every page alike, and what was known in the minutes before it."""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from pydantic import JsonValue

from streaming.bus import AlertNotice, Drift, Promotion, TradingEvent
from streaming.bus_view import ForecastView, MarketView, View

Document = Mapping[str, JsonValue]

HISTORY_S = 600
HISTORY_MAX = 6_000
"""Points of `History`: ten minutes at ten a second; the oldest beyond them are gone."""
FORECASTS_MAX = 600


@dataclass(frozen=True, slots=True)
class Point:
    """One view's few figures, for charts. Money is in the quote currency; nothing is accounted with these."""

    ts_ns: int
    pnl: float
    equity: float | None
    mids: Mapping[str, float]
    """By instrument, of those that have a book."""
    positions: Mapping[str, float]


class History:
    """The last ten minutes of one run, at the rate of its views."""

    def __init__(self) -> None:
        self.run = ""
        self.points: deque[Point] = deque(maxlen=HISTORY_MAX)
        self.forecasts: deque[ForecastView] = deque(maxlen=FORECASTS_MAX)

    def add(self, view: View) -> None:
        """Take a view; another run, or time that goes back, begins anew."""
        if view.run != self.run or (self.points and view.ts_ns < self.points[-1].ts_ns):
            self.points.clear()
            self.forecasts.clear()
            self.run = view.run
        self.points.append(point_of(view))
        while self.points and view.ts_ns - self.points[0].ts_ns > HISTORY_S * 1_000_000_000:
            self.points.popleft()
        newest = view.forecast
        if newest is not None and (not self.forecasts or newest.ts_step_ns > self.forecasts[-1].ts_step_ns):
            self.forecasts.append(newest)


def point_of(view: View) -> Point:
    """Return a view's figures for charts."""
    return Point(
        ts_ns=view.ts_ns,
        pnl=float(view.pnl),
        equity=None if view.equity is None else float(view.equity),
        mids={market.instrument: mid for market in view.markets if (mid := mid_of(market)) is not None},
        positions={market.instrument: float(market.position) for market in view.markets},
    )


def mid_of(market: MarketView) -> float | None:
    """Return a book's mid, None where a side is missing."""
    if not market.bids or not market.asks:
        return None
    return float((Decimal(market.bids[0][0]) + Decimal(market.asks[0][0])) / 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """See the head of the file. Ages are real seconds since a message of the kind was last heard."""

    is_connected: bool = False
    problem: str = ""
    """Why it is not connected, in words; empty while it is."""
    view: View | None = None
    status: Document | None = None
    """The trader's last status document."""
    recorder: Document | None = None
    watcher: Document | None = None
    """The last status document of `trader alerts run`."""
    events: Sequence[TradingEvent] = ()
    """Oldest first."""
    alerts: Sequence[AlertNotice] = ()
    """The newest notice of each alert, oldest first."""
    promotions: Sequence[Promotion] = ()
    drifts: Sequence[Drift] = ()
    history: History = field(default_factory=History)
    ages_s: Mapping[str, float] = field(default_factory=dict)
    """By `view`, `status`, `recorder`, `events`, `alerts`; what was never heard is missing."""
    is_replay: bool = False
    replay_share: float | None = None
    """How far a replay is, from 0 to 1."""

    def age_s(self, kind: str) -> float | None:
        """Return how long ago a message of a kind was heard; None for never."""
        return self.ages_s.get(kind)
