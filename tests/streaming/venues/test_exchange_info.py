"""Instruments from the venues' own words."""

import orjson
import pytest

from streaming.venues.exchange_info import instrument_rules, listings, plain_decimal


def binance(tick: str, lot: str, **precision: int) -> bytes:
    filters = [
        {"filterType": "PRICE_FILTER", "tickSize": tick},
        {"filterType": "LOT_SIZE", "stepSize": lot},
    ]
    entry = {"symbol": "BTCUSDT", "baseAsset": "BTC", "quoteAsset": "USDT", "filters": filters, **precision}
    return orjson.dumps({"symbols": [{"symbol": "X"}, entry]})


def test_usdm_tick_is_the_filter_and_not_the_precision() -> None:
    rules = instrument_rules("binance_usdm", "BTCUSDT", binance("0.10", "0.001", pricePrecision=2, quantityPrecision=3))

    assert rules is not None
    assert (rules.tick, rules.size_unit, rules.lot, rules.base, rules.quote) == ("0.1", "0.001", "0.001", "BTC", "USDT")


def test_spot_sizes_count_the_eight_decimals_that_the_venue_prints() -> None:
    rules = instrument_rules("binance_spot", "BTCUSDT", binance("0.01000000", "0.00001000", baseAssetPrecision=8))

    assert rules is not None
    assert (rules.tick, rules.size_unit, rules.lot) == ("0.01", "0.00000001", "0.00001")


def test_bybit_size_unit_and_lot_are_its_precision() -> None:
    entry = {
        "symbol": "BTCUSDT",
        "baseCoin": "BTC",
        "quoteCoin": "USDT",
        "lotSizeFilter": {"basePrecision": "0.000001"},
        "priceFilter": {"tickSize": "0.1"},
    }

    rules = instrument_rules("bybit_spot", "BTCUSDT", orjson.dumps({"result": {"list": [entry]}}))

    assert rules is not None
    assert (rules.tick, rules.size_unit, rules.lot) == ("0.1", "0.000001", "0.000001")


def test_unlisted_symbol_has_no_rules() -> None:
    assert instrument_rules("binance_usdm", "ETHUSDT", binance("0.1", "0.1", quantityPrecision=3)) is None


def test_entry_without_its_filter_is_named() -> None:
    payload = orjson.dumps({"symbols": [{"symbol": "BTCUSDT", "filters": []}]})

    with pytest.raises(ValueError, match="exchange information of binance_usdm: entry of BTCUSDT"):
        instrument_rules("binance_usdm", "BTCUSDT", payload)


@pytest.mark.parametrize("tick", ["0", "0.00000000", "-1", "NaN", "Infinity", "abc", "", None, 0.1, [], {}])
def test_step_that_is_no_step_is_named(tick: object) -> None:
    filters = [{"filterType": "PRICE_FILTER", "tickSize": tick}, {"filterType": "LOT_SIZE", "stepSize": "1"}]
    entry = {"symbol": "X", "baseAsset": "B", "quoteAsset": "Q", "baseAssetPrecision": 8, "filters": filters}

    with pytest.raises(ValueError, match="exchange information of binance_spot: entry of X"):
        instrument_rules("binance_spot", "X", orjson.dumps({"symbols": [entry]}))


@pytest.mark.parametrize("document", [b"{}", b'{"symbols":5}', b'{"symbols":[1]}', b'{"symbols":null}', b"[]", b"5"])
@pytest.mark.parametrize("venue", ["binance_spot", "bybit_spot"])
def test_reply_of_another_shape_is_a_value_error(venue: str, document: bytes) -> None:
    with pytest.raises(ValueError, match="exchange information"):
        listings(venue, ["X"], document)


@pytest.mark.parametrize(("word", "is_trading"), [("TRADING", True), ("Trading", True), ("BREAK", False), (None, True)])
def test_status_tells_whether_an_instrument_is_traded(word: str | None, is_trading: bool) -> None:
    document = orjson.loads(binance("0.1", "0.1", baseAssetPrecision=8))
    if word is not None:
        document["symbols"][1]["status"] = word

    found = listings("binance_spot", ["BTCUSDT", "GONE"], orjson.dumps(document))

    assert {symbol: item.is_trading for symbol, item in found.items()} == {"BTCUSDT": is_trading}


@pytest.mark.parametrize(("text", "expected"), [("0.10", "0.1"), ("1E-8", "0.00000001"), ("100", "100"), ("1", "1")])
def test_decimals_are_written_plainly(text: str, expected: str) -> None:
    assert plain_decimal(text) == expected
