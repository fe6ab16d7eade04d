"""Account events on their way to connections, and USD-M's listen keys, which live an hour and are renewed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import orjson

from streaming.emulator.exchange.event_feed import EventFeed
from streaming.emulator.exchange.exchange import Exchange
from streaming.emulator.exchange.words import AccountEvent
from streaming.emulator.orders_binance.errors import BAD_REQUEST
from streaming.emulator.orders_binance.ids import letters
from streaming.emulator.orders_binance.words import Json
from streaming.emulator.rest import RefusalError
from streaming.emulator.session import NEVER_NS, Session

LISTEN_KEY_NS: Final = 3_600_000_000_000
LISTEN_KEY_SIGNS: Final = 64


class Told(Protocol):
    """How events of an account are told in a venue's words."""

    def messages(self, events: Sequence[AccountEvent], now_ms: int) -> list[Json]:
        """Return what is sent for events that follow one another."""
        ...


@dataclass(slots=True)
class UserStream:
    """One account's events on one connection."""

    session: Session
    feed: EventFeed
    told: Told
    wrap: Callable[[Json], Json]
    """Puts an event into what this connection carries."""
    last: Callable[[int], Json]
    """What is said at a time in ms when the venue ends the stream."""
    names: frozenset[str] = frozenset()
    """Events that the client wants; empty: all."""
    listen_key: str = ""
    is_over: bool = False

    def push(self, now_ns: int, now_ms: int) -> None:
        """Send what has reached the client."""
        events = self.feed.due(now_ns)
        if events:
            self.say(self.told.messages(events, now_ms), now_ns)

    def end(self, now_ns: int, now_ms: int) -> None:
        """Say that the stream is over; nothing comes any more."""
        self.is_over = True
        self.say([self.last(now_ms)], now_ns)

    def say(self, messages: Sequence[Json], now_ns: int) -> None:
        """Send events that the client wants, unless its connection has fallen silent."""
        if self.session.mute_until_ns > now_ns:
            return
        for message in messages:
            if not self.names or message["e"] in self.names:
                self.session.send(orjson.dumps(self.wrap(message)))


class UserStreams:
    """All streams of a venue."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._streams: list[UserStream] = []

    def open(self, account: str, now_ns: int, make: Callable[[EventFeed], UserStream]) -> UserStream:
        """Begin a stream of an account's events from now on."""
        stream = make(self._exchange.subscribe(account, now_ns))
        self._streams.append(stream)
        return stream

    def close(self, stream: UserStream) -> None:
        """Forget a stream."""
        if stream in self._streams:
            self._streams.remove(stream)
            self._exchange.unsubscribe(stream.feed)

    def push(self, now_ns: int, now_ms: int) -> list[UserStream]:
        """Send what is due; return the streams that a fault ended, which have said so and are forgotten."""
        for stream in self._streams:
            stream.push(now_ns, now_ms)
        expired = [stream for stream in self._streams if stream.feed.is_expired]
        for stream in expired:
            stream.end(now_ns, now_ms)
            self.close(stream)
        return expired

    def of_key(self, listen_key: str) -> list[UserStream]:
        """Return the streams of a listen key."""
        return [stream for stream in self._streams if stream.listen_key == listen_key]

    def next_due_ns(self) -> int:
        """Return when `push` has something to send."""
        return min((stream.feed.next_due_ns() for stream in self._streams), default=NEVER_NS)


class ListenKeys:
    """One key an account, shared by all who ask; asking again prolongs it."""

    def __init__(self) -> None:
        self._keys: dict[str, tuple[str, int]] = {}
        """By account: the key and when it ends."""
        self._made = 0

    def start(self, account: str, now_ns: int) -> str:
        """Return the account's key, new or as it is, good for an hour from now."""
        key = self._live(account, now_ns)
        if key is None:
            self._made += 1
            key = letters(f"listen key {account} {self._made}", LISTEN_KEY_SIGNS)
        self._keys[account] = (key, now_ns + LISTEN_KEY_NS)
        return key

    def renew(self, account: str, now_ns: int) -> str:
        """Prolong the account's key; RefusalError -1125 when it has none."""
        if self._live(account, now_ns) is None:
            raise RefusalError(BAD_REQUEST, -1125, "This listenKey does not exist.")
        return self.start(account, now_ns)

    def end(self, account: str) -> str | None:
        """Forget the account's key; return it."""
        key, _ = self._keys.pop(account, (None, 0))
        return key

    def account_of(self, listen_key: str, now_ns: int) -> str | None:
        """Return whose key it is, None where it is nobody's or has ended."""
        for account, (key, ends_ns) in self._keys.items():
            if key == listen_key and now_ns < ends_ns:
                return account
        return None

    def ended(self, now_ns: int) -> list[str]:
        """Forget and return the keys whose hour is over."""
        over = [account for account, (_, ends_ns) in self._keys.items() if ends_ns <= now_ns]
        return [self._keys.pop(account)[0] for account in over]

    def next_end_ns(self) -> int:
        """Return when the next key ends."""
        return min((ends_ns for _, ends_ns in self._keys.values()), default=NEVER_NS)

    def _live(self, account: str, now_ns: int) -> str | None:
        key, ends_ns = self._keys.get(account, ("", 0))
        return key if now_ns < ends_ns else None


def is_listen_key(stream: str) -> bool:
    """Tell whether a stream's name is, or may once have been, a listen key."""
    return len(stream) == LISTEN_KEY_SIGNS and stream.isalnum()
