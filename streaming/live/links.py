"""The private sockets of one venue, as a table. Sans I/O: time is an argument, actions are returned.

    connecting   asked for, no answer yet
    entering     open; logon and subscriptions are under way on it
    ready        it serves its way
    draining     a successor serves; what is under way on it may still be answered
    gone         ended

A way has at most one socket that serves and one that is to follow it. A socket older than `rotate_ns` is followed by
one opened beside it, and is closed when nothing is under way on it any more; a socket that is lost is followed after a
back-off. A socket is alive when anything came of it: it is pinged, and ended when the answer stays away.
"""

import random
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import Final

from streaming.live.words import LiveLimits
from streaming.recorder.backoff import Backoff
from streaming.venues.gateway import Way

NEVER_NS: Final = 2**63 - 1
JITTER: Final = 0.05
"""Of the age at which a socket is followed: several do not turn at one moment."""


class SocketState(StrEnum):
    """See the head of the file."""

    connecting = "connecting"
    entering = "entering"
    ready = "ready"
    draining = "draining"
    gone = "gone"


class SocketEvent(Enum):
    """What can happen to a socket."""

    opened = 0
    entered = 1
    """Everything that a fresh socket must be sent was accepted."""
    turned_away = 2
    """Something of it was not."""
    lost = 3
    due = 4
    """The state's deadline has passed: no answer to the connecting, the entering or a ping; drained."""
    followed = 5
    """Its successor serves."""
    given_up = 6
    """What it says is worth nothing any more: the listen key ended, the venue is deaf, the end of all."""


class SocketAction(Enum):
    """What the owner must do."""

    nothing = 0
    enter = 1
    """Send what a fresh socket must be sent."""
    serve = 2
    """Use it from now on."""
    bury = 3
    """It is gone already: give up what was under way on it."""
    drop = 4
    """Close it at once, and give up what was under way on it."""


_S, _E, _A = SocketState, SocketEvent, SocketAction
TABLE: Final = {
    (_S.connecting, _E.opened): (_S.entering, _A.enter),
    (_S.connecting, _E.lost): (_S.gone, _A.bury),
    (_S.connecting, _E.due): (_S.gone, _A.drop),
    (_S.connecting, _E.given_up): (_S.gone, _A.drop),
    (_S.entering, _E.entered): (_S.ready, _A.serve),
    (_S.entering, _E.turned_away): (_S.gone, _A.drop),
    (_S.entering, _E.lost): (_S.gone, _A.bury),
    (_S.entering, _E.due): (_S.gone, _A.drop),
    (_S.entering, _E.given_up): (_S.gone, _A.drop),
    (_S.ready, _E.followed): (_S.draining, _A.nothing),
    (_S.ready, _E.lost): (_S.gone, _A.bury),
    (_S.ready, _E.due): (_S.gone, _A.drop),
    (_S.ready, _E.given_up): (_S.gone, _A.drop),
    (_S.draining, _E.lost): (_S.gone, _A.bury),
    (_S.draining, _E.due): (_S.gone, _A.drop),
    (_S.draining, _E.given_up): (_S.gone, _A.drop),
}
"""State and event to next state and action; anything else is a mistake of the owner."""


@dataclass(slots=True)
class PrivateSocket:
    """One socket, from the asking for it to its end."""

    number: int
    way: Way
    deadline_ns: int
    state: SocketState = SocketState.connecting
    opened_ns: int = 0
    heard_ns: int = 0
    """When anything came of it last."""
    pinged_ns: int = 0
    """Of the ping that is not answered yet; 0: none is."""

    def move(self, event: SocketEvent) -> SocketAction:
        """Take an event and return what must be done."""
        self.state, action = TABLE[self.state, event]
        return action


@dataclass(slots=True)
class _Line:
    """One way's sockets."""

    serving: PrivateSocket | None = None
    following: PrivateSocket | None = None
    retry_ns: int = NEVER_NS
    """When a socket is to be asked for."""
    rotate_ns: int = NEVER_NS
    """When the serving one is to be followed."""


@dataclass(frozen=True, slots=True)
class Due:
    """What time makes due: a socket to be asked for, to be pinged or to be ended."""

    kind: str
    """`open`, `ping`, `end`."""
    way: Way
    socket: PrivateSocket | None = None
    reason: str = ""


