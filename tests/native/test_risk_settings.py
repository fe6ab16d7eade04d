"""Limits reach the core by their rule's name, wrong ones are refused with their key, and none is there by itself."""

import json

import pytest
from pydantic import ValidationError

import native
from native.config import EngineSettings, GridConfig, JsonObject, engine_document, trading_document
from native.risk_settings import InstrumentLimits, RiskSettings, WatchSettings, missing_limits, risk_section
from native.risk_tables import risk_rows, watch_rows

PERPETUAL, SPOT = "binance_usdm:BTCUSDT", "bybit_spot:BTCUSDT"
GRID = GridConfig(name="two", instruments=(PERPETUAL, SPOT), reference=PERPETUAL)
REQUIRED = {"price_deviation_bps": 50.0, "max_exposure_quote": "100000", "forecast_age_max_ms": 500}
SIZES = InstrumentLimits(order_size="0.01", max_order_size="0.05", max_position="0.05")

WATCH = WatchSettings(
    stop_loss_bps=50.0,
    take_profit_quote="100",
    max_net_exposure_quote="90000",
    max_gross_exposure_quote="90000",
    max_drawdown_quote="500",
    max_daily_loss_quote="400",
    min_correlation=0.5,
    venue_silence_max_ms=5_000,
    sync_skew_max_ms=1_000,
    gaps_max=5,
    drift_level_max=1,
    model_expiry_grace_ms=0,
    errors_max=10,
    clock_offset_max_ms=250,
    heartbeat_age_max_ms=3_000,
    cool_down_ms=60_000,
)
RISK = RiskSettings(
    **REQUIRED,
    max_gross_exposure_quote="150000",
    price_deviation_venues_bps=40.0,
    price_deviation_trade_bps=30.0,
    max_venue_exposure_quote="80000",
    max_capital_quote="140000",
    order_rate_max=20,
    duplicate_ms=50,
    venue_silence_max_ms=2_000,
    sync_skew_max_ms=500,
    gaps_max=3,
    errors_max=5,
    clock_offset_max_ms=100,
    in_flight_max=8,
    private_age_max_ms=3_000,
    watch=WATCH,
)
COMPLETE = EngineSettings(risk=RISK, limits={PERPETUAL: SIZES, SPOT: SIZES.model_copy(update={"inventory": "0.02"})})


def instrument(number: int, name: str) -> JsonObject:
    venue, _, symbol = name.partition(":")
    return {
        "id": number,
        "venue": venue,
        "symbol": symbol,
        "market_type": "perpetual" if venue == "binance_usdm" else "spot",
        "tick": "0.1",
        "size_unit": "0.001",
        "lot": "0.001",
        "maker_fee_bps": "1",
        "taker_fee_bps": "2",
        "base": "BTC",
        "quote": "USDT",
    }


def document(settings: EngineSettings) -> JsonObject:
    market = engine_document([instrument(0, PERPETUAL), instrument(1, SPOT)], [], settings, GRID)
    return trading_document(market, GRID, settings, run_tag=7)


def changed(**changes: object) -> EngineSettings:
    return COMPLETE.model_copy(update={"risk": RISK.model_copy(update=changes)})


def test_the_least_settings_write_the_section_as_before_there_were_more_rules():
    assert risk_section(RiskSettings(**REQUIRED), [SIZES, SIZES]) == {
        "max_position": ["0.05", "0.05"],
        "max_order_size": ["0.05", "0.05"],
        "price_deviation_bps": 50.0,
        "max_exposure_quote": "100000",
        "forecast_age_max_ns": 500_000_000,
    }


