"""What a venue checks before it takes an order: the filters of its own exchange information, and its habits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import cast

import orjson

from streaming.emulator.exchange.words import NewOrder, OrderKind, Refusal, RefusedError, Side
from streaming.emulator.listing import exchange_information
from streaming.segments import InstrumentEntry

Json = Mapping[str, object]
ZERO = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueHabits:
    """Where the three venues differ in what becomes of an order."""

    is_perpetual: bool
    refuses_post_only: bool
    """A post-only order that would take is refused; else it is taken and ends at once."""
    refuses_fok: bool
    """The same of fill-or-kill orders that cannot fill."""
    ids_for_ever: bool
    """A client id is used once; else an open order alone blocks it."""
    ends_amended_below_filled: bool
    """An amend to a total not above what has filled ends the order, and so does a post-only order's that would take."""
    first_order_id: int
    inverts_rebates: bool
    """A maker's rebate is paid in the asset that the fill gives away."""
    forgives_filled: bool
    """An order's first fill takes it out of the count of placements."""


HABITS = {
    "binance_usdm": VenueHabits(
        is_perpetual=True,
        refuses_post_only=True,
        refuses_fok=True,
        ids_for_ever=False,
        ends_amended_below_filled=True,
        first_order_id=90_000_000_001,
        inverts_rebates=False,
        forgives_filled=False,
    ),
    "binance_spot": VenueHabits(
        is_perpetual=False,
        refuses_post_only=True,
        refuses_fok=False,
        ids_for_ever=False,
        ends_amended_below_filled=False,
        first_order_id=28_000_000_001,
        inverts_rebates=False,
        forgives_filled=True,
    ),
    "bybit_spot": VenueHabits(
        is_perpetual=False,
        refuses_post_only=False,
        refuses_fok=False,
        ids_for_ever=True,
        ends_amended_below_filled=False,
        first_order_id=1_890_000_000_000_000_001,
        inverts_rebates=True,
        forgives_filled=False,
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SymbolRules:
    """The filters of one symbol; a bound of 0 is none."""

    symbol: str
    base: str
    quote: str
    tick: Decimal
    lot: Decimal
    price_min: Decimal
    price_max: Decimal
    size_min: Decimal
    size_max: Decimal
    market_size_max: Decimal
    notional_min: Decimal
    notional_max: Decimal
    open_orders_max: int
    price_decimals: int
    """More than these in a price are `precision`, not `price_tick`."""
    size_decimals: int
    band_up: Decimal
    """A buy's price is at most this many times the mark."""
    band_down: Decimal
    """A sell's price is at least this many times the mark."""
    is_reduce_exempt: bool
    """Reduce-only orders need no minimum notional."""

    def check(self, order: NewOrder, mark: Decimal | None) -> None:
        """Refuse an order whose numbers the filters refuse."""
        if order.kind is OrderKind.limit:
            if order.price is None:
                raise RefusedError(Refusal.price_range, "a limit order needs a price")
            self.check_price(order.price, order.side, mark)
        if order.size is None:
            self._check_notional(order.quote_size or ZERO, order.is_reduce_only)
            return
        self.check_size(order.size, self.market_size_max if order.kind is OrderKind.market else self.size_max)
        price = mark if order.kind is OrderKind.market else order.price
        if price is not None:
            self._check_notional(price * order.size, order.is_reduce_only)

    def check_price(self, price: Decimal, side: Side, mark: Decimal | None) -> None:
        """Refuse a price off the tick, out of range or out of the band around the mark."""
        _refuse(price <= 0, Refusal.price_range)
        _refuse(_decimals(price) > self.price_decimals, Refusal.precision, "price")
        _refuse(price % self.tick != 0, Refusal.price_tick)
        _refuse(price < self.price_min or (self.price_max > 0 and price > self.price_max), Refusal.price_range)
        if mark is not None and self.band_up > 0:
            beyond = price > mark * self.band_up if side is Side.buy else price < mark * self.band_down
            _refuse(beyond, Refusal.price_band)

    def check_size(self, size: Decimal, size_max: Decimal) -> None:
        """Refuse a size off the lot or out of range."""
        _refuse(size <= 0, Refusal.size_min)
        _refuse(_decimals(size) > self.size_decimals, Refusal.precision, "size")
        _refuse(size < self.size_min, Refusal.size_min)
        _refuse(size_max > 0 and size > size_max, Refusal.size_max)
        _refuse(size % self.lot != 0, Refusal.lot)

    def check_amended(self, price: Decimal, size: Decimal, is_reduce_only: bool) -> None:
        """Refuse an amended order that is worth too little or too much."""
        self._check_notional(price * size, is_reduce_only)

    def _check_notional(self, notional: Decimal, is_reduce_only: bool) -> None:
        is_exempt = is_reduce_only and self.is_reduce_exempt
        _refuse(notional < self.notional_min and not is_exempt, Refusal.notional_min)
        _refuse(self.notional_max > 0 and notional > self.notional_max, Refusal.size_max)


def read_rules(venue: str, entries: Sequence[InstrumentEntry]) -> dict[str, SymbolRules]:
    """Return the rules of every listed symbol, from what the venue itself says of them."""
    document = orjson.loads(exchange_information(venue, entries, 0))
    is_bybit = venue == "bybit_spot"
    rows = document["result"]["list"] if is_bybit else document["symbols"]
    read = _bybit_rules if is_bybit else _binance_rules
    return {row["symbol"]: read(row) for row in rows}


def _binance_rules(row: Json) -> SymbolRules:
    named = {str(each["filterType"]): each for each in cast(list[Json], row["filters"])}
    is_usdm = "pair" in row
    price, lots = named["PRICE_FILTER"], named["LOT_SIZE"]
    band = named.get("PERCENT_PRICE", {})
    value = named.get("MIN_NOTIONAL") or named.get("NOTIONAL") or {}
    counts = named.get("MAX_NUM_ORDERS", {})
    return SymbolRules(
        symbol=str(row["symbol"]),
        base=str(row["baseAsset"]),
        quote=str(row["quoteAsset"]),
        tick=_number(price, "tickSize"),
        lot=_number(lots, "stepSize"),
        price_min=_number(price, "minPrice"),
        price_max=_number(price, "maxPrice"),
        size_min=_number(lots, "minQty"),
        size_max=_number(lots, "maxQty"),
        market_size_max=_number(named.get("MARKET_LOT_SIZE", lots), "maxQty"),
        notional_min=_number(value, "notional") or _number(value, "minNotional"),
        notional_max=_number(value, "maxNotional"),
        open_orders_max=int(_number(counts, "limit") or _number(counts, "maxNumOrders")),
        price_decimals=cast(int, row["pricePrecision"] if is_usdm else row["quotePrecision"]),
        size_decimals=cast(int, row["quantityPrecision"] if is_usdm else row["baseAssetPrecision"]),
        band_up=_number(band, "multiplierUp"),
        band_down=_number(band, "multiplierDown"),
        is_reduce_exempt=is_usdm,
    )


def _bybit_rules(row: Json) -> SymbolRules:
    lots, price = cast(Json, row["lotSizeFilter"]), cast(Json, row["priceFilter"])
    ratio = _number(cast(Json, row["riskParameters"]), "priceLimitRatioY")
    return SymbolRules(
        symbol=str(row["symbol"]),
        base=str(row["baseCoin"]),
        quote=str(row["quoteCoin"]),
        tick=_number(price, "tickSize"),
        lot=_number(lots, "basePrecision"),
        price_min=ZERO,
        price_max=ZERO,
        size_min=_number(lots, "minOrderQty"),
        size_max=_number(lots, "maxLimitOrderQty"),
        market_size_max=_number(lots, "maxMarketOrderQty"),
        notional_min=_number(lots, "minOrderAmt"),
        notional_max=_number(lots, "maxOrderAmt"),
        open_orders_max=500,
        price_decimals=_decimals(_number(price, "tickSize")),
        size_decimals=_decimals(_number(lots, "basePrecision")),
        band_up=1 + ratio,
        band_down=1 - ratio,
        is_reduce_exempt=False,
    )


def _number(filters: Json, key: str) -> Decimal:
    return Decimal(str(filters.get(key, "0")))


def _decimals(number: Decimal) -> int:
    exponent = number.normalize().as_tuple().exponent
    assert isinstance(exponent, int), f"expected a finite number, found {number}"
    return max(-exponent, 0)


def _refuse(is_wrong: bool, refusal: Refusal, text: str = "") -> None:
    if is_wrong:
        raise RefusedError(refusal, text)
