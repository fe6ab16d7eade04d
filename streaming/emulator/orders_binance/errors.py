"""What Binance's two markets answer for each refusal of the exchange: HTTP status, code and words, as tables.

Spot Errors, "Messages for -1010, -2010 and -2011" and "Filter failures"; USD-M "Error Codes".
"""

from collections.abc import Mapping
from typing import Final

from streaming.emulator.exchange.words import Refusal, RefusedError
from streaming.emulator.rest import RefusalError

BAD_REQUEST, UNAUTHORIZED, CONFLICT, GONE, TOO_MANY = 400, 401, 409, 410, 429
UNKNOWN_ORDER_TEXT: Final = "Unknown order sent."
Words = Mapping[Refusal, tuple[int, str]]

POST_ONLY_TEXT: Final = (
    "Due to the order could not be executed as maker, the Post Only order will be rejected. "
    "The order will not be recorded in the order history"
)
USDM_REFUSALS: Final[Words] = {
    Refusal.unknown_symbol: (-1121, "Invalid symbol."),
    Refusal.market_closed: (-4140, "Invalid symbol status for opening position."),
    Refusal.price_tick: (-4014, "Price not increased by tick size."),
    Refusal.price_range: (-4002, "Price greater than max price."),
    Refusal.price_band: (-4016, "Limit price can't be higher than the mark price times the multiplier."),
    Refusal.lot: (-4023, "Qty not increased by step size."),
    Refusal.size_min: (-4004, "Quantity less than min quantity."),
    Refusal.size_max: (-4005, "Quantity greater than max quantity."),
    Refusal.notional_min: (-4164, "Order's notional must be no smaller than 50 (unless you choose reduce only)."),
    Refusal.precision: (-1111, "Precision is over the maximum defined for this asset."),
    Refusal.would_take: (-5022, POST_ONLY_TEXT),
    Refusal.cannot_fill: (-5021, "Due to the order could not be filled immediately, the FOK order has been rejected."),
    Refusal.balance: (-2018, "Balance is insufficient."),
    Refusal.margin: (-2019, "Margin is insufficient."),
    Refusal.reduce_only: (-2022, "ReduceOnly Order is rejected."),
    Refusal.duplicate_id: (-4116, "ClientOrderId is duplicated."),
    Refusal.bad_id: (-4015, "Client order id is not valid."),
    Refusal.unknown_order: (-2013, "Order does not exist."),
    Refusal.open_orders_max: (-2025, "Reach max open order limit."),
    Refusal.unchanged: (-5027, "No need to modify the order."),
    Refusal.not_amendable: (-5025, "Limit order only."),
    Refusal.amends_max: (-5026, "Exceed maximum modify order limit."),
    Refusal.size_not_less: (-4003, "Quantity less than zero."),
    Refusal.no_liquidity: (-4131, "The counterparty's best price does not meet the PERCENT_PRICE filter limit."),
    Refusal.forced: (-5024, "Symbol is not in trading status. Order amendment is not permitted."),
}
SPOT_REFUSALS: Final[Words] = {
    Refusal.unknown_symbol: (-1121, "Invalid symbol."),
    Refusal.market_closed: (-2010, "Market is closed."),
    Refusal.price_tick: (-1013, "Filter failure: PRICE_FILTER"),
    Refusal.price_range: (-1013, "Filter failure: PRICE_FILTER"),
    Refusal.price_band: (-1013, "Filter failure: PERCENT_PRICE_BY_SIDE"),
    Refusal.lot: (-1013, "Filter failure: LOT_SIZE"),
    Refusal.size_min: (-1013, "Filter failure: LOT_SIZE"),
    Refusal.size_max: (-1013, "Filter failure: LOT_SIZE"),
    Refusal.notional_min: (-1013, "Filter failure: NOTIONAL"),
    Refusal.precision: (-1111, "Parameter 'quantity' has too much precision."),
    Refusal.would_take: (-2010, "Order would immediately match and take."),
    Refusal.cannot_fill: (-2010, "Order could not be filled."),
    Refusal.balance: (-2010, "Account has insufficient balance for requested action."),
    Refusal.margin: (-2010, "Account has insufficient balance for requested action."),
    Refusal.reduce_only: (-2010, "This action is disabled on this account."),
    Refusal.duplicate_id: (-2010, "Duplicate order sent."),
    Refusal.bad_id: (-1100, "Illegal characters found in parameter 'newClientOrderId'."),
    Refusal.unknown_order: (-2013, "Order does not exist."),
    Refusal.open_orders_max: (-1013, "Filter failure: MAX_NUM_ORDERS"),
    Refusal.unchanged: (-2038, "The requested action would change no state; rejecting."),
    Refusal.not_amendable: (-2038, "Order amend is not supported for this order."),
    Refusal.amends_max: (-1013, "Filter failure: MAX_NUM_ORDER_AMENDS"),
    Refusal.size_not_less: (-2038, "Order amend (quantity increase) is not supported."),
    Refusal.no_liquidity: (-2010, "Order could not be filled."),
    Refusal.forced: (-2038, "Order amend is not supported for this order."),
}
REFUSALS: Final[Mapping[str, Words]] = {"binance_usdm": USDM_REFUSALS, "binance_spot": SPOT_REFUSALS}
BELOW_RANGE: Final = (-4013, "Price less than min price.")
"""USD-M has one code for each end of the range of prices."""
SELL_BAND: Final = (-4024, "Limit price can't be lower than the mark price times the multiplier.")
"""USD-M has one code for each side's band."""


def refused(venue: str, error: RefusedError, *, is_change: bool = False) -> RefusalError:
    """Return the venue's own error. `is_change`: of a cancel or a change, which call an unknown order by -2011."""
    if error.refusal is Refusal.unknown_order and is_change:
        return RefusalError(BAD_REQUEST, -2011, UNKNOWN_ORDER_TEXT)
    code, text = REFUSALS[venue][error.refusal]
    if error.refusal is Refusal.precision and error.text == "price":
        text = text.replace("'quantity'", "'price'")
    return RefusalError(BAD_REQUEST, code, text)


def missing(name: str) -> RefusalError:
    """Return the error for a parameter that was not sent."""
    return RefusalError(BAD_REQUEST, -1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")


def illegal(name: str, legal: str) -> RefusalError:
    """Return the error for a value of signs that are not taken."""
    return RefusalError(
        BAD_REQUEST, -1100, f"Illegal characters found in parameter '{name}'; legal range is '{legal}'."
    )


def not_required(name: str) -> RefusalError:
    """Return the error for a parameter that this order may not have."""
    return RefusalError(BAD_REQUEST, -1106, f"Parameter '{name}' sent when not required.")