def test_the_core_takes_every_limit():
    section = document(COMPLETE)["risk"]

    assert isinstance(section, dict)
    assert section["inventory"] == [None, "0.02"]
    assert section["duplicate_ns"] == 50_000_000
    assert isinstance(section["watch"], dict)
    assert section["watch"]["heartbeat_age_max_ns"] == 3_000_000_000
    native.Engine(json.dumps(document(COMPLETE)))


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"order_rate_max": 4096}, "risk.order_rate_max"),
        ({"gaps_max": -1}, "risk.gaps_max"),
        ({"watch": WATCH.model_copy(update={"min_correlation": 2.0})}, "risk.watch.min_correlation"),
        ({"off": ("lot",)}, "risk.off"),
    ],
)
def test_what_slips_by_the_settings_is_refused_by_the_core_with_its_key(change: dict[str, object], key: str):
    with pytest.raises(ValueError, match=f"{key}: expected"):
        native.Engine(json.dumps(document(changed(**change))))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"off": ["order_rates"]}, "expected names of rules"),
        ({"off": ["lot"]}, "expected rules that can be switched off, found 'lot'"),
        ({"watch": {"off": ["order_rate"]}}, "expected names of rules"),
        ({"watch": {"actions": {"clocks": "halt"}}}, "expected names of rules"),
        ({"watch": {"actions": {"clock": "close_slot"}}}, "watches more than one instrument"),
        ({"watch": {"actions": {"clock": "none"}}}, "Input should be"),
        ({"max_capital_quote": "-1"}, "expected a decimal of zero or more"),
        ({"order_rate_max": 5000}, "less than or equal to 4095"),
        ({"max_capitol_quote": "1"}, "Extra inputs are not permitted"),
    ],
)
def test_settings_that_no_rule_understands_are_refused(change: dict[str, object], words: str):
    with pytest.raises(ValidationError, match=words):
        RiskSettings.model_validate({**REQUIRED, **change})


def test_complete_settings_miss_no_limit():
    assert missing_limits(COMPLETE) == []


def test_without_a_section_every_rule_with_a_limit_is_missing():
    names = {row.name for row in risk_rows() if row.limit} | {f"watch.{row.name}" for row in watch_rows()}

    assert set(missing_limits(EngineSettings())) == names


def test_todays_settings_miss_every_rule_that_is_new():
    settings = EngineSettings(risk=RiskSettings(**REQUIRED), limits={PERPETUAL: SIZES})

    missing = missing_limits(settings)

    assert {"max_position", "max_order_size", "price_deviation", "net_exposure", "stale_forecast"}.isdisjoint(missing)
    assert {"gross_exposure", "max_capital", "order_rate", "watch.drawdown", "blocked"} <= set(missing)


@pytest.mark.parametrize(
    "row", [row for row in risk_rows() if row.limit.startswith("risk.") and "watch" not in row.limit]
)
def test_each_limit_that_is_absent_is_named_by_its_rule(row):
    settings = changed(**{row.limit.removeprefix("risk."): None})

    assert missing_limits(settings) == [row.name]


@pytest.mark.parametrize("row", watch_rows(), ids=lambda row: row.name)
def test_each_watch_limit_that_is_absent_is_named_by_its_rule(row):
    settings = changed(watch=WATCH.model_copy(update=dict.fromkeys(row.limits)))

    assert missing_limits(settings) == [f"watch.{row.name}"]


def test_a_rule_that_is_switched_off_is_missing():
    settings = changed(off=("drift",), watch=WATCH.model_copy(update={"off": ("clock",)}))

    assert missing_limits(settings) == ["drift", "watch.clock"]


def test_a_spot_market_without_inventory_is_missing_and_a_perpetual_is_not():
    spot = COMPLETE.model_copy(update={"limits": {SPOT: SIZES}})
    perpetual = COMPLETE.model_copy(update={"limits": {PERPETUAL: SIZES}})

    assert missing_limits(spot) == ["short_position"]
    assert missing_limits(perpetual) == []


def test_every_limit_of_the_tables_is_a_key_of_the_settings():
    keys = {row.limit for row in risk_rows() if row.limit}
    keys |= {f"risk.watch.{key}" for row in watch_rows() for key in row.limits}
    sections = {"risk.watch": WatchSettings, "risk": RiskSettings, "limits": InstrumentLimits}

    for path in keys:
        section, _, key = path.rpartition(".")
        assert key in sections[section].model_fields, path
