"""Wires of virtual time between live venues and an emulator: bytes go through memory, each some drawn time on its way.

A wire carries out what a `LiveVenue` commands. What goes over one socket keeps its order; REST answers may overtake.
"""

import heapq
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from urllib.parse import parse_qsl

from streaming.emulator.session import Close, Ping, Send, Session
from streaming.emulator.venue import Venue
from streaming.live.commands import Command, Http, OpenSocket, SendText
from streaming.live.venue import LiveVenue
from streaming.recorder.commands import CloseSocket, SendPing
from streaming.venues.gateway import Call, HttpReply

MS = 1_000_000
NEVER_NS = 2**63 - 1


class Agenda:
    """What is to happen, in order of time; of one time in order of asking."""

    def __init__(self) -> None:
        self._waiting: list[tuple[int, int, Callable[[int], None]]] = []
        self._count = 0
        self.now_ns = 0

    def at(self, ts_ns: int, act: Callable[[int], None]) -> None:
        """Let something happen at a time, now where that is past."""
        self._count += 1
        heapq.heappush(self._waiting, (max(ts_ns, self.now_ns), self._count, act))

    def next_ns(self) -> int:
        """Return when something happens next."""
        return self._waiting[0][0] if self._waiting else NEVER_NS

    def step(self) -> None:
        """Let the next thing happen."""
        self.now_ns, _, act = heapq.heappop(self._waiting)
        act(self.now_ns)


@dataclass(slots=True)
class _Line:
    """One socket: the server's side, and until when each direction is busy, so that nothing overtakes."""

    session: Session | None = None
    up_ns: int = 0
    down_ns: int = 0


