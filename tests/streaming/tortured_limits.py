"""Judges at every moment of a tortured session what its orders could have led to at the venues."""

from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal

from tortured_house import ACCOUNT, MAX_ORDER_SIZE, MAX_POSITION, TorturedHouse

from streaming.emulator.exchange.words import AccountEvent, EventKind, Side

DRIFT = Decimal("1.02")
"""By how much capital in use may exceed its limit: prices move after an order was let through."""


class _Held:
    """One venue's account, event by event."""

    def __init__(self) -> None:
        self.position = Decimal(0)
        self.price = Decimal(0)
        """Of the last order or fill."""
        self._left: dict[int, tuple[Side, Decimal]] = {}

    def take(self, event: AccountEvent) -> None:
        """Take what happened."""
        order, trade = event.order, event.trade
        if order is None:
            return
        if trade is not None:
            self.position += trade.size if trade.side is Side.buy else -trade.size
            self.position -= trade.fee if trade.fee_asset == "BTC" else 0
        self.price = (order.price if trade is None else trade.price) or self.price
        if order.is_open and event.kind is not EventKind.order_cancelled:
            self._left[order.order_id] = (order.side, order.size - order.filled)
        else:
            self._left.pop(order.order_id, None)

    @property
    def worst(self) -> Decimal:
        """Return the greatest position that what waits could lead to."""
        waiting = defaultdict[Side, Decimal](Decimal)
        for side, size in self._left.values():
            waiting[side] += size
        return max(abs(self.position), self.position + waiting[Side.buy], waiting[Side.sell] - self.position)


def limit_faults(house: TorturedHouse) -> Iterator[str]:
    """Yield the first moment at which an order's size, a position, or the capital in use was beyond its limit."""
    venues = house.emulator.venues
    events = [(event, name) for name, venue in venues.items() for event in venue.exchange.events_since(ACCOUNT, 0)]
    held = {name: _Held() for name in venues}
    # Fees in coins leave parts of a unit, which the engine carries beside the position.
    units = {entry.venue: Decimal(entry.size_unit) for entry in house.plan.header.instruments}
    of_all, of_one = house.torment.capital
    for event, name in sorted(events, key=lambda each: (each[0].ts_ns, each[0].seq)):
        held[name].take(event)
        in_use = {each: one.worst * one.price for each, one in held.items()}
        size = event.order.size if event.order is not None else Decimal(0)
        worst = held[name].worst
        total = sum(in_use.values())
        for what, found, most in (
            ("an order's size", size, MAX_ORDER_SIZE),
            ("a position, with what waits", worst, MAX_POSITION + units[name]),
            ("capital at the venue", in_use[name], of_one * DRIFT),
            ("capital at all venues", total, of_all * DRIFT),
        ):
            if found > most:
                yield f"{name}: event {event.seq}: {what} is {found}, at most {most} allowed"
                return
