"""What clients say on Bybit's private and trade sockets, and what they are answered; one dialect object a connection.

v5 "Connect" and "Websocket Trade Guideline". The two answer in different words: `success` and `conn_id` there,
`retCode` and `connId` here. Nothing is told of an account before `auth`.
"""

from collections.abc import Callable, Mapping
from hashlib import md5
from typing import Final, Protocol

import orjson

from streaming.emulator.exchange.accounts import ApiKey
from streaming.emulator.orders_bybit.errors import (
    AUTH_AGAIN,
    BAD_KEY,
    NO_OP,
    PARAMS,
    REQUEST_AGAIN,
    BybitError,
)
from streaming.emulator.orders_bybit.keys import WINDOW_MS, check_time
from streaming.emulator.orders_bybit.limits import LimitedError, Use
from streaming.emulator.orders_bybit.requests import CutError, Done
from streaming.emulator.orders_bybit.words import CATEGORY, Json
from streaming.emulator.session import Ending, Session
from streaming.emulator.streams import MarketFrame

TRADE_OPS: Final = frozenset(
    f"order.{name}" for name in ("create", "amend", "cancel", "create-batch", "amend-batch", "cancel-batch")
)
TOPICS: Final = frozenset(
    {
        *("order", "execution", "execution.fast", "wallet", "position", "greeks"),
        *("order.spot", "execution.spot", "execution.fast.spot", "dcp.spot", "dcp.future", "dcp.option"),
    }
)
ARGS_MAX: Final = 10
REQUEST_ID_MAX: Final = 36
REQUEST_IDS_KEPT: Final = 10_000


class Account(Protocol):
    """What the front does for a connection."""

    def log_on(self, args: object, now_ns: int) -> ApiKey:
        """Return the key of an `auth`; BybitError where it is refused."""
        ...

    def carry_out(self, name: str, key: ApiKey, params: Mapping[str, object], now_ns: int) -> Done:
        """Do what is asked; BybitError, CutError."""
        ...

    def stated_ms(self, now_ns: int) -> int:
        """Return the time that the venue states."""
        ...


class _PrivateDialect:
    """What both sockets have in common: nothing of the market, no notice before the end."""

    def __init__(self, account: Account, connection_id: str) -> None:
        self.key: ApiKey | None = None
        """Of a connection that has said who it is."""
        self.connection_id = connection_id
        self._account = account

    def wants(self, session: Session, frame: MarketFrame) -> bool:
        """No frame of the market."""
        return False

    def form(self, session: Session, frame: MarketFrame) -> bytes:
        """Return the message as it is; none comes here."""
        return frame.payload

    def shutdown_notice(self, session: Session, now_ns: int) -> bytes | None:
        """Bybit says nothing."""
        return None


def _read(data: bytes) -> Json | None:
    try:
        request = orjson.loads(data)
    except orjson.JSONDecodeError:
        return None
    return request if isinstance(request, dict) else None


class PrivateDialect(_PrivateDialect):
    """auth, subscribe, unsubscribe and ping of `/v5/private`. Subscribed topics are the session's streams."""

    def __init__(
        self,
        account: Account,
        connection_id: str,
        changed: Callable[[Session, "PrivateDialect", int], None],
    ) -> None:
        """`changed` is called after a log-on or a change of topics."""
        super().__init__(account, connection_id)
        self._changed = changed

    def receive_text(self, session: Session, data: bytes, now_ns: int) -> None:
        """Answer one request."""
        request = _read(data)
        if request is None:
            self._answer(session, {}, is_good=False, text="error:request is not JSON")
            return
        name = request.get("op")
        if name == "ping":
            stated = [str(self._account.stated_ms(now_ns))]
            session.send(self._document(request, {"op": "pong", "args": stated, "conn_id": self.connection_id}))
        elif name == "auth":
            self._log_on(session, request, now_ns)
        elif name in ("subscribe", "unsubscribe"):
            self._change(session, request, now_ns, is_new=name == "subscribe")
        else:
            self._answer(session, request, is_good=False, text=f"error:op {name} is not supported")

    def _log_on(self, session: Session, request: Json, now_ns: int) -> None:
        try:
            self.key = self._account.log_on(request.get("args"), now_ns)
        except BybitError as error:
            self._answer(session, request, is_good=False, text=error.text)
            return
        self._answer(session, request, is_good=True, text="")
        self._changed(session, self, now_ns)

    def _change(self, session: Session, request: Json, now_ns: int, *, is_new: bool) -> None:
        problem = self._problem(session, request.get("args"))
        if problem:
            self._answer(session, request, is_good=False, text=problem)
            return
        topics = request["args"]
        assert isinstance(topics, list)
        for topic in topics:
            if is_new:
                session.streams[topic] = None
            else:
                session.streams.pop(topic, None)
        self._answer(session, request, is_good=True, text="")
        self._changed(session, self, now_ns)

    def _problem(self, session: Session, topics: object) -> str:
        if self.key is None:
            return "Request not authorized"
        if not isinstance(topics, list) or not topics or not all(isinstance(topic, str) for topic in topics):
            return "error:args is not a list of topics"
        if len(topics) > ARGS_MAX:
            return f"args size >{ARGS_MAX}"
        unknown = [topic for topic in topics if topic not in TOPICS]
        if unknown:
            return f"error:handler not found,topic:{unknown[0]}"
        both = [topic for topic in topics if f"{topic}.{CATEGORY}" in topics]
        return f"error:{both[0]} and {both[0]}.{CATEGORY} cannot be subscribed in one request" if both else ""

    def _answer(self, session: Session, request: Json, *, is_good: bool, text: str) -> None:
        document: Json = {"success": is_good, "ret_msg": text, "op": str(request.get("op", ""))}
        session.send(self._document(request, {**document, "conn_id": self.connection_id}))

    def _document(self, request: Json, document: Json) -> bytes:
        known = {"req_id": request["req_id"]} if "req_id" in request else {}
        return orjson.dumps({**known, **document})


