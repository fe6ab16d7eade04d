"""What the private side of each venue looks like to whoever drives it: requests and text in, replies out, no I/O.

A front speaks one venue's dialect to clients and plain words to the venue's exchange (`exchange/`). It checks keys,
signatures, times and limits, gives errors the venue's own codes, and tells accounts what happened to them. Sockets move
bytes to it, and tests call it directly: `http` takes any request of the venue, public ones too, and `open` gives the
server's side of a private connection, to be fed by `Session.receive_text` and read by `Session.data_to_send`.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import parse_qsl

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from streaming.emulator.exchange.exchange import Exchange
from streaming.emulator.rest import Query, Reply, RestDesk
from streaming.emulator.session import Session

CUT = Reply(0, b"")
"""No answer: the connection is to be cut where one would have come. Status 0 means it in every reply of a front."""
HOST = "127.0.0.1"
"""Where every client is: a key that is bound to other addresses is refused."""
AHEAD_MAX_MS = 1_000
"""A request whose time is this far ahead of the venue's is refused by all three venues."""


class OrderFront(Protocol):
    """The private side of one venue."""

    exchange: Exchange

    def http(self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes, now_ns: int) -> Reply:
        """Answer a request, public ones too. `query` is as sent, without the question mark: signatures are of it;
        names of `headers` are in lower case. A reply of status 0 is none: the connection is cut."""
        ...

    def open(self, path: str, query: Query, session_id: int, now_ns: int) -> Session | Reply | None:
        """Return the session of a private websocket, its refusal, or None where the path is not a private one's."""
        ...

    def close(self, session: Session, now_ns: int) -> None:
        """Forget a session that `open` gave."""
        ...

    def push(self, now_ns: int) -> None:
        """Tell accounts what happened to them since the last call, and do what is due: keys that end, late answers.

        To be called after the exchange moved, and once `next_due_ns` has come; `http` and sessions call it themselves.
        """
        ...

    def next_due_ns(self) -> int:
        """Return when `push` has something to do of its own, NEVER_NS for not before the exchange moves."""
        ...


@dataclass(frozen=True, slots=True)
class FrontVenue:
    """What a front is made from."""

    name: str
    exchange: Exchange
    desk: RestDesk
    """Answers public requests and keeps account of the address's weight; its `venue` has books, faults and skew."""


def is_hmac_right(secret: str, text: str, signature: str) -> bool:
    """Tell whether `signature` is the hexadecimal HMAC-SHA256 of `text`."""
    expected = hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected, signature.lower()) if signature.isascii() else False


def is_ed25519_right(public_key: bytes, text: str, signature: str) -> bool:
    """Tell whether `signature` is the base64 Ed25519 signature of `text` by the 32 bytes of a public key's owner."""
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(base64.b64decode(signature, validate=True), text.encode())
    except (InvalidSignature, ValueError):
        return False
    return True


def time_problem(ts_ms: float, window_ms: float, venue_ms: int) -> str:
    """Return in Binance's words why a request's time is not taken; empty when it is."""
    if ts_ms >= venue_ms + AHEAD_MAX_MS:
        return "Timestamp for this request was 1000ms ahead of the server's time."
    return "Timestamp for this request is outside of the recvWindow." if venue_ms - ts_ms > window_ms else ""


def read_query(text: str) -> dict[str, str]:
    """Return the parameters of a query or of a form's body, decoded; the first of equal names counts."""
    found: dict[str, str] = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        found.setdefault(name, value)
    return found
