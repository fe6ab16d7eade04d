"""Who may ask what at Binance's private side, and what comes of it: limits, keys, signatures, times, faults, errors.

The same for REST and sockets, which differ in what text is signed and in how an answer is wrapped.
"""

from dataclasses import dataclass, field, replace
from typing import Final

import orjson

from streaming.emulator.exchange.accounts import ApiKey, KeyKind
from streaming.emulator.exchange.order_faults import BadAnswer, RequestFault
from streaming.emulator.exchange.words import Refusal, RefusedError
from streaming.emulator.orders_binance.errors import BAD_REQUEST, BELOW_RANGE, SELL_BAND, UNAUTHORIZED, missing, refused
from streaming.emulator.orders_binance.limits import ORDER_LIMITS, OrderCounts
from streaming.emulator.orders_binance.requests import (
    Answer,
    Ask,
    Operation,
    Params,
    Security,
    check_names,
    weight_of,
)
from streaming.emulator.orders_binance.words import SPOT, USDM
from streaming.emulator.orders_front import HOST, FrontVenue, is_ed25519_right, is_hmac_right, time_problem
from streaming.emulator.rest import RefusalError, Reply, stated_ms

WINDOW_DEFAULT_MS, WINDOW_MAX_MS = 5_000.0, 60_000.0
MICROSECONDS_FROM: Final = 10**14
"""Spot takes times in either unit; one this great is in microseconds."""
UNKNOWN_TEXTS: Final = {
    USDM: (-1000, "Unknown error, please check your request or try again later."),
    SPOT: (
        -1007,
        "Timeout waiting for response from backend server. Send status unknown; execution status unknown.",
    ),
}
KEY_TEXT: Final = "Invalid API-key, IP, or permissions for action."
TOO_MANY_TEXT: Final = "Too many requests; please use the websocket for live updates to avoid bans."


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """What a request shows of who sent it."""

    api_key: str = ""
    signed_text: str = field(default="", repr=False)
    """What the signature is of."""
    session_key: ApiKey | None = None
    """Of a socket that has logged on: no signature is needed."""


