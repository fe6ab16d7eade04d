"""One connection to a WebSocket API of Binance: requests by method, sessions that log on, account events of spot.

Sources: spot "WebSocket API", "Session management", "User Data Stream requests"; USD-M "WebSocket API General Info".
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, cast

import orjson

from streaming.emulator.exchange.accounts import ApiKey, KeyKind
from streaming.emulator.orders_binance.errors import BAD_REQUEST
from streaming.emulator.orders_binance.gate import BinanceGate, Caller
from streaming.emulator.orders_binance.requests import Answer, Ask, Operation, Params, Security, as_sent, names
from streaming.emulator.orders_binance.user_streams import UserStream
from streaming.emulator.orders_binance.words import Json
from streaming.emulator.rest import RefusalError
from streaming.emulator.session import Ending, Session
from streaming.emulator.streams import MarketFrame

SUBSCRIPTIONS_MAX: Final = 1_000
SUBSCRIPTION_IDS_MAX: Final = 65_535
NOBODY: Final = frozenset[str]()


@dataclass(frozen=True, slots=True)
class ApiVenue:
    """What connections to one WebSocket API share."""

    gate: BinanceGate
    operations: Mapping[str, Operation]
    """By method."""
    public: Callable[[str, Params, int], Answer | None]
    """Answers a public method; None where it is none."""
    subscribe: Callable[[Session, str, Callable[[Json], Json], int], UserStream] | None
    """Begins an account's events on a session; None where events have a socket of their own (USD-M)."""
    unsubscribe: Callable[[UserStream], None]
    settle: Callable[[int], None]
    """Tells accounts what happened to them."""
    shutdown: bool
    """Whether a planned end is announced."""


