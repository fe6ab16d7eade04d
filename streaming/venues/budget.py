"""How much may be asked of a venue: a token bucket that believes what the venue says of itself.

Rules. Tokens refill evenly and never exceed our share of the venue's limit, so that other programs at this address
have the rest. The used weight in a reply's header counts for all of them: it can only lower our
tokens, by two minutes' worth at most. 429 stops
everything for `Retry-After` (a minute where it is missing), 418 and 403 are bans: `Retry-After`, else two minutes,
doubled with each further one until a reply is served, three days at most. Time is an argument.
"""

from streaming.venues.replies import Reply

NS_PER_S = 1_000_000_000
MINUTE_NS = 60 * NS_PER_S
LIMITED = 429
BANNED = (403, 418)
BAN_NS = 2 * MINUTE_NS
BAN_NS_MAX = 3 * 24 * 60 * MINUTE_NS


class WeightBudget:
    """What one address may spend; also used, with weight 1, for attempts to connect."""

    def __init__(self, per_minute: int, share: float, now_ns: int) -> None:
        self._limit = per_minute
        self._capacity = max(1.0, per_minute * share)
        self._tokens = self._capacity
        self._refilled_ns = now_ns
        self._blocked_until_ns = 0
        self._bans = 0
        self.refusals = 0
        """Replies 429, 418 and 403 so far."""

    def wait_ns(self, weight: int, now_ns: int) -> int:
        """Return how long a request of `weight` must wait, 0 when it may go now."""
        if now_ns < self._blocked_until_ns:
            return self._blocked_until_ns - now_ns
        self._refill(now_ns)
        missing = min(float(weight), self._capacity) - self._tokens
        return 0 if missing <= 0 else 1 + int(missing / self._capacity * MINUTE_NS)

    def take(self, weight: int, now_ns: int) -> None:
        """Spend `weight`; ask `wait_ns` first."""
        self._refill(now_ns)
        self._tokens -= weight

    def on_reply(self, reply: Reply, now_ns: int) -> None:
        """Learn from a reply's status and headers."""
        if reply.used_weight is not None:
            self._refill(now_ns)
            self._tokens = min(self._tokens, max(-self._capacity, float(self._limit - reply.used_weight)))
        if reply.status == LIMITED:
            self.refusals += 1
            self._block(_after_ns(reply, MINUTE_NS), now_ns)
        elif reply.status in BANNED:
            self.refusals += 1
            self._block(_after_ns(reply, min(BAN_NS << min(self._bans, 12), BAN_NS_MAX)), now_ns)
            self._bans += 1
        else:
            self._bans = 0

    def _block(self, wait_ns: int, now_ns: int) -> None:
        self._blocked_until_ns = max(self._blocked_until_ns, now_ns + wait_ns)

    def _refill(self, now_ns: int) -> None:
        elapsed_ns = max(0, now_ns - self._refilled_ns)
        self._refilled_ns = max(self._refilled_ns, now_ns)
        self._tokens = min(self._capacity, self._tokens + self._capacity * elapsed_ns / MINUTE_NS)


def _after_ns(reply: Reply, otherwise_ns: int) -> int:
    return otherwise_ns if reply.retry_after_s is None else min(int(reply.retry_after_s * NS_PER_S), BAN_NS_MAX)
