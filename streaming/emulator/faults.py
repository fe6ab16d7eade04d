"""Faults on command and by a seeded schedule, and the log that says exactly what each of them cost whom.

A fault is armed, then fires at the first chance at which it meets a client: a frame to withhold that somebody
subscribed, a request to refuse. So whatever the log says happened was to be seen from outside.
"""

import random
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum

FAULTS_LOGGED_MAX = 100_000
ARMED_MAX = 1_000
"""Faults that wait for their chance, a venue; arming one more is refused."""


class FaultKind(Enum):
    """What can go wrong."""

    drop_depth = "drop_depth"
    """The next `count` depth frames of the instrument are not sent."""
    repeat_depth = "repeat_depth"
    """The next `count` depth frames of the instrument are sent twice."""
    stale_snapshot = "stale_snapshot"
    """The next `count` REST snapshots are `age_ms` old, as out of an edge cache."""
    disconnect = "disconnect"
    """Connections are cut without a closing handshake."""
    stall = "stall"
    """Connections stay open and say nothing for `duration_ms`; what was due then never comes."""
    server_restart = "server_restart"
    """Bybit: the next depth frame is a snapshot with `u` 1, and `u` counts from there. Without a symbol the whole venue
    restarts: each of its instruments, at its own next depth frame."""
    refuse_rest = "refuse_rest"
    """The next `count` REST requests are answered with `status` (429 or 418) and Retry-After."""
    bad_reply = "bad_reply"
    """The next `count` REST replies are `form`: html, empty or truncated."""
    clock_skew = "clock_skew"
    """All times that the venue states are `skew_ms` off for `duration_ms`."""
    regime = "regime"
    """The generated market changes for every venue; by schedule it turns nervous and normal again, on command see
    `regime`, which has a path of its own."""
    order_unknown_done = "order_unknown_done"
    """The next `count` requests of an order (`request`: place, amend, cancel or any) are executed and answered as if
    nobody knew: -1007, HTTP 503, 10016."""
    order_unknown_lost = "order_unknown_lost"
    """The same, and they are not executed."""
    order_cut_done = "order_cut_done"
    """The connection ends between such a request and its answer; it was executed."""
    order_cut_lost = "order_cut_lost"
    """The same, and it was not."""
    order_refused = "order_refused"
    """Such requests are refused with `status` (429 or 418) and Retry-After."""
    amend_refused = "amend_refused"
    """The next `count` amends are refused; the orders stay as they are."""
    order_hidden = "order_hidden"
    """The next `count` orders placed are unknown to queries for `duration_ms`: a replica that lags."""
    fill_after_cancel = "fill_after_cancel"
    """The next `count` orders that are cancelled fill in part just before, and clients hear of that fill `duration_ms`
    after the cancel."""
    cancel_races_fill = "cancel_races_fill"
    """The next `count` cancels come too late: the order has filled whole, the cancel is refused as of an unknown order,
    and clients hear of the fill `duration_ms` later."""
    stream_silent = "stream_silent"
    """For `duration_ms` nothing of what happens to accounts is told to anybody, and never will be."""
    stream_late = "stream_late"
    """The next `count` fills are told `duration_ms` late."""
    stream_repeated = "stream_repeated"
    """The next `count` events of accounts are told twice."""
    stream_expired = "stream_expired"
    """Subscriptions of an account end as its next event comes: listen key expired, session gone."""
    listing_halted = "listing_halted"
    """The venue halts the symbol for `duration_ms`: nothing new is taken, cancels are."""


