"""What may still be asked of a venue: every limit of one address and its accounts, counted before a call leaves.

Theory of operation. A limit allows so much in a window. Windows of Binance are aligned to the clock; Bybit's roll, and
are counted in tenths so that a tenth too much is held back, never a tenth too little. A call is charged to every limit
that it counts against, in one step, or it waits. From the share of a limit that is ours, a reserve is kept back that
only cancels and questions about orders may use, and a further one that recording may not touch: when a limit runs dry,
quotes stop before cancels do.

The venue is believed: used weight in a reply can only raise our count of that window; 429, 418, 403 and the venues' own
codes block what they say is exhausted until they say, or for a default that doubles with every further ban. What others
at our address have used never holds up a cancel that the venue would still take.

State is a row of int64 words, a list here or a file that all processes of a machine share (`shell/shared_budget.py`).
Every write is of one word and leaves a state that never allows more than before, wherever a process is killed. Time is
an argument: int64 UTC ns of the venue's clock as far as it is known.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Final, Protocol

from streaming.venues.gateway import Action, Call, CallKind, LimitUse, Outcome

NS_PER_MS: Final = 1_000_000
NS_PER_S: Final = 1_000_000_000
MINUTE_NS: Final = 60 * NS_PER_S
DAY_NS: Final = 24 * 60 * MINUTE_NS
SLICES: Final = 10
"""Parts of a rolling window."""
COUNTERS: Final = SLICES + 1
KEY, MOST, BLOCKED_NS, BANS, NEWEST, FIRST_COUNTER = range(6)
SLOT_WORDS: Final = FIRST_COUNTER + COUNTERS
SLOTS: Final = 40
WORDS: Final = SLOTS * SLOT_WORDS
STATED_MAX: Final = 1 << 40
"""A venue that states more states nonsense."""
BAN_NS: Final = 2 * MINUTE_NS
BAN_NS_MAX: Final = 3 * DAY_NS


class Scope(StrEnum):
    """Whose limit it is."""

    address = "address"
    account = "account"


class Use(IntEnum):
    """For what a call spends; the first may use everything."""

    cancel = 0
    """Cancels, questions about orders, the dead-man's switch: what ends risk or says what stands."""
    order = 1
    data = 2
    """Recording, and lists that can wait."""


class Spends(StrEnum):
    """What of a call counts against a limit."""

    weight = "weight"
    """Over REST and over sockets (Binance)."""
    requests = "requests"
    """Over REST alone, one each (Bybit)."""
    orders = "orders"
    calls = "calls"
    """Of one pool, one each on any way (Bybit)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """One limit."""

    name: str
    """As gateways name it in `LimitUse`."""
    scope: Scope
    window_ns: int
    most: int
    """Until the venue says another."""
    spends: Spends
    pool: str = ""
    """Only calls of this pool count; empty: all."""
    is_rolling: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What one call costs."""

    use: Use
    weight: int = 1
    orders: int = 0
    pool: str = ""
    is_rest: bool = True

    def on(self, limit: Limit) -> int:
        """Return what counts against `limit`, 0 when nothing does."""
        if limit.pool and limit.pool != self.pool:
            return 0
        match limit.spends:
            case Spends.weight:
                return self.weight
            case Spends.requests:
                return int(self.is_rest)
            case Spends.orders:
                return self.orders
            case Spends.calls:
                return 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Shares:
    """How limits are divided."""

    ours: float = 0.8
    """Of each limit of the address; the rest is for other programs there, and for cancels in need. Limits of the
    account are ours alone."""
    cancel_reserve: float = 0.2
    """Of ours, only for cancels."""
    order_reserve: float = 0.3
    """Of ours, further, not for recording."""

    def allowed(self, limit: Limit, most: int, use: Use) -> int:
        """Return how much of `limit` a use may see spent."""
        if use is Use.cancel:
            return max(1, most)
        ours = most * self.ours if limit.scope is Scope.address else float(most)
        kept = self.cancel_reserve + (self.order_reserve if use is Use.data else 0.0)
        return max(1, int(ours * (1.0 - kept)))


_URGENT: Final = frozenset({CallKind.cancel, CallKind.cancel_all, CallKind.query, CallKind.countdown, CallKind.time})
_LISTEN_KEYS: Final = frozenset({CallKind.listen_key, CallKind.renew_listen_key})


def cost_of(call: Call) -> Cost:
    """Return what a gateway's call costs."""
    is_urgent = call.is_cancel or call.kind in _URGENT or call.kind in _LISTEN_KEYS
    return Cost(
        use=Use.cancel if is_urgent else Use.order,
        weight=call.weight,
        orders=call.orders,
        pool=call.pool,
        is_rest=call.way == "rest",
    )


class Words(Protocol):
    """A row of int64 words: a list, or a mapped file."""

    def __len__(self) -> int: ...

    def __getitem__(self, at: int, /) -> int: ...

    def __setitem__(self, at: int, word: int, /) -> None: ...


