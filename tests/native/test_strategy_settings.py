"""Strategies in settings: what is refused, and what the engine's document says of the rest."""

from pathlib import Path

import pytest
from pydantic import TypeAdapter, ValidationError

from native.config import EngineSettings, GridConfig, InstrumentLimits, JsonObject, RiskSettings, trading_document
from native.strategy_settings import (
    SIZING_SECTIONS,
    STRATEGY_SECTIONS,
    CrossMarketSettings,
    StrategySettings,
    strategies_document,
    strategy_documents,
)

GRID = ("binance_usdm:BTCUSDT", "binance_spot:BTCUSDT", "bybit_spot:BTCUSDT")
ONE = TypeAdapter(StrategySettings)
DOCS = Path(__file__).resolve().parents[2] / "docs" / "strategies.md"

FORECAST = {"name": "one", "kind": "forecast"}
ARBITRAGE = {"name": "two", "kind": "arbitrage", "edge_bps": 2.0}
BASIS = {"name": "three", "kind": "basis", "entry_bps": 4.0}
EXTERNAL = {"name": "four", "kind": "external"}


def document(settings: JsonObject) -> object:
    (only,) = strategy_documents([ONE.validate_python(settings)], GRID)
    return only


def test_without_strategies_the_document_says_nothing_of_them():
    assert strategies_document((), CrossMarketSettings(), GRID) == {}


def test_cross_market_settings_of_ones_own_are_told_even_without_strategies():
    cross_market = CrossMarketSettings(half_life_steps=30.0)

    assert strategies_document((), cross_market, GRID) == {
        "cross_market": {"half_life_steps": 30.0, "lag_steps_max": 10, "samples_min": 20}
    }


def test_a_forecast_strategy_is_written_with_every_key_the_core_wants():
    assert document({**FORECAST, "style": "auto", "edge_bps": 0.5}) == {
        "name": "one",
        "kind": "forecast",
        "horizon_step": 5,
        "cost_multiple": 1.0,
        "edge_bps": 0.5,
        "exit_bps": 0.0,
        "style": "auto",
        "sizing": {"kind": "fixed"},
    }


def test_instruments_become_slots_in_the_order_of_the_grid():
    written = document({**ARBITRAGE, "instruments": [GRID[2], GRID[1]]})

    assert written["slots"] == [1, 2]
    assert "instruments" not in written


def test_an_external_strategy_tells_the_core_its_age_in_nanoseconds_and_keeps_python_to_the_shell():
    path = "streaming.strategies.mean_reversion:MeanReversion"

    written = document({**EXTERNAL, "max_age_ms": 250, "python": path, "settings": {"entry_z": 2.0}})

    assert written == {"name": "four", "kind": "external", "max_age_ns": 250_000_000, "sizing": {"kind": "fixed"}}


def test_sizing_is_chosen_by_its_kind():
    sizing = {"kind": "kelly", "cap": 2.0, "capital_quote": 1_000.0}

    assert document({**BASIS, "sizing": sizing})["sizing"] == {**sizing, "kelly_fraction": 0.25}


@pytest.mark.parametrize(
    ("settings", "key"),
    [
        ({**FORECAST, "max_age_ms": 5}, "max_age_ms"),
        ({**FORECAST, "kind": "martingale"}, "martingale"),
        ({**FORECAST, "name": "A b"}, "name"),
        ({**FORECAST, "horizon_step": 0}, "horizon_step"),
        ({**FORECAST, "cost_multiple": -0.1}, "cost_multiple"),
        ({**FORECAST, "edge_bps": float("inf")}, "edge_bps"),
        ({**FORECAST, "style": "hasty"}, "style"),
        ({"name": "two", "kind": "arbitrage"}, "edge_bps"),
        ({"name": "three", "kind": "basis"}, "entry_bps"),
        ({**BASIS, "half_life_steps": 0.0}, "half_life_steps"),
        ({**BASIS, "funding_bps": float("nan")}, "funding_bps"),
        ({"name": "m", "kind": "market_making", "inventory_share": 1.1}, "inventory_share"),
        ({"name": "m", "kind": "market_making", "requote_ticks": 0}, "requote_ticks"),
        ({**EXTERNAL, "max_age_ms": 0}, "max_age_ms"),
        ({**EXTERNAL, "python": "no_colon"}, "python"),
        ({**BASIS, "sizing": {"kind": "fixed", "cap": 2.0}}, "cap"),
        ({**BASIS, "sizing": {"kind": "volatility"}}, "target_volatility_bps"),
        ({**BASIS, "sizing": {"kind": "kelly", "capital_quote": 1.0, "kelly_fraction": 1.5}}, "kelly_fraction"),
    ],
)
def test_an_unknown_key_or_a_value_out_of_range_is_refused_by_its_name(settings: JsonObject, key: str):
    with pytest.raises(ValidationError, match=key):
        ONE.validate_python(settings)


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({**FORECAST, "instruments": ["mars:BTC"]}, "expected instruments of the grid"),
        ({**FORECAST, "instruments": [GRID[0], GRID[0]]}, "expected each instrument once"),
        ({**ARBITRAGE, "instruments": [GRID[0], GRID[1]]}, "expected two spot instruments or more"),
        ({**BASIS, "instruments": [GRID[1], GRID[2]]}, "expected a perpetual and a spot instrument"),
        ({**BASIS, "instruments": [GRID[0]]}, "expected a perpetual and a spot instrument"),
    ],
)
def test_a_strategy_that_cannot_trade_on_the_grid_is_refused_by_its_key(settings: JsonObject, problem: str):
    with pytest.raises(ValueError, match=rf"native\.strategies\[0\]\.instruments: {problem}"):
        document(settings)


def test_two_strategies_of_one_name_are_refused():
    twins = [ONE.validate_python(FORECAST), ONE.validate_python({**ARBITRAGE, "name": "one"})]

    with pytest.raises(ValueError, match=r"native\.strategies\[1\]\.name: expected a name of its own, found 'one'"):
        strategy_documents(twins, GRID)


def test_a_trading_document_carries_the_strategies_beside_the_order_sizes():
    grid = GridConfig(name="main", instruments=GRID, reference=GRID[0])
    size = InstrumentLimits(order_size="1", max_order_size="1", max_position="1")
    settings = EngineSettings(
        strategies=(ARBITRAGE,),
        risk=RiskSettings(price_deviation_bps=1.0, max_exposure_quote="1", forecast_age_max_ms=1),
        limits=dict.fromkeys(GRID, size),
    )

    written = trading_document({}, grid, settings, run_tag=1)

    assert written["strategies"] == strategy_documents(settings.strategies, GRID)
    assert written["cross_market"] == CrossMarketSettings().model_dump()
    assert written["signal"]["order_size"] == ["1", "1", "1"]


SECTIONS = (*STRATEGY_SECTIONS, *SIZING_SECTIONS, CrossMarketSettings)


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.__name__)
def test_every_settings_key_is_explained_in_the_docs(section: type[CrossMarketSettings]):
    text = DOCS.read_text()

    missing = [key for key in section.model_fields if f"| `{key}` |" not in text]

    assert missing == []


def test_every_kind_has_a_section_of_its_own_in_the_docs():
    headings = {line.removeprefix("## ") for line in DOCS.read_text().splitlines() if line.startswith("## ")}

    kinds = {section.model_fields["kind"].annotation.__args__[0] for section in STRATEGY_SECTIONS}

    assert kinds <= headings
