"""Errors of Binance as they come: over REST, over sockets, or as a page of a proxy."""

from dataclasses import dataclass
from typing import Final

from streaming.venues.binance_orders_fields import NS_PER_MS, json_of, shown
from streaming.venues.gateway import Action, FrameError

NS_PER_S: Final = 1_000_000_000
CODE_MAX: Final = 2**31
LIMITED_NS: Final = 60 * NS_PER_S
BANNED_NS: Final = 120 * NS_PER_S
"""Where 429 and 418 do not say for how long."""
BUSY_NS: Final = 200 * NS_PER_MS


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """An error as it came."""

    status: int
    """Of HTTP, or of a socket's answer, which mirrors it."""
    code: int
    """0 where there is none."""
    text: str
    data: object
    """What else an error of the WebSocket API, or of a cancel-replace, says."""
    until_ns: int = 0
    """Until when nothing more is to be asked; 0 where it does not say."""


def is_error(document: object) -> bool:
    """Tell whether a success carries a gateway's error: a negative code with its message."""
    if not isinstance(document, dict) or "msg" not in document:
        return False
    code = document.get("code")
    return isinstance(code, int) and code < 0


def failed_of(status: int, body: bytes, until_ns: int) -> Failed:
    """Read an error's body; a page of a proxy has neither code nor data."""
    try:
        document = json_of(body)
    except FrameError:
        document = None
    if not isinstance(document, dict):
        return Failed(status=status, code=0, text=shown(body), data=None, until_ns=until_ns)
    text = document.get("msg")
    return Failed(
        status=status,
        code=code_of(document.get("code")),
        text=text if isinstance(text, str) else shown(body),
        data=document.get("data"),
        until_ns=until_ns,
    )


def code_of(found: object) -> int:
    """Return an error's number as a reply can hold it; 0 for what is none."""
    return found if isinstance(found, int) and not isinstance(found, bool) and abs(found) < CODE_MAX else 0


def retry_at_ns(action: Action, failed: Failed, ts_ns: int) -> int:
    """Return when a call that failed may be asked again at the earliest."""
    if action is Action.wait:
        return max(ts_ns, failed.until_ns or ts_ns + (BANNED_NS if failed.status == 418 else LIMITED_NS))
    return ts_ns + BUSY_NS if action is Action.retry else ts_ns
