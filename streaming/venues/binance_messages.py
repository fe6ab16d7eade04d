"""What Binance's two markets have in common on the wire: combined streams and their control messages."""

from collections.abc import Sequence
from typing import cast

import orjson

from streaming.venues.dialect import Control, ControlKind, FrameIds, StreamKind

STREAMS_PER_MESSAGE = 100
"""A SUBSCRIBE of more is cut into several, so that no message grows beyond a gateway's limit."""
_OPENING = b'{"stream":"'
_SHUTDOWN = "!serverShutdown"


def method(name: str, streams: Sequence[str], first_id: int) -> list[bytes]:
    """Return SUBSCRIBE or UNSUBSCRIBE messages, numbered from `first_id`."""
    chunks = [streams[at : at + STREAMS_PER_MESSAGE] for at in range(0, len(streams), STREAMS_PER_MESSAGE)]
    return [
        orjson.dumps({"method": name, "params": list(chunk), "id": first_id + number})
        for number, chunk in enumerate(chunks)
    ]


def stream_of(data: bytes) -> str | None:
    """Return the stream that a combined frame names; keys may come in any order."""
    if data.startswith(_OPENING):
        name = data[len(_OPENING) : data.find(b'"', len(_OPENING))].decode("utf-8", "replace")
        return None if name == _SHUTDOWN else name
    document = _parsed(data)
    name_found = document.get("stream") if document is not None else None
    return name_found if isinstance(name_found, str) and name_found != _SHUTDOWN else None


def control_of(data: bytes) -> Control:
    """Return what a message that is no frame says. Gateways wrap errors or not: both forms are known."""
    document = _parsed(data)
    if document is None:
        return Control(ControlKind.unknown, data[:80].decode("utf-8", "replace"))
    if document.get("stream") == _SHUTDOWN or document.get("e") == "serverShutdown":
        return Control(ControlKind.shutdown)
    error = document.get("error", document)
    if isinstance(error, dict) and "code" in error:
        return Control(ControlKind.refusal, f"{error.get('code')}: {error.get('msg')}")
    if "result" in document and "id" in document:
        return Control(ControlKind.ack)
    return Control(ControlKind.unknown, data[:80].decode("utf-8", "replace"))


def ids_of(kind: StreamKind, data: bytes) -> FrameIds | None:
    """Return the ids of a combined frame: U, u, pu of the book, t or a of a trade, u of a quote."""
    document = _parsed(data)
    payload = document.get("data") if document is not None else None
    if not isinstance(payload, dict):
        return None
    try:
        if kind is StreamKind.trade:
            return FrameIds(keys=(str(payload["t"] if payload["e"] == "trade" else payload["a"]),))
        last = cast(int, payload["u"])
        if kind is StreamKind.quote:
            return FrameIds(last=last)
        return FrameIds(first=cast(int, payload["U"]), last=last, previous=cast("int | None", payload.get("pu")))
    except KeyError:
        return None


def _parsed(data: bytes) -> dict[str, object] | None:
    try:
        document = orjson.loads(data)
    except orjson.JSONDecodeError:
        return None
    return document if isinstance(document, dict) else None
