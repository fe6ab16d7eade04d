"""Words of a live venue: what the engine asks, what the venue is told to be like, what it has to tell people."""

from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Self

import numpy as np

import native
from native.config import NS_PER_MS, JsonObject
from streaming.venues.gateway import OrderSpec, OrderType, TimeInForce

NS_PER_S = 1_000 * NS_PER_MS
TYPES = (OrderType.limit, OrderType.market)
FORCES = (TimeInForce.gtc, TimeInForce.ioc, TimeInForce.post_only, TimeInForce.fok)
"""Of the engine's numbers, in their order."""
FLATTEN = native.enums["OrderPurpose"].index("flatten")


class RequestKind(IntEnum):
    """What the engine asks about an order; see `OrderRequestRecord`."""

    place = 0
    cancel = 1
    amend = 2
    query = 3


@dataclass(frozen=True, slots=True)
class OrderRequest:
    """One request of the engine."""

    kind: RequestKind
    spec: OrderSpec
    is_closing: bool = False
    """It closes a position: it leaves even where nothing may be opened."""

    @classmethod
    def of(cls, row: np.void) -> Self:
        """Read a record of `order_requests`."""
        return cls(
            RequestKind(int(row["kind"])),
            OrderSpec(
                client_order_id=int(row["client_order_id"]),
                instrument=int(row["instrument"]),
                side=int(row["side"]),
                price_ticks=int(row["price_ticks"]),
                size_units=int(row["size_units"]),
                type=TYPES[int(row["type"])],
                time_in_force=FORCES[int(row["time_in_force"])],
                is_reduce_only=bool(row["is_reduce_only"]),
            ),
            is_closing=int(row["purpose"]) == FLATTEN,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveLimits:
    """Spans of one live venue, in ns of the shared clock."""

    order_timeout_ns: int = 3 * NS_PER_S
    """An order call without an answer for this long: its outcome is unknown."""
    call_timeout_ns: int = 5 * NS_PER_S
    """The same for every other call."""
    order_life_ns: int = 1 * NS_PER_S
    """A placement that must be tried again (busy, clock) is tried until it is this old; a quote grows stale."""
    absent_after_ns: int = 10 * NS_PER_S
    """A venue that does not know an order proves nothing before the order is this old."""
    connect_ns: int = 5 * NS_PER_S
    pong_ns: int = 5 * NS_PER_S
    """A ping that is not answered for this long ends its socket."""
    ping_every_ns: int = 5 * NS_PER_S
    """Our own asking whether a private socket still lives; a venue that asks for it more often gets it so."""
    echo_ns: int = 5 * NS_PER_S
    """The user stream must tell of an acknowledged order within this; else it is deaf and opened anew."""
    backoff_min_ns: int = 200 * NS_PER_MS
    backoff_max_ns: int = 30 * NS_PER_S
    rotate_ns: int = 23 * 3_600 * NS_PER_S
    """A private socket older than this is replaced by one that is opened beside it."""
    listen_key_every_ns: int = 25 * 60 * NS_PER_S
    reconcile_ns: int = 30 * NS_PER_S
    clock_every_ns: int = 60 * NS_PER_S


class Told(StrEnum):
    """Kinds of events of a live venue."""

    connected = "connected"
    """A private way is ready."""
    lost = "lost"
    refused = "refused"
    """An order did not leave, or the venue turned it down."""
    unknown = "unknown"
    """Nobody knows what became of a request."""
    limited = "limited"
    """The venue's limits, or our budget, hold something back."""
    difference = "difference"
    """Reconciliation found one."""
    reconciled = "reconciled"
    halt = "halt"
    """No order to this venue any more, by the venue's word or a rule of reconciliation."""
    clock = "clock"
    strange = "strange"
    """A message or field that the gateway does not know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveEvent:
    """Something that people may want to know; never holds a secret."""

    told: Told
    venue: str
    ts_ns: int
    text: str
    instrument: int | None = None
    """The engine's id."""
    client_order_id: int = 0

    def to_json(self) -> JsonObject:
        """Return it as a document."""
        return {
            "told": self.told.value,
            "venue": self.venue,
            "ts_ns": self.ts_ns,
            "text": self.text,
            "instrument": self.instrument,
            "client_order_id": str(self.client_order_id) if self.client_order_id else None,
        }
