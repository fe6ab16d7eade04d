"""Settings of the core: sections `[native]` and `[[grid]]`, and the frozen engine document made from them.

The engine takes one JSON document and no other setting. It stands in the header of every journal, so a journal
replays without this file. Decimals stay text here: only the core turns them into integers.
"""

from collections.abc import Mapping, Sequence
from typing import Self

from pydantic import Field, JsonValue, model_validator

from native.execution_settings import ExecutionSettings, execution_section
from native.matching_settings import MatchingSettings, matching_document
from native.risk_settings import InstrumentLimits, RiskSettings, risk_section
from native.section import NS_PER_MS, DecimalText, InstrumentText, JsonObject, Section, check_instrument_text
from native.strategy_settings import CrossMarketSettings, StrategySettings, strategies_document

__all__ = [
    "NS_PER_MS",
    "VENUES",
    "DecimalText",
    "EngineSettings",
    "ExecutionSettings",
    "FeeSettings",
    "GridConfig",
    "InstrumentLimits",
    "InstrumentText",
    "JsonObject",
    "RiskSettings",
    "Section",
    "SignalSettings",
    "check_instrument_text",
    "engine_document",
    "slot_ids",
    "trading_document",
]

VENUES = ("binance_usdm", "binance_spot", "bybit_spot")
"""Venues whose frames the core decodes, in the order of the enum `Venue`."""


class GridConfig(Section):
    """One `[[grid]]`: the instruments sampled together, a step's length and whose mid the others are compared to."""

    name: str = Field(pattern=r"^[a-z0-9_]+$")
    step_ms: int = Field(default=100, ge=1, le=60_000)
    instruments: tuple[InstrumentText, ...] = Field(min_length=1, max_length=64)
    reference: InstrumentText

    @model_validator(mode="after")
    def check_slots(self) -> Self:
        """Every instrument has one slot, and the reference is one of them."""
        if len(set(self.instruments)) != len(self.instruments):
            raise ValueError(f"grid {self.name!r} names an instrument twice")
        if self.reference not in self.instruments:
            raise ValueError(f"grid {self.name!r}: reference {self.reference!r} is not one of its instruments")
        return self

    @property
    def step_ns(self) -> int:
        """Length of a step in ns."""
        return self.step_ms * NS_PER_MS

    @property
    def reference_slot(self) -> int:
        """Index of the reference among the slots."""
        return self.instruments.index(self.reference)


class FeeSettings(Section):
    """Fees of one venue in basis points of the notional; they replace the ones written by the import."""

    maker_bps: DecimalText
    taker_bps: DecimalText


class SignalSettings(Section):
    """When a forecast is worth a position: the move must exceed `cost_multiple` x cost + `edge_bps`."""

    horizon_step: int = Field(default=5, ge=1)
    cost_multiple: float = Field(default=1.0, ge=0.0, le=100.0)
    edge_bps: float = Field(default=0.0, ge=0.0)
    exit_bps: float = Field(default=0.0, ge=0.0)
    """How far a forecast must turn against a position before it is left."""
    slippage_cap_ticks: int = Field(default=0, ge=0)
    """A taker's limit price lies this far beyond the touch."""
    flatten_cap_ticks: int = Field(default=10, ge=0)
    is_spot_short_allowed: bool = False


class EngineSettings(Section):
    """Section `[native]`."""

    stale_ms: int = Field(default=2_000, gt=0)
    window_steps: int = Field(default=60, ge=2)
    max_catchup_steps: int = Field(default=600, ge=1)
    book_snapshot_every_steps: int = Field(default=600, ge=1)
    buffer_frames_max: int = Field(default=10_000, ge=1)
    order_latency_ms: int = Field(default=5, ge=0)
    matching: MatchingSettings = MatchingSettings()
    execution: ExecutionSettings = ExecutionSettings()
    signal: SignalSettings = SignalSettings()
    strategies: tuple[StrategySettings, ...] = ()
    """None: one forecast strategy by `signal`."""
    cross_market: CrossMarketSettings = CrossMarketSettings()
    risk: RiskSettings | None = None
    fees: dict[str, FeeSettings] = Field(default_factory=dict)
    limits: dict[InstrumentText, InstrumentLimits] = Field(default_factory=dict)


