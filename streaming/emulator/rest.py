"""The venues' public REST requests, answered from the true books, with weights, limits and the faults that touch them.

Pure: a request and a time in, a reply out. Windows of limits are aligned to the shared clock, whose seconds Retry-After
counts too. Continued requests beyond a limit turn 429 into 418, a ban of two minutes, as on Binance; Bybit bans at
once, by 403 and for ten minutes.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import orjson

from streaming.emulator.binance_views import IndexOf
from streaming.emulator.faults import FaultKind, VenueFaults
from streaming.emulator.listing import exchange_information
from streaming.emulator.trade_tape import TradeTape
from streaming.emulator.true_book import BookState, TrueBook
from streaming.segments import InstrumentEntry

NS_PER_MS, NS_PER_S = 1_000_000, 1_000_000_000
BAN_S = 120
ABUSE_MAX = 10
JSON_TYPE, HTML_TYPE = "application/json;charset=UTF-8", "text/html"
Query = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Reply:
    """What goes back over HTTP."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = JSON_TYPE


class RefusalError(Exception):
    """A request that the venue refuses, with its own code."""

    def __init__(self, status: int, code: int, text: str, data: object = None) -> None:
        super().__init__(text)
        self.status, self.code, self.text = status, code, text
        self.data = data
        """What some errors say beside code and text, such as both halves of a cancel-replace."""


@dataclass(frozen=True, slots=True)
class RestVenue:
    """What the answers of a venue are made from."""

    name: str
    entries: Sequence[InstrumentEntry]
    books: Mapping[str, TrueBook]
    faults: VenueFaults
    tapes: Mapping[str, TradeTape]
    index_of: IndexOf
    is_halted: Callable[[str], bool] = lambda symbol: False


