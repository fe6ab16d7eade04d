"""Words of reconciliation: what we believe of an account, what its venue says, and how the two differ."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType

from streaming.venues.gateway import Balance, VenueOrder, VenuePosition, VenueTrade
from streaming.venues.venue_reply import VenueReply


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalOrder:
    """An order of ours that has not ended by what we know."""

    client_order_id: int
    instrument: int
    """The engine's id."""
    symbol: str
    side: int
    """0 buy, 1 sell."""
    price_ticks: int
    size_units: int
    filled_units: int
    is_unknown: bool = False
    """The outcome of the last request about it is not known."""
    ts_asked_ns: int = 0
    """When the last request about it was sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalState:
    """What the engine believes of one venue's account, when a snapshot has come and every reply before it is booked."""

    venue: str
    orders: tuple[LocalOrder, ...] = ()
    """Those not ended."""
    ended: frozenset[int] = frozenset()
    """Client order ids of orders that ended since the snapshot's round began, or shortly before: its list of open
    orders may still show them."""
    trades: frozenset[tuple[int, int]] = frozenset()
    """(instrument, trade id) of every fill booked, as far back as the snapshot's lists go."""
    since_ns: int = 0
    """Fills of before are no affair of ours: the account's history from before its first session."""
    moved: frozenset[int] = frozenset()
    """Instruments with a fill booked since the snapshot's round began: its positions and balances may be older."""
    positions: Mapping[int, int] = field(default_factory=lambda: MappingProxyType({}))
    """Signed size units of perpetuals, by the engine's instrument id; one that is missing has none."""
    balances: Mapping[str, Decimal] = field(default_factory=lambda: MappingProxyType({}))
    """Total by asset as it should be by our fills and fees; an asset that is not there is not compared."""
    marks: Mapping[int, int] = field(default_factory=lambda: MappingProxyType({}))
    """About what an instrument is worth, in ticks, by its id: the price of what is booked without one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountSnapshot:
    """What the venue says, asked within one round; trades are asked for last, after all that they explain."""

    venue: str
    ts_asked_ns: int
    """When the round's first question left: what we did after it may be missing in the answers."""
    ts_ns: int
    """When its last answer came."""
    open_orders: tuple[VenueOrder, ...] = ()
    """Of every symbol traded here; also strangers'."""
    trades: tuple[VenueTrade, ...] = ()
    """Of every symbol traded here, from the last trade known on, with an overlap."""
    queried: tuple[VenueOrder, ...] = ()
    """Answers about orders that were asked for by client order id; how an ended one ended stands here alone."""
    absent: frozenset[int] = frozenset()
    """Client order ids that the venue provably does not know: the agreed time has passed, and neither query, open
    orders nor trades name them."""
    balances: tuple[Balance, ...] = ()
    positions: tuple[VenuePosition, ...] | None = None
    """Of perpetuals; a symbol that is missing has none. None: this venue has no positions."""


class DifferenceKind(StrEnum):
    """How belief and venue differ."""

    missing_fill = "missing_fill"
    """The venue's list holds a fill of ours that is not booked."""
    unlisted_fill = "unlisted_fill"
    """The venue says that an order has filled further than its list of trades tells."""
    ghost_order = "ghost_order"
    """Open here, not open there."""
    lost_order = "lost_order"
    """Unknown here, known there: it rests."""
    changed_order = "changed_order"
    """Price or size here are not those there."""
    foreign_order = "foreign_order"
    """Open there under our prefix, of an order that is not open here."""
    stranger_order = "stranger_order"
    """Open there, of somebody else with the same account."""
    position = "position"
    balance = "balance"


class Rule(StrEnum):
    """What follows from a difference."""

    book = "book"
    """The replies go to the engine, which then believes what the venue says."""
    query = "query"
    """The order is asked for by its client order id; the next round settles it."""
    cancel = "cancel"
    """The order is cancelled there."""
    halt = "halt"
    """It is booked, and nothing that opens risk leaves until a person has looked."""
    tell = "tell"
    """Nothing but that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One difference."""

    id: str
    """16 hexadecimal digits made of what differs: the same difference has the same id in every pass and run."""
    kind: DifferenceKind
    rule: Rule
    is_confirmed: bool = True
    """False of what may be a mere delay and is seen for the first time: its rule waits for a second round."""
    venue: str
    text: str
    """Expected and found, for people."""
    symbol: str = ""
    instrument: int | None = None
    client_order_id: int = 0
    client_text: str = ""
    """Of foreign orders, as it stands at the venue."""
    asset: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciled:
    """What a comparison found; nothing where the two agree."""

    replies: tuple[VenueReply, ...] = ()
    """For the engine, in this order: fills before ends."""
    differences: tuple[Difference, ...] = ()

    @property
    def is_clean(self) -> bool:
        """Whether nothing is left that must be settled or looked at."""
        return not self.replies and all(one.rule is Rule.tell and one.is_confirmed for one in self.differences)

    @property
    def ids(self) -> frozenset[str]:
        """What the next round is to compare with."""
        return frozenset(one.id for one in self.differences)
