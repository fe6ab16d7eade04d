"""Orders that a venue would turn down are refused here, by the name of the venue's rule."""

from dataclasses import replace

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streaming.venues.gateway import CallKind, OrderSpec, OrderType, TimeInForce
from streaming.venues.instruments import Instrument, Step
from streaming.venues.order_rules import OrderRules, order_rules, refused
from streaming.venues.venue_reply import ReplyKind, VenueReason

USDM = {
    "symbol": "BTCUSDT",
    "status": "TRADING",
    "filters": [
        {"filterType": "PRICE_FILTER", "minPrice": "556.80", "maxPrice": "4529764", "tickSize": "0.10"},
        {"filterType": "LOT_SIZE", "minQty": "0.001", "maxQty": "1000", "stepSize": "0.001"},
        {"filterType": "MARKET_LOT_SIZE", "minQty": "0.001", "maxQty": "120", "stepSize": "0.001"},
        {"filterType": "MAX_NUM_ORDERS", "limit": 200},
        {"filterType": "MIN_NOTIONAL", "notional": "50"},
        {"filterType": "PERCENT_PRICE", "multiplierUp": "1.0500", "multiplierDown": "0.9500"},
    ],
}
SPOT = {
    "symbol": "BTCUSDT",
    "status": "TRADING",
    "filters": [
        {"filterType": "PRICE_FILTER", "minPrice": "0.01000000", "maxPrice": "1000000.00", "tickSize": "0.01000000"},
        {"filterType": "LOT_SIZE", "minQty": "0.00001000", "maxQty": "9000.00000000", "stepSize": "0.00001000"},
        {"filterType": "MARKET_LOT_SIZE", "minQty": "0.0", "maxQty": "120.50000000", "stepSize": "0.00000000"},
        {
            "filterType": "PERCENT_PRICE_BY_SIDE",
            "bidMultiplierUp": "5",
            "bidMultiplierDown": "0.2",
            "askMultiplierUp": "5",
            "askMultiplierDown": "0.2",
            "avgPriceMins": 5,
        },
        {
            "filterType": "NOTIONAL",
            "minNotional": "5.00000000",
            "applyMinToMarket": True,
            "maxNotional": "9000000.00000000",
            "applyMaxToMarket": False,
            "avgPriceMins": 5,
        },
        {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": 200},
        {"filterType": "MAX_NUM_ORDER_AMENDS", "maxNumOrderAmends": 10},
    ],
}
BYBIT = {
    "symbol": "BTCUSDT",
    "status": "Trading",
    "lotSizeFilter": {
        "basePrecision": "0.000001",
        "quotePrecision": "0.0000001",
        "minOrderQty": "0.000011",
        "maxOrderQty": "83",
        "minOrderAmt": "5",
        "maxOrderAmt": "8000000",
        "maxLimitOrderQty": "83",
        "maxMarketOrderQty": "41.5",
        "postOnlyMaxLimitOrderSize": "415",
    },
    "priceFilter": {"tickSize": "0.1"},
}


def instrument(tick="0.1", size_unit="0.001"):
    return Instrument(
        id=0, symbol="BTCUSDT", tick=Step.of(tick), size_unit=Step.of(size_unit), base="BTC", quote="USDT"
    )


def rules(venue, entry, **steps) -> OrderRules:
    document = {"result": {"list": [entry]}} if venue == "bybit_spot" else {"symbols": [entry]}
    found = order_rules(venue, instrument(**steps), orjson.dumps(document))
    assert found is not None
    return found


def usdm(**changes):
    return rules("binance_usdm", {**USDM, **changes})


def spot():
    return rules("binance_spot", SPOT, tick="0.01", size_unit="0.00000001")


def bybit():
    return rules("bybit_spot", BYBIT, size_unit="0.000001")


def order(price_ticks, size_units, **more):
    return OrderSpec(client_order_id=7, instrument=0, price_ticks=price_ticks, size_units=size_units, **more)


def broken(found, spec, **more):
    breach = found.check(spec, **more)
    return None if breach is None else breach.rule


def test_order_within_all_filters_is_taken():
    assert usdm().check(order(600_001, 2), reference_ticks=600_000) is None
    assert spot().check(order(6_000_010, 100_000), reference_ticks=6_000_000) is None
    assert bybit().check(order(600_001, 100)) is None


def test_filters_are_read_into_the_engines_integers():
    found = spot()
    assert (found.price_step, found.limit.step, found.limit.lowest) == (1, 1_000, 1_000)
    assert (found.market.step, found.market.lowest, found.market.highest) == (1_000, 1_000, 12_050_000_000)
    assert found.notional_lowest == 5 * 10**10
    assert (found.open_orders_max, found.amends_max) == (200, 10)
    assert usdm().price_lowest == 5_568


@pytest.mark.parametrize(
    ("spec", "rule"),
    [
        (order(5_567, 1_000), "PRICE_FILTER"),
        (order(45_297_641, 1), "PRICE_FILTER"),
        (order(600_000, 0), "LOT_SIZE"),
        (order(600_000, 1_000_001), "LOT_SIZE"),
        (order(0, 120_001, type=OrderType.market), "MARKET_LOT_SIZE"),
        (order(30_000, 1), "MIN_NOTIONAL"),
        (order(630_001, 2), "PERCENT_PRICE"),
        (order(569_999, 2, side=1), "PERCENT_PRICE"),
    ],
)
def test_each_filter_of_usdm_refuses_by_its_name(spec, rule):
    assert broken(usdm(), spec, reference_ticks=600_000) == rule


def test_price_band_of_usdm_binds_a_buy_above_and_a_sale_below_alone():
    assert broken(usdm(), order(300_000, 5), reference_ticks=600_000) is None
    assert broken(usdm(), order(900_000, 5, side=1), reference_ticks=600_000) is None


def test_reduce_only_order_of_usdm_may_be_below_the_least_notional():
    assert broken(usdm(), order(30_000, 1, is_reduce_only=True)) is None


def test_market_order_is_measured_by_the_reference_price():
    taken = order(0, 1, type=OrderType.market)
    assert broken(usdm(), taken, reference_ticks=600_000) is None
    assert broken(usdm(), taken, reference_ticks=400_000) == "MIN_NOTIONAL"
    assert broken(usdm(), taken) is None


def test_size_between_two_lots_is_refused_unless_rounded():
    half = order(6_000_000, 100_500)
    assert broken(spot(), half) == "LOT_SIZE"
    assert spot().rounded(half).size_units == 100_000


def test_largest_notional_of_spot_binds_limit_orders_alone():
    assert broken(spot(), order(10_000_000, 100_00000000)) == "NOTIONAL"
    assert broken(spot(), order(0, 100_00000000, type=OrderType.market), reference_ticks=10_000_000) is None


def test_bybits_bounds_differ_by_kind_of_order():
    large = 100_000_000
    assert broken(bybit(), order(600_000, large)) == "maxLimitOrderQty"
    assert broken(bybit(), order(600_000, large, time_in_force=TimeInForce.post_only)) is None
    assert broken(bybit(), order(0, 41_500_001, type=OrderType.market)) == "maxMarketOrderQty"
    assert broken(bybit(), order(600_000, 83)) == "minOrderAmt"


def test_halted_instrument_takes_nothing():
    breach = usdm(status="HALT").check(order(600_000, 2))
    assert breach is not None
    assert (breach.rule, breach.reason) == ("STATUS", VenueReason.market_closed)


def test_one_order_more_than_the_venue_allows_is_refused():
    assert broken(usdm(), order(600_000, 2), open_orders=199) is None
    assert broken(usdm(), order(600_000, 2), open_orders=200) == "MAX_NUM_ORDERS"


def test_tick_that_the_venue_made_coarser_is_kept():
    filters = [{**USDM["filters"][0], "tickSize": "0.50"}, *USDM["filters"][1:]]
    found = usdm(filters=filters)
    assert found.rounded(order(600_007, 2)).price_ticks == 600_005
    assert found.rounded(order(600_007, 2, side=1)).price_ticks == 600_010
    assert broken(found, order(600_007, 2)) == "PRICE_FILTER"


def test_size_of_a_market_order_is_on_the_steps_of_both_filters():
    price_filter, lot, market, *others = USDM["filters"]
    steps = [{**lot, "stepSize": "0.002"}, {**market, "stepSize": "0.003"}]
    found = usdm(filters=[price_filter, *steps, *others])
    assert found.rounded(order(0, 11, type=OrderType.market)).size_units == 6


def test_bound_that_the_venue_leaves_empty_binds_nothing():
    lots = {**BYBIT["lotSizeFilter"], "minOrderQty": "", "postOnlyMaxLimitOrderSize": ""}
    found = rules("bybit_spot", {**BYBIT, "lotSizeFilter": lots}, size_unit="0.000001")
    assert (found.limit.lowest, found.post_only_highest) == (0, 0)


def test_tick_that_the_venue_made_finer_leaves_ours_valid():
    found = rules("bybit_spot", {**BYBIT, "priceFilter": {"tickSize": "0.01"}}, size_unit="0.000001")
    assert found.price_step == 1


@given(
    price=st.integers(5_568, 45_000_000),
    size=st.integers(1, 1_000_000),
    side=st.integers(0, 1),
    tick=st.sampled_from(["0.10", "0.20", "0.30", "1", "2.50"]),
    step=st.sampled_from(["0.001", "0.002", "0.010", "0.025"]),
)
def test_rounded_order_is_never_worse_never_larger_and_on_the_venues_steps(price, size, side, tick, step):
    price_filter, lot, *others = USDM["filters"]
    found = usdm(filters=[{**price_filter, "tickSize": tick}, {**lot, "stepSize": step}, *others])
    spec = order(price, size, side=side)
    rounded = found.rounded(spec)
    assert rounded.price_ticks % found.price_step == 0
    assert rounded.size_units % found.limit.step == 0
    assert rounded.price_ticks <= price if side == 0 else rounded.price_ticks >= price
    assert abs(rounded.price_ticks - price) < found.price_step
    assert size - found.limit.step < rounded.size_units <= size
    assert found.rounded(rounded) == rounded


def test_symbol_that_is_not_listed_has_no_rules():
    assert order_rules("binance_usdm", instrument(), orjson.dumps({"symbols": []})) is None


@pytest.mark.parametrize("lacking", ["PRICE_FILTER", "LOT_SIZE"])
def test_entry_without_a_needed_filter_is_an_error_that_names_it(lacking):
    filters = [row for row in USDM["filters"] if row["filterType"] != lacking]
    with pytest.raises(ValueError, match=rf"entry of BTCUSDT.*{lacking}"):
        usdm(filters=filters)


@pytest.mark.parametrize(("number", "field"), [(0, "tickSize"), (1, "stepSize")])
def test_filter_without_its_step_is_an_error_that_names_it(number, field):
    filters = [{**row} for row in USDM["filters"]]
    del filters[number][field]
    with pytest.raises(ValueError, match=rf"entry of BTCUSDT.*{field}"):
        usdm(filters=filters)


def test_refused_amend_leaves_the_order_as_it_was():
    spec = order(600_000, 0)
    breach = usdm().check(spec)
    assert breach is not None
    assert refused(CallKind.amend, spec, breach).reply.kind is ReplyKind.amend_rejected
    found = refused(CallKind.place, replace(spec, side=1), breach)
    assert (found.rule, found.reply.kind, found.reply.side) == ("LOT_SIZE", ReplyKind.rejected, 1)
    assert found.reply.reason is VenueReason.filter
