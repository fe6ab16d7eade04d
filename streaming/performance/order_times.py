"""When orders were sent, and when the venue answered. Bounded: the oldest are forgotten."""

from collections import deque
from dataclasses import dataclass

import native

ORDERS_MAX = 1_024
"""Orders kept, and answers that nobody took."""
PLACE = 0
"""Kind of an order request that is no cancellation."""
NOT_ANSWERED = native.enums["OrderState"].index("pending_new")


@dataclass(slots=True)
class SentOrder:
    """An order that left. Times on the session's clock."""

    client_order_id: int
    instrument: int
    strategy: int
    purpose: int
    side: int
    price_ticks: int
    size_units: int
    model_id: int
    ts_step_ns: int
    """Of the step that asked for it; 0 for one that closes."""
    ts_sent_ns: int
    """Time of the input that caused it."""
    ts_answered_ns: int = 0
    """0 while there is no answer."""
    state: int = NOT_ANSWERED
    is_filled: bool = False
    """Wholly or in part."""


class OrderTimes:
    """Give it requests and order events in order."""

    def __init__(self) -> None:
        self.orders: dict[int, SentOrder] = {}
        """By client order id, oldest first."""
        self._answers: deque[int] = deque(maxlen=ORDERS_MAX)

    def sent(self, order: SentOrder) -> None:
        """Take an order that left."""
        self.orders[order.client_order_id] = order
        if len(self.orders) > ORDERS_MAX:
            del self.orders[next(iter(self.orders))]

    def moved(self, ts_ns: int, client_order_id: int, state: int) -> None:
        """Take a transition; the first that leaves `pending_new` is the venue's answer."""
        order = self.orders.get(client_order_id)
        if order is None or state == NOT_ANSWERED:
            return
        order.state = state
        if not order.ts_answered_ns:
            order.ts_answered_ns = ts_ns
            self._answers.append(ts_ns - order.ts_sent_ns)

    def note_filled(self, client_order_id: int) -> bool:
        """Take a fill; tell whether it is the order's first."""
        order = self.orders.get(client_order_id)
        if order is None or order.is_filled:
            return False
        order.is_filled = True
        return True

    def take_answers(self) -> list[int]:
        """Take how long the venue took for each answer since the last time, in ns of the session's clock."""
        found = [*self._answers]
        self._answers.clear()
        return found