CONNECTION_FAULTS = frozenset({FaultKind.drop_depth, FaultKind.repeat_depth, FaultKind.disconnect, FaultKind.stall})
"""Faults that may hit one connection alone."""
ORDER_FAULTS = frozenset(
    {
        FaultKind.order_unknown_done,
        FaultKind.order_unknown_lost,
        FaultKind.order_cut_done,
        FaultKind.order_cut_lost,
        FaultKind.order_refused,
        FaultKind.amend_refused,
        FaultKind.order_hidden,
        FaultKind.fill_after_cancel,
        FaultKind.cancel_races_fill,
        FaultKind.stream_silent,
        FaultKind.stream_late,
        FaultKind.stream_repeated,
        FaultKind.stream_expired,
        FaultKind.listing_halted,
    }
)
"""Faults that strike only where accounts trade."""
REQUESTS = ("any", "place", "amend", "cancel")
REPLY_FORMS = ("html", "empty", "truncated")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A fault as asked for; fields that its kind does not name are ignored."""

    kind: FaultKind
    venue: str
    symbol: str | None = None
    """None means any instrument."""
    connections: str = "all"
    """`all`, `one` (the oldest that it can hit) or the id of a connection."""
    count: int = 1
    duration_ms: int = 5_000
    age_ms: int = 5_000
    status: int = 429
    retry_after_s: int = 10
    skew_ms: int = 1_500
    form: str = "html"
    request: str = "any"
    """Which requests of orders are hit: `place`, `amend`, `cancel` or `any`."""

    def __post_init__(self) -> None:
        checks = (
            ("count", 1 <= self.count <= 100_000),
            ("duration_ms", self.duration_ms >= 1),
            ("age_ms", 1 <= self.age_ms <= 30_000),
            ("status", self.status in (418, 429)),
            ("retry_after_s", self.retry_after_s >= 0),
            ("form", self.form in REPLY_FORMS),
            ("request", self.request in REQUESTS),
            ("connections", self.connections in ("all", "one") or self.connections.isdecimal()),
            ("kind", self.kind is not FaultKind.server_restart or self.venue == "bybit_spot"),
        )
        for name, is_good in checks:
            if not is_good:
                raise ValueError(f"fault {self.kind.value}: {name}: {getattr(self, name)} is out of its range")


@dataclass(slots=True)
class Loss:
    """Depth frames of one instrument that one connection did not get, one after another."""

    connection: int
    symbol: str
    previous_id: int
    """Last update id before the hole."""
    first_id: int
    last_id: int
    frames: int
    ts_first_ns: int
    ts_last_ns: int


@dataclass(slots=True)
class FaultRecord:
    """What a fault did; times 0 mean not yet."""

    number: int
    fault: Fault
    ts_armed_ns: int
    ts_fired_ns: int = 0
    ts_ended_ns: int = 0
    connections: list[int] = field(default_factory=list)
    losses: list[Loss] = field(default_factory=list)
    other_frames: int = 0
    """Frames without a book's change that were withheld: trades, quotes."""
    last_id: int = 0
    """Update id at which it struck: of the frame repeated, the snapshot served, the restart."""
    restarts: dict[str, list[int]] = field(default_factory=dict)
    """By symbol: last update ids, as the source counts them, of depth frames that became snapshots with `u` 1."""

    def lose(self, connection: int, symbol: str, ids: tuple[int, int, int], ts_ns: int) -> None:
        """Note a depth frame (first, last, previous id) that `connection` did not get."""
        first, last, previous = ids
        for loss in reversed(self.losses):
            if (loss.connection, loss.symbol) == (connection, symbol):
                if loss.last_id != previous:
                    break
                loss.last_id, loss.ts_last_ns = last, ts_ns
                loss.frames += 1
                return
        self.losses.append(Loss(connection, symbol, previous, first, last, 1, ts_ns, ts_ns))


@dataclass(slots=True)
class _Armed:
    record: FaultRecord
    left: int


class VenueFaults:
    """The faults of one venue that are armed or under way."""

    def __init__(self, venue: str, log: "FaultLog") -> None:
        self.venue = venue
        self._log = log
        self._armed: list[_Armed] = []
        self._skew: tuple[FaultRecord, int] | None = None

    def arm(self, fault: Fault, now_ns: int) -> FaultRecord:
        """Arm a fault; ValueError when too many wait. Clock skew begins at once."""
        if len(self._armed) >= ARMED_MAX:
            raise ValueError(f"{self.venue}: {ARMED_MAX} faults wait already; connect a client for them to hit")
        record = self._log.add(fault, now_ns)
        if fault.kind is FaultKind.clock_skew:
            self._log.fire(record, now_ns)
            self._skew = (record, now_ns + fault.duration_ms * 1_000_000)
        else:
            self._armed.append(_Armed(record, fault.count))
        return record

    def waiting(self, kind: FaultKind, symbol: str | None = None) -> FaultRecord | None:
        """Return the oldest armed fault of `kind` that may hit `symbol`, None when there is none."""
        for armed in self._armed:
            fault = armed.record.fault
            if fault.kind is kind and (symbol is None or fault.symbol in (None, symbol)):
                return armed.record
        return None

    def strike(self, record: FaultRecord, now_ns: int) -> None:
        """Note that an armed fault hit once; after its last time it is done."""
        self._log.fire(record, now_ns)
        for armed in self._armed:
            if armed.record is record:
                armed.left -= 1
                if not armed.left:
                    self._armed.remove(armed)
                    record.ts_ended_ns = now_ns
                return

    def disarm(self) -> None:
        """Forget the faults that wait; those under way run to their end."""
        self._armed.clear()

    def skew_ms(self, now_ns: int) -> int:
        """Return by how much the venue's clock is off."""
        if self._skew is None:
            return 0
        record, until_ns = self._skew
        if now_ns >= until_ns:
            record.ts_ended_ns = until_ns
            self._skew = None
            return 0
        return record.fault.skew_ms


