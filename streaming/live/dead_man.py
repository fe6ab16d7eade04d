"""The dead-man's switch that USD-M keeps for us: it cancels a symbol's orders itself when it has not heard from us.

`POST /fapi/v1/countdownCancelAll` (venue page "Auto-Cancel All Open Orders") starts a countdown of one symbol; each
call starts it anew, 0 ends it. It is a switch of the account: orders of others on that symbol go too.
Spot venues have none; there the watchdog process cancels ours (`streaming/watchdog/`).

Sans I/O: `due` says what to send, `armed` and `failed` what came of it. What is left is counted from when the call was
sent, as the venue may have begun at any moment since.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from native.config import NS_PER_MS, JsonObject

NS_PER_S: Final = 1_000_000_000
RENEWALS: Final = 3
"""In one span: two may be lost before the countdown runs out."""
RETRIES: Final = 10
"""In one span, after calls that failed, but `RETRY_MAX_NS` at most: nothing is opened while it is not armed."""
RETRY_MAX_NS: Final = 2 * NS_PER_S


@dataclass(slots=True)
class _Switch:
    """Of one symbol."""

    due_ns: int = 0
    sent_ns: int | None = None
    """Of a call that is under way."""
    armed_ns: int | None = None
    """When the newest accepted call was sent."""
    last_problem: str = ""


class DeadMan:
    """The switches of one account's symbols."""

    def __init__(self, symbols: Sequence[str], span_s: float) -> None:
        self._switches = {symbol: _Switch() for symbol in symbols}
        self._span_ns = int(span_s * NS_PER_S)

    @property
    def span_ms(self) -> int:
        """What the venue is told."""
        return self._span_ns // NS_PER_MS

    def due(self, ts_ns: int) -> tuple[str, ...]:
        """Return the symbols whose countdown is to be started anew; each is then told to `sent`."""
        return tuple(name for name, one in self._switches.items() if one.sent_ns is None and ts_ns >= one.due_ns)

    def next_due_ns(self) -> int | None:
        """Return when `due` says something next, None while every call is under way."""
        return min((one.due_ns for one in self._switches.values() if one.sent_ns is None), default=None)

    def sent(self, symbol: str, ts_ns: int) -> None:
        """Note that a call left."""
        self._switches[symbol].sent_ns = ts_ns

    def armed(self, symbol: str) -> None:
        """Note that the venue took the call that is under way."""
        one = self._switches[symbol]
        assert one.sent_ns is not None, f"{symbol}: an answer has a call"
        one.armed_ns, one.sent_ns, one.last_problem = one.sent_ns, None, ""
        one.due_ns = one.armed_ns + self._span_ns // RENEWALS

    def failed(self, symbol: str, ts_ns: int, why: str) -> None:
        """Note that the call came to nothing, or that nobody knows: it is sent again soon."""
        one = self._switches[symbol]
        one.sent_ns, one.last_problem = None, why
        one.due_ns = ts_ns + min(self._span_ns // RETRIES, RETRY_MAX_NS)

    def left_s(self, ts_ns: int) -> float | None:
        """Return the seconds until the first countdown may run out, 0 when it may have; None while one never began."""
        begun = [one.armed_ns for one in self._switches.values()]
        known = [armed_ns for armed_ns in begun if armed_ns is not None]
        if len(known) < len(begun) or not known:
            return None
        return max(0, min(known) + self._span_ns - ts_ns) / NS_PER_S

    def is_armed(self, ts_ns: int) -> bool:
        """Tell whether every symbol's countdown runs: without it no new risk is taken."""
        return bool(self.left_s(ts_ns))

    def to_json(self, ts_ns: int) -> JsonObject:
        """Return what status and dashboard show."""
        left_s = self.left_s(ts_ns)
        problems = [f"{name}: {one.last_problem}" for name, one in self._switches.items() if one.last_problem]
        return {
            "kind": "venue_countdown",
            "is_armed": bool(left_s),
            "left_s": None if left_s is None else round(left_s, 1),
            "span_s": self._span_ns / NS_PER_S,
            "last_problem": "; ".join(problems) or None,
        }
