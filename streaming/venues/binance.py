"""What Binance's two markets have in common on the wire: combined streams and their control messages."""

from collections.abc import Sequence

import orjson

from streaming.venues.dialect import Control, ControlKind, FrameIds, StreamKind, json_object

STREAMS_PER_MESSAGE = 100
"""A SUBSCRIBE of more is cut into several, so that no message grows beyond a gateway's limit."""
_OPENING = b'{"stream":"'
_SHUTDOWN = "!serverShutdown"


class BinanceStreams:
    """The part of a `Dialect` that is the same words on spot and USD-M."""

    ping_every_s: float | None = None

    def subscribe(self, names: Sequence[str], first_id: int) -> list[bytes]:
        """Return the messages that subscribe to streams."""
        return _method("SUBSCRIBE", names, first_id)

    def unsubscribe(self, names: Sequence[str], first_id: int) -> list[bytes]:
        """Return the messages that end subscriptions."""
        return _method("UNSUBSCRIBE", names, first_id)

    def renew(self, names: Sequence[str], first_id: int) -> list[bytes]:
        """Return SUBSCRIBE alone: it changes nothing where the subscription stands, so no frame is lost by it."""
        return self.subscribe(names, first_id)

    def ping(self, number: int) -> bytes | None:
        """Return None: a websocket ping asks."""
        return None

    def stream_of(self, data: bytes) -> str | None:
        """Return the stream that a combined frame names; keys may come in any order."""
        if data.startswith(_OPENING):
            name = data[len(_OPENING) : data.find(b'"', len(_OPENING))].decode("utf-8", "replace")
            return None if name == _SHUTDOWN else name
        document = json_object(data)
        found = document.get("stream") if document is not None else None
        return found if isinstance(found, str) and found != _SHUTDOWN else None

    def control_of(self, data: bytes) -> Control:
        """Return what a message that is no frame says. Gateways wrap errors or not: both forms are known."""
        document = json_object(data)
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

    def ids_of(self, kind: StreamKind, data: bytes) -> FrameIds | None:
        """Return a combined frame's ids: U, u, pu of a book, t or a of a trade, u of a quote, a mark price's time."""
        document = json_object(data)
        payload = document.get("data") if document is not None else None
        if not isinstance(payload, dict):
            return None
        if kind is StreamKind.trade:
            key = payload.get("t" if payload.get("e") == "trade" else "a")
            return FrameIds(keys=(str(key),)) if isinstance(key, int) else None
        if kind is StreamKind.mark:
            event_ms = payload.get("E")
            return FrameIds(keys=(str(event_ms),)) if isinstance(event_ms, int) else None
        first, last, previous = (payload.get(name) for name in ("U", "u", "pu"))
        if not isinstance(last, int):
            return None
        if kind is StreamKind.quote:
            return FrameIds(last=last)
        if not isinstance(first, int) or not isinstance(previous, int | None):
            return None
        return FrameIds(first=first, last=last, previous=previous)


def _method(name: str, streams: Sequence[str], first_id: int) -> list[bytes]:
    """Return SUBSCRIBE or UNSUBSCRIBE messages, numbered from `first_id`."""
    chunks = [streams[at : at + STREAMS_PER_MESSAGE] for at in range(0, len(streams), STREAMS_PER_MESSAGE)]
    return [
        orjson.dumps({"method": name, "params": list(chunk), "id": first_id + number})
        for number, chunk in enumerate(chunks)
    ]
