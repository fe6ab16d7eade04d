"""Where the time of one order went: from the frame that closed its step to the venue's answer. Sans I/O.

Whoever runs a session notes the spans that led to an input; an order belongs to the input that caused it. Times are on
the session's clock and told in real microseconds since the first span began. Bounded: the last inputs and orders.
"""

from collections import deque

from native.config import JsonObject
from streaming.performance.order_times import SentOrder

TRAILS_MAX = 512
SEND_TO_ACK = "send_to_ack"
NS_PER_US = 1_000


Span = tuple[str, int, int]
"""One stage on the way of one order: its name, begin and end in ns. Plain, as some are noted at every step."""
Trail = tuple[Span, ...]


class Trails:
    """The spans that led to inputs, by the inputs' times; the oldest are forgotten."""

    def __init__(self) -> None:
        self._spans: dict[int, Trail] = {}
        self._order: deque[int] = deque()

    def note(self, ts_input_ns: int, trail: Trail) -> None:
        """Take the spans that led to the input of `ts_input_ns`."""
        if ts_input_ns not in self._spans:
            self._order.append(ts_input_ns)
            if len(self._order) > TRAILS_MAX:
                del self._spans[self._order.popleft()]
        self._spans[ts_input_ns] = trail

    def of(self, ts_input_ns: int) -> Trail:
        """Return the spans that led to an input; empty where nobody noted any."""
        return self._spans.get(ts_input_ns, ())


def waterfall(order: SentOrder, trail: Trail, speed: float) -> JsonObject:
    """Return an order's stages; `speed` is that of the session's clock."""
    spans = [*trail]
    if order.ts_answered_ns:
        spans.append((SEND_TO_ACK, order.ts_sent_ns, order.ts_answered_ns))
    first_ns = spans[0][1] if spans else order.ts_sent_ns
    last_ns = max((end_ns for _, _, end_ns in spans), default=first_ns)

    def us(ns: int) -> float:
        return round(ns / speed / NS_PER_US, 1)

    return {
        "ts_begin_ns": first_ns,
        "is_answered": bool(order.ts_answered_ns),
        "total_us": us(last_ns - first_ns),
        "stages": [
            {"stage": stage, "begin_us": us(begin_ns - first_ns), "took_us": us(end_ns - begin_ns)}
            for stage, begin_ns, end_ns in spans
        ],
    }
