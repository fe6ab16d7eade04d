"""The private side of an emulated Bybit: v5 REST, the trade socket and the private socket of spot accounts."""

from collections.abc import Mapping
from typing import Final

import orjson

from streaming.emulator.exchange.accounts import ApiKey
from streaming.emulator.orders_bybit.countdown import Countdown
from streaming.emulator.orders_bybit.errors import NO_ROUTE, OK_TEXT, PARAMS, BybitError
from streaming.emulator.orders_bybit.keys import checked_request, checked_socket
from streaming.emulator.orders_bybit.limits import LimitedError
from streaming.emulator.orders_bybit.pushes import Pushes, Stream
from streaming.emulator.orders_bybit.queries import QUERIES
from streaming.emulator.orders_bybit.requests import BATCHES, OPERATIONS, BybitRequests, CutError, Done
from streaming.emulator.orders_bybit.sockets import PrivateDialect, TradeDialect
from streaming.emulator.orders_bybit.words import Json
from streaming.emulator.orders_front import CUT, FrontVenue, read_query
from streaming.emulator.rest import NS_PER_MS, Query, Reply
from streaming.emulator.session import CLOSE_GOING_AWAY, NEVER_NS, NS_PER_S, Ending, Session, SessionRules

PRIVATE_PATH, TRADE_PATH = "/v5/private", "/v5/trade"
IDLE_S: Final = 600
IDLE_S_MIN: Final = 30
REQUESTS_PER_S: Final = 3_000
DCP_TOPIC: Final = "dcp.spot"
ROUTES: Final = {
    **{("POST", f"/v5/{name.replace('.', '/')}"): name for name in (*OPERATIONS, *BATCHES)},
    **{("GET", f"/v5/{name.replace('.', '/')}"): name for name in QUERIES},
}
"""By method and path, the operation."""


