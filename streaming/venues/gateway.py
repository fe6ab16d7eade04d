"""What a trading venue's private side is asked and says. Sans I/O: requests are bytes to send, replies bytes that came.

A gateway speaks one venue's dialect for one account. It decides nothing and waits for nothing: whoever drives it
(`streaming/live/`) sends its calls, hands back what came and when, and tells it when nothing came. Time is an argument,
int64 UTC ns of the shared clock; the venue's own clock is that plus the offset that the gateway was told last.

A call's outcome has three kinds: accepted, rejected, unknown. Unknown is never failed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

from streaming.venues.venue_reply import VenueReason, VenueReply


class CallKind(StrEnum):
    """What is asked."""

    place = "place"
    amend = "amend"
    cancel = "cancel"
    query = "query"
    """One order by client order id."""
    cancel_all = "cancel_all"
    """Every order of one symbol, whoever placed it: never sent unless a person asked for the whole account."""
    open_orders = "open_orders"
    trades = "trades"
    """Our fills of one symbol, from a trade id or time on."""
    balances = "balances"
    positions = "positions"
    fees = "fees"
    """Of one symbol."""
    rules = "rules"
    """Filters of our symbols: the exchange information."""
    time = "time"
    permissions = "permissions"
    """What the key may do; one that may withdraw is refused."""
    account = "account"
    """Who the account is (its id) and whether it is set up as we trade: one-way positions, cash spot."""
    position_mode = "position_mode"
    """Of Binance USD-M, which tells it apart: whether positions are one-way. Brings an `AccountInfo` without an id."""
    logon = "logon"
    subscribe = "subscribe"
    """To the account's own events."""
    listen_key = "listen_key"
    renew_listen_key = "renew_listen_key"
    end_listen_key = "end_listen_key"
    countdown = "countdown"
    """Dead-man's switch of one symbol."""
    rate_limits = "rate_limits"


class Way(StrEnum):
    """Over what a call goes."""

    order_socket = "order_socket"
    user_socket = "user_socket"
    rest = "rest"


class Action(StrEnum):
    """What an error asks of us; see each venue's table."""

    retry = "retry"
    """Not executed: the same request again, after `retry_at_ns`."""
    resolve = "resolve"
    """Outcome unknown: ask by client order id, send nothing anew before."""
    settle = "settle"
    """The venue does not know the order of a cancel, amend or query: it may have filled. Ask for order and trades."""
    refuse = "refuse"
    """The order is dead, or the change was not made; never sent again as it was."""
    done = "done"
    """An error in name alone: things already are as asked."""
    wait = "wait"
    """Limits: nothing of this class until `retry_at_ns`; cancels have a reserve."""
    resync_clock = "resync_clock"
    """Not executed: our clock and the venue's differ. Learn the offset, then the same request again."""
    renew = "renew"
    """Listen key or session is gone: open it anew, then reconcile."""
    halt_instrument = "halt_instrument"
    halt = "halt"
    """Key, account or our own mistake: no order to this venue any more, and a person is told."""


class OrderType(StrEnum):
    """Of a placement."""

    limit = "limit"
    market = "market"


class TimeInForce(StrEnum):
    """Of a placement; a market order has none."""

    gtc = "gtc"
    ioc = "ioc"
    post_only = "post_only"
    fok = "fok"


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderSpec:
    """An order, or the change of one, in the engine's integers."""

    client_order_id: int
    instrument: int
    """The engine's id."""
    side: int = 0
    """0 buy, 1 sell."""
    price_ticks: int = 0
    """0 for market orders."""
    size_units: int = 0
    """Of an amendment: the new total, what has filled included."""
    type: OrderType = OrderType.limit
    time_in_force: TimeInForce = TimeInForce.gtc
    is_reduce_only: bool = False
    replaces_client_order_id: int = 0
    """Spot cancel-replace: the order that goes as this one comes; 0 otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A request that never left: our own rules of the venue's filters say what the venue would say, by name."""

    spec: OrderSpec
    rule: str
    """Name of the filter, such as `LOT_SIZE`."""
    text: str
    reply: VenueReply


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request on its way. It may hold key, signature or listen key: its words are not shown by `repr`."""

    number: int
    """Unique in its gateway; also the request's id on a socket."""
    kind: CallKind
    way: Way
    ts_ns: int
    """When it was made: the signature holds this time."""
    spec: OrderSpec | None = None
    """Of place, amend, cancel and query."""
    symbol: str = ""
    """The venue's, of calls about one."""
    method: str = "GET"
    target: str = field(default="", repr=False)
    """Of REST: path and query."""
    base: str = ""
    """Of REST: base address, where it is not the venue's own; empty else."""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)
    """Of REST: the body; of a socket: the message."""
    weight: int = 1
    """What it costs of the address's limit."""
    orders: int = 0
    """What it costs of the account's order limit."""
    pool: str = ""
    """Of per-endpoint limits: which one (Bybit); empty where there is none."""
    is_cancel: bool = False
    """It may use the reserve."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpReply:
    """What came over REST."""

    status: int
    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)
    """By lower-case name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueOrder:
    """An open order, or a queried one, as the venue states it."""

    symbol: str
    client_text: str
    """Client order id as it stands there; may be a stranger's."""
    venue_id: str
    side: int
    price_ticks: int
    size_units: int
    filled_units: int
    is_open: bool
    status: str
    """The venue's own word."""
    ts_venue_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueTrade:
    """A fill of ours as the venue states it."""

    symbol: str
    client_text: str
    """Empty where the venue's list does not say (Binance names the venue's order id alone)."""
    venue_id: str
    """Of the order."""
    reply: VenueReply
    """The fill itself, with `client_order_id` 0 where the list does not say whose it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """Of one asset."""

    asset: str
    free: Decimal
    locked: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class VenuePosition:
    """Of one perpetual."""

    symbol: str
    size_units: int
    """Signed."""
    entry_price: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Permissions:
    """What a key may do."""

    may_trade: bool
    may_withdraw: bool
    is_bound_to_address: bool
    expires_ns: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountInfo:
    """Whose the key is."""

    account: str
    """The venue's id of the account, as a person finds it there."""
    problems: tuple[str, ...] = ()
    """Settings of the account that do not fit how we trade, each with what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fees:
    """Rates of one symbol; negative is a rebate."""

    symbol: str
    maker: Decimal
    taker: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitUse:
    """What a venue says of one of its limits."""

    name: str
    used: int
    limit: int
    reset_ns: int | None = None


Document = (
    tuple[VenueOrder, ...]
    | tuple[VenueTrade, ...]
    | tuple[Balance, ...]
    | tuple[VenuePosition, ...]
    | tuple[Fees, ...]
    | tuple[LimitUse, ...]
    | Permissions
    | AccountInfo
    | int
    | str
    | None
)
"""What a call that is not about one order brings: by its kind. `time` an int (ns), `listen_key` a str."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a call."""

    call: Call
    is_accepted: bool = False
    action: Action | None = None
    """None when accepted."""
    code: int = 0
    """The venue's, else the HTTP status."""
    text: str = ""
    """The venue's words, without secrets, in one bounded line."""
    reason: VenueReason = VenueReason.none
    replies: tuple[VenueReply, ...] = ()
    """For the engine, in their order; of placements, changes, cancels and queries."""
    document: Document = field(default=None, repr=False)
    more: Call | None = None
    """Asks for the next page of a list of which `document` is one: both together are the list."""
    retry_at_ns: int = 0
    limits: tuple[LimitUse, ...] = ()
    """As the reply's headers or its `rateLimits` say."""


