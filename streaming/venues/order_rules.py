"""What a venue takes as an order on one instrument: its filters as exact integers, checked before anything is sent.

Source: the exchange information of each venue (Binance USD-M and spot "Exchange Information" and "Filters", Bybit v5
"Get Instruments Info"). Prices are counted in the engine's ticks and sizes in its size units; where the venue's own
step is a multiple of ours (it may change while we run), only multiples of that are sent.

Rounding never makes an order worse or larger than it was asked: a buy's price goes down to the venue's step, a sale's
up, and sizes go down. What then breaks a rule is refused by the rule's name, as the venue would. The bands that a venue
draws around a price that only it knows (Bybit's price limits, Binance's price ranges) are judged by the venue.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from math import lcm
from typing import Final, cast

import orjson

from streaming.venues.exchange_info import TRADING
from streaming.venues.gateway import CallKind, OrderSpec, OrderType, Refused, TimeInForce
from streaming.venues.instruments import Instrument, Step
from streaming.venues.venue_reply import Origin, ReplyKind, VenueReason, VenueReply

NONE: Final = 0
"""Of a bound: the venue sets none."""


@dataclass(frozen=True, slots=True)
class Breach:
    """A rule that an order breaks."""

    rule: str
    """The filter's name at the venue, such as `LOT_SIZE`."""
    reason: VenueReason
    text: str


@dataclass(frozen=True, slots=True)
class Band:
    """Within which multiples of the reference price a limit may lie."""

    rule: str
    lowest: Fraction
    highest: Fraction


