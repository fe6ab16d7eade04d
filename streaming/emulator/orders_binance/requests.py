"""Requests to Binance's private side: their parameters, and what an operation asks of a caller. Same over REST and
sockets.

Parameters are text, as a query holds them; what a socket says as JSON numbers and booleans is written as its signature
holds it. Checks and codes: spot "Errors", 11xx issues with the request.
"""

import re
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum
from typing import Final, TypedDict, TypeVar

from streaming.emulator.exchange.order_faults import RequestKind
from streaming.emulator.orders_binance.errors import BAD_REQUEST, illegal, missing
from streaming.emulator.orders_binance.words import NS_PER_MS, milliseconds
from streaming.emulator.rest import RefusalError

Row = TypeVar("Row")
DECIMAL: Final = re.compile(r"[0-9]{1,20}(\.[0-9]{1,20})?")
DECIMAL_LEGAL: Final = r"^([0-9]{1,20})(\.[0-9]{1,20})?$"
WHOLE: Final = re.compile(r"[0-9]{1,19}")
WHOLE_LEGAL: Final = "^[0-9]{1,20}$"
NEITHER_ID: Final = "Param 'origClientOrderId' or 'orderId' must be sent, but both were empty/null!"
ROWS_DEFAULT, ROWS_MAX = 500, 1_000
OF_EVERY_REQUEST: Final = frozenset(("apiKey", "signature", "timestamp", "recvWindow", "returnRateLimits"))


class Security(Enum):
    """What a caller must show."""

    none = "none"
    key = "key"
    """The key alone."""
    signed = "signed"
    """Key, time, signature."""
    trade = "trade"
    """Signed, by a key that may trade."""


class Params(dict[str, str]):
    """Parameters of one request by name."""

    def need(self, name: str) -> str:
        """Return a parameter; RefusalError -1102 when it is missing or empty."""
        text = self.get(name, "")
        if not text:
            raise missing(name)
        return text

    def decimal(self, name: str) -> Decimal | None:
        """Return a decimal, None where it was not sent; RefusalError -1100."""
        text = self.get(name)
        if text is None:
            return None
        if DECIMAL.fullmatch(text) is None:
            raise illegal(name, DECIMAL_LEGAL)
        return Decimal(text)

    def need_decimal(self, name: str) -> Decimal:
        """Return a decimal that must be there."""
        self.need(name)
        value = self.decimal(name)
        assert value is not None
        return value

    def whole(self, name: str) -> int | None:
        """Return a whole number, None where it was not sent; RefusalError -1100."""
        text = self.get(name)
        if text is None:
            return None
        if WHOLE.fullmatch(text) is None:
            raise illegal(name, WHOLE_LEGAL)
        return int(text)

    def flag(self, name: str, *, default: bool = False) -> bool:
        """Return a boolean; RefusalError -1130 for any other word."""
        text = self.get(name, str(default)).lower()
        if text not in ("true", "false"):
            raise RefusalError(BAD_REQUEST, -1130, f"Data sent for parameter '{name}' is not valid.")
        return text == "true"

    def one_of(self, name: str, words: Mapping[str, object], code: int, text: str, default: str = "") -> str:
        """Return a word that must be one of `words`; RefusalError `code` else, -1102 where there is no default."""
        word = self.get(name, default) or self.need(name)
        if word not in words:
            raise RefusalError(BAD_REQUEST, code, text)
        return word


@dataclass(frozen=True, slots=True)
class Ask:
    """One request that was let in."""

    account: str
    api_key: str
    params: Params
    now_ns: int
    stated_ms: int
    """The venue's own time, skew included."""

    @property
    def now_ms(self) -> int:
        """Return the exchange's time."""
        return milliseconds(self.now_ns)


