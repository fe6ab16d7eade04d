"""One client's websocket as a machine: text and pongs in, messages out, time an argument.

The caller hands in what arrives and what the market publishes, sends what `data_to_send` returns, and calls
`handle_deadline` when `next_deadline_ns` has come. What differs between venues is the dialect, which reads the client's
requests.

Rule for a slow client: at most `queue_messages_max` messages wait for it; one more, and it is cut off and counted.
"""

from collections import Counter, deque
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from streaming.emulator.streams import MarketFrame, skewed

NS_PER_S = 1_000_000_000
NEVER_NS = 2**62
RATE_WINDOW_NS = NS_PER_S

CLOSE_GOING_AWAY, CLOSE_POLICY = 1001, 1008


class Ending(Enum):
    """Why a connection ended."""

    client = "client"
    """The other side closed it or went away."""
    lifetime = "lifetime"
    """24 hours are over."""
    late_pong = "late_pong"
    too_fast = "too_fast"
    """More requests a second than the venue takes."""
    too_many_streams = "too_many_streams"
    idle = "idle"
    slow = "slow"
    """It did not read what was sent."""
    fault = "fault"
    """Cut on purpose; the fault log says which."""
    stopped = "stopped"
    """The emulator ends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRules:
    """What a venue grants a connection; all times are those of the shared clock."""

    ping_every_ns: int | None
    """None: the server never pings."""
    pong_within_ns: int = 0
    lifetime_ns: int = 24 * 3_600 * NS_PER_S
    shutdown_notice_ns: int = 0
    """How long before the lifetime ends the dialect's notice is sent; 0 for none."""
    idle_ns: int | None = None
    """Closed when neither the client said anything nor the market for this long."""
    requests_per_s: int = 10
    streams_max: int = 1_024
    queue_messages_max: int = 8_192


@dataclass(frozen=True, slots=True)
class Send:
    """A text message for the client."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Ping:
    """A websocket ping, whose payload the pong must echo."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Close:
    """The end; code 0 cuts the connection without a handshake."""

    code: int
    reason: str


Outgoing = Send | Ping | Close


class Dialect(Protocol):
    """What a venue's clients say."""

    def receive_text(self, session: "Session", data: bytes, now_ns: int) -> None:
        """Read one request: change `session.streams`, answer by `session.send`."""
        ...

    def wants(self, session: "Session", frame: MarketFrame) -> bool:
        """Tell whether a message belongs to what the client subscribed, on this connection's route."""
        ...

    def form(self, session: "Session", frame: MarketFrame) -> bytes:
        """Return the message as this connection carries it."""
        ...

    def shutdown_notice(self, session: "Session", now_ns: int) -> bytes | None:
        """Return what is said shortly before a planned end."""
        ...