@dataclass(slots=True)
class VenueWire:
    """Everything between one live venue and the emulated one. `moved` is called after every input of the live venue."""

    live: LiveVenue
    venue: Venue
    agenda: Agenda
    random: random.Random
    moved: Callable[[int], None]
    next_session_id: Callable[[], int]
    events: int = 0
    """Messages and replies carried, both ways."""
    _lines: dict[int, _Line] = field(default_factory=dict)
    _is_dead: bool = False

    def obey(self) -> None:
        """Carry out what the live venue commands now."""
        for command in self.live.take_commands():
            self._carry_out(command)

    def pump(self, now_ns: int) -> None:
        """Take what the server's sides have to say."""
        for number, line in [*self._lines.items()]:
            if line.session is not None:
                self._pump_line(number, line, line.session, now_ns)

    def cut(self, now_ns: int) -> bool:
        """Cut one of the connections, as a network does: neither side is told why. False where none is open."""
        open_lines = [number for number, line in self._lines.items() if line.session is not None]
        if open_lines:
            self._lose(self.random.choice(open_lines), "connection reset by peer", now_ns)
        return bool(open_lines)

    def die(self) -> None:
        """Let the live venue's process be gone: what it has sent arrives, and what comes for it nobody hears."""
        self._is_dead = True
        for number, line in self._lines.items():
            self.agenda.at(max(line.up_ns, self._later()), partial(self._hang_up, number))

    def _hang_up(self, number: int, now_ns: int) -> None:
        line = self._lines.pop(number, None)
        if line is not None and line.session is not None:
            self.venue.close(line.session, now_ns)

    # -- commands

    def _carry_out(self, command: Command) -> None:
        self.events += 1
        match command:
            case OpenSocket(socket, _, path):
                self._lines[socket] = _Line()
                self.agenda.at(self._later(5 * MS), lambda ts_ns: self._open(socket, path, ts_ns))
            case SendText(socket, data):
                self._up(socket, lambda session, ts_ns: session.receive_text(data, ts_ns))
            case SendPing(socket):
                self._up(socket, lambda session, ts_ns: self._ponged(socket, session, ts_ns))
            case CloseSocket(socket):
                self._hang_up(socket, self.agenda.now_ns)
            case Http(call):
                self.agenda.at(self._later(), lambda ts_ns: self._ask(call, ts_ns))

    def _open(self, socket: int, path: str, now_ns: int) -> None:
        line = self._lines.get(socket)
        if line is None or self._is_dead:
            return
        place, _, query = path.partition("?")
        found = self.venue.open(place, dict(parse_qsl(query)), self.next_session_id(), now_ns)
        if not isinstance(found, Session):
            self._lines.pop(socket)
            self.agenda.at(self._later(), lambda ts_ns: self._tell_lost(socket, f"status {found.status}", ts_ns))
            return
        line.session = found
        line.down_ns = self._later()
        self.agenda.at(line.down_ns, lambda ts_ns: self._tell(lambda: self.live.on_open(socket, ts_ns), ts_ns))

    def _up(self, socket: int, take: Callable[[Session, int], None]) -> None:
        line = self._lines.get(socket)
        if line is None or line.session is None:
            return

        def arrive(ts_ns: int) -> None:
            session = line.session
            if session is not None and socket in self._lines:
                take(session, ts_ns)
                self._pump_line(socket, line, session, ts_ns)

        line.up_ns = max(line.up_ns, self._later())
        self.agenda.at(line.up_ns, arrive)

    def _ponged(self, socket: int, session: Session, now_ns: int) -> None:
        session.receive_ping(now_ns)
        self._down(socket, lambda ts_ns: self.live.on_pong(socket, ts_ns))

    def _ask(self, call: Call, now_ns: int) -> None:
        place, _, query = call.target.partition("?")
        headers = {name.lower(): value for name, value in call.headers.items()}
        reply = self.venue.order_front.http(call.method, place, query, headers, call.body, now_ns)
        self.pump(now_ns)
        if reply.status == 0:
            self.agenda.at(
                self._later(),
                lambda ts_ns: self._tell(lambda: self.live.on_http_failed(call.number, "cut", ts_ns), ts_ns),
            )
            return
        answer = HttpReply(
            status=reply.status,
            body=reply.body,
            headers={name.lower(): value for name, value in reply.headers.items()},
        )
        self.agenda.at(
            self._later(), lambda ts_ns: self._tell(lambda: self.live.on_http(call.number, answer, ts_ns), ts_ns)
        )

    # -- what the server's side says

    def _pump_line(self, number: int, line: _Line, session: Session, now_ns: int) -> None:
        while out := session.data_to_send():
            for item in out:
                match item:
                    case Send(data):
                        self._say(number, data)
                    case Ping(data):
                        session.receive_pong(data, now_ns)
                    case Close(_, reason):
                        self._lose(number, reason, now_ns)

    def _say(self, number: int, data: bytes) -> None:
        self._down(number, lambda ts_ns: self.live.on_text(number, data, ts_ns))

    def _down(self, number: int, tell: Callable[[int], None]) -> None:
        line = self._lines[number]

        def arrive(ts_ns: int) -> None:
            if number in self._lines:
                self._tell(lambda: tell(ts_ns), ts_ns)

        line.down_ns = max(line.down_ns, self._later())
        self.agenda.at(line.down_ns, arrive)

    def _lose(self, number: int, reason: str, now_ns: int) -> None:
        line = self._lines.pop(number, None)
        if line is None or line.session is None:
            return
        self.venue.close(line.session, now_ns)
        self.agenda.at(max(line.down_ns, self._later()), lambda ts_ns: self._tell_lost(number, reason, ts_ns))

    def _tell_lost(self, number: int, reason: str, ts_ns: int) -> None:
        self._tell(lambda: self.live.on_lost(number, reason, ts_ns), ts_ns)

    def _tell(self, tell: Callable[[], None], ts_ns: int) -> None:
        if self._is_dead:
            return
        self.events += 1
        tell()
        self.moved(ts_ns)

    def _later(self, least_ns: int = MS // 2) -> int:
        """Return when something that leaves now arrives: after a millisecond or so, seldom after much more."""
        slow = self.random.random() < 0.02
        return self.agenda.now_ns + least_ns + int(self.random.expovariate(1 / (40 * MS if slow else MS)))