class BybitFront:
    """Speaks v5 to clients; see `OrderFront`."""

    def __init__(self, venue: FrontVenue, institutions: frozenset[str] = frozenset()) -> None:
        """`institutions`: accounts that may have a dead-man's switch."""
        self.exchange = venue.exchange
        self._desk = venue.desk
        self._countdown = Countdown(venue.exchange, institutions)
        self._requests = BybitRequests(venue, self._countdown, self._tell)
        self._pushes = Pushes(venue.exchange, self._requests.queries)
        self._sessions: dict[int, Session] = {}
        self._streams: dict[int, Stream] = {}
        """By session, of private connections that have logged on."""
        self._guarding: dict[int, str] = {}
        """Accounts whose switch a session holds, by session."""

    def http(self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes, now_ns: int) -> Reply:
        """Answer a request, public ones too; see `OrderFront`."""
        if method == "GET" and self._desk.knows(path):
            return self._desk.answer(path, read_query(query), now_ns)
        name = ROUTES.get((method, path))
        if name is None:
            is_known = any(known == path for _, known in ROUTES)
            return self._reply({}, now_ns, NO_ROUTE, "Route not found.", status=400 if is_known else 404)
        limited = self._desk.charge(1, now_ns)
        if limited is not None:
            return limited
        try:
            done = self._asked(name, method, query, headers, body, now_ns)
        except CutError:
            return CUT
        except BybitError as error:
            use = error.use.headers() if isinstance(error, LimitedError) else {}
            return self._reply({}, now_ns, error.code, error.text, status=error.status, headers=use)
        finally:
            self.push(now_ns)
        extra: Json = {"list": [*done.items]} if done.items else {}
        return self._desk.spoilt(self._reply(done.result, now_ns, extra=extra, headers=done.use.headers()), now_ns)

    def open(self, path: str, query: Query, session_id: int, now_ns: int) -> Session | Reply | None:
        """Return the session of a private or trade socket, None of any other path."""
        connection_id = f"emulator-{session_id}"
        if path == PRIVATE_PATH:
            dialect: PrivateDialect | TradeDialect = PrivateDialect(self, connection_id, self._changed)
        elif path == TRADE_PATH:
            dialect = TradeDialect(self, connection_id)
        else:
            return None
        session = Session(session_id, dialect, _rules(query), now_ns)
        self._sessions[session_id] = session
        return session

    def close(self, session: Session, now_ns: int) -> None:
        """Forget a session whose connection is gone."""
        self._sessions.pop(session.id, None)
        stream = self._streams.pop(session.id, None)
        if stream is not None:
            self.exchange.unsubscribe(stream.feed)
        self._unguard(session.id, now_ns)

    def push(self, now_ns: int) -> None:
        """Tell accounts what happened to them, and do what is due; see `OrderFront`."""
        self._countdown.advance(now_ns)
        stated_ms = self.stated_ms(now_ns)
        for stream in self._streams.values():
            self._pushes.take(stream, now_ns)
            stream.flush(now_ns, stated_ms)
            if stream.feed.is_expired:
                stream.session.end(Ending.fault, now_ns, code=CLOSE_GOING_AWAY)

    def next_due_ns(self) -> int:
        """Return when `push` has something to do of its own."""
        due = [stream.next_due_ns() for stream in self._streams.values()]
        return min([*due, self._countdown.next_due_ns()], default=NEVER_NS)

    def log_on(self, args: object, now_ns: int) -> ApiKey:
        """Return the key of a socket's `auth`; BybitError."""
        return checked_socket(self.exchange.find_key, args, now_ns, self.stated_ms(now_ns))

    def carry_out(self, name: str, key: ApiKey, params: Mapping[str, object], now_ns: int) -> Done:
        """Do what a socket asks; BybitError, CutError."""
        try:
            return self._requests.carry_out(name, key, params, now_ns)
        finally:
            self.push(now_ns)

    def stated_ms(self, now_ns: int) -> int:
        """Return the time that the venue states."""
        return now_ns // NS_PER_MS + self._desk.venue.faults.skew_ms(now_ns)

    def _asked(self, name: str, method: str, query: str, headers: Mapping[str, str], body: bytes, now_ns: int) -> Done:
        """Check who asks, and do it."""
        payload = query if method == "GET" else body.decode("utf-8", "replace")
        key = checked_request(self.exchange.find_key, headers, payload, now_ns, self.stated_ms(now_ns))
        params: Mapping[str, object] = read_query(query) if method == "GET" else _document(body)
        return self._requests.carry_out(name, key, params, now_ns)

    def _reply(
        self,
        result: Json,
        now_ns: int,
        code: int = 0,
        text: str = OK_TEXT,
        *,
        status: int = 200,
        extra: Json | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        document = {"retCode": code, "retMsg": text, "result": result, "retExtInfo": extra or {}}
        return Reply(status, orjson.dumps({**document, "time": self.stated_ms(now_ns)}), dict(headers or {}))

    def _tell(self, account: str, topic: str, row: Json, now_ns: int) -> None:
        for stream in self._streams.values():
            if stream.feed.account == account:
                self._pushes.take(stream, now_ns)
                stream.add(now_ns, [(topic, row)])

    def _changed(self, session: Session, dialect: PrivateDialect, now_ns: int) -> None:
        """Begin to hear the account of a connection that has logged on; hold its switch while it has the topic."""
        assert dialect.key is not None
        account = dialect.key.account
        if session.id not in self._streams:
            self._streams[session.id] = Stream(session, self.exchange.subscribe(account, now_ns))
        if DCP_TOPIC not in session.streams:
            self._unguard(session.id, now_ns)
        elif session.id not in self._guarding:
            self._guarding[session.id] = account
            self._countdown.join(account)

    def _unguard(self, session_id: int, now_ns: int) -> None:
        account = self._guarding.pop(session_id, None)
        if account is not None:
            self._countdown.leave(account, now_ns)


def _document(body: bytes) -> Json:
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        document = None
    if not isinstance(document, dict):
        raise BybitError(PARAMS, "params error: the body is not a JSON object.")
    return document


def _rules(query: Query) -> SessionRules:
    """Return a private connection's rules; the client may choose after how long an idle one is closed."""
    number, unit = query.get("max_active_time", "")[:-1], query.get("max_active_time", "")[-1:]
    seconds = int(number) * {"s": 1, "m": 60}.get(unit, 0) if number.isdecimal() else IDLE_S
    idle_s = seconds if IDLE_S_MIN <= seconds <= IDLE_S else IDLE_S
    return SessionRules(
        ping_every_ns=None, idle_ns=idle_s * NS_PER_S, requests_per_s=REQUESTS_PER_S, lifetime_ns=NEVER_NS
    )