class FaultLog:
    """Every fault that was armed, the oldest forgotten beyond FAULTS_LOGGED_MAX, and counts of those that fired."""

    def __init__(self) -> None:
        self.records: deque[FaultRecord] = deque(maxlen=FAULTS_LOGGED_MAX)
        self.fired: Counter[str] = Counter()
        """By `venue kind`."""
        self._number = 0

    def add(self, fault: Fault, now_ns: int) -> FaultRecord:
        """Note a fault that was asked for."""
        self._number += 1
        record = FaultRecord(self._number, fault, now_ns)
        self.records.append(record)
        return record

    def fire(self, record: FaultRecord, now_ns: int) -> None:
        """Note that it hit; counted once."""
        if not record.ts_fired_ns:
            record.ts_fired_ns = now_ns
            self.fired[f"{record.fault.venue} {record.fault.kind.value}"] += 1

    def holes(self, connection: int, symbol: str) -> list[tuple[int, int]]:
        """Return what a connection missed of a book: the last id before each hole and the last id in it.

        Losses of faults that struck one right after another are one hole, as they are to the client.
        """
        losses = [loss for record in self.records for loss in record.losses]
        own = [loss for loss in losses if (loss.connection, loss.symbol) == (connection, symbol)]
        found: list[tuple[int, int]] = []
        for loss in sorted(own, key=lambda loss: loss.ts_first_ns):
            if found and found[-1][1] == loss.previous_id:
                found[-1] = (found[-1][0], loss.last_id)
            else:
                found.append((loss.previous_id, loss.last_id))
        return found


class FaultSchedule:
    """Faults at random times from a seed: equal arguments, equal faults at equal times.

    Kinds are drawn evenly among `kinds` that the venue drawn can have, venues evenly, times as a Poisson stream.
    """

    def __init__(
        self, seed: int, per_hour: float, start_ns: int, venues: Sequence[str], kinds: Sequence[FaultKind]
    ) -> None:
        if per_hour <= 0 or not venues or not kinds:
            raise ValueError("schedule: expected a rate above 0, venues and kinds")
        self._random = random.Random(seed)
        self._mean_ns = 3_600e9 / per_hour
        self._venues, self._kinds = tuple(venues), tuple(kinds)
        self.next_ns = start_ns + self._wait_ns()
        """When the next fault is due."""

    def take(self) -> Fault:
        """Return the fault due at `next_ns` and draw the next time."""
        venue = self._random.choice(self._venues)
        kinds = [kind for kind in self._kinds if kind is not FaultKind.server_restart or venue == "bybit_spot"]
        fault = Fault(
            kind=self._random.choice(kinds or [FaultKind.drop_depth]),
            venue=venue,
            count=self._random.choice((1, 1, 1, 2)),
            duration_ms=self._random.randrange(1_000, 10_000),
            age_ms=self._random.randrange(2_000, 20_000),
            status=self._random.choice((429, 429, 418)),
            retry_after_s=self._random.randrange(1, 5),
            skew_ms=self._random.choice((-1_500, 1_500)),
            form=self._random.choice(REPLY_FORMS),
        )
        self.next_ns += self._wait_ns()
        return fault

    def _wait_ns(self) -> int:
        return 1 + int(self._random.expovariate(1) * self._mean_ns)
