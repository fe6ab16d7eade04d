"""What an account may ask Bybit to do, over REST and the trade socket alike: parameters in, `result` out.

An answer is only that the request was taken; what became of the order is told by the private topics.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from streaming.emulator.exchange.accounts import ApiKey
from streaming.emulator.exchange.order_faults import BadAnswer, RequestFault, RequestKind
from streaming.emulator.exchange.words import ExchangeOrder, OrderState, Refusal, RefusedError
from streaming.emulator.orders_bybit.countdown import Countdown
from streaming.emulator.orders_bybit.errors import (
    PARAMS,
    SERVER_ERROR,
    TOO_FREQUENT,
    BybitError,
    ended,
    refused,
)
from streaming.emulator.orders_bybit.keys import check_may_trade
from streaming.emulator.orders_bybit.limits import AccountLimits, LimitedError, Use
from streaming.emulator.orders_bybit.queries import QUERIES, BybitQueries
from streaming.emulator.orders_bybit.words import (
    CATEGORY,
    NS_PER_MS,
    Json,
    OrderName,
    Params,
    check_category,
    named,
    raced_row,
    read_amounts,
    read_name,
    read_order,
)
from streaming.emulator.orders_front import FrontVenue

RACE_NS: Final = 20 * NS_PER_MS
"""A cancel that comes so soon after the fill met it on its way: it is taken, and a second `Filled` follows."""
BATCH_MAX: Final = 10
Tell = Callable[[str, str, Json, int], None]
"""Of account, topic, row and time: something that no event of the exchange says."""


class CutError(Exception):
    """There is no answer: the connection is to be cut."""


@dataclass(frozen=True, slots=True)
class Done:
    """What goes back."""

    result: Json
    use: Use
    items: Sequence[Json] = ()
    """Of a batch: code and text of each of its orders."""


class BybitRequests:
    """Carries out requests of accounts, and hands on questions; the pools of both are here."""

    def __init__(self, venue: FrontVenue, countdown: Countdown, tell: Tell) -> None:
        self.queries = BybitQueries(venue, countdown)
        self._exchange = venue.exchange
        self._countdown, self._tell = countdown, tell
        self._limits = AccountLimits()

    def carry_out(self, name: str, key: ApiKey, params: Params, now_ns: int) -> Done:
        """Do what is asked; `name` is one of OPERATIONS, BATCHES and QUERIES, and the pool that it takes from.

        BybitError is the answer with its code, CutError none.
        """
        use = self._limits.take(key.account, name, now_ns)
        if name in QUERIES:
            return Done(QUERIES[name](self.queries, key, params, now_ns), use)
        check_may_trade(key)
        if name in BATCHES:
            return self._batch(name, key, params, use, now_ns)
        return Done(OPERATIONS[name](self, key, params, now_ns), use)

    def create(self, key: ApiKey, params: Params, now_ns: int) -> Json:
        """Place an order."""
        check_category(params)
        order = read_order(params)

        def place() -> ExchangeOrder:
            try:
                return self._exchange.place(key.account, order, now_ns)
            except RefusedError as refusal:
                raise refused(refusal, order.side) from refusal

        return _named(self._struck(RequestKind.place, order.symbol, place, now_ns))

    def amend(self, key: ApiKey, params: Params, now_ns: int) -> Json:
        """Change price, total size or both."""
        check_category(params)
        name, (price, size) = read_name(params), read_amounts(params)

        def change() -> ExchangeOrder:
            return self._exchange.amend(
                key.account,
                name.symbol,
                now_ns,
                order_id=name.order_id,
                client_id=None if name.order_id is not None else name.client_id,
                price=price,
                size=size,
            )

        return _named(self._struck(RequestKind.amend, name.symbol, self._known(change, key, name, now_ns), now_ns))

    def cancel(self, key: ApiKey, params: Params, now_ns: int) -> Json:
        """End an order."""
        check_category(params)
        name = read_name(params)

        def end() -> ExchangeOrder:
            try:
                return self._exchange.cancel(
                    key.account,
                    name.symbol,
                    now_ns,
                    order_id=name.order_id,
                    client_id=None if name.order_id is not None else name.client_id,
                )
            except RefusedError as error:
                order = self.queries.find(key.account, name, now_ns)
                if error.refusal is not Refusal.unknown_order or order is None or not self._is_raced(order, now_ns):
                    raise
                self._tell(order.account, "order", raced_row(self.queries.order_row(order)), now_ns)
                return order

        return _named(self._struck(RequestKind.cancel, name.symbol, self._known(end, key, name, now_ns), now_ns))

    def cancel_all(self, key: ApiKey, params: Params, now_ns: int) -> Json:
        """End every order of a symbol, or of the account."""
        check_category(params)
        symbol = named(params, "symbol") if params.get("symbol") else None
        try:
            orders = self._exchange.cancel_all(key.account, symbol, now_ns)
        except RefusedError as error:
            raise refused(error) from error
        return {"list": [_named(order) for order in orders], "success": "1"}

    def set_countdown(self, key: ApiKey, params: Params, now_ns: int) -> Json:
        """Set after how many seconds without a connection every order is cancelled."""
        self._countdown.set(key.account, params.get("product", "OPTIONS"), params.get("timeWindow"), now_ns)
        return {}

    def _batch(self, pool: str, key: ApiKey, params: Params, use: Use, now_ns: int) -> Done:
        """Carry out up to ten requests, each by itself; the first has taken its share of the pool already."""
        check_category(params)
        requests = params.get("request")
        if not isinstance(requests, list) or not 0 < len(requests) <= BATCH_MAX:
            raise BybitError(PARAMS, f"params error: request must be a list of 1 to {BATCH_MAX}.")
        rows: list[Json] = []
        items: list[Json] = []
        for number, request in enumerate(requests):
            given: Params = request if isinstance(request, dict) else {}
            row: Json = {"category": CATEGORY, "symbol": str(given.get("symbol", ""))}
            row |= {"orderId": "", "orderLinkId": str(given.get("orderLinkId") or "")}
            try:
                use = self._limits.take(key.account, pool, now_ns) if number else use
                row |= OPERATIONS[pool.removesuffix("-batch")](self, key, {**given, "category": CATEGORY}, now_ns)
                items.append({"code": 0, "msg": "OK"})
            except BybitError as error:
                items.append({"code": error.code, "msg": error.text})
            rows.append(row | ({"createAt": str(now_ns // NS_PER_MS)} if pool == "order.create-batch" else {}))
        return Done({"list": rows}, use, items)

    def _struck(
        self, kind: RequestKind, symbol: str, carry_out: Callable[[], ExchangeOrder], now_ns: int
    ) -> ExchangeOrder:
        """Carry out a request, unless a fault keeps it from being; a fault's answer stands for whatever came of it."""
        fault = self._exchange.request_fault(kind, symbol, now_ns)
        if fault is None:
            return carry_out()
        if fault.is_executed:
            with suppress(BybitError):
                carry_out()
        raise _bad_answer(fault, now_ns)

    def _known(
        self, change: Callable[[], ExchangeOrder], key: ApiKey, name: OrderName, now_ns: int
    ) -> Callable[[], ExchangeOrder]:
        """Return `change` with its refusals in Bybit's words: of an order that has ended, how it did."""

        def changed() -> ExchangeOrder:
            try:
                return change()
            except RefusedError as refusal:
                order = self.queries.find(key.account, name, now_ns)
                if refusal.refusal is Refusal.unknown_order and order is not None and not order.is_open:
                    raise ended(order.state) from refusal
                raise refused(refusal, order.side if order is not None else None, is_amend=True) from refusal

        return changed

    def _is_raced(self, order: ExchangeOrder, now_ns: int) -> bool:
        return order.state is OrderState.filled and now_ns - order.ts_changed_ns < RACE_NS


Operation = Callable[[BybitRequests, ApiKey, Params, int], Json]
OPERATIONS: Final[Mapping[str, Operation]] = {
    "order.create": BybitRequests.create,
    "order.amend": BybitRequests.amend,
    "order.cancel": BybitRequests.cancel,
    "order.cancel-all": BybitRequests.cancel_all,
    "order.disconnected-cancel-all": BybitRequests.set_countdown,
}
BATCHES: Final = frozenset({"order.create-batch", "order.amend-batch", "order.cancel-batch"})


def _bad_answer(fault: RequestFault, now_ns: int) -> Exception:
    """Return what a request that a fault hit is answered."""
    if fault.answer is BadAnswer.cut:
        return CutError()
    if fault.answer is BadAnswer.unknown:
        return BybitError(SERVER_ERROR, "Internal server error.")
    if fault.status == 418:
        return BybitError(TOO_FREQUENT, "access too frequent.", status=403)
    return LimitedError(Use(0, 0, now_ns // NS_PER_MS + fault.retry_after_s * 1_000))


def _named(order: ExchangeOrder) -> Json:
    return {"orderId": str(order.order_id), "orderLinkId": order.client_id}