class TradeDialect(_PrivateDialect):
    """auth, ping and orders of `/v5/trade`."""

    def __init__(self, account: Account, connection_id: str) -> None:
        super().__init__(account, connection_id)
        self._seen: dict[str, None] = {}
        """Request ids, the oldest beyond REQUEST_IDS_KEPT forgotten."""

    def receive_text(self, session: Session, data: bytes, now_ns: int) -> None:
        """Answer one request; an order's answer says only that it was taken."""
        request = _read(data)
        try:
            if request is None:
                raise BybitError(PARAMS, "params error: request is not JSON.")
            self._receive(session, request, now_ns)
        except CutError:
            session.end(Ending.fault, now_ns, code=0)
        except BybitError as error:
            extra: Json = {"data": {}, "retExtInfo": {}} if request and str(request.get("op")) in TRADE_OPS else {}
            if extra:
                extra["header"] = self._header(error.use if isinstance(error, LimitedError) else None, now_ns)
            self._answer(session, request or {}, error.code, error.text, extra)

    def _receive(self, session: Session, request: Json, now_ns: int) -> None:
        name = request.get("op")
        if name == "ping":
            stated = [str(self._account.stated_ms(now_ns))]
            self._answer(session, {**request, "op": "pong"}, 0, "OK", {"data": stated})
        elif name == "auth":
            if self.key is not None:
                raise BybitError(AUTH_AGAIN, "Repeat auth.")
            self.key = self._account.log_on(request.get("args"), now_ns)
            self._answer(session, request, 0, "OK", {})
        else:
            self._order_request(session, request, str(name), now_ns)

    def _order_request(self, session: Session, request: Json, name: str, now_ns: int) -> None:
        if self.key is None:
            raise BybitError(BAD_KEY, "Request not authorized.")
        if name not in TRADE_OPS:
            raise BybitError(NO_OP, f"op type is not found: {name}.")
        self._check_id(request.get("reqId"))
        header, args = request.get("header"), request.get("args")
        if (
            not isinstance(header, dict)
            or not isinstance(args, list)
            or len(args) != 1
            or not isinstance(args[0], dict)
        ):
            raise BybitError(PARAMS, "params error: header must be an object, args a list of one object.")
        window_ms = str(header.get("X-BAPI-RECV-WINDOW") or WINDOW_MS)
        check_time(str(header.get("X-BAPI-TIMESTAMP", "")), window_ms, self._account.stated_ms(now_ns))
        if args[0].get("category") != CATEGORY:
            raise BybitError(NO_OP, "category is not correct or not supported.")
        done = self._account.carry_out(name, self.key, args[0], now_ns)
        extra: Json = {"data": done.result, "retExtInfo": {"list": [*done.items]} if done.items else {}}
        self._answer(session, request, 0, "OK", {**extra, "header": self._header(done.use, now_ns)})

    def _check_id(self, request_id: object) -> None:
        """Refuse an id that this connection has used."""
        if request_id is None:
            return
        if not isinstance(request_id, str) or len(request_id) > REQUEST_ID_MAX:
            raise BybitError(PARAMS, f"params error: reqId must be text of at most {REQUEST_ID_MAX} signs.")
        if request_id in self._seen:
            raise BybitError(REQUEST_AGAIN, "reqId is duplicated.")
        self._seen[request_id] = None
        if len(self._seen) > REQUEST_IDS_KEPT:
            del self._seen[next(iter(self._seen))]

    def _header(self, use: Use | None, now_ns: int) -> Json:
        stated_ms = self._account.stated_ms(now_ns)
        trace = md5(f"{self.connection_id} {now_ns}".encode(), usedforsecurity=False).hexdigest()
        return {**(use.headers() if use else {}), "Traceid": trace, "Timenow": str(stated_ms)}

    def _answer(self, session: Session, request: Json, code: int, text: str, extra: Json) -> None:
        known = {"reqId": request["reqId"]} if request.get("reqId") is not None else {}
        op = str(request.get("op", ""))
        document = {**known, "retCode": code, "retMsg": text, "op": op, **extra, "connId": self.connection_id}
        session.send(orjson.dumps(document))
