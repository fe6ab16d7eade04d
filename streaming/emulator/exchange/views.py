"""What may be asked of an emulated exchange: fees, orders, fills, money, events. Nothing here changes anything."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from streaming.emulator.exchange.accounts import FeeRates
from streaming.emulator.exchange.holder import Holder
from streaming.emulator.exchange.ledger import PerpetualLedger
from streaming.emulator.exchange.order_matching import OrderMatching
from streaming.emulator.exchange.rules import SymbolRules
from streaming.emulator.exchange.truth import AccountTruth
from streaming.emulator.exchange.words import (
    AccountEvent,
    ExchangeOrder,
    Held,
    PerpetualPosition,
    Refusal,
    RefusedError,
    Trade,
    copy_of,
)
from streaming.emulator.session import NEVER_NS
from streaming.segments import InstrumentEntry

ZERO = Decimal(0)


class AccountViews:
    """The accounts of one venue, to be looked at; KeyError for an account that is not open here."""

    def __init__(self, entries: Sequence[InstrumentEntry], rules: Mapping[str, SymbolRules]) -> None:
        self.rules: Mapping[str, SymbolRules] = rules
        self._usual_fees = {
            entry.symbol: FeeRates(
                maker=Decimal(entry.maker_fee_bps) / 10_000, taker=Decimal(entry.taker_fee_bps) / 10_000
            )
            for entry in entries
        }
        self._ts_ns = 0
        self._matching: OrderMatching
        self._holders: dict[str, Holder]

    @property
    def accounts(self) -> tuple[str, ...]:
        """Return the ids of all accounts."""
        return tuple(self._holders)

    def fees(self, account: str, symbol: str) -> FeeRates:
        """Return the account's rates. RefusedError `unknown_symbol`."""
        if symbol not in self.rules:
            raise RefusedError(Refusal.unknown_symbol)
        return self._holders[account].account.fees.get(symbol, self._usual_fees[symbol])

    # -- orders

    def order_of(self, trade: Trade) -> ExchangeOrder | None:
        """Return the order of a fill, whatever queries are told of it; None once it is forgotten."""
        order = self._holders[trade.account].account.orders.get(trade.order_id)
        return None if order is None else copy_of(order)

    def open_orders(self, account: str, symbol: str | None = None) -> list[ExchangeOrder]:
        """Return open orders, oldest first."""
        found = self._holders[account].account.open.values()
        return [copy_of(order) for order in found if symbol in (None, order.symbol)]

    def orders(
        self, account: str, symbol: str | None, *, from_id: int = 0, from_ns: int = 0, to_ns: int | None = None
    ) -> list[ExchangeOrder]:
        """Return every order made, oldest first; times are those at which they were made, `to_ns` included."""
        found = self._holders[account].account.orders.values()
        return [
            copy_of(order)
            for order in found
            if symbol in (None, order.symbol)
            and order.order_id >= from_id
            and from_ns <= order.ts_made_ns <= (NEVER_NS if to_ns is None else to_ns)
        ]

    def trades(
        self,
        account: str,
        symbol: str | None,
        *,
        from_id: int = 0,
        from_ns: int = 0,
        to_ns: int | None = None,
        order_id: int | None = None,
    ) -> list[Trade]:
        """Return the account's fills, oldest first."""
        return [
            trade
            for trade in self._holders[account].account.trades
            if symbol in (None, trade.symbol)
            and trade.trade_id >= from_id
            and from_ns <= trade.ts_ns <= (NEVER_NS if to_ns is None else to_ns)
            and order_id in (None, trade.order_id)
        ]

    def orders_placed(self, account: str, window_ns: int, ts_ns: int) -> int:
        """Return how many orders were taken in the window of `window_ns`, aligned to the clock, that holds `ts_ns`.

        Windows are of ten seconds, a minute and a day. On Binance spot an order that has filled counts no more.
        """
        return self._holders[account].account.placed.within(window_ns, ts_ns)

    # -- money

    def balances(self, account: str) -> tuple[Held, ...]:
        """Return what the account holds. Of a perpetual's venue: the wallet; `locked` is its initial margin."""
        return self._holders[account].ledger.held()

    def positions(self, account: str) -> tuple[PerpetualPosition, ...]:
        """Return every position that was ever opened, flat ones included; empty on spot."""
        ledger = self._holders[account].ledger
        return ledger.positions() if isinstance(ledger, PerpetualLedger) else ()

    def position(self, account: str, symbol: str) -> PerpetualPosition:
        """Return the position of one symbol, flat where none was opened."""
        ledger = self._holders[account].ledger
        if isinstance(ledger, PerpetualLedger):
            return ledger.position(symbol)
        return PerpetualPosition(symbol=symbol, size=ZERO, entry_price=ZERO, realised=ZERO)

    def unrealised(self, account: str, symbol: str) -> Decimal:
        """Return the position's profit at the mark price, 0 while there is none."""
        ledger, mark = self._holders[account].ledger, self.mark_price(symbol)
        return ledger.unrealised(symbol, mark) if isinstance(ledger, PerpetualLedger) and mark is not None else ZERO

    def funding(self, account: str) -> list[AccountEvent]:
        """Return what funding was charged, oldest first."""
        return [*self._holders[account].account.funding]

    def mark_price(self, symbol: str) -> Decimal | None:
        """Return the mark price, the middle of the book; None while that is not known."""
        return self._matching.mark(symbol)

    def truth(self, account: str) -> AccountTruth:
        """Return all that is so of an account; KeyError for one that is not open here."""
        holder = self._holders[account]
        paid = sum((event.amount for event in holder.account.funding), ZERO)
        return AccountTruth(
            account=account,
            ts_ns=self._ts_ns,
            balances=self.balances(account),
            positions=self.positions(account),
            orders=tuple(copy_of(order) for order in holder.account.orders.values()),
            trades=tuple(holder.account.trades),
            funding_paid=paid,
            seq=holder.account.seq,
        )

    # -- events

    def events_since(self, account: str, seq: int) -> list[AccountEvent]:
        """Return the account's events after `seq` (0: all that are kept), without any fault."""
        return [event for event in self._holders[account].account.events if event.seq > seq]

    def last_event(self, account: str, order_id: int) -> AccountEvent | None:
        """Return the newest event of an order, None where none is kept."""
        events = reversed(self._holders[account].account.events)
        return next((event for event in events if event.order is not None and event.order.order_id == order_id), None)