@dataclass(frozen=True, slots=True, kw_only=True)
class SizeRule:
    """Sizes of one kind of order, in size units."""

    rule: str
    step: int = 1
    lowest: int = NONE
    highest: int = NONE


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRules:
    """Filters of one instrument."""

    instrument: Instrument
    is_open: bool
    """Whether the venue lists it as trading."""
    price_rule: str
    price_step: int
    price_lowest: int = NONE
    price_highest: int = NONE
    limit: SizeRule
    market: SizeRule
    post_only_highest: int = NONE
    """Where post-only orders may be larger than others."""
    notional_rule: str
    notional_lowest: int = NONE
    """In quote units."""
    notional_highest: int = NONE
    is_notional_lowest_of_market: bool = True
    is_notional_highest_of_market: bool = True
    is_reduce_only_free: bool = False
    """Whether reduce-only orders may be below the least notional (USD-M)."""
    buy_band: Band | None = None
    sell_band: Band | None = None
    open_orders_max: int = NONE
    amends_max: int = NONE
    """Of one order."""

    def rounded(self, spec: OrderSpec) -> OrderSpec:
        """Return `spec` on the venue's steps; never worse in price, never larger."""
        size = self._size_rule(spec)
        down = spec.price_ticks // self.price_step * self.price_step
        price = down if spec.side == 0 or down == spec.price_ticks else down + self.price_step
        units = spec.size_units // size.step * size.step
        if price == spec.price_ticks and units == spec.size_units:
            return spec
        return replace(spec, price_ticks=price, size_units=units)

    def check(self, spec: OrderSpec, *, reference_ticks: int = NONE, open_orders: int = 0) -> Breach | None:
        """Return the first rule that `spec` (rounded) breaks, None when the venue would take it.

        `reference_ticks` is what the venue measures bands and market orders by: the mark of a perpetual, else about
        the last price; without one, neither is judged. `open_orders` counts ours on this instrument, without `spec`.
        """
        if not self.is_open:
            return Breach("STATUS", VenueReason.market_closed, f"{self.instrument.symbol} is not trading")
        if self.open_orders_max and open_orders >= self.open_orders_max:
            most = f"at most {self.open_orders_max} open orders, found {open_orders}"
            return Breach("MAX_NUM_ORDERS", VenueReason.open_orders_max, most)
        checks = (self._price(spec), self._band(spec, reference_ticks), self._size(spec))
        found = next((breach for breach in checks if breach is not None), None)
        return found or self._notional(spec, reference_ticks)

    def price_text(self, price_ticks: int) -> str:
        """Return a price as the venue takes it."""
        return self.instrument.tick.text(price_ticks)

    def size_text(self, size_units: int) -> str:
        """Return a size as the venue takes it."""
        return self.instrument.size_unit.text(size_units)

    def _size_rule(self, spec: OrderSpec) -> SizeRule:
        return self.market if spec.type is OrderType.market else self.limit

    def _price(self, spec: OrderSpec) -> Breach | None:
        if spec.type is OrderType.market:
            return None
        bounds = _bounds(spec.price_ticks, self.price_lowest or 1, self.price_highest)
        if bounds is not None:
            return self._wrong(self.price_rule, "a price", bounds, self.instrument.tick)
        if spec.price_ticks % self.price_step:
            step = self.price_text(self.price_step)
            text = f"expected a multiple of {step}, found {self.price_text(spec.price_ticks)}"
            return Breach(self.price_rule, VenueReason.filter, text)
        return None

    def _band(self, spec: OrderSpec, reference_ticks: int) -> Breach | None:
        band = self.buy_band if spec.side == 0 else self.sell_band
        if band is None or not reference_ticks or spec.type is OrderType.market:
            return None
        ratio = Fraction(spec.price_ticks, reference_ticks)
        if band.lowest <= ratio and (not band.highest or ratio <= band.highest):
            return None
        found = f"{self.price_text(spec.price_ticks)} at a reference of {self.price_text(reference_ticks)}"
        text = f"expected {float(band.lowest):g} to {float(band.highest):g} times the reference, found {found}"
        return Breach(band.rule, VenueReason.filter, text)

    def _size(self, spec: OrderSpec) -> Breach | None:
        rule = self._size_rule(spec)
        is_post_only = spec.time_in_force is TimeInForce.post_only and spec.type is OrderType.limit
        highest = self.post_only_highest if is_post_only and self.post_only_highest else rule.highest
        bounds = _bounds(spec.size_units, rule.lowest or 1, highest)
        if bounds is not None:
            return self._wrong(rule.rule, "a size", bounds, self.instrument.size_unit)
        if spec.size_units % rule.step:
            text = f"expected a multiple of {self.size_text(rule.step)}, found {self.size_text(spec.size_units)}"
            return Breach(rule.rule, VenueReason.filter, text)
        return None

    def _notional(self, spec: OrderSpec, reference_ticks: int) -> Breach | None:
        is_market = spec.type is OrderType.market
        price = reference_ticks if is_market else spec.price_ticks
        if not price:
            return None
        is_low_free = (self.is_reduce_only_free and spec.is_reduce_only) or (
            is_market and not self.is_notional_lowest_of_market
        )
        is_high_free = is_market and not self.is_notional_highest_of_market
        lowest = NONE if is_low_free else self.notional_lowest
        bounds = _bounds(price * spec.size_units, lowest, NONE if is_high_free else self.notional_highest)
        unit = Step(
            self.instrument.tick.mantissa * self.instrument.size_unit.mantissa,
            self.instrument.tick.decimals + self.instrument.size_unit.decimals,
        )
        return None if bounds is None else self._wrong(self.notional_rule, "price times size of", bounds, unit)

    def _wrong(self, rule: str, what: str, bounds: tuple[str, int, int], step: Step) -> Breach:
        word, bound, found = bounds
        text = f"expected {what} {word} {step.text(bound)}, found {step.text(found)}"
        return Breach(rule, VenueReason.filter, text)


def refused(kind: CallKind, spec: OrderSpec, breach: Breach) -> Refused:
    """Return what a gateway answers to a request that breaks a rule; nothing was sent."""
    is_amend = kind is CallKind.amend
    reply = VenueReply(
        kind=ReplyKind.amend_rejected if is_amend else ReplyKind.rejected,
        client_order_id=spec.client_order_id,
        instrument=spec.instrument,
        side=spec.side,
        price_ticks=spec.price_ticks,
        size_units=spec.size_units,
        reason=breach.reason,
        origin=Origin.shell,
    )
    return Refused(spec=spec, rule=breach.rule, text=breach.text, reply=reply)


