"""All websocket connections of one venue: opened, subscribed, watched, lost and rotated. Sans I/O.

A line is one place for a connection: a route and, where streams are heard twice, a copy. Before a connection reaches
the age at which the venue cuts it (24 h), a successor is opened beside it; once every book has spoken on the successor
the old one is closed. If the old one dies first, the successor takes its place as it is. The same way is taken when a
book stays silent on a connection on which others speak.
"""

import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from streaming.recorder.backoff import Backoff
from streaming.recorder.commands import CloseSocket, Command, OpenSocket, SendPing, SendText
from streaming.recorder.link import OPEN_STATES, REPLACE_AT, Link, LinkAction, LinkEvent, LinkLimits, LinkState
from streaming.venues.budget import NS_PER_S, WeightBudget
from streaming.venues.dialect import Control, ControlKind, Dialect, Stream

ATTEMPTS_PER_MINUTE = 60
"""Connections opened in a minute at most: Binance allows 300 in five."""
ROTATION_JITTER = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class LinesSettings:
    """Durations in ns of the shared clock."""

    limits: LinkLimits
    backoff_min_ns: int
    backoff_max_ns: int
    rotate_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LineSpec:
    """One place for a connection; `source` is its row in the header's source table."""

    route: str
    copy: int
    url: str
    source: int
    streams: tuple[Stream, ...]


@dataclass(slots=True)
class Line:
    """A connection in its place."""

    spec: LineSpec
    link: Link
    socket: int = -1
    next_ping_ns: int | None = None
    rotate_ns: int | None = None
    successor: "Line | None" = None


@dataclass(slots=True)
class LineCounts:
    """What happened to a venue's connections."""

    opened: int = 0
    lost: int = 0
    stalled: int = 0
    rotated: int = 0
    renewed: int = 0
    """Subscriptions made again because one book was silent on a connection that spoke."""
    refused: int = 0
    controls: Counter[str] = field(default_factory=Counter)
    last_loss: str = ""


