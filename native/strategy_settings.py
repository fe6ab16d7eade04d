"""Settings of the strategies: sections `[[native.strategies]]` and `[native.cross_market]`, and their JSON.

Settings name instruments and milliseconds; the engine's document names slots of the grid and nanoseconds. Ranges are
checked here and once more by the core. docs/strategies.md says what each key means.
"""

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

PERPETUAL_VENUES = frozenset({"binance_usdm"})
"""Venues whose instruments are perpetuals; all others trade spot."""

NS_PER_MS = 1_000_000
AMOUNT_MAX = 1e12

Amount = Annotated[float, Field(ge=0.0, le=AMOUNT_MAX)]
Positive = Annotated[float, Field(gt=0.0, le=AMOUNT_MAX)]
Signed = Annotated[float, Field(ge=-AMOUNT_MAX, le=AMOUNT_MAX)]
Steps = Annotated[int, Field(ge=1, le=1_000_000)]


class StrategySection(BaseModel):
    """A frozen part of a strategy's settings that refuses keys it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class FixedSizing(StrategySection):
    """Every order has the instrument's `order_size`."""

    kind: Literal["fixed"] = "fixed"


class VolatilitySizing(StrategySection):
    """order_size x min(cap, target_volatility / volatility)."""

    kind: Literal["volatility"]
    cap: Positive = 1.0
    target_volatility_bps: Positive


class KellySizing(StrategySection):
    """kelly_fraction x edge / variance of the capital, at most cap x order_size."""

    kind: Literal["kelly"]
    cap: Positive = 1.0
    kelly_fraction: Annotated[float, Field(gt=0.0, le=1.0)] = 0.25
    capital_quote: Positive


SizingSettings = Annotated[FixedSizing | VolatilitySizing | KellySizing, Field(discriminator="kind")]


class NamedStrategy(StrategySection):
    """What every strategy has: a name in records, its instruments (none: the whole grid) and its sizes."""

    name: str = Field(pattern=r"^[a-z0-9_]{1,64}$")
    instruments: tuple[str, ...] = ()
    sizing: SizingSettings = FixedSizing()


class ForecastStrategy(NamedStrategy):
    """Trades the forecast move of each instrument."""

    kind: Literal["forecast"]
    horizon_step: Steps = 5
    cost_multiple: Amount = 1.0
    edge_bps: Amount = 0.0
    exit_bps: Amount = 0.0
    style: Literal["taker", "maker", "auto"] = "taker"


class MarketMakingStrategy(NamedStrategy):
    """Quotes both sides around a price shifted by forecast and inventory."""

    kind: Literal["market_making"]
    use_forecast: bool = False
    horizon_step: Steps = 5
    forecast_weight: Amount = 1.0
    risk_aversion: Amount = 1.0
    volatility_weight: Amount = 1.0
    min_half_width_bps: Amount = 1.0
    inventory_share: Annotated[float, Field(gt=0.0, le=1.0)] = 1.0
    requote_ticks: Steps = 1


class ArbitrageStrategy(NamedStrategy):
    """Buys one spot market and sells another of the same base and quote."""

    kind: Literal["arbitrage"]
    edge_bps: Amount
    exit_bps: Amount = 0.0


class BasisStrategy(NamedStrategy):
    """Trades a perpetual against a spot market of the same base and quote."""

    kind: Literal["basis"]
    entry_bps: Amount
    exit_bps: Signed = 0.0
    funding_bps: Signed = 0.0
    half_life_steps: Positive = 6_000.0
    samples_min: Steps = 1_000


class ExternalStrategy(NamedStrategy):
    """Wishes that come from outside the core: `python` names a class of `streaming/strategies/interface.py`."""

    kind: Literal["external"]
    max_age_ms: int = Field(default=1_000, ge=1, le=3_600_000)
    python: str | None = Field(default=None, pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$")
    settings: dict[str, JsonValue] = Field(default_factory=dict)


StrategySettings = Annotated[
    ForecastStrategy | MarketMakingStrategy | ArbitrageStrategy | BasisStrategy | ExternalStrategy,
    Field(discriminator="kind"),
]

STRATEGY_SECTIONS: tuple[type[NamedStrategy], ...] = (
    ForecastStrategy,
    MarketMakingStrategy,
    ArbitrageStrategy,
    BasisStrategy,
    ExternalStrategy,
)
SIZING_SECTIONS: tuple[type[StrategySection], ...] = (FixedSizing, VolatilitySizing, KellySizing)


class CrossMarketSettings(StrategySection):
    """How long volatilities and correlations remember, and how far a lead is looked for."""

    half_life_steps: Positive = 600.0
    lag_steps_max: int = Field(default=10, ge=0, le=100)
    samples_min: int = Field(default=20, ge=2, le=1_000_000)


def strategies_document(
    strategies: Sequence[StrategySettings], cross_market: CrossMarketSettings, grid_instruments: Sequence[str]
) -> dict[str, JsonValue]:
    """Return what the engine's document says of strategies and cross-market statistics.

    Nothing of either where the settings say nothing of it: without "strategies" the core makes its one forecast
    strategy of the section "signal". `grid_instruments` are the grid's, in the order of its slots. Raises ValueError
    naming the key when a strategy cannot trade on this grid.
    """
    document: dict[str, JsonValue] = {}
    if strategies:
        document["strategies"] = strategy_documents(strategies, grid_instruments)
    if strategies or cross_market != CrossMarketSettings():
        document["cross_market"] = cross_market.model_dump()
    return document


def strategy_documents(strategies: Sequence[StrategySettings], grid_instruments: Sequence[str]) -> list[JsonValue]:
    """Return one JSON object a strategy, its instruments turned into slots; ValueError as `strategies_document`."""
    names = [strategy.name for strategy in strategies]
    for position, name in enumerate(names):
        if name in names[:position]:
            raise ValueError(f"native.strategies[{position}].name: expected a name of its own, found {name!r} again")
    return [_document(strategy, position, grid_instruments) for position, strategy in enumerate(strategies)]


def _document(strategy: StrategySettings, position: int, grid_instruments: Sequence[str]) -> JsonValue:
    slots = _slots(strategy, f"native.strategies[{position}].instruments", grid_instruments)
    document: dict[str, JsonValue] = strategy.model_dump(
        exclude={"instruments", "max_age_ms", "python", "settings"}, mode="json"
    )
    if strategy.instruments:
        document["slots"] = [*slots]
    if isinstance(strategy, ExternalStrategy):
        document["max_age_ns"] = strategy.max_age_ms * NS_PER_MS
    return document


def _slots(strategy: StrategySettings, key: str, grid_instruments: Sequence[str]) -> list[int]:
    chosen = strategy.instruments or tuple(grid_instruments)
    for position, name in enumerate(chosen):
        if name not in grid_instruments:
            raise ValueError(f"{key}: expected instruments of the grid ({', '.join(grid_instruments)}), found {name!r}")
        if name in chosen[:position]:
            raise ValueError(f"{key}: expected each instrument once, found {name!r} again")
    perpetuals = sum(name.partition(":")[0] in PERPETUAL_VENUES for name in chosen)
    spots = len(chosen) - perpetuals
    if isinstance(strategy, ArbitrageStrategy) and spots < 2:
        raise ValueError(f"{key}: expected two spot instruments or more, found {', '.join(chosen)}")
    if isinstance(strategy, BasisStrategy) and (perpetuals < 1 or spots < 1):
        raise ValueError(f"{key}: expected a perpetual and a spot instrument, found {', '.join(chosen)}")
    return sorted(grid_instruments.index(name) for name in chosen)
