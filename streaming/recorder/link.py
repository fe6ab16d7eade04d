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

One silent book does not cost the others their connection. Rule:

1. A book that is silent for longer than its own limit stalls the connection: the venue is asked, and has `probe_ns`.
2. If no book at all speaks in that time the connection is given up: it is the connection that is silent.
3. If some book speaks, only the silent one's subscription is made again (`renew`), and its limit doubles with each
   renewal in vain, up to `PATIENCE_MAX` times the limit. Its next frame forgets them.
4. At renewal `REPLACE_AT` a successor is opened beside the connection, which serves until the successor speaks
   (see `lines`); so even that costs the others no frame.
5. An instrument that the venue does not trade now (`resting`, from exchange information) need not speak.

The same holds at the start: a connection on which some book has spoken after `first_message_ns` is live.
"""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
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
    heard_some = 6
    """The state's deadline has passed, and some book that must speak has spoken meanwhile."""


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
    renew = 8
    """It works but for some books: their subscriptions are made again."""


_S, _E, _A = LinkState, LinkEvent, LinkAction
TRANSITIONS: dict[tuple[LinkState, LinkEvent], tuple[LinkState, LinkAction]] = {
    (_S.connecting, _E.opened): (_S.subscribing, _A.subscribe),
    (_S.connecting, _E.lost): (_S.backing_off, _A.retry_later),
    (_S.connecting, _E.due): (_S.backing_off, _A.drop),
    (_S.connecting, _E.retired): (_S.closed, _A.close),
    (_S.subscribing, _E.heard_all): (_S.live, _A.settle),
    (_S.subscribing, _E.heard_some): (_S.live, _A.settle),
    (_S.subscribing, _E.lost): (_S.backing_off, _A.retry_later),
    (_S.subscribing, _E.refused): (_S.backing_off, _A.drop),
    (_S.subscribing, _E.due): (_S.backing_off, _A.drop),
    (_S.subscribing, _E.retired): (_S.closed, _A.close),
    (_S.live, _E.lost): (_S.backing_off, _A.retry_later),
    (_S.live, _E.refused): (_S.backing_off, _A.drop),
    (_S.live, _E.due): (_S.stalled, _A.probe),
    (_S.live, _E.retired): (_S.closed, _A.close),
    (_S.stalled, _E.heard_all): (_S.live, _A.nothing),
    (_S.stalled, _E.heard_some): (_S.live, _A.renew),
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

PATIENCE_MAX = 64
"""A silent book is asked for again at least once in so many of its limits."""
REPLACE_AT = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkLimits:
    """How long a connection may take, in ns of the shared clock."""

    connect_ns: int
    first_message_ns: int
    stale_ns: int
    """Longest silence of a book."""
    stale_ns_by_symbol: Mapping[str, int] = field(default_factory=dict)
    """Of the instruments that may be silent for longer (or less long)."""
    quiet_ns: int
    """Longest silence of a connection that carries no book."""
    probe_ns: int


class Link:
    """One connection with its tries. `resting`: symbols that need not speak, shared with the owner who changes it."""

    def __init__(
        self,
        streams: Sequence[Stream],
        limits: LinkLimits,
        backoff: Backoff,
        resting: AbstractSet[str] = frozenset(),
        renewals: Mapping[str, int] | None = None,
    ) -> None:
        self.streams = tuple(streams)
        self._books = tuple(stream for stream in streams if stream.kind is StreamKind.book)
        self._names = frozenset(stream.name for stream in streams)
        self._limits = limits
        self._backoff = backoff
        self._resting = resting
        self._heard_ns: dict[str, int] = {}
        self._any_heard_ns = 0
        self._renewed_ns: dict[str, int] = {}
        self._silent: tuple[str, ...] = ()
        self._deadline_ns: int | None = None
        self.renewals: dict[str, int] = dict(renewals or {})
        """How often a book's subscription was made again in vain."""
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
            self._renewed_ns.clear()
        if action is LinkAction.settle:
            self._backoff.reset()
        if self.state is LinkState.stalled:
            self._silent = tuple(self.silent_books(now_ns))
        self._deadline_ns = self._deadline_of(now_ns)
        return action

    def overdue(self, now_ns: int, reason: str = "") -> LinkAction:
        """Move because the deadline has passed; whether some book spoke meanwhile decides which way."""
        event = LinkEvent.heard_some if self._has_spoken() else LinkEvent.due
        return self.fire(event, now_ns, reason)

    def heard(self, stream: str, now_ns: int) -> LinkAction:
        """Take note of a frame; of one that was not asked for only that something came."""
        self._any_heard_ns = now_ns
        if stream not in self._names:
            return LinkAction.nothing
        self._heard_ns[stream] = now_ns
        if self.renewals:
            self.renewals.pop(stream, None)
        if self.state is LinkState.live:
            return LinkAction.nothing
        if self.state in OPEN_STATES and self._is_whole():
            return self.fire(LinkEvent.heard_all, now_ns)
        return LinkAction.nothing

    def heard_pong(self, now_ns: int) -> LinkAction:
        """Take note of an answered ping; it counts where no book must speak."""
        if self._watched():
            return LinkAction.nothing
        self._any_heard_ns = now_ns
        return self.fire(LinkEvent.heard_all, now_ns) if self.state is LinkState.stalled else LinkAction.nothing

    def renew_silent(self, now_ns: int) -> list[str]:
        """Return the books whose subscriptions must be made again now, and wait twice as long for each as before."""
        names = self.silent_books(now_ns)
        for name in names:
            self.renewals[name] = self.renewals.get(name, 0) + 1
            self._renewed_ns[name] = now_ns
        return names

    def silent_streams(self) -> list[str]:
        """Return the streams that have not spoken since the connection opened."""
        return [stream.name for stream in self.streams if stream.name not in self._heard_ns]

    def silent_books(self, now_ns: int) -> list[str]:
        """Return the books that must speak and have been silent for longer than their limits."""
        return [book.name for book in self._watched() if now_ns >= self._silence_ends_ns(book)]

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

    def _watched(self) -> Sequence[Stream]:
        """Return the books that must speak."""
        if not self._resting:
            return self._books
        return [book for book in self._books if book.symbol not in self._resting]

    def _has_spoken(self) -> bool:
        """Tell whether some book has, since the connection opened or stalled."""
        if self.state is LinkState.stalled:
            return any(self._heard_ns.get(book.name, 0) > self.state_since_ns for book in self._watched())
        return self.state is LinkState.subscribing and any(book.name in self._heard_ns for book in self._watched())

    def _is_whole(self) -> bool:
        if self.state is LinkState.stalled:
            return all(self._heard_ns.get(name, 0) > self.state_since_ns for name in self._silent)
        return all(book.name in self._heard_ns for book in self._watched())

    def _silence_ends_ns(self, book: Stream) -> int:
        """Return when a book will have been silent for too long."""
        limit_ns = self._limits.stale_ns_by_symbol.get(book.symbol, self._limits.stale_ns)
        since_ns = max(self._heard_ns.get(book.name, self.opened_ns), self._renewed_ns.get(book.name, 0))
        return since_ns + limit_ns * min(PATIENCE_MAX, 1 << min(self.renewals.get(book.name, 0), 20))

    def _silence_deadline_ns(self) -> int:
        watched = self._watched()
        if not watched:
            return max(self._any_heard_ns, self.state_since_ns) + self._limits.quiet_ns
        return min(self._silence_ends_ns(book) for book in watched)

    def _deadline_of(self, now_ns: int) -> int | None:
        limits = self._limits
        match self.state:
            case LinkState.connecting:
                return now_ns + limits.connect_ns
            case LinkState.subscribing:
                return now_ns + self._first_message_ns()
            case LinkState.stalled:
                return now_ns + limits.probe_ns
            case LinkState.backing_off:
                return now_ns + self._backoff.next_ns()
            case _:
                return None

    def _first_message_ns(self) -> int:
        """Return how long the first frames may take: no less than the most talkative book's own limit."""
        own = [self._limits.stale_ns_by_symbol.get(book.symbol, 0) for book in self._watched()]
        return max(self._limits.first_message_ns, min(own)) if own else self._limits.quiet_ns
