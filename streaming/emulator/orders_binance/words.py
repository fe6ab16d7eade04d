"""Orders and fills in Binance's words, as both markets print them: states, types, decimals, ids, reasons of an end."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from streaming.emulator.exchange.words import ExchangeOrder, Force, OrderKind, OrderState, SelfTrade, Side
from streaming.emulator.listing import coins
from streaming.segments import InstrumentEntry

Json = dict[str, object]
NS_PER_MS: Final = 1_000_000
SPOT_DECIMALS: Final = 8
USDM_PRICE_DECIMALS_MIN: Final = 2
SPOT, USDM = "binance_spot", "binance_usdm"

STATES: Final = {
    OrderState.new: "NEW",
    OrderState.partially_filled: "PARTIALLY_FILLED",
    OrderState.filled: "FILLED",
    OrderState.cancelled: "CANCELED",
    OrderState.expired: "EXPIRED",
    OrderState.expired_in_match: "EXPIRED_IN_MATCH",
    OrderState.rejected: "REJECTED",
}
SIDES: Final = {"BUY": Side.buy, "SELL": Side.sell}
SIDE_WORDS: Final = {side: word for word, side in SIDES.items()}
SELF_TRADES: Final = {
    "NONE": SelfTrade.none,
    "EXPIRE_MAKER": SelfTrade.expire_maker,
    "EXPIRE_TAKER": SelfTrade.expire_taker,
    "EXPIRE_BOTH": SelfTrade.expire_both,
}
SELF_TRADE_WORDS: Final = {mode: word for word, mode in SELF_TRADES.items()}
USDM_FORCES: Final = {"GTC": Force.gtc, "IOC": Force.ioc, "FOK": Force.fok, "GTX": Force.post_only}
SPOT_FORCES: Final = {"GTC": Force.gtc, "IOC": Force.ioc, "FOK": Force.fok}
USDM_FORCE_WORDS: Final = {force: word for word, force in USDM_FORCES.items()}
SPOT_FORCE_WORDS: Final = {force: word for word, force in SPOT_FORCES.items()} | {Force.post_only: "GTC"}
USDM_EXPIRE_REASONS: Final = {"self_trade": "1", "ioc": "2", "reduce_only": "4", "halted": "7", "market": "9"}
"""Field `er`; any other end is `0`."""
SPOT_EXPIRE_REASONS: Final = {
    "ioc": "UNFILLED_IOC_QUANTITY_EXPIRED",
    "fok": "UNFILLED_FOK_ORDER_EXPIRED",
    "market": "INSUFFICIENT_LIQUIDITY",
    "halted": "EXCHANGE_CANCELED",
}
"""Field `eR`, `expiryReason`; left out for any other end."""


@dataclass(frozen=True, slots=True)
class Print:
    """How one symbol's numbers are printed, and its coins."""

    base: str
    quote: str
    price_decimals: int
    size_decimals: int

    def price(self, value: Decimal) -> str:
        """Return a price of this symbol."""
        return decimal_text(value, self.price_decimals)

    def size(self, value: Decimal) -> str:
        """Return a size of this symbol."""
        return decimal_text(value, self.size_decimals)


def prints_of(venue: str, entries: list[InstrumentEntry]) -> Mapping[str, Print]:
    """Return how each symbol is printed: spot with eight decimals, USD-M with its steps'."""
    if venue == SPOT:
        return {each.symbol: Print(*coins(each), SPOT_DECIMALS, SPOT_DECIMALS) for each in entries}
    return {
        each.symbol: Print(*coins(each), max(_decimals(each.tick), USDM_PRICE_DECIMALS_MIN), _decimals(each.lot))
        for each in entries
    }


def decimal_text(value: Decimal, decimals: int) -> str:
    """Return `value` with at least so many decimals, and with all that it has: nothing is rounded away."""
    exact = format(value.normalize(), "f")
    missing = decimals - len(exact.partition(".")[2])
    return f"{value:.{decimals}f}" if missing >= 0 else exact


def type_word(order: ExchangeOrder, venue: str) -> str:
    """Return `LIMIT`, `MARKET`, or of spot's post-only orders `LIMIT_MAKER`."""
    if order.kind is OrderKind.market:
        return "MARKET"
    return "LIMIT_MAKER" if venue == SPOT and order.force is Force.post_only else "LIMIT"


def average_price(order: ExchangeOrder) -> Decimal:
    """Return the mean price of what has filled, 0 while nothing has."""
    return order.filled_quote / order.filled if order.filled else Decimal(0)


def milliseconds(ts_ns: int) -> int:
    """Return whole milliseconds."""
    return ts_ns // NS_PER_MS


def _decimals(step: str) -> int:
    return len(step.rstrip("0").partition(".")[2])
