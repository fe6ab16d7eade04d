"""What Bybit answers for each refusal: code and words, as tables (v5 "Error Codes"). HTTP stays 200 but where told."""

from collections.abc import Mapping
from typing import Final

from streaming.emulator.exchange.words import OrderState, Refusal, RefusedError, Side

OK_TEXT: Final = "OK"


class BybitError(Exception):
    """An answer with a code other than 0."""

    def __init__(self, code: int, text: str, status: int = 200) -> None:
        super().__init__(text)
        self.code, self.text, self.status = code, text, status


PARAMS, BAD_TIME, BAD_KEY, BAD_SIGN, DENIED, TOO_MANY = 10001, 10002, 10003, 10004, 10005, 10006
SERVER_ERROR, NO_ROUTE, NO_OP = 10016, 10017, 10404
TOO_FREQUENT, AUTH_AGAIN, REQUEST_AGAIN, KEY_EXPIRED, ADDRESS = 10403, 20001, 20006, 33004, 10010
NO_ORDER, FILLED, CANCELLED, FINISHED, BELOW_FILLED = 170213, 170139, 170142, 170190, 170313
BUY_TOO_HIGH, SELL_TOO_LOW = 170193, 170194

REFUSALS: Final[Mapping[Refusal, tuple[int, str]]] = {
    Refusal.unknown_symbol: (170121, "Invalid symbol."),
    Refusal.market_closed: (170151, "This trading pair is not available for api trading."),
    Refusal.price_tick: (170134, "Order price has too many decimals."),
    Refusal.price_range: (170132, "Order price is too high."),
    Refusal.price_band: (BUY_TOO_HIGH, "Buy order price cannot be higher than the limit."),
    Refusal.lot: (170137, "Order quantity has too many decimals."),
    Refusal.size_min: (170136, "Order quantity exceeded lower limit."),
    Refusal.size_max: (170381, "Limit order quantity exceeded upper limit."),
    Refusal.notional_min: (170140, "Order value exceeded lower limit."),
    Refusal.precision: (170148, "Market order amount decimal too long."),
    Refusal.would_take: (170218, "The LIMIT-MAKER order is rejected due to invalid price."),
    Refusal.cannot_fill: (170210, "New order rejected."),
    Refusal.balance: (170131, "Insufficient balance."),
    Refusal.margin: (170033, "Margin insufficient."),
    Refusal.reduce_only: (PARAMS, "Reduce-only is not supported for spot."),
    Refusal.duplicate_id: (170141, "Duplicate clientOrderId"),
    Refusal.bad_id: (PARAMS, "The orderLinkId is illegal."),
    Refusal.unknown_order: (NO_ORDER, "Order does not exist."),
    Refusal.open_orders_max: (170810, "Cannot exceed 500 active orders."),
    Refusal.unchanged: (PARAMS, "The order remains unchanged as the parameters entered match the existing ones."),
    Refusal.not_amendable: (170312, "Order type does not support modification."),
    Refusal.amends_max: (170311, "Modify order failed."),
    Refusal.size_not_less: (170312, "Order type does not support modification."),
    Refusal.no_liquidity: (170159, "Market orders are not available: the book is empty."),
    Refusal.forced: (170311, "Modify order failed."),
}
DECIMALS: Final = {"price": Refusal.price_tick, "size": Refusal.lot}
"""Of prices and sizes, too many decimals and a wrong step are one error."""
ENDED: Final[Mapping[OrderState, tuple[int, str]]] = {
    OrderState.filled: (FILLED, "Order has been filled."),
    OrderState.cancelled: (CANCELLED, "Order has been cancelled."),
}
"""What a change or cancel of an order that has ended is told; of any other end `FINISHED`."""


def refused(error: RefusedError, side: Side | None = None, *, is_amend: bool = False) -> BybitError:
    """Return the venue's own error. `side` of the order: each side's price band has its code."""
    code, text = REFUSALS[error.refusal]
    if error.refusal is Refusal.precision and error.text in DECIMALS:
        code, text = REFUSALS[DECIMALS[error.text]]
    if error.refusal is Refusal.price_band and side is Side.sell:
        code, text = SELL_TOO_LOW, "Sell order price cannot be lower than the limit."
    if error.refusal is Refusal.size_min and is_amend:
        code, text = BELOW_FILLED, "The modified quantity cannot be less than the executed quantity."
    return BybitError(code, text)


def ended(state: OrderState) -> BybitError:
    """Return what a change of an order that has ended is told."""
    return BybitError(*ENDED.get(state, (FINISHED, "Order has been finished.")))
