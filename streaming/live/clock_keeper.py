"""The venue's clock: when it is asked for, and what the gateway is told of it. Sans I/O; see `clock_offset`."""

from dataclasses import dataclass, field
from typing import Final

from streaming.live.flight import Purpose
from streaming.live.links import NEVER_NS
from streaming.live.wire import Wire
from streaming.live.words import Told
from streaming.venues.clock_offset import ClockAsking, ClockOffset
from streaming.venues.gateway import Call, CallKind, Outcome

WARN_NS: Final = 100_000_000
"""An offset that people are told of when it is passed."""


@dataclass(slots=True)
class ClockKeeper:
    """See the head of the file."""

    _wire: Wire
    clock: ClockOffset = field(init=False)
    _call: int = 0
    _next_ns: int = 0
    _was_off: bool = False

    def __post_init__(self) -> None:
        self.clock = ClockOffset(ClockAsking(every_ns=self._wire.limits.clock_every_ns))

    @property
    def is_known(self) -> bool:
        """Whether the venue has told its time: nothing that is signed is sent before."""
        return self.clock.is_known

    def on_deadline(self, ts_ns: int) -> None:
        """Ask, where it is time."""
        self._next_ns = self.clock.next_ask_ns(ts_ns)
        if self._call or ts_ns < self._next_ns:
            return
        self.clock.on_asked(ts_ns)
        call, wait_ns = self._wire.ask(CallKind.time, Purpose.clock, ts_ns)
        self._call = 0 if wait_ns else call.number
        self._next_ns = self.clock.next_ask_ns(ts_ns)

    def next_ns(self) -> int:
        """Return when to ask next."""
        return NEVER_NS if self._call else self._next_ns

    def on_outcome(self, call: Call, outcome: Outcome, ts_ns: int) -> None:
        """Take what became of a question."""
        self._call = 0
        if outcome.is_accepted and isinstance(outcome.document, int):
            self.clock.on_answer(call.ts_ns, ts_ns, outcome.document)
            offset_ns = self.clock.offset_ns(ts_ns)
            self._wire.gateway.set_clock_offset(offset_ns)
            self._warn(offset_ns, ts_ns)
        self._next_ns = self.clock.next_ask_ns(ts_ns)

    def _warn(self, offset_ns: int, ts_ns: int) -> None:
        is_off = abs(offset_ns) > WARN_NS
        if is_off and not self._was_off:
            self._wire.say(Told.clock, f"our clock is {-offset_ns / 1e6:+.1f} ms from the venue's", ts_ns)
        self._was_off = is_off
