"""Bybit v5 spot, public side: the client pings every 20 s by JSON, a book's snapshot is pushed upon subscription.

A snapshot may come before the subscription is confirmed. A book out of step is subscribed to anew.
"""

from collections.abc import Sequence

import orjson

from streaming.venues.dialect import (
    Control,
    ControlKind,
    FrameIds,
    RestKind,
    RestRequest,
    Route,
    Stream,
    StreamKind,
    json_object,
)

TOPICS_PER_MESSAGE = 10
"""The venue's limit on spot."""
_OPENING = b'{"topic":"'


class BybitSpot:
    """See `Dialect`."""

    venue = "bybit_spot"
    rest_url = "https://api.bybit.com"
    websocket_url = "wss://stream.bybit.com"
    routes = (Route("public", "/v5/public/spot"),)
    weight_per_minute = 6_000
    """Requests, each of weight 1: the venue allows 600 in 5 s."""
    ping_every_s: float | None = 20.0

    def streams(self, route: str, symbol: str) -> tuple[Stream, ...]:
        """Return the streams of `symbol`."""
        return (
            Stream(f"orderbook.50.{symbol}", StreamKind.book, symbol),
            Stream(f"publicTrade.{symbol}", StreamKind.trade, symbol),
        )

    def subscribe(self, names: Sequence[str], first_id: int) -> list[bytes]:
        """Return the messages that subscribe to topics."""
        return _operation("subscribe", names, first_id)

    def unsubscribe(self, names: Sequence[str], first_id: int) -> list[bytes]:
        """Return the messages that end subscriptions."""
        return _operation("unsubscribe", names, first_id)

    def renew(self, names: Sequence[str], first_id: int) -> list[bytes]:
        """Return both: a topic that stands is not subscribed to twice, and the new subscription pushes a snapshot."""
        messages = self.unsubscribe(names, first_id)
        return messages + self.subscribe(names, first_id + len(messages))

    def ping(self, number: int) -> bytes | None:
        """Return the ping that keeps the connection."""
        return orjson.dumps({"req_id": f"p{number}", "op": "ping"})

    def stream_of(self, data: bytes) -> str | None:
        """Return the topic that a frame names; keys may come in any order."""
        if data.startswith(_OPENING):
            return data[len(_OPENING) : data.find(b'"', len(_OPENING))].decode("utf-8", "replace")
        document = json_object(data)
        topic = document.get("topic") if document is not None else None
        return topic if isinstance(topic, str) else None

    def control_of(self, data: bytes) -> Control:
        """Return what a message that is no frame says; the answer to a ping on this channel has `op` ping."""
        document = json_object(data)
        if document is None:
            return Control(ControlKind.unknown, data[:80].decode("utf-8", "replace"))
        operation = document.get("op")
        if operation in ("ping", "pong"):
            return Control(ControlKind.pong)
        if operation == "subscribe" and document.get("success") is not True:
            return Control(ControlKind.refusal, str(document.get("ret_msg")))
        if operation in ("subscribe", "unsubscribe"):  # ending what was ended already does no harm
            return Control(ControlKind.ack)
        return Control(ControlKind.unknown, data[:80].decode("utf-8", "replace"))

    def ids_of(self, kind: StreamKind, data: bytes) -> FrameIds | None:
        """Return the ids of a frame: u of a book, i of each trade."""
        document = json_object(data)
        payload = document.get("data") if document is not None else None
        if document is None or payload is None:
            return None
        if kind is StreamKind.trade:
            return _trade_ids(payload)
        last = payload.get("u") if isinstance(payload, dict) else None
        if not isinstance(last, int):
            return None
        return FrameIds(first=last, last=last, is_snapshot=document.get("type") == "snapshot")

    def exchange_info(self, symbols: Sequence[str]) -> RestRequest:
        """Return the request for the rules of one symbol, or of all."""
        selection = f"&symbol={symbols[0]}" if len(symbols) == 1 else ""
        target = f"/v5/market/instruments-info?category=spot{selection}"
        return RestRequest(RestKind.exchange_info, "", target, 1)

    def depth(self, symbol: str) -> RestRequest | None:
        """Return None: snapshots are pushed."""
        return None


def _trade_ids(trades: object) -> FrameIds | None:
    rows = trades if isinstance(trades, list) else [None]
    keys = [trade.get("i") if isinstance(trade, dict) else None for trade in rows]
    return None if None in keys else FrameIds(keys=tuple(map(str, keys)))


def _operation(name: str, topics: Sequence[str], first_id: int) -> list[bytes]:
    chunks = [topics[at : at + TOPICS_PER_MESSAGE] for at in range(0, len(topics), TOPICS_PER_MESSAGE)]
    return [
        orjson.dumps({"req_id": f"s{first_id + number}", "op": name, "args": list(chunk)})
        for number, chunk in enumerate(chunks)
    ]
