"""The emulator's own books: what a client that lost nothing must have.

One of each instrument, kept from every depth frame of the source, those that a fault withholds from clients included.
Levels stay text as the venue prints them, so that an answer made from the book says exactly what the frames said.
"""

from bisect import bisect_left, insort
from collections import deque
from dataclasses import dataclass, field

from streaming.emulator.streams import DepthChange, Side

PAST_BOOKS_MAX = 30
PAST_EVERY_NS = 1_000_000_000
"""Copies of the book are kept for answers out of an old cache: one a second, half a minute back."""


@dataclass(frozen=True, slots=True)
class BookState:
    """A book at one moment; `bids` and `asks` best first."""

    venue: str
    symbol: str
    ts_ns: int
    last_id: int
    sequence: int
    ts_event_ms: int
    ts_engine_ms: int
    bids: Side
    asks: Side


@dataclass(frozen=True, slots=True)
class _Copy:
    ts_ns: int
    change: DepthChange
    bids: dict[str, str]
    asks: dict[str, str]


class _Rank:
    """Prices of a side, best first; kept only from the first time on that somebody asks for the best."""

    def __init__(self, sign: float) -> None:
        self._sign = sign
        self._order: list[tuple[float, str]] | None = None

    def add(self, price: str) -> None:
        if self._order is not None:
            insort(self._order, (self._sign * float(price), price))

    def remove(self, price: str) -> None:
        if self._order is not None:
            del self._order[bisect_left(self._order, (self._sign * float(price), price))]

    def forget(self) -> None:
        self._order = None

    def best(self, own: dict[str, str], levels: int) -> Side:
        if self._order is None:
            self._order = sorted((self._sign * float(price), price) for price in own)
        return [(price, own[price]) for _, price in self._order[:levels]]


@dataclass(slots=True)
class TrueBook:
    """One instrument's book. It knows nothing until a snapshot came, and after a hole in the source's own frames."""

    venue: str
    symbol: str
    is_known: bool = False
    holes: int = 0
    """Breaks of continuity in the source itself: none in a generated market."""
    keeps_past: bool = True
    """Whether copies are kept for `state(age_ns=...)`."""
    _bids: dict[str, str] = field(default_factory=dict)
    _asks: dict[str, str] = field(default_factory=dict)
    _change: DepthChange | None = None
    _ts_ns: int = 0
    _early: list[tuple[DepthChange, int]] = field(default_factory=list)
    """Changes before the snapshot, as a client buffers them; bounded by EARLY_MAX, the oldest go."""
    _ranks: tuple["_Rank", "_Rank"] = field(default_factory=lambda: (_Rank(-1.0), _Rank(1.0)))
    _past: deque[_Copy] = field(default_factory=lambda: deque(maxlen=PAST_BOOKS_MAX))

    @property
    def last_id(self) -> int:
        """Return the last update id applied, 0 when nothing is known."""
        return self._change.ids.last if self._change is not None and self.is_known else 0

    def apply(self, change: DepthChange, ts_ns: int) -> None:
        """Apply a depth frame of a socket."""
        if change.is_snapshot:
            self._replace(change, ts_ns)
            return
        if self.is_known and self._change is not None and change.ids.previous != self._change.ids.last:
            if change.ids.last <= self._change.ids.last:
                return  # the snapshot held it already
            if min(change.ids.first - 1, change.ids.previous) > self._change.ids.last:
                self.is_known = False
                self.holes += 1
        if not self.is_known:
            self._early.append((change, ts_ns))
            del self._early[:-EARLY_MAX]
            return
        self._update(change, ts_ns)

    def bridge(self, snapshot: DepthChange, ts_ns: int) -> None:
        """Take a REST snapshot that the source holds; where the book is known already it says nothing new."""
        if self.is_known:
            return
        later = [pair for pair in self._early if pair[0].ids.last > snapshot.ids.last]
        if later and min(later[0][0].ids.first - 1, later[0][0].ids.previous) > snapshot.ids.last:
            return  # too old for what is buffered; the next one may do
        self._replace(snapshot, ts_ns)
        for change, ts_change_ns in later:
            self._update(change, ts_change_ns)

    def state(self, levels: int | None = None, *, age_ns: int = 0) -> BookState | None:
        """Return the book, or as it stood at least `age_ns` ago (the oldest copy where none is that old).

        None while nothing is known.
        """
        if not self.is_known or self._change is None:
            return None
        now = _Copy(self._ts_ns, self._change, self._bids, self._asks)
        wanted = now if age_ns <= 0 else self._old(now, age_ns)
        return BookState(
            self.venue,
            self.symbol,
            wanted.ts_ns,
            wanted.change.ids.last,
            wanted.change.ids.sequence,
            wanted.change.ts_event_ms,
            wanted.change.ts_engine_ms,
            _sorted(wanted.bids, is_bid=True)[:levels],
            _sorted(wanted.asks, is_bid=False)[:levels],
        )

    def top(self, levels: int) -> tuple[Side, Side]:
        """Return bids and asks, best first, up to `levels` of each; empty while nothing is known."""
        if not self.is_known:
            return [], []
        bids, asks = self._ranks[0].best(self._bids, levels), self._ranks[1].best(self._asks, levels)
        return bids, asks

    def _old(self, now: _Copy, age_ns: int) -> _Copy:
        old = [copy for copy in self._past if now.ts_ns - copy.ts_ns >= age_ns]
        return old[-1] if old else (self._past[0] if self._past else now)

    def _replace(self, change: DepthChange, ts_ns: int) -> None:
        self._bids, self._asks = dict(change.bids), dict(change.asks)
        self._change, self._ts_ns, self.is_known = change, ts_ns, True
        self._early.clear()
        self._past.clear()
        for rank in self._ranks:
            rank.forget()

    def _update(self, change: DepthChange, ts_ns: int) -> None:
        if self.keeps_past and (not self._past or ts_ns - self._past[-1].ts_ns >= PAST_EVERY_NS):
            assert self._change is not None
            self._past.append(_Copy(self._ts_ns, self._change, self._bids.copy(), self._asks.copy()))
        sides = (self._bids, change.bids, self._ranks[0]), (self._asks, change.asks, self._ranks[1])
        for own, changes, rank in sides:
            for price, size in changes:
                if size.strip("0."):
                    if price not in own:
                        rank.add(price)
                    own[price] = size
                elif own.pop(price, None) is not None:
                    rank.remove(price)
        self._change, self._ts_ns = change, ts_ns


EARLY_MAX = 10_000


def _price(level: tuple[str, str]) -> float:
    return float(level[0])


def _sorted(levels: dict[str, str], *, is_bid: bool) -> Side:
    return sorted(levels.items(), key=_price, reverse=is_bid)