class Told(StrEnum):
    """What a private connection says beside orders and fills."""

    ready = "ready"
    """Subscribed: events come from here on."""
    alive = "alive"
    """It answered a ping, or spoke."""
    ended = "ended"
    """The venue ended the subscription or the key: open it anew and reconcile."""
    closing = "closing"
    """The venue is about to close it: open another beside it."""
    balance = "balance"
    position = "position"
    unknown = "unknown"
    """An event of a kind or with fields that this gateway does not know: counted, never fatal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamEvent:
    """One message of the account's own events."""

    told: Told
    replies: tuple[VenueReply, ...] = ()
    balances: tuple[Balance, ...] = ()
    positions: tuple[VenuePosition, ...] = ()
    text: str = ""
    ts_venue_ns: int = 0


Heard = Outcome | StreamEvent


class FrameError(Exception):
    """A message lacks what is needed to know what it says; the text names the field and shows the frame, bounded."""


class Gateway(Protocol):
    """One venue's private side for one account. Holds the secret; never shows it."""

    @property
    def venue(self) -> str:
        """Its name in instruments."""

    @property
    def user_path(self) -> str | None:
        """Path of the user socket's address, with a listen key where it needs one; None: the order socket carries the
        account's events (Binance spot), or the listen key is not there yet."""

    @property
    def order_path(self) -> str:
        """Path of the order socket's address."""

    @property
    def ping_every_s(self) -> float | None:
        """How often the client must ping private sockets with a message of its own; None where the server pings."""

    def set_clock_offset(self, offset_ns: int) -> None:
        """The venue's clock is ours plus this."""

    def order(self, kind: CallKind, spec: OrderSpec, way: Way, ts_ns: int) -> Call | Refused:
        """Return the call that places, amends, cancels or queries; rounding and filters are the venue's rules."""

    def ask(
        self, kind: CallKind, ts_ns: int, *, symbol: str = "", since: int = 0, value: int = 0, way: Way | None = None
    ) -> Call:
        """Return any other call. `since`: first trade id (or ns, by venue) of `trades`; `value`: ms of `countdown`.

        `way`: over which it goes where it has that way at all; else over REST. None: the gateway's choice.
        """

    def on_open(self, way: Way, ts_ns: int) -> Sequence[Call]:
        """Return what a fresh private socket must be sent: logon, auth, subscriptions."""

    def ping(self, way: Way, number: int) -> bytes | None:
        """Return the text that asks whether the venue still listens; None: a websocket ping does."""

    def on_http(self, call: Call, reply: HttpReply, ts_ns: int) -> Outcome:
        """Read what came over REST; FrameError when it cannot be read at all."""

    def on_text(self, way: Way, data: bytes, ts_ns: int) -> Sequence[Heard]:
        """Read a message of a private socket; answers find their call by its number."""

    def on_unanswered(self, call: Call, ts_ns: int, why: str) -> Outcome:
        """Give a call up: nothing came in time, or its connection ended. An order's outcome is then unknown."""

    def on_lost(self, way: Way) -> Sequence[Call]:
        """Forget a socket; return the calls under way on it, which the driver then gives up."""
