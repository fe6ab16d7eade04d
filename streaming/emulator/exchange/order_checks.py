"""What an emulated venue asks of an order before it lets it match, in the order in which it asks."""

from collections.abc import Mapping
from decimal import Decimal

from streaming.emulator.exchange.holder import Holder
from streaming.emulator.exchange.ledger import PerpetualLedger
from streaming.emulator.exchange.order_matching import WALK_LEVELS, OrderMatching
from streaming.emulator.exchange.rules import SymbolRules, VenueHabits
from streaming.emulator.exchange.words import (
    ExchangeOrder,
    Force,
    NewOrder,
    OrderKind,
    Refusal,
    RefusedError,
    Side,
)
from streaming.emulator.true_book import TrueBook

ZERO = Decimal(0)


class OrderChecks:
    """The checks of one venue."""

    def __init__(
        self,
        habits: VenueHabits,
        rules: Mapping[str, SymbolRules],
        books: Mapping[str, TrueBook],
        matching: OrderMatching,
    ) -> None:
        self._habits, self._rules, self._books, self._matching = habits, rules, books, matching

    def check(self, holder: Holder, order: NewOrder) -> None:
        """Refuse an order that the venue refuses without looking at the other side of the book."""
        rules = self._rules.get(order.symbol)
        if rules is None:
            raise RefusedError(Refusal.unknown_symbol)
        if not self._books[order.symbol].is_known:
            raise RefusedError(Refusal.no_liquidity)
        if order.quote_size is not None and (order.kind is not OrderKind.market or self._habits.is_perpetual):
            raise RefusedError(Refusal.size_min, "an amount to spend or to get is of market orders on spot")
        if order.kind is OrderKind.market and order.force is Force.post_only:
            raise RefusedError(Refusal.would_take)
        rules.check(order, self._matching.mark(order.symbol))
        account = holder.account
        if order.client_id and account.is_taken(order.symbol, order.client_id, for_ever=self._habits.ids_for_ever):
            raise RefusedError(Refusal.duplicate_id)
        open_count = sum(1 for each in account.open.values() if each.symbol == order.symbol)
        if rules.open_orders_max and open_count >= rules.open_orders_max:
            raise RefusedError(Refusal.open_orders_max)
        if order.is_reduce_only:
            self._check_reduce_only(holder, order.symbol, order.side, order.size)
        if not self._habits.is_perpetual:
            self._check_purse(holder, order, rules)

    def check_amend(self, holder: Holder, order: ExchangeOrder, price: Decimal, size: Decimal) -> None:
        """Refuse an amend whose numbers the filters refuse, or that would reduce more than there is."""
        rules = self._rules[order.symbol]
        if order.kind is not OrderKind.limit:
            raise RefusedError(Refusal.not_amendable)
        if price == order.price and size == order.size:
            raise RefusedError(Refusal.unchanged)
        if price != order.price:
            rules.check_price(price, order.side, self._matching.mark(order.symbol))
        rules.check_size(size, rules.size_max)
        if size <= order.filled:
            raise RefusedError(Refusal.size_min)
        rules.check_amended(price, size, order.is_reduce_only)
        if order.is_reduce_only:
            self._check_reduce_only(holder, order.symbol, order.side, size - order.filled)

    def size_of(self, order: NewOrder) -> Decimal:
        """Return an order's size in base; of one by amount, what the book as it is shown gives for that."""
        if order.size is not None:
            return order.size
        assert order.quote_size is not None, "an order has a size or an amount"
        lot, left, size = self._rules[order.symbol].lot, order.quote_size, ZERO
        for price_text, shown in self._books[order.symbol].top(WALK_LEVELS)[1 if order.side is Side.buy else 0]:
            price = Decimal(price_text)
            taken = min(Decimal(shown), left / price) // lot * lot
            size, left = size + taken, left - taken * price
            if taken < Decimal(shown) // lot * lot:
                break
        return size

    def _check_reduce_only(self, holder: Holder, symbol: str, side: Side, left: Decimal | None) -> None:
        """What only reduces is of the other side than the position, and not greater."""
        ledger = holder.ledger
        held = ledger.position(symbol).size if isinstance(ledger, PerpetualLedger) else ZERO
        closes = held > 0 if side is Side.sell else held < 0
        if not closes or (left is not None and left > abs(held)):
            raise RefusedError(Refusal.reduce_only)

    def _check_purse(self, holder: Holder, order: NewOrder, rules: SymbolRules) -> None:
        size = self.size_of(order)
        if size <= 0:
            raise RefusedError(Refusal.notional_min)
        asset = rules.quote if order.side is Side.buy else rules.base
        held = holder.ledger.held(asset)
        if (held[0].free if held else ZERO) < self._needed(order, size):
            raise RefusedError(Refusal.balance)

    def _needed(self, order: NewOrder, size: Decimal) -> Decimal:
        if order.side is Side.sell:
            return size
        if order.kind is OrderKind.limit and order.price is not None:
            return order.price * size
        return order.quote_size or self._matching.cost(order.symbol, size)
