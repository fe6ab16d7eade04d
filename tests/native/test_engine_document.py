"""The engine's document says of an instrument what the header says, and documents without a later key still parse."""

import json

import pytest

import native
from native.config import EngineSettings, FeeSettings, JsonObject, engine_document

ENTRY: JsonObject = {
    "id": 0,
    "venue": "bybit_spot",
    "symbol": "ETHUSDT",
    "market_type": "spot",
    "tick": "0.01",
    "size_unit": "0.00001",
    "lot": "0.00001",
    "maker_fee_bps": "1",
    "taker_fee_bps": "2",
}


def test_base_and_quote_go_to_the_engine_where_the_header_names_them():
    document = engine_document([{**ENTRY, "base": "ETH", "quote": "USDT"}], [], EngineSettings())

    assert document["instruments"] == [{**ENTRY, "base": "ETH", "quote": "USDT"}]
    native.Engine(json.dumps(document))


@pytest.mark.parametrize("entry", [ENTRY, {**ENTRY, "quote": ""}], ids=["absent", "empty"])
def test_an_instrument_without_quote_currency_is_written_as_before_that_key(entry: JsonObject):
    document = engine_document([entry], [], EngineSettings())

    assert document["instruments"] == [ENTRY]
    native.Engine(json.dumps(document))


def test_fees_of_the_settings_replace_those_of_the_header():
    settings = EngineSettings(fees={"bybit_spot": FeeSettings(maker_bps="0", taker_bps="0.5")})

    document = engine_document([ENTRY], [], settings)

    assert document["instruments"] == [{**ENTRY, "maker_fee_bps": "0", "taker_fee_bps": "0.5"}]


def test_a_grid_step_too_short_for_the_golden_input_has_no_schema_hash():
    with pytest.raises(ValueError, match="step_ns: expected at least 8"):
        native.feature_schema_hash(["bybit_spot"], 0, 5)


def test_an_engine_that_was_never_set_up_refuses_a_frame():
    with pytest.raises(TypeError, match="__init__ was not called"):
        native.Engine.__new__(native.Engine).frame(1, 0, 1, b"{}")
