"""Bybit's limits of one account: each endpoint a second, rolling, shared by REST and the trade socket.

v5 "Rate Limit Rules". A batch has a pool of its own in which every order counts.
"""

from collections import deque
from dataclasses import dataclass
from typing import Final

from streaming.emulator.orders_bybit.errors import TOO_MANY, BybitError

WINDOW_NS: Final = 1_000_000_000
NS_PER_MS: Final = 1_000_000
REQUESTS_PER_S: Final = {
    "order.create": 20,
    "order.amend": 10,
    "order.cancel": 20,
    "order.cancel-all": 20,
    "order.create-batch": 20,
    "order.amend-batch": 20,
    "order.cancel-batch": 20,
    "order.disconnected-cancel-all": 5,
    "order.realtime": 50,
    "order.history": 50,
    "execution.list": 50,
    "account.wallet-balance": 50,
    "account.fee-rate": 5,
    "account.info": 50,
    "account.query-dcp-info": 5,
    "user.query-api": 10,
    "asset.coin.query-info": 5,
}
"""By pool, of an account without a level."""


@dataclass(frozen=True, slots=True)
class Use:
    """What an answer says about its pool."""

    limit: int
    left: int
    reset_ms: int
    """When there is room again, or now where there is."""

    def headers(self) -> dict[str, str]:
        """Return the three headers."""
        return {
            "X-Bapi-Limit": str(self.limit),
            "X-Bapi-Limit-Status": str(self.left),
            "X-Bapi-Limit-Reset-Timestamp": str(self.reset_ms),
        }


class LimitedError(BybitError):
    """Too many requests a second; `use` says until when."""

    def __init__(self, use: Use) -> None:
        super().__init__(TOO_MANY, "Too many visits!")
        self.use = use


class AccountLimits:
    """Counts requests by account and pool."""

    def __init__(self) -> None:
        self._taken: dict[tuple[str, str], deque[int]] = {}
        """Times of the last second; no longer than the pool's limit."""

    def take(self, account: str, pool: str, now_ns: int) -> Use:
        """Count one request; LimitedError where the pool is empty."""
        limit = REQUESTS_PER_S[pool]
        taken = self._taken.setdefault((account, pool), deque())
        while taken and taken[0] <= now_ns - WINDOW_NS:
            taken.popleft()
        if len(taken) >= limit:
            raise LimitedError(Use(limit, 0, -(-(taken[0] + WINDOW_NS) // NS_PER_MS)))
        taken.append(now_ns)
        return Use(limit, limit - len(taken), now_ns // NS_PER_MS)
