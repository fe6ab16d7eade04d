"""What the sans-I/O recorder asks of its shell; each is answered by an `on_...` call of the core, sooner or later."""

from dataclasses import dataclass

from streaming.venues.dialect import RestRequest


@dataclass(frozen=True, slots=True)
class OpenSocket:
    """Connect to `url`; answer with `on_open` or `on_lost`."""

    socket: int
    url: str


@dataclass(frozen=True, slots=True)
class SendText:
    """Send a text message."""

    socket: int
    data: bytes


@dataclass(frozen=True, slots=True)
class SendPing:
    """Send a websocket ping; answer with `on_pong` when the pong comes."""

    socket: int


@dataclass(frozen=True, slots=True)
class CloseSocket:
    """Close at once, also while connecting. No answer is awaited."""

    socket: int


@dataclass(frozen=True, slots=True)
class Fetch:
    """GET; answer with `on_reply` or `on_fetch_failed`."""

    request: RestRequest


Command = OpenSocket | SendText | SendPing | CloseSocket | Fetch
