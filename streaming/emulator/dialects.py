"""What clients say over websockets and what they are answered: Binance's two markets, and Bybit.

Binance acknowledges every subscription, also of a stream that does not exist or belongs to another route, which then
stays silent: so does this. Bybit refuses a topic that it does not have, and with it the whole request.
"""

from collections.abc import Callable
from typing import cast

import orjson

from streaming.emulator.bybit_views import is_served
from streaming.emulator.session import CLOSE_POLICY, Ending, Session
from streaming.emulator.streams import MarketFrame

INVALID_REQUEST, INVALID_JSON, WRONG_TYPE, UNKNOWN_PROPERTY = 2, 3, 1, 0
PUBLIC_STREAMS = ("@depth", "@bookTicker", "!bookTicker", "@rpiDepth", "@trade")
"""Streams of the route /public on USD-M; all others belong to /market. `@trade` is there though undocumented."""


def is_on_route(route: str, stream: str) -> bool:
    """Tell whether a stream is served on a route of USD-M; an empty route, of another venue, serves all."""
    is_public = any(word in stream for word in PUBLIC_STREAMS)
    return not route or route == ("public" if is_public else "market")


class BinanceDialect:
    """SUBSCRIBE, UNSUBSCRIBE, LIST_SUBSCRIPTIONS, SET_PROPERTY and GET_PROPERTY."""

    def __init__(self, *, wraps_errors: bool, has_shutdown_notice: bool) -> None:
        """`wraps_errors`: USD-M puts an error in an object of its own."""
        self._wraps_errors = wraps_errors
        self._has_shutdown_notice = has_shutdown_notice

    def receive_text(self, session: Session, data: bytes, now_ns: int) -> None:
        """Answer one request."""
        try:
            request = orjson.loads(data)
        except orjson.JSONDecodeError:
            self._refuse(session, INVALID_JSON, "Invalid JSON: expected value", None)
            return
        if not isinstance(request, dict) or not isinstance(request.get("id"), int | str | None):
            self._refuse(session, INVALID_REQUEST, "Invalid request: request ID must be an integer or a string", None)
            return
        name, params = request.get("method"), request.get("params", [])
        if name in ("SUBSCRIBE", "UNSUBSCRIBE"):
            self._change(session, str(name), params, request.get("id"), now_ns)
        elif name == "LIST_SUBSCRIPTIONS":
            self._answer(session, [*session.streams], request.get("id"))
        elif name in ("SET_PROPERTY", "GET_PROPERTY"):
            self._property(session, params, request.get("id"), is_set=name == "SET_PROPERTY")
        else:
            text = f"Invalid request: unknown variant `{name}`, expected one of `SUBSCRIBE`, `UNSUBSCRIBE`"
            self._refuse(session, INVALID_REQUEST, text, request.get("id"))

    def wants(self, session: Session, frame: MarketFrame) -> bool:
        """Tell whether the client subscribed the stream, and on the right route."""
        return frame.stream in session.streams and is_on_route(session.route, frame.stream)

    def form(self, session: Session, frame: MarketFrame) -> bytes:
        """Return the combined or the raw form."""
        return frame.payload if session.is_combined else frame.raw

    def shutdown_notice(self, session: Session, now_ns: int) -> bytes | None:
        """Return spot's `serverShutdown`."""
        if not self._has_shutdown_notice:
            return None
        event = b'{"e":"serverShutdown","E":%d}' % (now_ns // 1_000_000)
        return b'{"stream":"!serverShutdown","data":%b}' % event if session.is_combined else event

    def _change(self, session: Session, name: str, params: object, request_id: object, now_ns: int) -> None:
        if not isinstance(params, list) or not all(isinstance(each, str) for each in params):
            self._refuse(session, INVALID_REQUEST, "Invalid request: params must be a list of streams", request_id)
            return
        for stream in params:
            if name == "SUBSCRIBE":
                session.streams[stream] = None
            else:
                session.streams.pop(stream, None)
        if len(session.streams) > session.rules.streams_max:
            session.end(Ending.too_many_streams, now_ns, code=CLOSE_POLICY)
            return
        self._answer(session, None, request_id)

    def _property(self, session: Session, params: object, request_id: object, *, is_set: bool) -> None:
        values = params if isinstance(params, list) else []
        if not values or values[0] != "combined":
            self._refuse(session, UNKNOWN_PROPERTY, "Unknown property", request_id)
        elif not is_set:
            self._answer(session, session.is_combined, request_id)
        elif len(values) != 2 or not isinstance(values[1], bool):
            self._refuse(session, WRONG_TYPE, "Invalid value type: expected Boolean", request_id)
        else:
            session.is_combined = values[1]
            self._answer(session, None, request_id)

    def _answer(self, session: Session, result: object, request_id: object) -> None:
        session.send(orjson.dumps({"result": result, "id": request_id}))

    def _refuse(self, session: Session, code: int, text: str, request_id: object) -> None:
        error = {"code": code, "msg": text}
        document = {"error": error, "id": request_id} if self._wraps_errors else {**error, "id": request_id}
        session.send(orjson.dumps(document))


ARGS_MAX = 10
ARGS_TEXT_MAX = 21_000
QUIET_TOPICS = ("kline.W", "kline.M")
"""Topics that Bybit has and the emulator does not make: accepted, silent."""

SnapshotOf = Callable[[Session, str], tuple[bytes, int] | None]
"""Return what a new subscriber of a topic is told at once, and its update id (0: none); None for nothing."""


class BybitDialect:
    """`op` subscribe, unsubscribe and ping of the public spot socket."""

    def __init__(self, symbols: frozenset[str], snapshot_of: SnapshotOf) -> None:
        self._symbols = symbols
        self._snapshot_of = snapshot_of

    def receive_text(self, session: Session, data: bytes, now_ns: int) -> None:
        """Answer one request."""
        try:
            request = orjson.loads(data)
        except orjson.JSONDecodeError:
            request = None
        if not isinstance(request, dict):
            self._answer(session, {}, is_good=False, text="error:request is not JSON")
            return
        name = request.get("op")
        if name == "ping":
            self._answer(session, request, is_good=True, text="pong")
        elif name in ("subscribe", "unsubscribe"):
            self._change(session, request, is_new=name == "subscribe")
        else:
            self._answer(session, request, is_good=False, text=f"error:op {name} is not supported")

    def wants(self, session: Session, frame: MarketFrame) -> bool:
        """Tell whether the client subscribed the topic."""
        return frame.stream in session.streams

    def form(self, session: Session, frame: MarketFrame) -> bytes:
        """Return the message, of which there is one form."""
        return frame.payload

    def shutdown_notice(self, session: Session, now_ns: int) -> bytes | None:
        """Bybit says nothing."""
        return None

    def _change(self, session: Session, request: dict[str, object], *, is_new: bool) -> None:
        topics = request.get("args")
        problem = self._problem(session, topics)
        if problem:
            self._answer(session, request, is_good=False, text=problem)
            return
        fresh = [topic for topic in cast(list[str], topics) if is_new and topic not in session.streams]
        for topic in cast(list[str], topics):
            if not is_new:
                session.streams.pop(topic, None)
        session.streams.update(dict.fromkeys(fresh))
        # The first snapshot may come before the confirmation: on every second connection it does.
        if session.id % 2:
            self._answer(session, request, is_good=True, text=str(request["op"]))
        for topic in fresh:
            self.push_snapshot(session, topic)
        if not session.id % 2:
            self._answer(session, request, is_good=True, text=str(request["op"]))

    def push_snapshot(self, session: Session, topic: str) -> None:
        """Send the book of a depth topic, from which the deltas go on, or a ticker; nothing where none is known yet."""
        told = self._snapshot_of(session, topic)
        if told is None:
            return
        session.send(told[0])
        if told[1]:
            session.last_ids[topic] = told[1]

    def _problem(self, session: Session, topics: object) -> str:
        if not isinstance(topics, list) or not topics or not all(isinstance(topic, str) for topic in topics):
            return "error:args is not a list of topics"
        if len(topics) > ARGS_MAX:
            return f"args size >{ARGS_MAX}"
        if sum(map(len, {*topics, *session.streams})) > ARGS_TEXT_MAX:
            return "error:args too long"
        unknown = [topic for topic in topics if not self._is_known(topic)]
        return f"Invalid symbol :[{','.join(unknown)}]" if unknown else ""

    def _is_known(self, topic: str) -> bool:
        kind, _, symbol = topic.rpartition(".")
        is_known = kind == "publicTrade" or kind in QUIET_TOPICS or is_served(topic)
        return is_known and symbol in self._symbols

    def _answer(self, session: Session, request: dict[str, object], *, is_good: bool, text: str) -> None:
        document: dict[str, object] = {"success": is_good, "ret_msg": text, "conn_id": f"emulator-{session.id}"}
        if "req_id" in request:
            document["req_id"] = request["req_id"]
        document["op"] = request.get("op", "")
        session.send(orjson.dumps(document))
