"""Who trades at an emulated venue: API keys and what they may do, fees, and what an account has asked for and got."""

from collections import OrderedDict, deque
from dataclasses import dataclass, field, replace
from decimal import Decimal
from enum import StrEnum

from streaming.emulator.exchange.words import AccountEvent, ExchangeOrder, Trade

ENDED_KEPT_MAX = 100_000
"""Orders that ended, an account; the oldest are forgotten, as venues forget them."""
TRADES_KEPT_MAX = 500_000
EVENTS_KEPT_MAX = 100_000
WINDOWS_NS = (10_000_000_000, 60_000_000_000, 86_400_000_000_000)
"""Windows in which placements are counted: ten seconds, a minute, a day, aligned to the clock."""


class KeyKind(StrEnum):
    """How requests of a key are signed."""

    hmac = "hmac"
    ed25519 = "ed25519"


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """One API key. Its secret is not shown by `repr`."""

    key: str
    """What a client sends with each request."""
    account: str
    kind: KeyKind = KeyKind.hmac
    secret: str = field(default="", repr=False)
    """Of HMAC keys."""
    public_key: bytes = field(default=b"", repr=False)
    """Of Ed25519 keys: the 32 raw bytes."""
    may_trade: bool = True
    may_withdraw: bool = False
    addresses: tuple[str, ...] = ()
    """Addresses it is bound to; empty: any."""
    made_ns: int = 0
    expires_ns: int = 0
    """0: never."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeeRates:
    """Of one account on one symbol, as shares of the notional: 0.001 is ten basis points. Negative is a rebate."""

    maker: Decimal
    taker: Decimal
    asset: str = ""
    """A third asset that fees are paid in, while enough of it is free; empty: as the venue takes them."""
    asset_price: Decimal = Decimal(1)
    """Of the third asset, in quote."""


class PlacedCounts:
    """How many orders were taken in the present window of each length."""

    def __init__(self) -> None:
        self._counts = {window_ns: [0, 0] for window_ns in WINDOWS_NS}

    def add(self, ts_ns: int) -> None:
        """Count an order taken at `ts_ns`."""
        for window_ns, count in self._counts.items():
            start_ns = ts_ns - ts_ns % window_ns
            if count[0] != start_ns:
                count[:] = [start_ns, 0]
            count[1] += 1

    def forgive(self, ts_ns: int) -> None:
        """Take back the order taken at `ts_ns`, where its window is still the present one."""
        for window_ns, count in self._counts.items():
            if count[0] == ts_ns - ts_ns % window_ns and count[1]:
                count[1] -= 1

    def within(self, window_ns: int, ts_ns: int) -> int:
        """Return the count of the window that holds `ts_ns`; KeyError for a length that is not counted."""
        start_ns, count = self._counts[window_ns]
        return count if start_ns == ts_ns - ts_ns % window_ns else 0


class Account:
    """What one account has asked for and got; its money is in a ledger."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.orders: OrderedDict[int, ExchangeOrder] = OrderedDict()
        """By order id, oldest first; those that are open among them."""
        self.open: dict[int, ExchangeOrder] = {}
        self.trades: deque[Trade] = deque(maxlen=TRADES_KEPT_MAX)
        self.events: deque[AccountEvent] = deque(maxlen=EVENTS_KEPT_MAX)
        self.fees: dict[str, FeeRates] = {}
        self.placed = PlacedCounts()
        self.funding: deque[AccountEvent] = deque(maxlen=EVENTS_KEPT_MAX)
        self._by_client: dict[tuple[str, str], int] = {}
        """Last order of a symbol that had a client id."""
        self._seq = 0

    def take(self, order: ExchangeOrder) -> None:
        """Note a new order."""
        self.orders[order.order_id] = self.open[order.order_id] = order
        self._by_client[order.symbol, order.client_id] = order.order_id
        while len(self.orders) - len(self.open) > ENDED_KEPT_MAX:
            self._forget_oldest()

    def rename(self, order: ExchangeOrder, client_id: str) -> None:
        """Give an order another client id."""
        order.previous_client_ids.append(order.client_id)
        order.client_id = client_id
        self._by_client[order.symbol, client_id] = order.order_id

    def find(self, symbol: str, order_id: int | None, client_id: str | None) -> ExchangeOrder | None:
        """Return the order that is meant; None where there is none, or where the two ids disagree."""
        by_client = None if client_id is None else self._by_client.get((symbol, client_id))
        wanted = by_client if order_id is None else order_id
        order = None if wanted is None else self.orders.get(wanted)
        if order is None or order.symbol != symbol:
            return None
        return None if order_id is not None and client_id not in (None, order.client_id) else order

    def is_taken(self, symbol: str, client_id: str, *, for_ever: bool) -> bool:
        """Tell whether a client id may not be used: an open order has it, or (`for_ever`) any ever had."""
        order_id = self._by_client.get((symbol, client_id))
        return order_id is not None and (for_ever or order_id in self.open)

    def note(self, event: AccountEvent) -> AccountEvent:
        """Number an event and keep it."""
        self._seq += 1
        numbered = replace(event, seq=self._seq)
        self.events.append(numbered)
        return numbered

    @property
    def seq(self) -> int:
        """Return the number of the last event."""
        return self._seq

    def _forget_oldest(self) -> None:
        oldest = next(order for order in self.orders.values() if not order.is_open)
        del self.orders[oldest.order_id]
        for client_id in (oldest.client_id, *oldest.previous_client_ids):
            if self._by_client.get((oldest.symbol, client_id)) == oldest.order_id:
                del self._by_client[oldest.symbol, client_id]
