"""What becomes of orders at one emulated venue: they meet each other and the market, fill, rest, and end.

Orders of all accounts stand in one book of prices and times, beside the market that is played. A taker walks the market
up to the best order of an account that stands against it, meets that one, and walks on; what is left rests, or expires.
Orders of one account that would meet are treated as the taker's self-trade word says.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from streaming.emulator.exchange.accounts import FeeRates
from streaming.emulator.exchange.holder import Holder
from streaming.emulator.exchange.ledger import Booked
from streaming.emulator.exchange.native_desk import NativeDesk, Said, SaidKind
from streaming.emulator.exchange.order_telling import OrderTelling, Tell
from streaming.emulator.exchange.rules import SymbolRules, VenueHabits
from streaming.emulator.exchange.words import (
    EventKind,
    ExchangeOrder,
    Force,
    OrderKind,
    OrderState,
    Refusal,
    RefusedError,
    SelfTrade,
    Side,
    Trade,
)
from streaming.emulator.streams import MarketFrame
from streaming.emulator.true_book import TrueBook

ZERO = Decimal(0)
FIRST_TRADE_ID = 6_000_000_001
"""Ids of accounts' trades lie far from those of the market's own."""
WALK_LEVELS = 200


@dataclass(slots=True)
class _Resting:
    order: ExchangeOrder
    filled_units: int = 0
    """Since it rests, as the machine counts."""


class OrderMatching:
    """The orders of one venue."""

    def __init__(
        self,
        desk: NativeDesk,
        habits: VenueHabits,
        rules: Mapping[str, SymbolRules],
        books: Mapping[str, TrueBook],
        fees_of: Callable[[str, str], FeeRates],
        tell: Tell,
    ) -> None:
        self.holders: dict[str, Holder] = {}
        self._desk, self._habits, self._rules, self._books = desk, habits, rules, books
        self._fees_of = fees_of
        self._telling = OrderTelling(habits, rules, self.holders, tell)
        self._resting: dict[int, _Resting] = {}
        """By the machine's number."""
        self._numbers: dict[int, int] = {}
        """The machine's number by order id."""
        self._trade_ids: Counter[str] = Counter()

    def follow(self, frame: MarketFrame) -> None:
        """Let resting orders meet a message of the market."""
        for said in self._desk.follow(frame):
            self._hear(said, frame.ts_ns)

    def enter(self, order: ExchangeOrder, ts_ns: int, *, budget: Decimal | None = None) -> None:
        """Take an order that passed every check and let it match; `budget`: quote to spend or get at the market.

        RefusedError when the venue refuses what the market shows it cannot do; nothing has happened then.
        """
        rules, holder = self._rules[order.symbol], self.holders[order.account]
        if order.force is Force.post_only and self._would_take(order):
            self._refuse_late(order, Refusal.would_take, ts_ns)
            return
        if order.kind is OrderKind.limit or self._habits.is_perpetual:
            holder.ledger.reserve(order, rules, self.mark(order.symbol))
        if order.force is Force.fok:
            self._kill_or_fill(order, ts_ns)
            return
        self._accept(order)
        self._match(order, ts_ns, budget)

    def withdraw(self, order: ExchangeOrder, ts_ns: int, *, reason: str, cause: str) -> None:
        """Cancel an open order."""
        self._take_away(order, ts_ns)
        self._end(order, OrderState.cancelled, reason, ts_ns, cause)

    def shrink(self, order: ExchangeOrder, size: Decimal, ts_ns: int) -> None:
        """Give an order a lesser total; it keeps its place."""
        self._leave(order, size - order.filled, ts_ns)
        order.size = size
        self.holders[order.account].ledger.reserve(order, self._rules[order.symbol], None)
        self._amended(order, ts_ns)

    def move(self, order: ExchangeOrder, price: Decimal, size: Decimal, ts_ns: int) -> None:
        """Give an order another price or a greater total: it goes to the end of the queue, and matches anew.

        A post-only order that would take ends.
        """
        wanted = replace(order, price=price, size=size)
        if order.force is Force.post_only and self._would_take(wanted):
            self.withdraw(order, ts_ns, reason="would_take", cause="match")
            return
        self.holders[order.account].ledger.reserve(wanted, self._rules[order.symbol], self.mark(order.symbol))
        self._take_away(order, ts_ns)
        order.price, order.size = price, size
        self.holders[order.account].ledger.reserve(order, self._rules[order.symbol], None)
        self._amended(order, ts_ns)
        self._match(order, ts_ns, None)

    def fill_on_command(self, order: ExchangeOrder, size: Decimal, ts_ns: int, *, late_ns: int) -> None:
        """Fill a part of a resting order, as a fault asks; clients hear of it late."""
        self._leave(order, order.size - order.filled - size, ts_ns)
        self._fill(order, order.price, size, ts_ns, is_maker=True, late_ns=late_ns)

    def mark(self, symbol: str) -> Decimal | None:
        """Return the middle of the book, None while it is not known."""
        bids, asks = self._books[symbol].top(1)
        return (Decimal(bids[0][0]) + Decimal(asks[0][0])) / 2 if bids and asks else None

    def cost(self, symbol: str, size: Decimal) -> Decimal:
        """Return what buying `size` at the market would cost by the book that is shown."""
        left, cost = size, ZERO
        for price, shown in self._books[symbol].top(WALK_LEVELS)[1]:
            taken = min(left, Decimal(shown))
            left, cost = left - taken, cost + taken * Decimal(price)
        return cost

    # -- matching

    def _match(self, order: ExchangeOrder, ts_ns: int, budget: Decimal | None) -> None:
        for maker in self._opposing(order):
            self._take(order, self._step_before(order, maker.price), ts_ns, budget)
            if order.is_open:
                self._meet(order, maker, ts_ns)
            if not order.is_open:
                return
        if order.kind is OrderKind.limit and order.force in (Force.gtc, Force.post_only):
            self._rest(order, ts_ns)
            return
        self._take(order, order.price or None, ts_ns, budget)
        if order.is_open:
            reason = "ioc" if order.kind is OrderKind.limit else "market"
            self._end(order, OrderState.expired, reason, ts_ns, "match")

    def _take(self, order: ExchangeOrder, limit: Decimal | None, ts_ns: int, budget: Decimal | None) -> None:
        """Take what the market shows up to `limit`; buys at the market level by level, never beyond the purse."""
        is_paid_at_once = order.kind is OrderKind.market and not self._habits.is_perpetual and order.side is Side.buy
        if not is_paid_at_once:
            self._send(order, limit, order.size - order.filled, Force.ioc, ts_ns)
            return
        for price_text, _ in self._books[order.symbol].top(WALK_LEVELS)[1]:
            price = Decimal(price_text)
            size = self._affordable(order, price, budget)
            if not order.is_open or size <= 0 or (limit is not None and not _reaches(order.side, limit, price)):
                return
            self._send(order, price, size, Force.ioc, ts_ns)

    def _affordable(self, order: ExchangeOrder, price: Decimal, budget: Decimal | None) -> Decimal:
        """Return what a buy at the market may take at `price`."""
        rules = self._rules[order.symbol]
        held = self.holders[order.account].ledger.held(rules.quote)
        purse = held[0].free if held else ZERO
        if budget is not None:
            purse = min(purse, budget - order.filled_quote)
        return min(order.size - order.filled, purse / price) // rules.lot * rules.lot

    def _send(self, order: ExchangeOrder, price: Decimal | None, size: Decimal, force: Force, ts_ns: int) -> None:
        """Let a part of an order take from the market."""
        if size <= 0 or (price is not None and price <= 0):
            return
        scale = self._desk.scales[order.symbol]
        ticks = 0 if price is None else scale.ticks(price)
        for said in self._desk.place(order.symbol, order.side, ticks, scale.units(size), force, ts_ns)[1]:
            if said.kind is SaidKind.fill:
                self._fill_said(order, said, ts_ns)

    def _rest(self, order: ExchangeOrder, ts_ns: int) -> None:
        scale = self._desk.scales[order.symbol]
        number, heard = self._desk.place(
            order.symbol,
            order.side,
            scale.ticks(order.price),
            scale.units(order.size - order.filled),
            Force.gtc,
            ts_ns,
        )
        self._resting[number], self._numbers[order.order_id] = _Resting(order), number
        for said in heard:
            if said.kind is SaidKind.rejected:
                self._end(order, OrderState.expired, "halted", ts_ns, "match")
            self._hear(said, ts_ns)

    def _hear(self, said: Said, ts_ns: int) -> None:
        """Book a fill of a resting order."""
        resting = self._resting.get(said.number)
        if resting is not None and said.kind is SaidKind.fill:
            resting.filled_units += said.size_units
            self._fill_said(resting.order, said, ts_ns)

    def _kill_or_fill(self, order: ExchangeOrder, ts_ns: int) -> None:
        scale = self._desk.scales[order.symbol]
        ticks, units = scale.ticks(order.price), scale.units(order.size)
        _, heard = self._desk.place(order.symbol, order.side, ticks, units, Force.fok, ts_ns)
        if self._habits.refuses_fok and not any(said.kind is SaidKind.fill for said in heard):
            self.holders[order.account].ledger.release(order, self._rules[order.symbol])
            raise RefusedError(Refusal.cannot_fill)
        self._accept(order)
        for said in heard:
            if said.kind is SaidKind.fill:
                self._fill_said(order, said, ts_ns)
        if order.is_open:
            self._end(order, OrderState.expired, "fok", ts_ns, "match")

    def _refuse_late(self, order: ExchangeOrder, refusal: Refusal, ts_ns: int) -> None:
        """Refuse an order, or take it and end it at once where the venue does so."""
        if self._habits.refuses_post_only:
            raise RefusedError(refusal)
        self.holders[order.account].account.take(order)
        self._end(order, OrderState.cancelled, refusal.value, ts_ns, "match")

    def _accept(self, order: ExchangeOrder) -> None:
        self.holders[order.account].account.take(order)
        self._telling.say(order, EventKind.order_new, order.ts_made_ns, "client")
        self._telling.say_locked(order, order.ts_made_ns)

    # -- orders of accounts against each other

    def _opposing(self, order: ExchangeOrder) -> Iterator[ExchangeOrder]:
        """Yield resting orders that an order reaches, best and oldest first."""
        orders = [resting.order for resting in self._resting.values()]
        found = [each for each in orders if each.symbol == order.symbol and each.side is not order.side]
        limit = order.price if order.kind is OrderKind.limit else None
        reached = [each for each in found if limit is None or _reaches(order.side, limit, each.price)]
        sign = 1 if order.side is Side.buy else -1
        for each in sorted(reached, key=lambda each: (sign * each.price, self._numbers[each.order_id])):
            if each.is_open:
                yield each

    def _would_take(self, order: ExchangeOrder) -> bool:
        book_side = self._books[order.symbol].top(1)[1 if order.side is Side.buy else 0]
        if book_side and _reaches(order.side, order.price, Decimal(book_side[0][0])):
            return True
        return next(self._opposing(order), None) is not None

    def _step_before(self, order: ExchangeOrder, price: Decimal) -> Decimal:
        tick = self._rules[order.symbol].tick
        return price - tick if order.side is Side.buy else price + tick

    def _meet(self, taker: ExchangeOrder, maker: ExchangeOrder, ts_ns: int) -> None:
        """Let two orders trade, or prevent it where they are of one account."""
        if maker.account == taker.account and taker.self_trade is not SelfTrade.none:
            self._prevent(taker, maker, ts_ns)
            return
        size = min(taker.size - taker.filled, maker.size - maker.filled)
        if taker.kind is OrderKind.market and not self._habits.is_perpetual and taker.side is Side.buy:
            size = min(size, self._affordable(taker, maker.price, None))
        if size <= 0:
            return
        self._leave(maker, maker.size - maker.filled - size, ts_ns)
        self._fill(maker, maker.price, size, ts_ns, is_maker=True)
        if taker.is_open:
            self._fill(taker, maker.price, size, ts_ns, is_maker=False)

    def _prevent(self, taker: ExchangeOrder, maker: ExchangeOrder, ts_ns: int) -> None:
        if taker.self_trade is not SelfTrade.expire_taker:
            self._take_away(maker, ts_ns)
            self._end(maker, OrderState.expired_in_match, "self_trade", ts_ns, "match")
        if taker.self_trade is not SelfTrade.expire_maker:
            self._end(taker, OrderState.expired_in_match, "self_trade", ts_ns, "match")

    # -- fills and ends

    def _fill_said(self, order: ExchangeOrder, said: Said, ts_ns: int) -> None:
        scale = self._desk.scales[order.symbol]
        price, size = said.price_ticks * scale.tick, said.size_units * scale.unit
        self._fill(order, price, size, ts_ns, is_maker=said.is_maker)

    def _fill(
        self, order: ExchangeOrder, price: Decimal, size: Decimal, ts_ns: int, *, is_maker: bool, late_ns: int = 0
    ) -> None:
        holder, rules = self.holders[order.account], self._rules[order.symbol]
        if not order.filled and self._habits.forgives_filled:
            holder.account.placed.forgive(order.ts_made_ns)
        fees = self._fees_of(order.account, order.symbol)
        booked = holder.ledger.fill(order, rules, price, size, fees, is_maker=is_maker)
        order.filled += size
        order.filled_quote += price * size
        order.state = OrderState.filled if order.filled == order.size else OrderState.partially_filled
        order.ts_changed_ns = ts_ns
        trade = self._trade(order, price, size, booked, ts_ns, is_maker=is_maker)
        holder.account.trades.append(trade)
        if order.state is OrderState.filled:
            self._forget(order)
        self._telling.say(order, EventKind.order_trade, ts_ns, "match", trade=trade, late_ns=late_ns)
        self._telling.say_money(order.account, booked, ts_ns)
        if booked.position is not None:
            self._trim(order.account, order.symbol, booked.position.size, ts_ns)

    def _trade(
        self, order: ExchangeOrder, price: Decimal, size: Decimal, booked: Booked, ts_ns: int, *, is_maker: bool
    ) -> Trade:
        self._trade_ids[order.symbol] += 1
        return Trade(
            trade_id=FIRST_TRADE_ID - 1 + self._trade_ids[order.symbol],
            symbol=order.symbol,
            order_id=order.order_id,
            account=order.account,
            side=order.side,
            price=price,
            size=size,
            fee=booked.fee,
            fee_asset=booked.fee_asset,
            is_maker=is_maker,
            realised=booked.realised,
            ts_ns=ts_ns,
        )

    def _trim(self, account: str, symbol: str, size: Decimal, ts_ns: int) -> None:
        """End reduce-only orders that no longer fit the position."""
        for order in [*self.holders[account].account.open.values()]:
            if order.symbol != symbol or not order.is_reduce_only or not order.is_open:
                continue
            closes = size > 0 if order.side is Side.sell else size < 0
            if not closes or order.size - order.filled > abs(size):
                self._take_away(order, ts_ns)
                self._end(order, OrderState.expired, "reduce_only", ts_ns, "match")

    def _end(self, order: ExchangeOrder, state: OrderState, reason: str, ts_ns: int, cause: str) -> None:
        order.state, order.end_reason, order.ts_changed_ns = state, reason, ts_ns
        self._forget(order)
        is_cancel = state is OrderState.cancelled
        self._telling.say(order, EventKind.order_cancelled if is_cancel else EventKind.order_expired, ts_ns, cause)
        self._telling.say_locked(order, ts_ns)

    def _forget(self, order: ExchangeOrder) -> None:
        """Take an order that ended out of everything but the history."""
        holder = self.holders[order.account]
        holder.account.open.pop(order.order_id, None)
        holder.ledger.release(order, self._rules[order.symbol])
        number = self._numbers.pop(order.order_id, None)
        if number is not None:
            self._resting.pop(number, None)

    def _take_away(self, order: ExchangeOrder, ts_ns: int) -> None:
        """Take a resting order out of the machine."""
        number = self._numbers.pop(order.order_id, None)
        if number is not None:
            del self._resting[number]
            self._desk.cancel(number, order.symbol, order.side, ts_ns)

    def _leave(self, order: ExchangeOrder, left: Decimal, ts_ns: int) -> None:
        """Leave `left` of an order in the machine, at its place."""
        number = self._numbers.get(order.order_id)
        if left <= 0 or number is None:
            self._take_away(order, ts_ns)
            return
        scale = self._desk.scales[order.symbol]
        units = self._resting[number].filled_units + scale.units(left)
        self._desk.amend(number, order.symbol, order.side, scale.ticks(order.price), units, order.force, ts_ns)

    def _amended(self, order: ExchangeOrder, ts_ns: int) -> None:
        order.amends += 1
        order.ts_changed_ns = ts_ns
        self._telling.say(order, EventKind.order_amended, ts_ns, "client")


def _reaches(side: Side, limit: Decimal, price: Decimal) -> bool:
    """Tell whether an order of `side` may trade at `price`."""
    return price <= limit if side is Side.buy else price >= limit
