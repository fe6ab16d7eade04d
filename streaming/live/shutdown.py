"""The end of a live session, as a table: halt new risk, cancel, confirm by query, perhaps flatten, flush, exit code.

Nothing is assumed: an order counts as gone when the venue, asked after the cancels, does not list it any more. Each
state has its time; what was not confirmed by then is named, and the exit code says so. Time is an argument.

    trading ── stop ──► halting ──► cancelling ──► confirming ──► flushing ──► ended
                                                      │  ▲
                                                      ▼  │
                                                   flattening
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from streaming.live.config import ShutdownSettings

NS_PER_S: Final = 1_000_000_000
HALT_S: Final = 2.0
"""For the engine to say that it is halted: a step or two."""
FLUSH_S: Final = 15.0
CONFIRMED, NOT_CONFIRMED = 0, 1


class State(StrEnum):
    """Where the shutdown is."""

    trading = "trading"
    halting = "halting"
    cancelling = "cancelling"
    """Until the engine knows of no open order of ours."""
    confirming = "confirming"
    """Until every venue, asked since, lists none."""
    flattening = "flattening"
    flushing = "flushing"
    ended = "ended"


class Seen(StrEnum):
    """What the driver's facts come to, in a state."""

    stop = "stop"
    halted = "halted"
    no_orders = "no_orders"
    none_listed = "none_listed"
    """Every venue's list, asked for since the last change, is empty of ours."""
    still_listed = "still_listed"
    positions_left = "positions_left"
    """None listed, but positions to close, as `flatten` asks."""
    is_flat = "is_flat"
    time_over = "time_over"
    flushed = "flushed"


class Do(StrEnum):
    """What the driver does upon entering a state."""

    halt = "halt"
    """Command `halt`: no new order, and the engine cancels its own."""
    cancel = "cancel"
    """Cancel at the venues what they list of our prefix, even what the engine does not know."""
    ask = "ask"
    """Ask every venue for its open orders."""
    flatten = "flatten"
    """Command `flatten`: closing orders only, halted when flat."""
    flush = "flush"
    """Disarm dead-man's switches, end listen keys, close sockets, seal the journal."""
    exit = "exit"


TRANSITIONS: Final[Mapping[tuple[State, Seen], tuple[State, tuple[Do, ...]]]] = MappingProxyType(
    {
        (State.trading, Seen.stop): (State.halting, (Do.halt,)),
        (State.halting, Seen.halted): (State.cancelling, (Do.cancel,)),
        (State.halting, Seen.time_over): (State.cancelling, (Do.cancel,)),
        (State.cancelling, Seen.no_orders): (State.confirming, (Do.ask,)),
        (State.cancelling, Seen.time_over): (State.confirming, (Do.ask,)),
        (State.confirming, Seen.still_listed): (State.confirming, (Do.cancel, Do.ask)),
        (State.confirming, Seen.none_listed): (State.flushing, (Do.flush,)),
        (State.confirming, Seen.positions_left): (State.flattening, (Do.flatten,)),
        (State.confirming, Seen.time_over): (State.flushing, (Do.flush,)),
        (State.flattening, Seen.is_flat): (State.confirming, (Do.cancel, Do.ask)),
        (State.flattening, Seen.time_over): (State.confirming, (Do.halt, Do.cancel, Do.ask)),
        (State.flushing, Seen.flushed): (State.ended, (Do.exit,)),
        (State.flushing, Seen.time_over): (State.ended, (Do.exit,)),
    }
)
"""An unlisted pair is our own mistake and raises."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How things stand when the shutdown looks."""

    is_halted: bool
    open_orders: int
    """Of ours as the engine has them, unknown ones counted."""
    listed: int | None
    """Of ours as the venues list them, all asked since the last `ask`; None: not all have answered."""
    positions: int
    """Instruments that are not flat."""
    is_flushed: bool = False


class Shutdown:
    """One shutdown; `begin` it, then `look` at every tick and do what it says, until `exit_code` is there."""

    def __init__(self, settings: ShutdownSettings) -> None:
        self.state = State.trading
        self.unconfirmed: list[str] = []
        """What its time was over for, in words for a person."""
        self._settings = settings
        self._has_flattened = False
        self._ends_ns = 0

    @property
    def exit_code(self) -> int | None:
        """0 all confirmed, 1 not; None until the end."""
        if self.state is not State.ended:
            return None
        return NOT_CONFIRMED if self.unconfirmed else CONFIRMED

    def begin(self, ts_ns: int) -> tuple[Do, ...]:
        """Stop trading."""
        return self._step(Seen.stop, ts_ns)

    def look(self, standing: Standing, ts_ns: int) -> tuple[Do, ...]:
        """Return what is to be done now; nothing while things take their time."""
        seen = self._seen(standing)
        if seen is None and ts_ns >= self._ends_ns and self.state not in {State.trading, State.ended}:
            seen = Seen.time_over
        if seen is None:
            return ()
        if seen is Seen.time_over:
            self.unconfirmed.append(_unconfirmed(self.state, standing))
        return self._step(seen, ts_ns)

    def _seen(self, standing: Standing) -> Seen | None:
        match self.state:
            case State.halting if standing.is_halted:
                return Seen.halted
            case State.cancelling if standing.open_orders == 0:
                return Seen.no_orders
            case State.confirming if standing.listed is not None:
                return self._confirmed(standing)
            case State.flattening if standing.positions == 0:
                return Seen.is_flat
            case State.flushing if standing.is_flushed:
                return Seen.flushed
        return None

    def _confirmed(self, standing: Standing) -> Seen:
        if standing.listed:
            return Seen.still_listed
        wants_flat = self._settings.flatten and not self._has_flattened and standing.positions > 0
        return Seen.positions_left if wants_flat else Seen.none_listed

    def _step(self, seen: Seen, ts_ns: int) -> tuple[Do, ...]:
        before = self.state
        self.state, doing = TRANSITIONS[before, seen]
        self._has_flattened = self._has_flattened or self.state is State.flattening
        if self.state is not before:  # asking again is no new time
            self._ends_ns = ts_ns + int(self._span_s() * NS_PER_S)
        return doing

    def _span_s(self) -> float:
        spans = {
            State.halting: HALT_S,
            State.cancelling: self._settings.cancel_s,
            State.confirming: self._settings.cancel_s,
            State.flattening: self._settings.flatten_s,
            State.flushing: FLUSH_S,
        }
        return spans.get(self.state, 0.0)


def _unconfirmed(state: State, standing: Standing) -> str:
    match state:
        case State.halting:
            return "the engine did not say that it is halted"
        case State.cancelling:
            return f"{standing.open_orders} orders of ours had no end when cancels were given up"
        case State.confirming:
            listed = "did not all answer" if standing.listed is None else f"still list {standing.listed} orders of ours"
            return f"the venues {listed}: look there, or trader kill"
        case State.flattening:
            return f"{standing.positions} positions are not closed"
    return "the journal was not sealed in time"