class Lines:
    """See the head of the file. `commands` collects what the shell must do."""

    def __init__(
        self, dialect: Dialect, specs: Sequence[LineSpec], settings: LinesSettings, rng: random.Random, now_ns: int
    ) -> None:
        self._dialect = dialect
        self._settings = settings
        self._rng = rng
        self._attempts = WeightBudget(ATTEMPTS_PER_MINUTE, 1.0, now_ns)
        self._by_socket: dict[int, Line] = {}
        self._last_socket = 0
        self._last_id = 0
        self.counts = LineCounts()
        self.commands: list[Command] = []
        self.resting: set[str] = set()
        """Symbols that need not speak: the venue does not trade them now."""
        self.unlisted: set[str] = set()
        """Symbols that no new connection asks for: the venue would refuse the others with them."""
        self.lines = [self._new_line(spec, now_ns) for spec in specs]

    def line_of(self, socket: int) -> Line | None:
        """Return the line that `socket` is the present connection of."""
        return self._by_socket.get(socket)

    def everyone(self) -> Iterator[Line]:
        """Yield lines and successors."""
        for line in self.lines:
            yield line
            if line.successor is not None:
                yield line.successor

    def open_sockets(self, route: str) -> list[int]:
        """Return the sockets of a route on which frames may come, the line's own before its successor."""
        return [line.socket for line in self.everyone() if line.spec.route == route and line.link.state in OPEN_STATES]

    # --- what happens ---

    def opened(self, socket: int, now_ns: int) -> None:
        """Take note that a socket is open."""
        line = self._by_socket.get(socket)
        if line is not None:
            self.counts.opened += 1
            self._act(line, line.link.fire(LinkEvent.opened, now_ns), now_ns)

    def lost(self, socket: int, reason: str, now_ns: int) -> None:
        """Take note that a socket ended, or could not be opened."""
        line = self._by_socket.get(socket)
        if line is not None:
            self.counts.lost += 1
            self.counts.last_loss = reason
            self._act(line, line.link.fire(LinkEvent.lost, now_ns, reason), now_ns)

    def heard(self, line: Line, stream: str, now_ns: int) -> bool:
        """Take note of a frame; True when this made the line live."""
        action = line.link.heard(stream, now_ns)
        if action is LinkAction.nothing:
            return False
        self._act(line, action, now_ns)
        return True

    def control(self, line: Line, control: Control, now_ns: int) -> None:
        """Take note of a control message."""
        self.counts.controls[control.kind.value] += 1
        if control.kind is ControlKind.pong:
            self.pong(line.socket, now_ns)
        elif control.kind is ControlKind.shutdown and line.rotate_ns is not None:
            line.rotate_ns = now_ns
        elif control.kind is ControlKind.refusal:
            self.counts.refused += 1
            self.counts.last_loss = f"refused: {control.text}"
            self._act(line, line.link.fire(LinkEvent.refused, now_ns, control.text), now_ns)

    def pong(self, socket: int, now_ns: int) -> None:
        """Take note of an answered ping."""
        line = self._by_socket.get(socket)
        if line is not None:
            self._act(line, line.link.heard_pong(now_ns), now_ns)

    def subscribe_anew(self, streams: Sequence[str], now_ns: int) -> bool:
        """Drop and renew subscriptions on the first open line that carries them; False when there is none."""
        for line in self.everyone():
            if line.link.state in OPEN_STATES and {stream.name for stream in line.spec.streams}.issuperset(streams):
                for make in (self._dialect.unsubscribe, self._dialect.subscribe):
                    self._send(line, make(streams, self._last_id + 1))
                return True
        return False

    # --- time ---

    def next_deadline_ns(self) -> int | None:
        """Return when `on_deadline` has something to do."""
        times = [
            ts_ns
            for line in self.everyone()
            for ts_ns in (line.link.next_deadline_ns(), line.next_ping_ns, line.rotate_ns)
            if ts_ns is not None
        ]
        return min(times, default=None)

    def on_deadline(self, now_ns: int) -> None:
        """Do what is due: try again, ask the silent, ping, rotate."""
        for line in list(self.everyone()):
            if line.link.is_due(now_ns):
                self._on_due(line, now_ns)
            if line.next_ping_ns is not None and now_ns >= line.next_ping_ns:
                self._ping(line, now_ns)
            if line.rotate_ns is not None and now_ns >= line.rotate_ns:
                self._rotate(line, now_ns)

    def retire_all(self, now_ns: int) -> None:
        """Close every connection."""
        for line in list(self.everyone()):
            self._retire(line, now_ns)
        for line in self.lines:
            line.successor = None

    # --- inside ---

    def _new_line(self, spec: LineSpec, now_ns: int, renewals: Mapping[str, int] | None = None) -> Line:
        settings = self._settings
        backoff = Backoff(self._rng, settings.backoff_min_ns, settings.backoff_max_ns)
        link = Link(spec.streams, settings.limits, backoff, self.resting, renewals)
        link.start(now_ns)
        return Line(spec, link)

    def _on_due(self, line: Line, now_ns: int) -> None:
        if line.link.state is LinkState.backing_off:
            wait_ns = self._attempts.wait_ns(1, now_ns)
            if wait_ns:
                line.link.postpone(now_ns + wait_ns)
                return
            self._attempts.take(1, now_ns)
        self.counts.stalled += line.link.state is LinkState.live
        reason = _silence_text(line, now_ns)
        if line.link.state in OPEN_STATES:
            self.counts.last_loss = reason
        action = line.link.overdue(now_ns, reason)
        if action is LinkAction.drop:
            self.counts.lost += 1
            self.counts.last_loss = reason
        self._act(line, action, now_ns)

    def _act(self, line: Line, action: LinkAction, now_ns: int) -> None:
        match action:
            case LinkAction.open:
                self._last_socket += 1
                line.socket = self._last_socket
                self._by_socket[line.socket] = line
                self.commands.append(OpenSocket(line.socket, line.spec.url))
            case LinkAction.subscribe:
                self._subscribe(line, now_ns)
            case LinkAction.probe:
                self._ping(line, now_ns)
            case LinkAction.settle:
                self._settle(line, now_ns)
            case LinkAction.renew:
                self._renew(line, now_ns)
            case LinkAction.drop | LinkAction.retry_later | LinkAction.close:
                self._leave(line, action, now_ns)
            case LinkAction.nothing:
                return

    def _subscribe(self, line: Line, now_ns: int) -> None:
        line.next_ping_ns = self._next_ping_ns(now_ns)
        share = 1.0 - self._rng.uniform(0.0, ROTATION_JITTER)
        line.rotate_ns = now_ns + int(self._settings.rotate_ns * share)
        names = [stream.name for stream in line.spec.streams if stream.symbol not in self.unlisted]
        self._send(line, self._dialect.subscribe(names, self._last_id + 1))

    def _renew(self, line: Line, now_ns: int) -> None:
        """Make the silent books' subscriptions again; a successor is opened when that was in vain for a while."""
        names = line.link.renew_silent(now_ns)
        self.counts.renewed += len(names)
        self._send(line, self._dialect.renew(names, self._last_id + 1))
        if any(line.link.renewals[name] == REPLACE_AT for name in names):
            self._rotate(line, now_ns)

    def _settle(self, line: Line, now_ns: int) -> None:
        """A successor that works takes its line's place."""
        for place, old in enumerate(self.lines):
            if old.successor is line:
                old.successor = None
                self.lines[place] = line
                self.counts.rotated += 1
                self._retire(old, now_ns)

    def _leave(self, line: Line, action: LinkAction, now_ns: int) -> None:
        socket, line.socket = line.socket, -1
        self._by_socket.pop(socket, None)
        line.next_ping_ns = line.rotate_ns = None
        if action is not LinkAction.retry_later:
            self.commands.append(CloseSocket(socket))
        successor = line.successor
        if successor is not None and line in self.lines:
            self.lines[self.lines.index(line)] = successor
            line.successor = None
            self._retire(line, now_ns)

    def _retire(self, line: Line, now_ns: int) -> None:
        if line.link.state is not LinkState.closed:
            self._act(line, line.link.fire(LinkEvent.retired, now_ns), now_ns)

    def _rotate(self, line: Line, now_ns: int) -> None:
        line.rotate_ns = None
        if line.successor is None and line in self.lines:
            line.successor = self._new_line(line.spec, now_ns, line.link.renewals)

    def _ping(self, line: Line, now_ns: int) -> None:
        self._last_id += 1
        text = self._dialect.ping(self._last_id)
        self.commands.append(SendPing(line.socket) if text is None else SendText(line.socket, text))
        line.next_ping_ns = self._next_ping_ns(now_ns)

    def _next_ping_ns(self, now_ns: int) -> int | None:
        every_s = self._dialect.ping_every_s
        return None if every_s is None else now_ns + int(every_s * NS_PER_S)

    def _send(self, line: Line, messages: Sequence[bytes]) -> None:
        self._last_id += len(messages)
        self.commands.extend(SendText(line.socket, data) for data in messages)


def _silence_text(line: Line, now_ns: int) -> str:
    """Return what a line has waited for in vain."""
    if line.link.state not in OPEN_STATES:
        return f"{line.spec.url}: no websocket handshake in time"
    unheard = line.link.silent_books(now_ns) or line.link.silent_streams()
    return f"silent in state {line.link.state}: {', '.join(unheard) or 'a book stopped'}"