def order_rules(venue: str, instrument: Instrument, payload: bytes) -> OrderRules | None:
    """Return the filters of `instrument` in an exchange-information reply, None when it does not list it.

    ValueError when the reply, or the instrument's entry, lacks what the venue documents.
    """
    try:
        entry = _entry(venue, instrument.symbol, orjson.loads(payload))
        if entry is None:
            return None
        return _bybit_rules(instrument, entry) if venue == "bybit_spot" else _binance_rules(venue, instrument, entry)
    except (KeyError, TypeError, AttributeError, ValueError, ArithmeticError) as error:
        problem = f"exchange information of {venue}: entry of {instrument.symbol}: {error!r}"
        raise ValueError(problem) from error


def _bounds(found: int, lowest: int, highest: int) -> tuple[str, int, int] | None:
    if found < lowest:
        return "of at least", lowest, found
    return ("of at most", highest, found) if highest and found > highest else None


Filters = Mapping[str, Mapping[str, object]]


def _entry(venue: str, symbol: str, document: Mapping[str, object]) -> Mapping[str, object] | None:
    rows: object = document["symbols"] if venue != "bybit_spot" else cast(Filters, document)["result"]["list"]
    return next((row for row in cast("list[Mapping[str, object]]", rows) if row["symbol"] == symbol), None)


