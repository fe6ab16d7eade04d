"""What the shell itself knows and risk rules ask for: how far our clock is off, and that a watchdog looks on.

Facts are inputs and stand in the journal, so each is told when it begins and when it changes. A session that is gone on
with remembers what the process before it told: everything is told anew at the start.
"""

from native.config import NS_PER_MS, JsonObject
from streaming.shell.trading_loop import TradingLoop

BEATS_A_LIMIT = 3
"""A heartbeat is told this often within the age at which its rule trips."""


class OwnFacts:
    """Lives inside the loop; `begin` before the first frame."""

    def __init__(self, trading: TradingLoop, heartbeat_age_max_ms: int | None) -> None:
        """`heartbeat_age_max_ms` is the rule's limit; without one no heartbeat is told."""
        self._trading = trading
        self._beat_ns = None if heartbeat_age_max_ms is None else heartbeat_age_max_ms * NS_PER_MS // BEATS_A_LIMIT
        self._told_ns = 0
        self._offset_ns = 0

    def begin(self, now_ns: int, *, is_watched: bool) -> None:
        """Tell what holds at the start: an exact clock, and the watchdog's heartbeat or that there is none."""
        self._trading.observe("clock_offset_ns", 0)
        self._told_ns = now_ns if is_watched and self._beat_ns is not None else 0
        self._trading.observe("heartbeat_ns", self._told_ns)

    def to_json(self) -> JsonObject:
        """Return what was told last."""
        return {"clock_offset_ns": self._offset_ns, "heartbeat_ns": self._told_ns}

    def note_clock(self, offset_ns: int) -> None:
        """Take how far our clock is known to be off, in whole ms; 0 where nothing speaks against it."""
        whole_ns = offset_ns // NS_PER_MS * NS_PER_MS
        if whole_ns != self._offset_ns:
            self._offset_ns = whole_ns
            self._trading.observe("clock_offset_ns", whole_ns)

    def note_watched(self, now_ns: int, *, is_watched: bool) -> None:
        """Tell the heartbeat of a watchdog that lives; of one that is gone the last one stands and grows old."""
        if not is_watched or self._beat_ns is None or now_ns - self._told_ns < self._beat_ns:
            return
        self._told_ns = now_ns
        self._trading.observe("heartbeat_ns", now_ns)
