"""Order limits of Binance's accounts: how many new orders a window takes, aligned to the clock.

Placements are counted by the exchange, which on spot forgives an order at its first fill (spot FAQ "Spot unfilled order
count rules"). What else counts is counted here: changes on USD-M, replacements on spot that were not attempted.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from streaming.emulator.orders_binance.errors import TOO_MANY
from streaming.emulator.rest import RefusalError

NS_PER_S: Final = 1_000_000_000
SECONDS: Final = {"SECOND": 1, "MINUTE": 60, "DAY": 86_400}


@dataclass(frozen=True, slots=True)
class OrderLimit:
    """One limit as exchange information states it."""

    interval: str
    count: int
    """How many intervals a window has."""
    orders_max: int

    @property
    def window_ns(self) -> int:
        """Return how long a window is."""
        return SECONDS[self.interval] * self.count * NS_PER_S

    @property
    def header(self) -> str:
        """Return the header that says how many were counted."""
        return f"X-MBX-ORDER-COUNT-{self.count}{self.interval[0]}"


ORDER_LIMITS: Final = {
    "binance_usdm": (OrderLimit("SECOND", 10, 300), OrderLimit("MINUTE", 1, 1_200)),
    "binance_spot": (OrderLimit("SECOND", 10, 100), OrderLimit("DAY", 1, 200_000)),
}


class OrderCounts:
    """What each account has used of its limits."""

    def __init__(self, limits: tuple[OrderLimit, ...], placed: Callable[[str, int, int], int]) -> None:
        """`placed`: how many orders of an account the window of a length took that holds a time."""
        self.limits = limits
        self._placed = placed
        self._counts: dict[tuple[str, int], tuple[int, int]] = {}
        """By account and limit: the window, and what was counted in it."""

    def used(self, account: str, now_ns: int) -> list[int]:
        """Return the counts of the windows that hold `now_ns`, in order of the limits."""
        return [self._used(account, number, now_ns) for number in range(len(self.limits))]

    def check(self, account: str, orders: int, now_ns: int) -> None:
        """Refuse what would be above a limit; RefusalError -1015."""
        for limit, used in zip(self.limits, self.used(account, now_ns), strict=True):
            if used + orders > limit.orders_max:
                per = f"{limit.orders_max} orders per {limit.count} {limit.interval}"
                raise RefusalError(TOO_MANY, -1015, f"Too many new orders; current limit is {per}.")

    def add(self, account: str, orders: int, now_ns: int) -> None:
        """Count what counts beside placements."""
        for number, limit in enumerate(self.limits):
            self._counts[account, number] = (
                now_ns // limit.window_ns,
                self._counted(account, number, now_ns) + orders,
            )

    def retry_after_s(self, now_ns: int) -> int:
        """Return when the shortest window ends."""
        window_ns = self.limits[0].window_ns
        return -(-(window_ns - now_ns % window_ns) // NS_PER_S)

    def headers(self, account: str, now_ns: int) -> dict[str, str]:
        """Return what replies to orders say."""
        used = self.used(account, now_ns)
        return {limit.header: str(count) for limit, count in zip(self.limits, used, strict=True)}

    def rows(self, account: str, now_ns: int) -> list[dict[str, object]]:
        """Return the limits with their counts, as answers list them."""
        used = self.used(account, now_ns)
        return [
            {
                "rateLimitType": "ORDERS",
                "interval": limit.interval,
                "intervalNum": limit.count,
                "limit": limit.orders_max,
                "count": count,
            }
            for limit, count in zip(self.limits, used, strict=True)
        ]

    def _used(self, account: str, number: int, now_ns: int) -> int:
        placed = self._placed(account, self.limits[number].window_ns, now_ns)
        return placed + self._counted(account, number, now_ns)

    def _counted(self, account: str, number: int, now_ns: int) -> int:
        window, counted = self._counts.get((account, number), (-1, 0))
        return counted if window == now_ns // self.limits[number].window_ns else 0