def _binance_rules(venue: str, instrument: Instrument, entry: Mapping[str, object]) -> OrderRules:
    rows = cast("list[Mapping[str, object]]", entry["filters"])
    filters: Filters = {str(row["filterType"]): row for row in rows}
    price = filters["PRICE_FILTER"]
    limit = _size_rule(instrument, "LOT_SIZE", filters["LOT_SIZE"])
    lowest = _steps(instrument.tick, price.get("minPrice"), up=True)
    is_usdm = venue == "binance_usdm"
    notional = _notional(filters)
    buy_band, sell_band = _bands(filters, is_usdm=is_usdm)
    return OrderRules(
        instrument=instrument,
        is_open=str(entry.get("status", TRADING)).upper() == TRADING,
        price_rule="PRICE_FILTER",
        price_step=_step(instrument.tick, price["tickSize"]),
        price_lowest=lowest,
        price_highest=_steps(instrument.tick, price.get("maxPrice"), up=False),
        limit=limit,
        market=_market_rule(instrument, filters.get("MARKET_LOT_SIZE"), limit),
        notional_rule=notional.rule,
        notional_lowest=_money(instrument, notional.lowest, up=True),
        notional_highest=_money(instrument, notional.highest, up=False),
        is_notional_lowest_of_market=notional.is_lowest_of_market,
        is_notional_highest_of_market=notional.is_highest_of_market,
        is_reduce_only_free=is_usdm,
        buy_band=buy_band,
        sell_band=sell_band,
        open_orders_max=_count(filters.get("MAX_NUM_ORDERS"), ("maxNumOrders", "limit")),
        amends_max=_count(filters.get("MAX_NUM_ORDER_AMENDS"), ("maxNumOrderAmends",)),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Notional:
    rule: str = "NOTIONAL"
    lowest: object = None
    highest: object = None
    is_lowest_of_market: bool = True
    is_highest_of_market: bool = False


def _notional(filters: Filters) -> _Notional:
    """Read NOTIONAL, else the older MIN_NOTIONAL; USD-M names its least `notional`."""
    row = filters.get("NOTIONAL")
    if row is not None:
        return _Notional(
            lowest=row.get("minNotional"),
            highest=row.get("maxNotional"),
            is_lowest_of_market=row.get("applyMinToMarket") is not False,
            is_highest_of_market=row.get("applyMaxToMarket") is True,
        )
    row = filters.get("MIN_NOTIONAL", {})
    return _Notional(
        rule="MIN_NOTIONAL",
        lowest=row.get("notional", row.get("minNotional")),
        is_lowest_of_market=row.get("applyToMarket") is not False,
    )


def _bands(filters: Filters, *, is_usdm: bool) -> tuple[Band | None, Band | None]:
    """Read the price bands. On USD-M a buy is bound above only and a sale below only (errors -4016 and -4024)."""
    sided = filters.get("PERCENT_PRICE_BY_SIDE")
    if sided is not None:
        name = "PERCENT_PRICE_BY_SIDE"
        return (
            Band(name, Fraction(str(sided["bidMultiplierDown"])), Fraction(str(sided["bidMultiplierUp"]))),
            Band(name, Fraction(str(sided["askMultiplierDown"])), Fraction(str(sided["askMultiplierUp"]))),
        )
    row = filters.get("PERCENT_PRICE")
    if row is None:
        return None, None
    down, up = Fraction(str(row["multiplierDown"])), Fraction(str(row["multiplierUp"]))
    if is_usdm:
        return Band("PERCENT_PRICE", Fraction(0), up), Band("PERCENT_PRICE", down, Fraction(0))
    return Band("PERCENT_PRICE", down, up), Band("PERCENT_PRICE", down, up)


def _market_rule(instrument: Instrument, row: Mapping[str, object] | None, limit: SizeRule) -> SizeRule:
    """Return what holds for market orders: both filters, the narrower bound and the least step that is one of both."""
    if row is None:
        return limit
    market = _size_rule(instrument, "MARKET_LOT_SIZE", row)
    tops = [rule.highest for rule in (limit, market) if rule.highest]
    return SizeRule(
        rule=market.rule,
        step=lcm(limit.step, market.step),
        lowest=max(limit.lowest, market.lowest),
        highest=min(tops, default=NONE),
    )


def _size_rule(instrument: Instrument, name: str, row: Mapping[str, object]) -> SizeRule:
    return SizeRule(
        rule=name,
        step=_step(instrument.size_unit, row["stepSize"]),
        lowest=_steps(instrument.size_unit, row.get("minQty"), up=True),
        highest=_steps(instrument.size_unit, row.get("maxQty"), up=False),
    )


def _bybit_rules(instrument: Instrument, entry: Mapping[str, object]) -> OrderRules:
    """Since 2025-10 the least is `minOrderAmt`, the most a size by kind of order; older bounds hold too where given."""
    lot = cast("Mapping[str, object]", entry["lotSizeFilter"])
    price = cast("Mapping[str, object]", entry["priceFilter"])
    unit = instrument.size_unit
    step = _step(unit, lot["basePrecision"])
    lowest = _steps(unit, lot.get("minOrderQty"), up=True)
    older = lot.get("maxOrderQty")
    return OrderRules(
        instrument=instrument,
        is_open=str(entry.get("status", TRADING)).upper() == TRADING,
        price_rule="tickSize",
        price_step=_step(instrument.tick, price["tickSize"]),
        limit=SizeRule(
            rule="maxLimitOrderQty",
            step=step,
            lowest=lowest,
            highest=_steps(unit, lot.get("maxLimitOrderQty", older), up=False),
        ),
        market=SizeRule(
            rule="maxMarketOrderQty",
            step=step,
            lowest=lowest,
            highest=_steps(unit, lot.get("maxMarketOrderQty", older), up=False),
        ),
        post_only_highest=_steps(unit, lot.get("postOnlyMaxLimitOrderSize"), up=False),
        notional_rule="minOrderAmt",
        notional_lowest=_money(instrument, lot["minOrderAmt"], up=True),
    )


def _step(ours: Step, text: object) -> int:
    """Return the least multiple of our step that is one of the venue's; a step of 0 asks for nothing."""
    return ours.fraction(str(text)).numerator or 1


def _steps(ours: Step, text: object, *, up: bool) -> int:
    if text is None or text == "":
        return NONE
    exact = ours.fraction(str(text))
    return -(-exact.numerator // exact.denominator) if up else exact.numerator // exact.denominator


def _money(instrument: Instrument, text: object, *, up: bool) -> int:
    if text is None:
        return NONE
    exact = instrument.quote_units(str(text))
    return -(-exact.numerator // exact.denominator) if up else exact.numerator // exact.denominator


def _count(row: Mapping[str, object] | None, names: tuple[str, ...]) -> int:
    found = next((row[name] for name in names if name in row), NONE) if row is not None else NONE
    return int(str(found))
