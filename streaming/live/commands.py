"""What a `LiveVenue` asks of its shell; each is answered by an `on_...` call of the venue, sooner or later or never.

An answer that never comes is no hole: the venue keeps the time of every call itself.
"""

from dataclasses import dataclass, field

from streaming.recorder.commands import CloseSocket, SendPing
from streaming.venues.gateway import Call, Way


@dataclass(frozen=True, slots=True)
class OpenSocket:
    """Connect to the address of `way` followed by `path`; answer with `on_open` or `on_lost`."""

    socket: int
    """Unique within its venue, never used again."""
    way: Way
    path: str = field(repr=False)
    """May hold a listen key."""


@dataclass(frozen=True, slots=True)
class SendText:
    """Send a text message at once; nothing where the socket has ended (`on_lost` tells of it)."""

    socket: int
    data: bytes = field(repr=False)
    """May hold key and signature."""


@dataclass(frozen=True, slots=True)
class Http:
    """Ask over REST: method, target, headers and body of the call; answer with `on_http` or `on_http_failed`."""

    call: Call


Command = OpenSocket | SendText | SendPing | CloseSocket | Http
