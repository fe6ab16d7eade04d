"""REST replies, judged before anything believes them: an error page is no snapshot.

A reply is whole when it is HTTP 200 and JSON of the shape that the venue documents. Everything else is a failed try
with a reason, asked again by rule and never recorded as a frame.
"""

from dataclasses import dataclass

import orjson

from streaming.venues.dialect import RestKind, RestRequest

SHOWN_BYTES = 60
ERROR_SIGNS_MAX = 200
UNLISTED_CODE = -1121
"""Binance's "Invalid symbol", said with HTTP 400 about the whole request when one of its symbols is not listed."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back: status, the headers that budgets read, and the body as received."""

    status: int
    body: bytes
    used_weight: int | None = None
    retry_after_s: float | None = None


def problem_of(request: RestRequest, reply: Reply) -> str | None:
    """Return what is wrong with a reply in half a line, None when it can be used."""
    if reply.status != 200:
        return f"HTTP {reply.status} {_shown(reply.body)}".rstrip()
    if not reply.body.strip():
        return "empty reply"
    try:
        document = orjson.loads(reply.body)
    except orjson.JSONDecodeError:
        return f"expected JSON, found {_shown(reply.body)}"
    if not isinstance(document, dict):
        return f"expected a JSON object, found {_shown(reply.body)}"
    if document.get("retCode", 0) != 0:  # Bybit answers HTTP 200 to errors too
        return f"retCode {document.get('retCode')}: {document.get('retMsg')}"[:ERROR_SIGNS_MAX]
    if "code" in document and "msg" in document:  # a gateway's error under HTTP 200
        return f"error {document['code']}: {document['msg']}"[:ERROR_SIGNS_MAX]
    return _missing(request.kind, document)


def is_unlisted(reply: Reply) -> bool:
    """Tell whether the venue refuses a request because it does not list what was asked for."""
    if reply.status != 400:
        return False
    try:
        document = orjson.loads(reply.body)
    except orjson.JSONDecodeError:
        return False
    return isinstance(document, dict) and document.get("code") == UNLISTED_CODE


def _missing(kind: RestKind, document: dict[str, object]) -> str | None:
    if kind is RestKind.depth:
        absent = [key for key in ("lastUpdateId", "bids", "asks") if key not in document]
        return f"expected a snapshot, found no {absent[0]}" if absent else None
    if isinstance(document.get("symbols"), list) or isinstance(document.get("result"), dict):
        return None
    return "expected exchange information, found neither symbols nor result"


def _shown(body: bytes) -> str:
    return " ".join(body[:SHOWN_BYTES].decode("utf-8", "replace").split())
