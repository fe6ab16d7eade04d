"""The private side of an emulated Binance market, USD-M or spot: signed REST, the WebSocket API, account events."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Final

import orjson

from streaming.emulator.exchange.event_feed import EventFeed
from streaming.emulator.orders_binance.api_socket import ApiDialect, ApiVenue
from streaming.emulator.orders_binance.gate import BinanceGate, Caller
from streaming.emulator.orders_binance.private_socket import PrivateDialect, read_listen_keys
from streaming.emulator.orders_binance.requests import Answer, Ask, Operation, Params, Security, names
from streaming.emulator.orders_binance.routes import API_METHODS, API_PATHS, PUBLIC_METHODS, REST_ROUTES
from streaming.emulator.orders_binance.spot import SpotDesk
from streaming.emulator.orders_binance.spot_events import SpotEvents, execution_id, terminated
from streaming.emulator.orders_binance.spot_words import restrictions_document
from streaming.emulator.orders_binance.usdm import UsdmDesk
from streaming.emulator.orders_binance.usdm_events import UsdmEvents, expired
from streaming.emulator.orders_binance.user_streams import ListenKeys, UserStream, UserStreams
from streaming.emulator.orders_binance.words import SPOT, USDM, Json, prints_of
from streaming.emulator.orders_front import CUT, FrontVenue, read_query
from streaming.emulator.rest import Query, Reply, stated_ms
from streaming.emulator.session import NS_PER_S, Session, SessionRules

API_RULES: Final = {
    USDM: SessionRules(ping_every_ns=180 * NS_PER_S, pong_within_ns=600 * NS_PER_S, requests_per_s=1_000),
    SPOT: SessionRules(
        ping_every_ns=20 * NS_PER_S,
        pong_within_ns=60 * NS_PER_S,
        requests_per_s=1_000,
        shutdown_notice_ns=10 * NS_PER_S,
    ),
}
"""Of WebSocket APIs, whose requests are bounded by their weights; the rate here is a wall against floods."""
PRIVATE_RULES: Final = replace(API_RULES[USDM], requests_per_s=10)
HANDSHAKE_WEIGHT: Final = {USDM: 5, SPOT: 2}
FORM: Final = "application/x-www-form-urlencoded"


class BinanceFront:
    """Speaks Binance to clients; see `OrderFront`."""

    def __init__(self, venue: FrontVenue) -> None:
        self.exchange = venue.exchange
        self._name, self._desk = venue.name, venue.desk
        self._prints = prints_of(venue.name, [*venue.desk.venue.entries])
        self._gate = BinanceGate(venue)
        self._streams = UserStreams(venue.exchange)
        self._listen_keys = ListenKeys()
        self._dialects: dict[int, ApiDialect | PrivateDialect] = {}
        """By session."""
        if venue.name == SPOT:
            spot = SpotDesk(venue, self._prints, self._gate.counts, self._execution_id)
            self._told = SpotEvents(self._prints, spot.cancel_ids, spot.former_ids)
            self._operations = spot.operations()
        else:
            usdm = UsdmDesk(venue, self._prints, self._gate.counts)
            self._modify_ids = usdm.modify_ids
            self._operations = usdm.operations() | self._listen_operations()
        self._operations["restrictions"] = Operation(run=self._restrictions, names=frozenset())
        self._api = self._api_venue()

    def http(self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes, now_ns: int) -> Reply:
        """Answer a request, public ones too; see `OrderFront`."""
        name = REST_ROUTES[self._name].get((method, path))
        if name is None:
            if method == "GET":
                return self._desk.answer(path, read_query(query), now_ns)
            error = {"code": -5000, "msg": f"Path {path}, Method {method} is invalid"}
            return Reply(404, orjson.dumps(error))
        form = body.decode("utf-8", "replace") if headers.get("content-type", FORM).startswith(FORM) else ""
        params = Params({**read_query(form), **read_query(query)})
        caller = Caller(api_key=headers.get("x-mbx-apikey", ""), signed_text=_signed_text(query, form))
        answer = self._gate.perform(self._operations[name], params, caller, now_ns)
        self.push(now_ns)
        if answer.is_cut:
            return CUT
        return self._desk.spoilt(self._reply(f"{method} {path}", answer, now_ns), now_ns)

    def open(self, path: str, query: Query, session_id: int, now_ns: int) -> Session | Reply | None:
        """Return the session of the WebSocket API or of a private stream, None of any other path."""
        if path == API_PATHS[self._name]:
            return self._open_api(query, session_id, now_ns)
        if self._name == USDM and (path == "/private" or path.startswith("/private/")):
            return self._open_private(path, query, session_id, now_ns)
        return None

    def close(self, session: Session, now_ns: int) -> None:
        """Forget a session whose connection is gone."""
        dialect = self._dialects.pop(session.id, None)
        if dialect is not None:
            dialect.close()

    def push(self, now_ns: int) -> None:
        """Tell accounts what happened to them, and end the listen keys whose hour is over; see `OrderFront`."""
        now_ms = self._stated_ms(now_ns)
        for listen_key in self._listen_keys.ended(now_ns):
            self._end_key(listen_key, now_ns)
        for stream in self._streams.push(now_ns, now_ms):
            self._forget(stream)

    def next_due_ns(self) -> int:
        """Return when `push` has something to do of its own."""
        return min(self._listen_keys.next_end_ns(), self._streams.next_due_ns())

    # -- REST

    def _reply(self, request: str, answer: Answer, now_ns: int) -> Reply:
        headers = self._gate.headers(answer, now_ns)
        if answer.status == 200:
            self._desk.requests[request] = self._desk.requests.get(request, 0) + 1
            return Reply(200, orjson.dumps(answer.document), headers)
        error: Json = {"code": answer.code, "msg": answer.text}
        is_both_halves = isinstance(answer.data, dict) and "cancelResult" in answer.data
        body = {**error, "data": answer.data} if is_both_halves else error
        return Reply(answer.status, orjson.dumps(body), headers)

    # -- sockets

    def _open_api(self, query: Query, session_id: int, now_ns: int) -> Session | Reply:
        limited = self._desk.charge(HANDSHAKE_WEIGHT[self._name], now_ns)
        if limited is not None:
            return limited
        dialect = ApiDialect(self._api, returns_limits=query.get("returnRateLimits", "true").lower() != "false")
        return self._opened(session_id, dialect, API_RULES[self._name], now_ns)

    def _open_private(self, path: str, query: Query, session_id: int, now_ns: int) -> Session:
        dialect = PrivateDialect(self._listen, self._streams.close)
        session = self._opened(session_id, dialect, PRIVATE_RULES, now_ns)
        session.is_combined, session.route = path.startswith("/private/stream"), "private"
        dialect.begin(session, read_listen_keys(path, query), now_ns)
        return session

    def _opened(
        self, session_id: int, dialect: ApiDialect | PrivateDialect, rules: SessionRules, now_ns: int
    ) -> Session:
        session = Session(session_id, dialect, rules, now_ns, is_private=True)
        self._dialects[session_id] = dialect
        return session

    def _api_venue(self) -> ApiVenue:
        methods = API_METHODS[self._name]
        is_spot = self._name == SPOT
        return ApiVenue(
            gate=self._gate,
            operations={method: self._operations[name] for method, name in methods.items()},
            public=self._public,
            subscribe=self._subscribe if is_spot else None,
            unsubscribe=self._streams.close,
            settle=self.push,
            shutdown=is_spot,
        )

    def _public(self, method: str, params: Params, now_ns: int) -> Answer | None:
        """Answer a public method as its REST request is answered."""
        path = PUBLIC_METHODS[self._name].get(method)
        if path is None:
            return None
        reply = self._desk.answer(path, params, now_ns)
        try:
            document = orjson.loads(reply.body)
        except orjson.JSONDecodeError:
            return Answer(status=500, code=-1000, text="An unknown error occurred while processing the request.")
        if reply.status == 200:
            return Answer(document=document)
        return Answer(status=reply.status, code=document["code"], text=document["msg"])

    # -- account events

    def _subscribe(self, session: Session, account: str, wrap: Callable[[Json], Json], now_ns: int) -> UserStream:
        def make(feed: EventFeed) -> UserStream:
            return UserStream(session, feed, self._told, wrap, terminated)

        return self._streams.open(account, now_ns, make)

    def _listen(self, session: Session, listen_key: str, events: frozenset[str], now_ns: int) -> UserStream | None:
        account = self._listen_keys.account_of(listen_key, now_ns)
        if account is None:
            return None

        def wrap(event: Json) -> Json:
            return {"stream": listen_key, "data": event} if session.is_combined else event

        def make(feed: EventFeed) -> UserStream:
            told = UsdmEvents(self._prints, self._modify_ids, self.exchange.balances(account))
            return UserStream(session, feed, told, wrap, partial(expired, listen_key), events, listen_key)

        return self._streams.open(account, now_ns, make)

    def _forget(self, stream: UserStream) -> None:
        """Drop what a fault ended: a subscription, or a listen key with all its streams."""
        dialect = self._dialects.get(stream.session.id)
        if isinstance(dialect, ApiDialect):
            dialect.forget(stream)
        if stream.listen_key:
            self._listen_keys.end(stream.feed.account)

    def _end_key(self, listen_key: str, now_ns: int) -> None:
        for stream in self._streams.of_key(listen_key):
            stream.end(now_ns, self._stated_ms(now_ns))
            self._streams.close(stream)

    def _listen_operations(self) -> dict[str, Operation]:
        key, given = Security.key, names("listenKey")

        def start(ask: Ask) -> Json:
            return {"listenKey": self._listen_keys.start(ask.account, ask.now_ns)}

        def renew(ask: Ask) -> Json:
            return {"listenKey": self._listen_keys.renew(ask.account, ask.now_ns)}

        def end(ask: Ask) -> Json:
            listen_key = self._listen_keys.end(ask.account)
            if listen_key is not None:
                self._end_key(listen_key, ask.now_ns)
            return {}

        return {
            "start_listen_key": Operation(run=start, names=given, security=key),
            "renew_listen_key": Operation(run=renew, names=given, security=key),
            "end_listen_key": Operation(run=end, names=given, security=key),
        }

    def _execution_id(self, account: str, order_id: int) -> int:
        """Return the number of the newest event of an order: an amend's answer and event have it in common."""
        event = self.exchange.last_event(account, order_id)
        return 0 if event is None else execution_id(event)

    def _restrictions(self, ask: Ask) -> Json:
        return restrictions_document(self._gate.find_key(ask.api_key, ask.now_ns))

    def _stated_ms(self, now_ns: int) -> int:
        return stated_ms(self._desk.venue, now_ns)


def _signed_text(query: str, form: str) -> str:
    """Return what a request's signature is of: query and body as sent, without the signature."""
    parts = ["&".join(pair for pair in text.split("&") if not pair.startswith("signature=")) for text in (query, form)]
    return "".join(parts)
