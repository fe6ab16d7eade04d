"""USD-M's route /private: account events by listen key, named in the address or subscribed like a stream."""

from collections.abc import Callable, Mapping

from streaming.emulator.dialects import BinanceDialect
from streaming.emulator.orders_binance.user_streams import UserStream
from streaming.emulator.session import Session
from streaming.emulator.streams import MarketFrame

Listen = Callable[[Session, str, frozenset[str], int], UserStream | None]
"""Begin the events of a listen key on a session, by names; None for a key that is nobody's, which stays silent."""


class PrivateDialect:
    """One connection of the route. Public streams are acknowledged and stay silent, as do keys of nobody."""

    def __init__(self, listen: Listen, leave: Callable[[UserStream], None]) -> None:
        self._inner = BinanceDialect(wraps_errors=True, has_shutdown_notice=False)
        self._listen, self._leave = listen, leave
        self._streams: dict[str, UserStream] = {}

    def begin(self, session: Session, wanted: Mapping[str, frozenset[str]], now_ns: int) -> None:
        """Begin the events of the listen keys that the address names."""
        for listen_key, events in wanted.items():
            self._begin(session, listen_key, events, now_ns)

    def receive_text(self, session: Session, data: bytes, now_ns: int) -> None:
        """Answer one request; a stream that is a listen key brings its account's events."""
        before = {*session.streams}
        self._inner.receive_text(session, data, now_ns)
        for stream in session.streams:
            if stream not in before:
                self._begin(session, stream, frozenset(), now_ns)
        for stream in before - session.streams.keys():
            left = self._streams.pop(stream, None)
            if left is not None:
                self._leave(left)

    def wants(self, session: Session, frame: MarketFrame) -> bool:
        """Tell that nothing public comes here."""
        return False

    def form(self, session: Session, frame: MarketFrame) -> bytes:
        """Return a message in this connection's form; none comes."""
        return self._inner.form(session, frame)

    def shutdown_notice(self, session: Session, now_ns: int) -> bytes | None:
        """Say nothing."""
        return None

    def close(self) -> None:
        """Leave all streams: the connection is gone."""
        for stream in self._streams.values():
            self._leave(stream)
        self._streams.clear()

    def _begin(self, session: Session, listen_key: str, events: frozenset[str], now_ns: int) -> None:
        stream = self._listen(session, listen_key, events, now_ns)
        if stream is not None:
            self._streams[listen_key] = stream


def read_listen_keys(path: str, query: Mapping[str, str]) -> dict[str, frozenset[str]]:
    """Return the listen keys that an address names, each with the events wanted of it; none: all.

    `/private/ws?listenKey=K&events=A/B`, `/private/ws/K`, `/private/stream?listenKey=K1&events=A&listenKey=K2`: names
    may come more than once, in their order.
    """
    tail = path.removeprefix("/private/ws") if path.startswith("/private/ws") else ""
    found: dict[str, frozenset[str]] = {listen_key: frozenset() for listen_key in tail.split("/") if listen_key}
    last = ""
    for name, value in query.items():
        words = [word for word in value.split("/") if word]
        if name in ("listenKey", "streams"):
            found |= {word: frozenset() for word in words}
            last = words[-1] if words else ""
        elif name == "events" and last:
            found[last] = frozenset(words)
    return found
