"""What the front ends of a venue and its exchange say to each other: orders, their events, refusals. No dialect here.

Every price and size is a `Decimal` as a client wrote it or a venue prints it; the exchange keeps integers inside. Times
are int64 ns of the market's clock.
"""

from dataclasses import dataclass, field, replace
from decimal import Decimal
from enum import StrEnum


class Side(StrEnum):
    """Of an order."""

    buy = "buy"
    sell = "sell"


class OrderKind(StrEnum):
    """What an order may do."""

    limit = "limit"
    market = "market"


class Force(StrEnum):
    """How long an order may rest."""

    gtc = "gtc"
    ioc = "ioc"
    fok = "fok"
    post_only = "post_only"


class SelfTrade(StrEnum):
    """What becomes of orders of one account that would meet; the incoming order decides."""

    none = "none"
    expire_maker = "expire_maker"
    expire_taker = "expire_taker"
    expire_both = "expire_both"


class OrderState(StrEnum):
    """As the exchange knows it."""

    new = "new"
    partially_filled = "partially_filled"
    filled = "filled"
    cancelled = "cancelled"
    expired = "expired"
    """By the exchange: IOC, FOK and market remainders, delisting."""
    expired_in_match = "expired_in_match"
    """By self-trade prevention."""
    rejected = "rejected"
    """After it was taken (Bybit's late rejections)."""


class Refusal(StrEnum):
    """Why a request is refused; a front end has its own code and words for each."""

    unknown_symbol = "unknown_symbol"
    market_closed = "market_closed"
    price_tick = "price_tick"
    price_range = "price_range"
    price_band = "price_band"
    lot = "lot"
    size_min = "size_min"
    size_max = "size_max"
    notional_min = "notional_min"
    precision = "precision"
    would_take = "would_take"
    cannot_fill = "cannot_fill"
    balance = "balance"
    margin = "margin"
    reduce_only = "reduce_only"
    duplicate_id = "duplicate_id"
    bad_id = "bad_id"
    unknown_order = "unknown_order"
    open_orders_max = "open_orders_max"
    unchanged = "unchanged"
    not_amendable = "not_amendable"
    amends_max = "amends_max"
    size_not_less = "size_not_less"
    no_liquidity = "no_liquidity"
    forced = "forced"
    """By a fault on command."""


class RefusedError(Exception):
    """A request that the exchange refuses."""

    def __init__(self, refusal: Refusal, text: str = "") -> None:
        super().__init__(text or refusal.value)
        self.refusal, self.text = refusal, text


@dataclass(frozen=True, slots=True, kw_only=True)
class NewOrder:
    """What a client asks for."""

    symbol: str
    side: Side
    kind: OrderKind
    force: Force = Force.gtc
    size: Decimal | None = None
    """In base; None where `quote_size` is given."""
    quote_size: Decimal | None = None
    """What to spend or to get, of market orders on spot."""
    price: Decimal | None = None
    client_id: str = ""
    """Empty: the exchange makes one."""
    is_reduce_only: bool = False
    self_trade: SelfTrade = SelfTrade.expire_maker


@dataclass(slots=True, kw_only=True)
class ExchangeOrder:
    """An order as it stands; the exchange alone changes it."""

    account: str
    order_id: int
    client_id: str
    symbol: str
    side: Side
    kind: OrderKind
    force: Force
    price: Decimal
    """0 of market orders."""
    size: Decimal
    """Total; amends change it."""
    filled: Decimal = Decimal(0)
    filled_quote: Decimal = Decimal(0)
    state: OrderState = OrderState.new
    is_reduce_only: bool = False
    self_trade: SelfTrade = SelfTrade.expire_maker
    ts_made_ns: int = 0
    ts_changed_ns: int = 0
    amends: int = 0
    end_reason: str = ""
    """`ioc`, `fok`, `market`, `self_trade`, `would_take`, `user`, `countdown`, `halted`, `reduce_only`; else empty."""
    previous_client_ids: list[str] = field(default_factory=list)

    @property
    def is_open(self) -> bool:
        """Whether it rests."""
        return self.state in (OrderState.new, OrderState.partially_filled)


def copy_of(order: ExchangeOrder) -> ExchangeOrder:
    """Return an order as it stands now."""
    return replace(order, previous_client_ids=[*order.previous_client_ids])


@dataclass(frozen=True, slots=True, kw_only=True)
class Trade:
    """One fill of one order."""

    trade_id: int
    """Dense by symbol."""
    symbol: str
    order_id: int
    account: str
    side: Side
    price: Decimal
    size: Decimal
    fee: Decimal
    """Positive is paid."""
    fee_asset: str
    is_maker: bool
    realised: Decimal
    """Of a perpetual: profit that this fill realised, before fees."""
    ts_ns: int


class EventKind(StrEnum):
    """What happened to an account, in order of `seq`."""

    order_new = "order_new"
    order_trade = "order_trade"
    order_cancelled = "order_cancelled"
    order_amended = "order_amended"
    order_expired = "order_expired"
    order_rejected = "order_rejected"
    balances = "balances"
    """Absolute, of those that changed."""
    position = "position"
    funding = "funding"


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """Balance of one asset."""

    asset: str
    free: Decimal
    locked: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class PerpetualPosition:
    """Of one symbol, one-way."""

    symbol: str
    size: Decimal
    """Signed."""
    entry_price: Decimal
    realised: Decimal
    """Accumulated, before fees."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountEvent:
    """One event of one account. `order` is a copy as it stood then."""

    seq: int
    kind: EventKind
    account: str
    ts_ns: int
    order: ExchangeOrder | None = None
    trade: Trade | None = None
    held: tuple[Held, ...] = ()
    position: PerpetualPosition | None = None
    amount: Decimal = Decimal(0)
    """Of funding: what is paid, negative is received."""
    cause: str = ""
    """`client` (by request), `fault`, `countdown`, `match`, `funding`."""