class BinanceGate:
    """Lets requests in and carries them out."""

    def __init__(self, venue: FrontVenue) -> None:
        self._venue = venue
        self.counts = OrderCounts(ORDER_LIMITS[venue.name], venue.exchange.orders_placed)

    def perform(self, operation: Operation, params: Params, caller: Caller, now_ns: int) -> Answer:
        """Carry out an operation, or say why not."""
        weight = weight_of(operation, params)
        limited = self._venue.desk.charge(weight, now_ns)
        if limited is not None:
            return _limited(limited, now_ns)
        account = ""
        try:
            key = self._key(operation, params, caller, now_ns)
            account = key.account if key is not None else ""
            check_names(operation, params)
            answer = self._carry_out(operation, Ask(account, caller.api_key, params, now_ns, self._stated_ms(now_ns)))
        except RefusalError as error:
            answer = self._refusal(error, now_ns)
        if operation.is_free_when_done and answer.status == 200 and not answer.is_cut:
            self._venue.desk.refund(weight)
        return replace(answer, account=account) if operation.orders and account else answer

    def headers(self, answer: Answer, now_ns: int) -> dict[str, str]:
        """Return what a reply over REST says of limits."""
        counted = self.counts.headers(answer.account, now_ns) if answer.account else {}
        return {**self._venue.desk.headers(), **counted, **answer.headers}

    def limits(self, account: str, now_ns: int) -> tuple[dict[str, object], ...]:
        """Return all limits with what is used, as answers on sockets list them."""
        used, weight_max = self._venue.desk.weight_used(now_ns)
        weight: dict[str, object] = {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1}
        weight |= {"limit": weight_max, "count": used}
        return (*(self.counts.rows(account, now_ns) if account else ()), weight)

    def find_key(self, api_key: str, now_ns: int) -> ApiKey:
        """Return a key that is there and has not ended; RefusalError -2014 or -2015."""
        if not api_key or not api_key.isalnum():
            raise RefusalError(UNAUTHORIZED, -2014, "API-key format invalid.")
        key = self._venue.exchange.find_key(api_key)
        is_known = key is not None and not (key.expires_ns and key.expires_ns <= now_ns)
        if key is None or not is_known or (key.addresses and HOST not in key.addresses):
            raise RefusalError(UNAUTHORIZED, -2015, KEY_TEXT)
        return key

    def check_signed(self, key: ApiKey, params: Params, signed_text: str, now_ns: int) -> None:
        """Check signature and time of a request; RefusalError -1102, -1022, -1021."""
        self.check_time(params, now_ns, is_signed=True)
        signature = params["signature"]
        is_hmac = key.kind is KeyKind.hmac
        is_right = (
            is_hmac_right(key.secret, signed_text, signature)
            if is_hmac
            else is_ed25519_right(key.public_key, signed_text, signature)
        )
        if not is_right:
            raise RefusalError(BAD_REQUEST, -1022, "Signature for this request is not valid.")

    def check_time(self, params: Params, now_ns: int, *, is_signed: bool) -> None:
        """Check a request's time; RefusalError."""
        params.need("timestamp")
        ts_ms = float(params.whole("timestamp") or 0)
        if is_signed and not params.get("signature"):
            raise missing("signature")
        window = params.decimal("recvWindow")
        window_ms = WINDOW_DEFAULT_MS if window is None else float(window)
        if window_ms > WINDOW_MAX_MS:
            raise RefusalError(BAD_REQUEST, -1131, "recvWindow must be less than 60000.")
        if ts_ms >= MICROSECONDS_FROM:
            ts_ms /= 1_000
        problem = time_problem(ts_ms, window_ms, self._stated_ms(now_ns))
        if problem:
            raise RefusalError(BAD_REQUEST, -1021, problem)

    def _key(self, operation: Operation, params: Params, caller: Caller, now_ns: int) -> ApiKey | None:
        if operation.security is Security.none:
            return None
        key = caller.session_key or self.find_key(caller.api_key, now_ns)
        if operation.security is not Security.key:
            if caller.session_key is not None and "signature" not in params:
                self.check_time(params, now_ns, is_signed=False)
            else:
                self.check_signed(key, params, caller.signed_text, now_ns)
        if operation.security is Security.trade and not key.may_trade:
            raise RefusalError(UNAUTHORIZED, -2015, KEY_TEXT)
        return key

    def _carry_out(self, operation: Operation, ask: Ask) -> Answer:
        """Run an operation unless a fault hits it on its way; a fault may run it and lose its answer."""
        if operation.orders and not operation.counts_itself:
            self.counts.check(ask.account, operation.orders, ask.now_ns)
        symbol = ask.params.get("symbol", "")
        fault = None
        if operation.fault is not None:
            fault = self._venue.exchange.request_fault(operation.fault, symbol, ask.now_ns)
        if fault is None or fault.is_executed:
            answer = self._run(operation, ask)
            if fault is None:
                return answer
        return self._spoilt(fault, ask.now_ns)

    def _run(self, operation: Operation, ask: Ask) -> Answer:
        try:
            document = operation.run(ask)
        except RefusalError as error:
            return self._refusal(error, ask.now_ns)
        except RefusedError as error:
            return self._refusal(self.refused(error, ask.params, is_change=operation.is_change), ask.now_ns)
        return Answer(document=document)

    def refused(self, error: RefusedError, params: Params, *, is_change: bool = False) -> RefusalError:
        """Return the venue's error for the exchange's."""
        if self._venue.name == USDM and error.refusal is Refusal.price_band and params.get("side") == "SELL":
            return RefusalError(BAD_REQUEST, *SELL_BAND)
        if self._venue.name == USDM and error.refusal is Refusal.price_range and self._is_below(params):
            return RefusalError(BAD_REQUEST, *BELOW_RANGE)
        return refused(self._venue.name, error, is_change=is_change)

    def _is_below(self, params: Params) -> bool:
        price = params.decimal("price")
        return price is not None and price < self._venue.exchange.rules[params["symbol"]].price_min

    def _refusal(self, error: RefusalError, now_ns: int) -> Answer:
        headers = {"Retry-After": str(self.counts.retry_after_s(now_ns))} if error.code == -1015 else {}
        return Answer(status=error.status, code=error.code, text=error.text, data=error.data, headers=headers)

    def _spoilt(self, fault: RequestFault, now_ns: int) -> Answer:
        """Return what a fault answers in place of the outcome."""
        if fault.answer is BadAnswer.cut:
            return Answer(is_cut=True)
        if fault.answer is BadAnswer.refused:
            data = {"serverTime": self._stated_ms(now_ns)}
            data["retryAfter"] = data["serverTime"] + fault.retry_after_s * 1_000
            headers = {"Retry-After": str(fault.retry_after_s)}
            return Answer(status=fault.status, code=-1003, text=TOO_MANY_TEXT, data=data, headers=headers)
        code, text = UNKNOWN_TEXTS[self._venue.name]
        return Answer(status=fault.status, code=code, text=text)

    def _stated_ms(self, now_ns: int) -> int:
        return stated_ms(self._venue.desk.venue, now_ns)


def _limited(reply: Reply, now_ns: int) -> Answer:
    """Return the refusal of a limit as an answer."""
    error = orjson.loads(reply.body)
    now_ms = now_ns // 1_000_000
    data = {"serverTime": now_ms, "retryAfter": now_ms + int(reply.headers["Retry-After"]) * 1_000}
    return Answer(status=reply.status, code=error["code"], text=error["msg"], data=data, headers=reply.headers)