def engine_document(
    instruments: Sequence[Mapping[str, JsonValue]],
    sources: Sequence[Mapping[str, JsonValue]],
    settings: EngineSettings,
    grid: GridConfig | None = None,
) -> JsonObject:
    """Return the engine's document without trading: what a conversion of frames to tables needs.

    `instruments` and `sources` are entries of a segment header, ids ascending from 0. A grid slot whose
    instrument is not among them is masked (null).
    """
    document: JsonObject = {
        "instruments": [_instrument(entry, settings) for entry in instruments],
        "sources": [dict(entry) for entry in sources],
        "emit": {
            "book_updates": True,
            "trades": True,
            "quotes": True,
            "grid": grid is not None,
            "book_snapshot_every_steps": settings.book_snapshot_every_steps,
        },
        "feed": {"buffer_frames_max": settings.buffer_frames_max},
    }
    if grid is not None:
        document["grid"] = _grid(grid, slot_ids(grid, instruments), settings)
    return document


def trading_document(document: JsonObject, grid: GridConfig, settings: EngineSettings, run_tag: int) -> JsonObject:
    """Return `document` (made with `grid`) with strategies, risk and simulated latency: what a trader needs.

    Order sizes and price caps stand in the section "signal" whatever the strategies are.

    Raises ValueError naming the missing settings key when a limit has no value, or the one that is wrong for this grid.
    """
    if settings.risk is None:
        raise ValueError("native.risk: expected limits (no defaults exist), found none")
    risk = settings.risk
    limits = [settings.limits.get(name) for name in grid.instruments]
    missing = [name for name, limit in zip(grid.instruments, limits, strict=True) if limit is None]
    if missing:
        raise ValueError(f'native.limits."{missing[0]}": expected order_size, max_order_size, max_position; found none')
    sizes = [limit for limit in limits if limit is not None]
    return {
        **document,
        **strategies_document(settings.strategies, settings.cross_market, grid.instruments),
        "signal": {**settings.signal.model_dump(), "order_size": [size.order_size for size in sizes]},
        "risk": risk_section(risk, sizes),
        "matching": matching_document(settings.matching, settings.order_latency_ms),
        **execution_section(settings.execution),
        "run_tag": run_tag,
    }


def slot_ids(grid: GridConfig, instruments: Sequence[Mapping[str, JsonValue]]) -> list[int | None]:
    """Return the engine's instrument id of each slot of the grid, None where the slot is masked."""
    ids = {f"{entry['venue']}:{entry['symbol']}": entry["id"] for entry in instruments}
    found = [ids.get(name) for name in grid.instruments]
    return [item if isinstance(item, int) else None for item in found]


def _instrument(entry: Mapping[str, JsonValue], settings: EngineSettings) -> JsonValue:
    keys = ("id", "venue", "symbol", "market_type", "tick", "size_unit", "lot", "maker_fee_bps", "taker_fee_bps")
    document = {key: entry[key] for key in keys}
    document |= {key: entry[key] for key in ("base", "quote") if entry.get(key)}
    fees = settings.fees.get(str(entry["venue"]))
    if fees is not None:
        document["maker_fee_bps"] = fees.maker_bps
        document["taker_fee_bps"] = fees.taker_bps
    return document


def _grid(grid: GridConfig, slots: Sequence[int | None], settings: EngineSettings) -> JsonValue:
    return {
        "step_ns": grid.step_ns,
        "slots": list(slots),
        "reference": grid.reference_slot,
        "stale_ns": settings.stale_ms * NS_PER_MS,
        "window_steps": settings.window_steps,
        "max_catchup_steps": settings.max_catchup_steps,
    }