Answer = Callable[[RestVenue, Query, int], bytes]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One path: what it costs, and its answer at a time."""

    weight: Callable[[Query], int]
    answer: Answer


@dataclass(frozen=True, slots=True)
class RestForm:
    """How one venue speaks REST."""

    endpoints: Mapping[str, Endpoint]
    weight_max: int
    window_ns: int
    header: Callable[[int, int, int], dict[str, str]]
    """Of used weight, its limit, end of the window in ms."""
    error: Callable[[int, int, str, int], Reply]
    """Of HTTP status, code, text, time in ms."""
    limit_code: int
    limit_text: str
    ban_status: int = 418
    ban_s: int = BAN_S
    abuse_max: int = ABUSE_MAX
    """Requests refused in one window before the ban."""


class RestDesk:
    """Answers one venue's REST requests and keeps account of their weight (all clients are one address)."""

    def __init__(self, venue: RestVenue, form: RestForm) -> None:
        self.venue = self._venue = venue
        self._form = form
        self._window, self._used, self._refused = -1, 0, 0
        self._banned_until_ns = 0
        self.requests: dict[str, int] = {}
        """Answered with 200, by path, private ones by method and path; only those that exist."""
        self.refusals = 0
        """Answered with 429 or 418, by limit or fault."""

    def answer(self, path: str, query: Query, now_ns: int) -> Reply:
        """Answer `GET path?query`."""
        endpoint, form = self._form.endpoints.get(path), self._form
        stated_ms = now_ns // NS_PER_MS + self._venue.faults.skew_ms(now_ns)
        if endpoint is None:
            return form.error(404, -5000, f"Path {path}, Method GET is invalid", stated_ms)
        refused = self.charge(endpoint.weight(query), now_ns)
        if refused is not None:
            return refused
        headers = self.headers()
        try:
            body = endpoint.answer(self._venue, query, now_ns)
        except RefusalError as refusal:
            reply = form.error(refusal.status, refusal.code, refusal.text, stated_ms)
            return Reply(reply.status, reply.body, headers)
        self.requests[path] = self.requests.get(path, 0) + 1
        return self.spoilt(Reply(200, body, headers), now_ns)

    def knows(self, path: str) -> bool:
        """Tell whether `GET path` is a public request."""
        return path in self._form.endpoints

    def headers(self) -> dict[str, str]:
        """Return what replies say about the weight used."""
        form = self._form
        return form.header(self._used, form.weight_max, (self._window + 1) * form.window_ns // NS_PER_MS)

    def weight_used(self, now_ns: int) -> tuple[int, int]:
        """Return the weight used in the window of `now_ns`, and what it may hold."""
        is_current = now_ns // self._form.window_ns == self._window
        return self._used if is_current else 0, self._form.weight_max

    def refund(self, weight: int) -> None:
        """Take back weight that was charged in this window for what turned out to be free."""
        self._used = max(0, self._used - weight)

    def charge(self, weight: int, now_ns: int) -> Reply | None:
        """Count the weight of a request, public or private; return its refusal when limits or a fault refuse it."""
        form, faults = self._form, self._venue.faults
        window = now_ns // form.window_ns
        if window != self._window:
            self._window, self._used, self._refused = window, 0, 0
        armed = faults.waiting(FaultKind.refuse_rest)
        if armed is not None:
            faults.strike(armed, now_ns)
            return self._refuse(armed.fault.status, armed.fault.retry_after_s, now_ns)
        if now_ns < self._banned_until_ns:
            return self._refuse(form.ban_status, _seconds_until(self._banned_until_ns, now_ns), now_ns)
        if self._used + weight <= form.weight_max:
            self._used += weight
            return None
        self._refused += 1
        if self._refused > form.abuse_max:
            self._banned_until_ns = now_ns + form.ban_s * NS_PER_S
            return self._refuse(form.ban_status, form.ban_s, now_ns)
        return self._refuse(429, _seconds_until((window + 1) * form.window_ns, now_ns), now_ns)

    def _refuse(self, status: int, retry_after_s: int, now_ns: int) -> Reply:
        self.refusals += 1
        form = self._form
        reply = form.error(status, form.limit_code, form.limit_text, now_ns // NS_PER_MS)
        return Reply(status, reply.body, {**self.headers(), "Retry-After": str(retry_after_s)})

    def spoilt(self, reply: Reply, now_ns: int) -> Reply:
        """Return a reply as a fault makes it, if one waits."""
        armed = self._venue.faults.waiting(FaultKind.bad_reply)
        if armed is None:
            return reply
        self._venue.faults.strike(armed, now_ns)
        if armed.fault.form == "html":
            page = b"<html><head><title>502 Bad Gateway</title></head><body>cloudfront</body></html>"
            return Reply(200, page, reply.headers, HTML_TYPE)
        return Reply(200, b"" if armed.fault.form == "empty" else reply.body[: len(reply.body) // 2], reply.headers)


def symbol_asked(venue: RestVenue, query: Query) -> str:
    """Return the symbol that must be named; RefusalError when it is not, or is not listed."""
    symbol = query.get("symbol")
    if symbol is None:
        raise RefusalError(400, -1102, "Mandatory parameter 'symbol' was not sent, was empty/null, or malformed.")
    if symbol not in venue.books:
        raise RefusalError(400, -1121, "Invalid symbol.")
    return symbol


def book_for(venue: RestVenue, query: Query, levels: int, now_ns: int) -> BookState:
    """Return the book asked for, out of the old cache where a fault says so; RefusalError when there is none."""
    symbol = symbol_asked(venue, query)
    book = venue.books[symbol]
    armed = venue.faults.waiting(FaultKind.stale_snapshot, symbol)
    state = book.state(levels, age_ns=armed.fault.age_ms * NS_PER_MS if armed else 0)
    if state is None:
        raise RefusalError(503, -1, "Service Unavailable.")
    if armed is not None:
        armed.last_id = state.last_id
        venue.faults.strike(armed, now_ns)
    return state


def stated_ms(venue: RestVenue, now_ns: int) -> int:
    """Return the time that the venue states."""
    return now_ns // NS_PER_MS + venue.faults.skew_ms(now_ns)


def information(venue: RestVenue, query: Query, now_ns: int) -> bytes:
    """Return exchange information of all instruments, or of those that the query names."""
    names = {query["symbol"]} if "symbol" in query else set(_listed(query.get("symbols")))
    unknown = names - venue.books.keys()
    if unknown:
        raise RefusalError(400, -1121, "Invalid symbol.")
    entries = [entry for entry in venue.entries if not names or entry.symbol in names]
    halted = frozenset(entry.symbol for entry in entries if venue.is_halted(entry.symbol))
    return exchange_information(venue.name, entries, stated_ms(venue, now_ns), halted)


def _listed(text: str | None) -> list[str]:
    if text is None:
        return []
    try:
        names = orjson.loads(text)
    except orjson.JSONDecodeError:
        names = None
    if not isinstance(names, list):
        raise RefusalError(400, -1100, "Illegal characters found in parameter 'symbols'.")
    return [str(name) for name in names]


def whole_number(query: Query, name: str, default: int) -> int:
    """Return a parameter that must be a whole number above 0."""
    text = query.get(name, str(default))
    if not text.isdecimal() or not int(text):
        raise RefusalError(400, -1130, f"Data sent for parameter '{name}' is not valid.")
    return int(text)


def _seconds_until(ts_ns: int, now_ns: int) -> int:
    return -(-(ts_ns - now_ns) // NS_PER_S)