class Budget(Protocol):
    """What spends; in one process, or shared by all of a machine."""

    def try_take(self, cost: Cost, now_ns: int) -> int:
        """Spend, and return 0; or spend nothing, and return how many ns to wait."""

    def on_outcome(self, outcome: Outcome, now_ns: int) -> None:
        """Learn from what became of a call."""

    def left(self, now_ns: int) -> tuple[LimitUse, ...]:
        """Return every limit as it stands."""


class RateBudget:
    """See the head of the file."""

    def __init__(
        self,
        limits: Sequence[Limit],
        *,
        account: str = "",
        shares: Shares | None = None,
        words: Words | None = None,
    ) -> None:
        """`account` tells apart those whose limits are their own. `words` is the state, a new one by default."""
        self._words: Words = [0] * WORDS if words is None else words
        self._shares = shares or Shares()
        self._address = self._claim(Scope.address)
        # Where weight is spent over sockets too, a banned address is banned there as well.
        self._are_sockets_banned = any(limit.spends is Spends.weight for limit in limits)
        self._limits = tuple(
            (limit, self._claim(limit.name if limit.scope is Scope.address else f"{limit.name}@{account}", limit.most))
            for limit in limits
        )

    def wait_ns(self, cost: Cost, now_ns: int) -> int:
        """Return how long a call must wait, 0 when it may go now."""
        waits = [self._limit_wait_ns(limit, at, cost, now_ns) for limit, at in self._limits]
        if cost.is_rest or self._are_sockets_banned:
            waits.append(self._words[self._address + BLOCKED_NS] - now_ns)
        return max(0, *waits)

    def take(self, cost: Cost, now_ns: int) -> None:
        """Spend; ask `wait_ns` first."""
        for limit, at in self._limits:
            spent = cost.on(limit)
            if spent:
                self._roll(limit, at, now_ns)
                self._words[at + FIRST_COUNTER + self._slice(limit, now_ns) % COUNTERS] += spent

    def try_take(self, cost: Cost, now_ns: int) -> int:
        """Spend, and return 0; or spend nothing, and return how many ns to wait."""
        wait_ns = self.wait_ns(cost, now_ns)
        if not wait_ns:
            self.take(cost, now_ns)
        return wait_ns

    def on_outcome(self, outcome: Outcome, now_ns: int) -> None:
        """Learn from what became of a call: its limits as the venue states them, and what it blocks."""
        self.on_uses(outcome.limits, outcome.call.ts_ns, now_ns)
        if outcome.action is Action.wait:
            self.on_blocked(blocked_by(outcome.code), outcome.call.pool, outcome.retry_at_ns, now_ns)
        elif outcome.is_accepted and (outcome.call.way == "rest" or self._are_sockets_banned):
            self.on_served()

    def on_served(self) -> None:
        """Learn that the address is served: the next ban, should it not say how long, is a first one again."""
        self._words[self._address + BANS] = 0

    def on_uses(self, uses: Sequence[LimitUse], asked_ns: int, now_ns: int) -> None:
        """Believe what a reply states; of a window that ended while it travelled, nothing."""
        stated = {use.name: use for use in uses}
        for limit, at in self._limits:
            use = stated.get(limit.name)
            if use is None or max(use.limit, use.used) > STATED_MAX:
                continue
            if use.limit > 0:
                self._words[at + MOST] = use.limit
            if limit.is_rolling or asked_ns // limit.window_ns == now_ns // limit.window_ns:
                self._raise_to(limit, at, use.used, now_ns)
            if use.reset_ns is not None and use.limit > 0 and use.used >= use.limit:
                self._block(at, use.reset_ns, now_ns + limit.window_ns)

    def on_blocked(self, spends: Spends | None, pool: str, retry_at_ns: int, now_ns: int) -> None:
        """Stop what the venue says is exhausted until it says, or for a default.

        `spends` None: the address, for everything that goes over REST or shares its weight.
        """
        if spends is None:
            self._ban(retry_at_ns, now_ns)
            return
        for limit, at in self._limits:
            if limit.spends is spends and limit.pool in ("", pool):
                until_ns = retry_at_ns if retry_at_ns > now_ns else now_ns + limit.window_ns
                # No limit runs dry for longer than its window: a time that is further off is a mistake.
                self._block(at, until_ns, now_ns + max(limit.window_ns, MINUTE_NS))

    def left(self, now_ns: int) -> tuple[LimitUse, ...]:
        """Return every limit as it stands: used of what the venue allows, and when a block of it ends."""
        uses = [
            LimitUse(
                name=limit.name,
                used=self._used(limit, at, now_ns),
                limit=self._words[at + MOST],
                reset_ns=self._words[at + BLOCKED_NS] if self._words[at + BLOCKED_NS] > now_ns else None,
            )
            for limit, at in self._limits
        ]
        blocked_ns = self._words[self._address + BLOCKED_NS]
        if blocked_ns > now_ns:
            uses.append(LimitUse(name=Scope.address, used=1, limit=1, reset_ns=blocked_ns))
        return tuple(uses)

    def _limit_wait_ns(self, limit: Limit, at: int, cost: Cost, now_ns: int) -> int:
        spent = cost.on(limit)
        if not spent:
            return 0
        wait_ns = max(0, self._words[at + BLOCKED_NS] - now_ns)
        allowed = self._shares.allowed(limit, self._words[at + MOST], cost.use)
        used = self._used(limit, at, now_ns)
        # What is heavier than all we may ever spend goes alone, through an empty window, not never.
        if not used or used + spent <= allowed:
            return wait_ns
        return max(wait_ns, self._free_ns(limit, at, used + spent - allowed, now_ns) - now_ns)

    def _free_ns(self, limit: Limit, at: int, excess: int, now_ns: int) -> int:
        """Return when so much has left the window, or all of it."""
        if not limit.is_rolling:
            return (now_ns // limit.window_ns + 1) * limit.window_ns
        newest = self._slice(limit, now_ns)
        for oldest in range(newest - SLICES, newest + 1):
            excess -= self._count(at, oldest)
            if excess <= 0:
                return (oldest + COUNTERS) * self._slice_ns(limit)
        return (newest + COUNTERS) * self._slice_ns(limit)

    def _used(self, limit: Limit, at: int, now_ns: int) -> int:
        newest = self._slice(limit, now_ns)
        if not limit.is_rolling:
            return self._count(at, newest)
        return sum(self._count(at, each) for each in range(newest - SLICES, newest + 1))

    def _count(self, at: int, slice_number: int) -> int:
        """Return a counter where it holds that slice: the ring keeps those up to the newest one, no older."""
        newest = self._words[at + NEWEST]
        if not newest - COUNTERS < slice_number <= newest:
            return 0
        return self._words[at + FIRST_COUNTER + slice_number % COUNTERS]

    def _roll(self, limit: Limit, at: int, now_ns: int) -> None:
        """Make room for the current slice. Cleared first and named after: a kill between the two forgets nothing."""
        current, newest = self._slice(limit, now_ns), self._words[at + NEWEST]
        if newest - COUNTERS < current <= newest:
            return
        # Of a clock that was set far back nothing is kept: its slices would hide behind those of the future.
        oldest = current - COUNTERS + 1 if current < newest else max(newest + 1, current - COUNTERS + 1)
        for fresh in range(oldest, current + 1):
            self._words[at + FIRST_COUNTER + fresh % COUNTERS] = 0
        self._words[at + NEWEST] = current

    def _raise_to(self, limit: Limit, at: int, used: int, now_ns: int) -> None:
        missing = used - self._used(limit, at, now_ns)
        if missing > 0:
            self._roll(limit, at, now_ns)
            self._words[at + FIRST_COUNTER + self._slice(limit, now_ns) % COUNTERS] += missing

    def _ban(self, retry_at_ns: int, now_ns: int) -> None:
        bans = self._words[self._address + BANS]
        default_ns = min(BAN_NS << min(bans, 12), BAN_NS_MAX)
        self._words[self._address + BANS] = bans + 1
        until_ns = retry_at_ns if retry_at_ns > now_ns else now_ns + default_ns
        self._block(self._address, until_ns, now_ns + BAN_NS_MAX)

    def _block(self, at: int, until_ns: int, latest_ns: int) -> None:
        self._words[at + BLOCKED_NS] = max(self._words[at + BLOCKED_NS], min(until_ns, latest_ns))

    def _slice(self, limit: Limit, now_ns: int) -> int:
        return now_ns // self._slice_ns(limit)

    def _slice_ns(self, limit: Limit) -> int:
        return limit.window_ns // SLICES if limit.is_rolling else limit.window_ns

    def _claim(self, name: str, most: int = 0) -> int:
        """Return where the slot of `name` begins, a free one taken for it if there is none."""
        key = int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest()) >> 1 or 1
        for at in range(0, len(self._words) - SLOT_WORDS + 1, SLOT_WORDS):
            if self._words[at + KEY] == key:
                return at
            if self._words[at + KEY] == 0:
                self._words[at + MOST] = most
                self._words[at + KEY] = key
                return at
        raise ValueError(f"expected at most {SLOTS} limits and accounts at one address, found more: {name}")


_ORDER_CODES: Final = frozenset({-1015})
_POOL_CODES: Final = frozenset({10006, 10429, 20003, 170005, 170222})


def blocked_by(code: int) -> Spends | None:
    """Return what a venue's code of a limit stops; None: the address (429, 418, 403, -1003, -1034, 10403)."""
    if code in _ORDER_CODES:
        return Spends.orders
    return Spends.calls if code in _POOL_CODES else None