Run = Callable[[Ask], object]
Weight = int | Callable[[Params], int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One thing that can be asked, whichever way."""

    run: Run
    """Return the answer's document; raise RefusalError, or RefusedError for the exchange's own."""
    names: frozenset[str]
    """Parameters it knows beside those of every request."""
    security: Security = Security.signed
    weight: Weight = 1
    is_free_when_done: bool = False
    """Spot charges orders and cancels no weight when they succeed."""
    orders: int = 0
    """How many orders of the account's limits it needs."""
    counts_itself: bool = False
    """It checks those limits on its own."""
    fault: RequestKind | None = None
    """Which faults of orders can hit it."""
    is_change: bool = False
    """A cancel or a change: an unknown order is -2011."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What an operation came to, before REST or a socket wraps it."""

    status: int = 200
    document: object = None
    code: int = 0
    text: str = ""
    data: object = None
    headers: dict[str, str] = field(default_factory=dict)
    account: str = ""
    """Whose order limits the answer tells of; empty: of nobody's."""
    is_cut: bool = False
    """There is no answer: the connection ends."""


def check_names(operation: Operation, params: Params) -> None:
    """Refuse parameters that nothing reads, as both markets do; RefusalError -1104."""
    unread = [name for name in params if name not in operation.names and name not in OF_EVERY_REQUEST]
    if unread:
        sent = len(params)
        text = f"read '{sent - len(unread)}' parameter(s) but was sent '{sent}'."
        raise RefusalError(BAD_REQUEST, -1104, f"Not all sent parameters were read; {text}")


def weight_of(operation: Operation, params: Params) -> int:
    """Return what a request costs its address."""
    return operation.weight if isinstance(operation.weight, int) else operation.weight(params)


def names(text: str) -> frozenset[str]:
    """Return the names in a text, set apart by spaces."""
    return frozenset(text.split())


def as_sent(value: object) -> str:
    """Return a JSON value of a socket's parameter as its signature holds it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


class Which(TypedDict, total=False):
    """Which order is meant."""

    order_id: int
    client_id: str


def which(params: Params, order_name: str = "orderId", client_name: str = "origClientOrderId") -> Which:
    """Return which order is meant; its id counts where both are given. RefusalError -1102 for neither."""
    order_id, client_id = params.whole(order_name), params.get(client_name, "")
    if order_id is not None:
        return {"order_id": order_id}
    if not client_id:
        raise RefusalError(BAD_REQUEST, -1102, NEITHER_ID.replace("orderId", order_name))
    return {"client_id": client_id}


def listed_symbol(params: Params, listed: Container[str]) -> str:
    """Return the symbol that must be named; RefusalError -1102, or -1121 for one that is not listed."""
    symbol = params.need("symbol")
    if symbol not in listed:
        raise RefusalError(BAD_REQUEST, -1121, "Invalid symbol.")
    return symbol


def named_symbol(params: Params, listed: Container[str]) -> str | None:
    """Return the symbol that is named, None where none is; RefusalError -1121 for one that is not listed."""
    return listed_symbol(params, listed) if "symbol" in params else None


def rows_asked(found: Sequence[Row], params: Params, start_name: str) -> list[Row]:
    """Return as many as asked for: the first from where the request begins, the last when it names no beginning."""
    limit = params.whole("limit") or ROWS_DEFAULT
    if limit > ROWS_MAX:
        raise RefusalError(BAD_REQUEST, -1130, "Data sent for parameter 'limit' is not valid.")
    begins = start_name in params or "startTime" in params
    return [*found[:limit]] if begins else [*found[max(0, len(found) - limit) :]]


def span_ns(params: Params) -> tuple[int, int | None]:
    """Return the span that a request asks for; its last millisecond is whole."""
    start_ms, end_ms = params.whole("startTime"), params.whole("endTime")
    return (start_ms or 0) * NS_PER_MS, None if end_ms is None else (end_ms + 1) * NS_PER_MS - 1


def one_or(one: int, all_symbols: int) -> Callable[[Params], int]:
    """Return what a request costs that names a symbol, or asks for all."""
    return lambda params: one if "symbol" in params else all_symbols