class Links:
    """See the head of the file. The owner asks for sockets when told, and tells what happens to them."""

    def __init__(
        self, ways: Sequence[Way], limits: LiveLimits, rng: random.Random, ping_every_ns: int | None = None
    ) -> None:
        """`ping_every_ns`: how often the venue wants to be pinged, where it does."""
        self._limits = limits
        self._rng = rng
        self._ping_every_ns = min(limits.ping_every_ns, ping_every_ns or limits.ping_every_ns)
        self._lines = {way: _Line() for way in ways}
        self._backoffs = {way: Backoff(rng, limits.backoff_min_ns, limits.backoff_max_ns) for way in ways}
        self._sockets: dict[int, PrivateSocket] = {}
        self._numbers = 0

    # --- what stands ---

    @property
    def ways(self) -> Collection[Way]:
        """The ways that have a socket at this venue."""
        return self._lines.keys()

    def serving(self, way: Way) -> PrivateSocket | None:
        """Return the socket of a way that may be used now, None where there is none."""
        return self._lines[way].serving

    def socket(self, number: int) -> PrivateSocket | None:
        """Return a socket that has not ended."""
        return self._sockets.get(number)

    def all(self) -> Iterator[PrivateSocket]:
        """Yield the sockets that have not ended."""
        yield from [*self._sockets.values()]

    def is_alone(self, socket: PrivateSocket) -> bool:
        """Tell whether its way has no other socket that is open."""
        others = (item for item in self._sockets.values() if item.way is socket.way and item is not socket)
        return all(item.state is SocketState.connecting for item in others)

    # --- what happens ---

    def want(self, way: Way, ts_ns: int) -> None:
        """Ask for a socket of a way as soon as may be."""
        line = self._lines[way]
        if line.following is None:
            line.retry_ns = min(line.retry_ns, ts_ns)

    def is_missing(self, way: Way) -> bool:
        """Tell whether a way has no socket, and none is to be asked for."""
        line = self._lines[way]
        return line.serving is None and line.following is None and line.retry_ns == NEVER_NS

    def postpone(self, way: Way, ts_ns: int) -> None:
        """Ask for a way's socket later: what its path needs is not there yet."""
        line = self._lines[way]
        line.retry_ns = ts_ns + self._limits.backoff_min_ns
        if ts_ns >= line.rotate_ns:
            line.rotate_ns = line.retry_ns

    def asked(self, way: Way, ts_ns: int) -> PrivateSocket:
        """Take note that a socket is asked for now, and return it."""
        line, self._numbers = self._lines[way], self._numbers + 1
        line.retry_ns = line.rotate_ns = NEVER_NS
        socket = PrivateSocket(self._numbers, way, ts_ns + self._limits.connect_ns)
        self._sockets[socket.number] = line.following = socket
        return socket

    def opened(self, socket: PrivateSocket, ts_ns: int) -> None:
        """Take note of an open socket; it is entered next."""
        socket.move(SocketEvent.opened)
        socket.opened_ns = socket.heard_ns = ts_ns
        socket.deadline_ns = ts_ns + self._limits.connect_ns

    def entered(self, socket: PrivateSocket, ts_ns: int) -> PrivateSocket | None:
        """Let a socket serve; return the one that it follows, which drains."""
        socket.move(SocketEvent.entered)
        line = self._lines[socket.way]
        self._backoffs[socket.way].reset()
        before, line.serving, line.following = line.serving, socket, None
        socket.deadline_ns = ts_ns + self._ping_every_ns
        line.rotate_ns = socket.opened_ns + int(self._limits.rotate_ns * self._rng.uniform(1.0 - JITTER, 1.0))
        if before is not None:
            before.move(SocketEvent.followed)
            before.deadline_ns = ts_ns + self._limits.order_timeout_ns
        return before

    def heard(self, socket: PrivateSocket, ts_ns: int) -> None:
        """Take note of anything that came."""
        socket.heard_ns, socket.pinged_ns = ts_ns, 0

    def pinged(self, socket: PrivateSocket, ts_ns: int) -> None:
        """Take note of a ping that was sent."""
        if socket.pinged_ns == 0:
            socket.pinged_ns = ts_ns
        socket.deadline_ns = min(ts_ns + self._ping_every_ns, socket.pinged_ns + self._limits.pong_ns)

    def ended(self, socket: PrivateSocket, event: SocketEvent, ts_ns: int) -> SocketAction:
        """Take note of an end; another socket is asked for after the way's back-off, where this one was the last."""
        action = socket.move(event)
        self._sockets.pop(socket.number, None)
        line = self._lines[socket.way]
        if line.serving is socket:
            line.serving, line.rotate_ns = None, NEVER_NS
        if line.following is socket:
            line.following = None
        elif line.serving is not None or line.following is not None:
            return action
        line.retry_ns = min(line.retry_ns, ts_ns + self._backoffs[socket.way].next_ns())
        return action

    def drained(self, socket: PrivateSocket, ts_ns: int) -> None:
        """Take note that nothing is under way on a draining socket."""
        if socket.state is SocketState.draining:
            socket.deadline_ns = ts_ns

    # --- time ---

    def due(self, ts_ns: int) -> list[Due]:
        """Return what time has made due; each is carried out and told."""
        found = [item for way, line in self._lines.items() for item in self._due_of(way, line, ts_ns)]
        for socket in self._sockets.values():
            if ts_ns >= socket.deadline_ns:
                found.append(self._due_socket(socket, ts_ns))
        return found

    def next_ns(self) -> int:
        """Return when `due` has something to say."""
        times = [line.retry_ns for line in self._lines.values()]
        times += [line.rotate_ns for line in self._lines.values() if line.following is None]
        times += [socket.deadline_ns for socket in self._sockets.values()]
        return min(times, default=NEVER_NS)

    def _due_of(self, way: Way, line: _Line, ts_ns: int) -> Iterator[Due]:
        if line.following is None and ts_ns >= min(line.retry_ns, line.rotate_ns):
            yield Due("open", way)

    def _due_socket(self, socket: PrivateSocket, ts_ns: int) -> Due:
        limits, way = self._limits, socket.way
        match socket.state:
            case SocketState.ready if not socket.pinged_ns or ts_ns < socket.pinged_ns + limits.pong_ns:
                return Due("ping", way, socket)
            case SocketState.ready:
                return Due("end", way, socket, f"no answer to a ping for {_seconds(ts_ns - socket.pinged_ns)}")
            case SocketState.draining:
                return Due("end", way, socket, "followed by another")
            case _:
                return Due("end", way, socket, f"not ready within {_seconds(limits.connect_ns)}")


def _seconds(span_ns: int) -> str:
    return f"{span_ns / 1_000_000_000:g} s"
