"""An emulated venue's private side: accounts, orders, fills, money. Sans I/O, no dialect, time an argument.

Front ends speak a venue's dialect: they check signatures (with `find_key`), rate limits and forms, then call this. What
is refused here comes as `RefusedError`, and each front end has its own code for each `Refusal`. Every time is int64 ns
of the market's clock; one that goes back counts as the latest.

How a front end asks:

    fault = exchange.request_fault(RequestKind.place, symbol, now_ns)     # None: nothing goes wrong
    if fault is None or fault.is_executed:
        order = exchange.place(account, new_order, now_ns)                # RefusedError: the venue's error
    if fault is not None: answer by `fault.answer`, never by the order

How it tells an account's events:

    feed = exchange.subscribe(account, now_ns)
    for event in feed.due(now_ns): ...      # faults of the stream (silent, late, twice) are applied already
    exchange.unsubscribe(feed)

Events of a fill are `order_trade`, then `balances` (spot) or `position` (perpetuals: with the wallet in `held`).
Placing and ending a limit order on spot says `balances` too, since it locks and unlocks.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal

from streaming.emulator.exchange.account_events import AccountEvents
from streaming.emulator.exchange.accounts import Account, ApiKey, FeeRates
from streaming.emulator.exchange.event_feed import EventFeed
from streaming.emulator.exchange.funding import Funding
from streaming.emulator.exchange.holder import Holder
from streaming.emulator.exchange.ledger import Ledger, PerpetualLedger, SpotLedger
from streaming.emulator.exchange.native_desk import NativeDesk
from streaming.emulator.exchange.order_checks import OrderChecks
from streaming.emulator.exchange.order_faults import NS_PER_MS, OrderFaults, RequestFault, RequestKind
from streaming.emulator.exchange.order_matching import OrderMatching
from streaming.emulator.exchange.rules import HABITS, read_rules
from streaming.emulator.exchange.views import AccountViews
from streaming.emulator.exchange.words import (
    ExchangeOrder,
    NewOrder,
    OrderKind,
    OrderState,
    Refusal,
    RefusedError,
    copy_of,
)
from streaming.emulator.faults import FaultKind, FaultLog, VenueFaults
from streaming.emulator.streams import MarketFrame
from streaming.emulator.true_book import TrueBook
from streaming.segments import InstrumentEntry

ZERO = Decimal(0)
AMENDS_MAX = 10
"""Of one order with its place kept."""


class Exchange(AccountViews):
    """The private side of one venue; what changes it is here, what only looks at it in `AccountViews`."""

    def __init__(
        self,
        venue: str,
        entries: Sequence[InstrumentEntry],
        books: Mapping[str, TrueBook],
        faults: VenueFaults | None = None,
    ) -> None:
        self.venue = venue
        self.habits = HABITS[venue]
        super().__init__(entries, read_rules(venue, entries))
        self._faults = OrderFaults(faults or VenueFaults(venue, FaultLog()))
        self._events = AccountEvents(self._faults)
        desk = NativeDesk(venue, entries, books)
        self._matching = OrderMatching(desk, self.habits, self.rules, books, self.fees, self._events.tell)
        self._holders = self._events.holders = self._matching.holders
        self._funding = Funding(self._holders, self.rules, self.mark_price, self._events.tell)
        self._checks = OrderChecks(self.habits, self.rules, books, self._matching)
        self._keys: dict[str, ApiKey] = {}
        self._countdowns: dict[tuple[str, str], int] = {}
        self._halts: dict[str, int] = {}
        """By symbol: until when it is halted."""
        self._hidden: dict[int, int] = {}
        """By order id: until when queries do not know it."""
        self._order_id = self.habits.first_order_id - 1

    # -- accounts

    def open_account(self, account: str, held: Mapping[str, Decimal], ts_ns: int) -> None:
        """Open an account that holds `held` by asset (of a perpetual's venue: its wallet). ValueError: it is there."""
        if account in self._holders:
            raise ValueError(f"account {account}: expected a new one, found it open at {self.venue}")
        self.advance(ts_ns)
        is_spot = not self.habits.is_perpetual
        ledger: Ledger = (
            SpotLedger(held, inverts_rebates=self.habits.inverts_rebates) if is_spot else PerpetualLedger(held)
        )
        self._holders[account] = Holder(Account(account), ledger)

    def add_key(self, key: ApiKey) -> None:
        """Take a key of an account that is open; KeyError for one that is not."""
        self._keys[key.key] = replace(key, account=self._holders[key.account].account.name)

    def find_key(self, api_key: str) -> ApiKey | None:
        """Return the key, None for one that nobody has. Whether it has expired, or may trade, the front end judges."""
        return self._keys.get(api_key)

    def set_fees(self, account: str, symbol: str, fees: FeeRates) -> None:
        """Change what an account pays on a symbol."""
        self._holders[account].account.fees[symbol] = fees

    # -- orders

    def place(self, account: str, order: NewOrder, ts_ns: int) -> ExchangeOrder:
        """Take an order, match what matches at once, and return a copy of how it then stands.

        RefusedError: nothing has happened. Post-only orders that would take are refused (`would_take`) on Binance;
        on Bybit they are taken and end `cancelled` with `end_reason` `would_take`, as that venue does. So it is with
        fill-or-kill orders that cannot fill: refused (`cannot_fill`) on USD-M, elsewhere `expired`.
        """
        self.advance(ts_ns)
        self.check(account, order, ts_ns)
        made = self._made(account, order)
        placed = self._holders[account].account.placed
        placed.add(self._ts_ns)
        try:
            self._matching.enter(made, self._ts_ns, budget=order.quote_size)
        except RefusedError:
            placed.forgive(self._ts_ns)
            raise
        hidden = self._faults.once(FaultKind.order_hidden, order.symbol, self._ts_ns)
        if hidden is not None:
            self._hidden = {number: until_ns for number, until_ns in self._hidden.items() if until_ns > self._ts_ns}
            self._hidden[made.order_id] = self._ts_ns + hidden.duration_ms * NS_PER_MS
        return copy_of(made)

    def check(self, account: str, order: NewOrder, ts_ns: int) -> None:
        """Refuse what `place` would refuse before it looks at the market, and do nothing (order/test)."""
        self.advance(ts_ns)
        if self.is_halted(order.symbol):
            raise RefusedError(Refusal.market_closed)
        self._checks.check(self._holders[account], order)

    def cancel(
        self,
        account: str,
        symbol: str,
        ts_ns: int,
        *,
        order_id: int | None = None,
        client_id: str | None = None,
        cause: str = "client",
        only: OrderState | None = None,
    ) -> ExchangeOrder:
        """End an open order; where both ids are given they must agree. RefusedError `unknown_order`: none such is open,
        or none in the state that `only` asks for.

        Two faults strike here: the order fills in part just before, or whole, and then the cancel is refused.
        """
        self.advance(ts_ns)
        order = self._open_order(account, symbol, order_id, client_id)
        self._fill_before_cancel(order)
        if not order.is_open or (only is not None and order.state is not only):
            raise RefusedError(Refusal.unknown_order)
        self._matching.withdraw(order, self._ts_ns, reason="user" if cause == "client" else cause, cause=cause)
        return copy_of(order)

    def cancel_all(self, account: str, symbol: str | None, ts_ns: int, *, cause: str = "client") -> list[ExchangeOrder]:
        """End every open order of a symbol, or of the account; return them."""
        self.advance(ts_ns)
        ended = []
        for order in [*self._holders[account].account.open.values()]:
            if symbol in (None, order.symbol) and order.is_open:
                reason = "user" if cause == "client" else cause
                self._matching.withdraw(order, self._ts_ns, reason=reason, cause=cause)
                ended.append(copy_of(order))
        return ended

    def amend(
        self,
        account: str,
        symbol: str,
        ts_ns: int,
        *,
        order_id: int | None = None,
        client_id: str | None = None,
        price: Decimal | None = None,
        size: Decimal | None = None,
        new_client_id: str | None = None,
        keeps_priority: bool = False,
    ) -> ExchangeOrder:
        """Change price, total size, or both of an open limit order, and match what then matches.

        A lesser size at the same price keeps the place in the queue, anything else loses it. `keeps_priority`: refuse
        (`size_not_less`) what would lose it, and count the order's amends (at most 10: `amends_max`); the order then
        has `new_client_id` if one is given. A total not above what has filled ends the order on Binance USD-M,
        elsewhere it is refused (`size_min`); a post-only order that would take at its new price ends. RefusedError, and
        the order is as it was: `unknown_order`, `not_amendable`, `unchanged`, filters, `balance`, `margin`,
        `reduce_only`, `forced` by a fault.
        """
        self.advance(ts_ns)
        order = self._open_order(account, symbol, order_id, client_id)
        if self.is_halted(symbol):
            raise RefusedError(Refusal.market_closed)
        if self._faults.once(FaultKind.amend_refused, symbol, self._ts_ns) is not None:
            raise RefusedError(Refusal.forced)
        price, size = order.price if price is None else price, order.size if size is None else size
        if keeps_priority:
            _check_kept_priority(order, price, size)
        if size <= order.filled and self.habits.ends_amended_below_filled:
            self._matching.withdraw(order, self._ts_ns, reason="user", cause="client")
            return copy_of(order)
        self._checks.check_amend(self._holders[account], order, price, size)
        price, size = _whole(price, self.rules[symbol].tick), _whole(size, self.rules[symbol].lot)
        if keeps_priority and new_client_id:
            self._holders[account].account.rename(order, new_client_id)
        if price == order.price and size < order.size:
            self._matching.shrink(order, size, self._ts_ns)
        else:
            self._matching.move(order, price, size, self._ts_ns)
        return copy_of(order)

    def order(
        self, account: str, symbol: str, ts_ns: int, *, order_id: int | None = None, client_id: str | None = None
    ) -> ExchangeOrder:
        """Return an order, open or not; of several that had one client id the last. RefusedError `unknown_order`."""
        self.advance(ts_ns)
        order = self._holders[account].account.find(symbol, order_id, client_id)
        if order is None or self._hidden.get(order.order_id, 0) > self._ts_ns:
            raise RefusedError(Refusal.unknown_order)
        return copy_of(order)

    # -- events, countdown, faults

    def subscribe(self, account: str, ts_ns: int) -> EventFeed:
        """Return a feed of what happens to the account from now on."""
        self.advance(ts_ns)
        return self._events.subscribe(account)

    def unsubscribe(self, feed: EventFeed) -> None:
        """End a feed."""
        self._events.unsubscribe(feed)

    def set_countdown(self, account: str, symbol: str, after_ns: int, ts_ns: int) -> None:
        """Cancel every open order of the symbol in `after_ns`, unless set again before; 0 disarms."""
        self.advance(ts_ns)
        if symbol not in self.rules:
            raise RefusedError(Refusal.unknown_symbol)
        if after_ns > 0:
            self._countdowns[account, symbol] = self._ts_ns + after_ns
        else:
            self._countdowns.pop((account, symbol), None)

    def countdown_left_ns(self, account: str, symbol: str, ts_ns: int) -> int | None:
        """Return what is left of the countdown, None where none is armed."""
        due_ns = self._countdowns.get((account, symbol))
        return None if due_ns is None else max(due_ns - ts_ns, 0)

    def request_fault(self, kind: RequestKind, symbol: str, ts_ns: int) -> RequestFault | None:
        """Return, and use up, the fault that hits a request; None: it is treated as always. See the module's head."""
        return self._faults.of_request(kind, symbol, ts_ns)

    def is_halted(self, symbol: str) -> bool:
        """Tell whether trading of a symbol is halted (exchange information says so too)."""
        return self._halts.get(symbol, 0) > self._ts_ns

    # -- time

    def on_frame(self, frame: MarketFrame) -> None:
        """Take a message of the market after its book did: resting orders fill."""
        if self._holders:
            self.advance(frame.ts_ns)
            self._matching.follow(frame)

    def advance(self, ts_ns: int) -> None:
        """Do what is due until `ts_ns`: countdowns, funding, halts."""
        self._ts_ns = max(self._ts_ns, ts_ns)
        for (account, symbol), due_ns in [*self._countdowns.items()]:
            if due_ns <= self._ts_ns:
                del self._countdowns[account, symbol]
                self.cancel_all(account, symbol, self._ts_ns, cause="countdown")
        self._funding.charge_until(self._ts_ns)
        for symbol in self.rules if self._holders else ():
            halt = self._faults.once(FaultKind.listing_halted, symbol, self._ts_ns)
            if halt is not None:
                self._halts[symbol] = self._ts_ns + halt.duration_ms * NS_PER_MS

    def next_due_ns(self) -> int:
        """Return when `advance` is due, or an event of a feed; NEVER_NS where nothing waits."""
        return min([*self._countdowns.values(), self._events.next_due_ns(), self._funding.next_due_ns()])

    # -- inside

    def _made(self, account: str, order: NewOrder) -> ExchangeOrder:
        self._order_id += 1
        rules = self.rules[order.symbol]
        return ExchangeOrder(
            account=account,
            order_id=self._order_id,
            client_id=order.client_id or f"auto-{self._order_id:x}",
            symbol=order.symbol,
            side=order.side,
            kind=order.kind,
            force=order.force,
            price=_whole(order.price, rules.tick)
            if order.kind is OrderKind.limit and order.price is not None
            else ZERO,
            size=_whole(self._checks.size_of(order), rules.lot),
            is_reduce_only=order.is_reduce_only,
            self_trade=order.self_trade,
            ts_made_ns=self._ts_ns,
            ts_changed_ns=self._ts_ns,
        )

    def _open_order(self, account: str, symbol: str, order_id: int | None, client_id: str | None) -> ExchangeOrder:
        if symbol not in self.rules:
            raise RefusedError(Refusal.unknown_symbol)
        order = self._holders[account].account.find(symbol, order_id, client_id)
        if order is None or not order.is_open:
            raise RefusedError(Refusal.unknown_order)
        return order

    def _fill_before_cancel(self, order: ExchangeOrder) -> None:
        left, lot = order.size - order.filled, self.rules[order.symbol].lot
        raced = self._faults.once(FaultKind.cancel_races_fill, order.symbol, self._ts_ns)
        partial = None if raced else self._faults.once(FaultKind.fill_after_cancel, order.symbol, self._ts_ns)
        fault = raced or partial
        size = left if raced else left / 2 // lot * lot
        if fault is not None and size > 0:
            self._matching.fill_on_command(order, size, self._ts_ns, late_ns=fault.duration_ms * NS_PER_MS)


def _check_kept_priority(order: ExchangeOrder, price: Decimal, size: Decimal) -> None:
    if price != order.price or size > order.size:
        raise RefusedError(Refusal.size_not_less)
    if size == order.size:
        raise RefusedError(Refusal.unchanged)
    if order.amends >= AMENDS_MAX:
        raise RefusedError(Refusal.amends_max)


def _whole(number: Decimal, step: Decimal) -> Decimal:
    """Return a multiple of `step` without more decimals than that has, so that products stay short."""
    return number.quantize(step)
