"""The life of one websocket connection, as a table. Sans I/O: time is an argument, actions are returned.

    connecting   asked for, no answer yet
    subscribing  open and subscribed; some stream that must speak has not
    live         every stream that must speak does
    stalled      one of them has been silent too long; the venue is asked whether it still listens
    backing_off  lost; the next try comes when its time has come
    closed       not wanted any more

An acknowledgement proves nothing (a stream on a wrong route is acknowledged and silent), so `live` takes frames. Books
must speak; trades may be silent. A connection without books is live upon its first frame, or upon an answered ping
once it has been silent for `quiet_ns`: a quiet market is no fault. A book's own silence is not excused by a pong, as a
subscription may be lost while the connection stays up.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, StrEnum

from streaming.recorder.backoff import Backoff
from streaming.venues.dialect import Stream, StreamKind


class LinkState(StrEnum):
    """See the head of the file."""

    connecting = "connecting"
    subscribing = "subscribing"
    live = "live"
    stalled = "stalled"
    backing_off = "backing_off"
    closed = "closed"


class LinkEvent(Enum):
    """What can happen to a connection."""

    opened = 0
    heard_all = 1
    """Every stream that must speak has spoken since the last silence."""
    lost = 2
    refused = 3
    due = 4
    """The state's deadline has passed."""
    retired = 5


class LinkAction(Enum):
    """What the owner of the connection must do."""

    nothing = 0
    open = 1
    subscribe = 2
    probe = 3
    drop = 4
    """Close the socket at once; the next try is scheduled."""
    retry_later = 5
    """The socket is gone already; the next try is scheduled."""
    settle = 6
    """It works: failures are forgotten."""
    close = 7


_S, _E, _A = LinkState, LinkEvent, LinkAction
TRANSITIONS: dict[tuple[LinkState, LinkEvent], tuple[LinkState, LinkAction]] = {
    (_S.connecting, _E.opened): (_S.subscribing, _A.subscribe),
    (_S.connecting, _E.lost): (_S.backing_off, _A.retry_later),
    (_S.connecting, _E.due): (_S.backing_off, _A.drop),
    (_S.connecting, _E.retired): (_S.closed, _A.close),
    (_S.subscribing, _E.heard_all): (_S.live, _A.settle),
    (_S.subscribing, _E.lost): (_S.backing_off, _A.retry_later),
    (_S.subscribing, _E.refused): (_S.backing_off, _A.drop),
    (_S.subscribing, _E.due): (_S.backing_off, _A.drop),
    (_S.subscribing, _E.retired): (_S.closed, _A.close),
    (_S.live, _E.lost): (_S.backing_off, _A.retry_later),
    (_S.live, _E.refused): (_S.backing_off, _A.drop),
    (_S.live, _E.due): (_S.stalled, _A.probe),
    (_S.live, _E.retired): (_S.closed, _A.close),
    (_S.stalled, _E.heard_all): (_S.live, _A.nothing),
    (_S.stalled, _E.lost): (_S.backing_off, _A.retry_later),
    (_S.stalled, _E.refused): (_S.backing_off, _A.drop),
    (_S.stalled, _E.due): (_S.backing_off, _A.drop),
    (_S.stalled, _E.retired): (_S.closed, _A.close),
    (_S.backing_off, _E.due): (_S.connecting, _A.open),
    (_S.backing_off, _E.retired): (_S.closed, _A.nothing),
}
"""An unlisted pair must not happen: `Link.fire` raises KeyError."""

OPEN_STATES = frozenset({_S.subscribing, _S.live, _S.stalled})
"""States in which frames may come."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkLimits:
    """How long a connection may take, in ns of the shared clock."""

    connect_ns: int
    first_message_ns: int
    stale_ns: int
    """Longest silence of a book."""
    quiet_ns: int
    """Longest silence of a connection that carries no book."""
    probe_ns: int


class Link:
    """One connection; `socket` counts its tries, so that what an earlier socket still says can be told apart."""

    def __init__(self, streams: Sequence[Stream], limits: LinkLimits, backoff: Backoff) -> None:
        self.streams = tuple(streams)
        self._must_speak = tuple(stream.name for stream in streams if stream.kind is StreamKind.book)
        self._limits = limits
        self._backoff = backoff
        self._heard_ns: dict[str, int] = {}
        self._any_heard_ns = 0
        self._deadline_ns: int | None = None
        self.state = LinkState.backing_off
        self.state_since_ns = 0
        self.opened_ns = 0
        self.reason = ""
        """Why it was lost the last time."""

    def start(self, now_ns: int) -> None:
        """Let the first try be due at once."""
        self.state_since_ns = now_ns
        self._deadline_ns = now_ns

    def fire(self, event: LinkEvent, now_ns: int, reason: str = "") -> LinkAction:
        """Move by the table and return what must be done."""
        self.state, action = TRANSITIONS[(self.state, event)]
        self.state_since_ns = now_ns
        self.reason = reason or self.reason
        if event is LinkEvent.opened:
            self.opened_ns = now_ns
            self._heard_ns.clear()
        if action is LinkAction.settle:
            self._backoff.reset()
        self._deadline_ns = self._deadline_of(now_ns)
        return action

    def heard(self, stream: str, now_ns: int) -> LinkAction:
        """Take note of a frame."""
        self._heard_ns[stream] = now_ns
        self._any_heard_ns = now_ns
        if self.state is LinkState.live:
            return LinkAction.nothing
        if self.state in OPEN_STATES and self._is_whole():
            return self.fire(LinkEvent.heard_all, now_ns)
        return LinkAction.nothing

    def heard_pong(self, now_ns: int) -> LinkAction:
        """Take note of an answered ping; it counts where no book must speak."""
        if self._must_speak:
            return LinkAction.nothing
        self._any_heard_ns = now_ns
        return self.fire(LinkEvent.heard_all, now_ns) if self.state is LinkState.stalled else LinkAction.nothing

    def silent_streams(self) -> list[str]:
        """Return the streams that have not spoken since the connection opened."""
        return [stream.name for stream in self.streams if stream.name not in self._heard_ns]

    def next_deadline_ns(self) -> int | None:
        """Return when `is_due` may become true."""
        return self._silence_deadline_ns() if self.state is LinkState.live else self._deadline_ns

    def postpone(self, until_ns: int) -> None:
        """Try to connect later: the budget of attempts is spent."""
        assert self.state is LinkState.backing_off, "only the next try can wait"
        self._deadline_ns = until_ns

    def is_due(self, now_ns: int) -> bool:
        """Tell whether the state's deadline has passed."""
        deadline_ns = self.next_deadline_ns()
        return deadline_ns is not None and now_ns >= deadline_ns

    def _is_whole(self) -> bool:
        if self.state is LinkState.stalled:
            return all(self._heard_ns.get(name, 0) > self.state_since_ns for name in self._must_speak)
        return all(name in self._heard_ns for name in self._must_speak)

    def _silence_deadline_ns(self) -> int:
        if not self._must_speak:
            return max(self._any_heard_ns, self.state_since_ns) + self._limits.quiet_ns
        return min(self._heard_ns[name] for name in self._must_speak) + self._limits.stale_ns

    def _deadline_of(self, now_ns: int) -> int | None:
        limits = self._limits
        match self.state:
            case LinkState.connecting:
                return now_ns + limits.connect_ns
            case LinkState.subscribing:
                return now_ns + (limits.first_message_ns if self._must_speak else limits.quiet_ns)
            case LinkState.stalled:
                return now_ns + limits.probe_ns
            case LinkState.backing_off:
                return now_ns + self._backoff.next_ns()
            case _:
                return None