@dataclass(slots=True)
class Session:
    """The server's side of one connection."""

    id: int
    dialect: Dialect
    rules: SessionRules
    ts_opened_ns: int
    streams: dict[str, None] = field(default_factory=dict)
    """Subscribed streams, in the order in which they were."""
    is_combined: bool = False
    route: str = ""
    """USD-M: public, market or private."""
    is_private: bool = False
    """Of one account, or of a client that may become one's."""
    mute_until_ns: int = 0
    """A stall lasts until then."""
    ending: Ending | None = None
    ts_ended_ns: int = 0
    is_cut: bool = False
    """The connection is to be cut at once, without a closing handshake, whatever still waits."""
    sent: Counter[str] = field(default_factory=Counter)
    """Market messages by stream, handed to the connection; one that is cut may lose the last of them."""
    last_ids: dict[str, int] = field(default_factory=dict)
    """Last update id sent, by depth stream."""
    _out: deque[Outgoing] = field(default_factory=deque)
    _ping: tuple[bytes, int] | None = None
    """The ping under way and its deadline."""
    _ts_last_ping_ns: int = 0
    _ts_last_active_ns: int = 0
    _requests: deque[int] = field(default_factory=deque)
    """Times of the requests of the last second; bounded by the venue's limit."""
    _is_noticed: bool = False

    def __post_init__(self) -> None:
        self._ts_last_ping_ns = self._ts_last_active_ns = self.ts_opened_ns

    @property
    def waiting(self) -> int:
        """Return how many messages wait to be sent."""
        return len(self._out)

    def receive_text(self, data: bytes, now_ns: int) -> None:
        """Take a text message of the client."""
        if self.ending is not None or not self._is_in_time(now_ns):
            return
        self._ts_last_active_ns = now_ns
        self.dialect.receive_text(self, data, now_ns)

    def receive_pong(self, data: bytes, now_ns: int) -> None:
        """Take a pong; one that nobody asked for does not keep the connection alive."""
        if self._ping is not None and self._ping[0] == data:
            self._ping = None
            self._ts_last_active_ns = now_ns

    def receive_ping(self, now_ns: int) -> None:
        """Take a client's ping, which counts as a request; the caller sends the pong."""
        if self.ending is None and self._is_in_time(now_ns):
            self._ts_last_active_ns = now_ns

    def deliver(self, frame: MarketFrame, skew_ms: int) -> None:
        """Queue a market message that the client subscribed."""
        payload = self.dialect.form(self, frame)
        self.send(skewed(payload, skew_ms) if skew_ms else payload)
        if self.ending is None:
            self._ts_last_active_ns = frame.ts_ns
            self.sent[frame.stream] += 1
            if frame.depth is not None:
                self.last_ids[frame.stream] = frame.depth.ids.last

    def send(self, data: bytes) -> None:
        """Queue a text message."""
        if self.ending is not None:
            return
        if len(self._out) >= self.rules.queue_messages_max:
            self._out.clear()
            self.end(Ending.slow, self._ts_last_active_ns, code=0)
            return
        self._out.append(Send(data))

    def end(self, ending: Ending, now_ns: int, *, code: int) -> None:
        """End the connection; the first ending counts."""
        if self.ending is None:
            self.ending, self.ts_ended_ns, self.is_cut = ending, now_ns, code == 0
            self._out.append(Close(code, ending.value))

    def data_to_send(self, limit: int = 256) -> list[Outgoing]:
        """Return up to `limit` messages that wait, for the caller to send in order."""
        out = self._out
        return [out.popleft() for _ in range(min(limit, len(out)))]

    def next_deadline_ns(self) -> int:
        """Return when `handle_deadline` is due."""
        if self.ending is not None:
            return NEVER_NS
        rules, opened_ns = self.rules, self.ts_opened_ns
        due = [opened_ns + rules.lifetime_ns]
        if rules.shutdown_notice_ns and not self._is_noticed:
            due.append(opened_ns + rules.lifetime_ns - rules.shutdown_notice_ns)
        if rules.idle_ns is not None:
            due.append(self._ts_last_active_ns + rules.idle_ns)
        if self._ping is not None:
            due.append(self._ping[1])
        elif rules.ping_every_ns is not None:
            due.append(self._ts_last_ping_ns + rules.ping_every_ns)
        return min(due)

    def handle_deadline(self, now_ns: int) -> None:
        """Do what is due: ping, notice, end."""
        if self.ending is not None or now_ns < self.next_deadline_ns():
            return
        rules, left_ns = self.rules, self.ts_opened_ns + self.rules.lifetime_ns - now_ns
        if left_ns <= 0:
            self.end(Ending.lifetime, now_ns, code=CLOSE_GOING_AWAY)
        elif self._ping is not None and now_ns >= self._ping[1]:
            self.end(Ending.late_pong, now_ns, code=CLOSE_POLICY)
        elif rules.idle_ns is not None and now_ns >= self._ts_last_active_ns + rules.idle_ns:
            self.end(Ending.idle, now_ns, code=CLOSE_GOING_AWAY)
        else:
            self._announce(left_ns, now_ns)

    def _announce(self, left_ns: int, now_ns: int) -> None:
        rules = self.rules
        if not self._is_noticed and left_ns <= rules.shutdown_notice_ns:
            self._is_noticed = True
            notice = self.dialect.shutdown_notice(self, now_ns)
            if notice is not None:
                self.send(notice)
        if rules.ping_every_ns is None or self._ping is not None:
            return
        if now_ns >= self._ts_last_ping_ns + rules.ping_every_ns:
            self._ts_last_ping_ns = now_ns
            self._ping = (str(now_ns // 1_000_000).encode(), now_ns + rules.pong_within_ns)
            self._out.append(Ping(self._ping[0]))

    def _is_in_time(self, now_ns: int) -> bool:
        """Count a request; too many in a second end the connection."""
        requests = self._requests
        while requests and requests[0] <= now_ns - RATE_WINDOW_NS:
            requests.popleft()
        requests.append(now_ns)
        if len(requests) <= self.rules.requests_per_s:
            return True
        self.end(Ending.too_fast, now_ns, code=CLOSE_POLICY)
        return False