class ApiDialect:
    """The server's side of one connection."""

    def __init__(self, venue: ApiVenue, *, returns_limits: bool) -> None:
        self._venue, self._returns_limits = venue, returns_limits
        self._key: ApiKey | None = None
        self._ts_logged_on_ms = 0
        self._streams: dict[int, tuple[UserStream, bool]] = {}
        """By subscription: the stream, and whether it is the session's own."""
        self._made, self._answered = 0, 0
        self._own: dict[str, Callable[[Session], Operation]] = {
            "session.logon": self._logon_operation,
            "session.status": lambda session: _free(lambda ask: self._status(session, ask)),
            "session.logout": lambda session: _free(lambda ask: self._logout(session, ask)),
        }
        if venue.subscribe is not None:
            self._own |= {
                "userDataStream.subscribe": self._subscribe_operation,
                "userDataStream.subscribe.signature": self._signed_subscribe_operation,
                "userDataStream.unsubscribe": lambda session: _free(self._unsubscribe, "subscriptionId"),
                "session.subscriptions": lambda session: _free(
                    lambda ask: [{"subscriptionId": number} for number in self._streams]
                ),
            }

    def receive_text(self, session: Session, data: bytes, now_ns: int) -> None:
        """Answer one request."""
        request = _read(data)
        if request is None:
            self._send(session, None, Answer(status=BAD_REQUEST, code=-1135, text="Invalid JSON Request"), now_ns)
            return
        request_id, method, params = request
        answer = self._answer(session, method, params, now_ns)
        if answer.is_cut:
            session.end(Ending.fault, now_ns, code=0)
            return
        # An event may come before the answer to the request that caused it: after every second request it does.
        self._answered += 1
        if self._answered % 2:
            self._venue.settle(now_ns)
        shows_limits = params.get("returnRateLimits", str(self._returns_limits)).lower() == "true"
        self._send(session, request_id, answer, now_ns, shows_limits=shows_limits)
        self._venue.settle(now_ns)

    def wants(self, session: Session, frame: MarketFrame) -> bool:
        """Tell that no market stream comes here."""
        return False

    def form(self, session: Session, frame: MarketFrame) -> bytes:
        """Return a market message; none comes."""
        return frame.raw

    def shutdown_notice(self, session: Session, now_ns: int) -> bytes | None:
        """Return what spot says shortly before it ends a connection."""
        event = b'{"event":{"e":"serverShutdown","E":%d}}' % (now_ns // 1_000_000)
        return event if self._venue.shutdown else None

    def close(self) -> None:
        """End all subscriptions: the connection is gone."""
        for number in [*self._streams]:
            self._end(number)

    def forget(self, stream: UserStream) -> None:
        """Drop a subscription that the venue has ended."""
        for number, (each, _) in [*self._streams.items()]:
            if each is stream:
                del self._streams[number]

    def _answer(self, session: Session, method: str, params: Params, now_ns: int) -> Answer:
        public = self._venue.public(method, params, now_ns)
        if public is not None:
            return public
        own = self._own.get(method)
        operation = own(session) if own is not None else self._venue.operations.get(method)
        if operation is None:
            text = "Mandatory parameter 'method' was not sent, was empty/null, or malformed."
            return Answer(status=BAD_REQUEST, code=-1102, text=text)
        caller = Caller(
            api_key=params.get("apiKey", self._key.key if self._key else ""),
            signed_text="&".join(f"{name}={params[name]}" for name in sorted(params) if name != "signature"),
            session_key=self._key if "apiKey" not in params else None,
        )
        return self._venue.gate.perform(operation, params, caller, now_ns)

    def _send(
        self, session: Session, request_id: object, answer: Answer, now_ns: int, *, shows_limits: bool = True
    ) -> None:
        if session.mute_until_ns > now_ns:
            return
        document: Json = {"id": request_id, "status": answer.status}
        if answer.status == 200:
            document["result"] = answer.document
        else:
            error: Json = {"code": answer.code, "msg": answer.text}
            document["error"] = error if answer.data is None else {**error, "data": answer.data}
        if shows_limits:
            document["rateLimits"] = self._venue.gate.limits(answer.account, now_ns)
        session.send(orjson.dumps(document))

    # -- sessions

    def _logon_operation(self, session: Session) -> Operation:
        return Operation(run=lambda ask: self._logon(session, ask), names=NOBODY, weight=2)

    def _logon(self, session: Session, ask: Ask) -> Json:
        key = self._venue.gate.find_key(ask.api_key, ask.now_ns)
        if key.kind is not KeyKind.ed25519:
            raise RefusalError(BAD_REQUEST, -4056, "HMAC_SHA256 API key is not supported.")
        self._key, self._ts_logged_on_ms = key, ask.stated_ms
        return self._status(session, ask)

    def _logout(self, session: Session, ask: Ask) -> Json:
        self._key, self._ts_logged_on_ms = None, 0
        for number, (_, is_sessions) in [*self._streams.items()]:
            if is_sessions:
                self._end(number)
        return self._status(session, ask)

    def _status(self, session: Session, ask: Ask) -> Json:
        document: Json = {
            "apiKey": self._key.key if self._key else None,
            "authorizedSince": self._ts_logged_on_ms or None,
            "connectedSince": session.ts_opened_ns // 1_000_000,
            "returnRateLimits": self._returns_limits,
            "serverTime": ask.stated_ms,
        }
        return document if self._venue.subscribe is None else {**document, "userDataStream": bool(self._streams)}

    # -- account events of spot

    def _subscribe_operation(self, session: Session) -> Operation:
        def run(ask: Ask) -> Json:
            if self._key is None:
                raise RefusalError(BAD_REQUEST, -1000, "Session is not authenticated; log on first.")
            return self._subscribe(session, self._key.account, ask.now_ns, is_sessions=True)

        return Operation(run=run, names=NOBODY, security=Security.none, weight=2)

    def _signed_subscribe_operation(self, session: Session) -> Operation:
        def run(ask: Ask) -> Json:
            return self._subscribe(session, ask.account, ask.now_ns, is_sessions=False)

        return Operation(run=run, names=NOBODY, weight=2)

    def _subscribe(self, session: Session, account: str, now_ns: int, *, is_sessions: bool) -> Json:
        if any(stream.feed.account == account for stream, _ in self._streams.values()):
            raise RefusalError(BAD_REQUEST, -2035, "User Data Stream subscription already active.")
        if len(self._streams) >= SUBSCRIPTIONS_MAX or self._made > SUBSCRIPTION_IDS_MAX:
            raise RefusalError(BAD_REQUEST, -2042, "Too many subscriptions on this connection.")
        number, self._made = self._made, self._made + 1
        assert self._venue.subscribe is not None
        stream = self._venue.subscribe(
            session, account, lambda event: {"subscriptionId": number, "event": event}, now_ns
        )
        self._streams[number] = (stream, is_sessions)
        return {"subscriptionId": number}

    def _unsubscribe(self, ask: Ask) -> Json:
        number = ask.params.whole("subscriptionId")
        if number is not None and number not in self._streams:
            raise RefusalError(BAD_REQUEST, -2036, "User Data Stream subscription not active.")
        for each in [*self._streams] if number is None else [number]:
            self._end(each)
        return {}

    def _end(self, number: int) -> None:
        stream, _ = self._streams.pop(number)
        self._venue.unsubscribe(stream)


def _read(data: bytes) -> tuple[object, str, Params] | None:
    """Return id, method and parameters of a request; None for what is none."""
    try:
        request = orjson.loads(data)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(request, dict) or not isinstance(request.get("id"), int | str | None):
        return None
    params = request.get("params") or {}
    if not isinstance(params, dict):
        return None
    texts = {str(name): as_sent(value) for name, value in cast(dict[str, object], params).items()}
    return request.get("id"), str(request.get("method", "")), Params(texts)


def _free(run: Callable[[Ask], object], text: str = "") -> Operation:
    return Operation(run=run, names=names(text), security=Security.none)
