"""Sections `[native.risk]`, `[native.risk.watch]` and `[native.limits."venue:SYMBOL"]`: the limits of every rule.

No limit has a default. A rule without one is off, but for those that a trader refuses to start without; whoever
trades with money asks `missing_limits` and refuses what it names.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Literal, Self

from pydantic import Field, JsonValue, model_validator

from native.risk_tables import risk_rows, watch_rows
from native.section import NS_PER_MS, DecimalText, JsonObject, Section

if TYPE_CHECKING:
    from native.config import EngineSettings

PERPETUAL_VENUES = ("binance_usdm",)
"""Venues whose instruments may be as short as long; any other sells what it holds."""

COUNT_MAX = 4095
"""One less than the core remembers of orders, errors and gaps."""

WatchAction = Literal["close_slot", "reduce", "flatten", "halt"]


class WatchSettings(Section):
    """Limits of the rules that look once a closed step, and what they do."""

    stop_loss_bps: float | None = Field(default=None, ge=0.0, le=10_000.0)
    stop_loss_quote: DecimalText | None = None
    take_profit_bps: float | None = Field(default=None, ge=0.0, le=10_000.0)
    take_profit_quote: DecimalText | None = None
    max_net_exposure_quote: DecimalText | None = None
    max_gross_exposure_quote: DecimalText | None = None
    max_drawdown_quote: DecimalText | None = None
    max_daily_loss_quote: DecimalText | None = None
    min_correlation: float | None = Field(default=None, ge=-1.0, le=1.0)
    correlation_samples_min: int = Field(default=600, ge=2)
    venue_silence_max_ms: int | None = Field(default=None, gt=0)
    sync_skew_max_ms: int | None = Field(default=None, gt=0)
    gaps_max: int | None = Field(default=None, ge=0, le=COUNT_MAX)
    drift_level_max: int | None = Field(default=None, ge=0, le=3)
    model_expiry_grace_ms: int | None = Field(default=None, ge=0)
    errors_max: int | None = Field(default=None, ge=0, le=COUNT_MAX)
    clock_offset_max_ms: int | None = Field(default=None, ge=0)
    heartbeat_age_max_ms: int | None = Field(default=None, gt=0)
    cool_down_ms: int | None = Field(default=None, ge=0, le=86_400_000)
    """How long an instrument that a rule closed stays closed; none: no longer than it takes to close."""
    actions: dict[str, WatchAction] = Field(default_factory=dict)
    """By rule, in place of the table's."""
    off: tuple[str, ...] = ()

    @model_validator(mode="after")
    def check_names(self) -> Self:
        """Switches and actions name rules, and only a rule of one instrument closes one."""
        of_slot = {row.name: row.is_of_slot for row in watch_rows()}
        _check_known("native.risk.watch.off", self.off, of_slot)
        _check_known("native.risk.watch.actions", self.actions, of_slot)
        for name, action in self.actions.items():
            if action == "close_slot" and not of_slot[name]:
                raise ValueError(
                    f"native.risk.watch.actions.{name}: expected reduce, flatten or halt, since the rule watches "
                    "more than one instrument; found close_slot"
                )
        return self


class RiskSettings(Section):
    """Limits over all instruments. The first three have no default: a trader without them refuses to start."""

    price_deviation_bps: float = Field(gt=0.0, le=10_000.0)
    max_exposure_quote: DecimalText
    forecast_age_max_ms: int = Field(gt=0)
    max_gross_exposure_quote: DecimalText | None = None
    """None: as `max_exposure_quote`."""
    price_deviation_venues_bps: float | None = Field(default=None, ge=0.0, le=10_000.0)
    price_deviation_trade_bps: float | None = Field(default=None, ge=0.0, le=10_000.0)
    max_venue_exposure_quote: DecimalText | None = None
    max_capital_quote: DecimalText | None = None
    order_rate_max: int | None = Field(default=None, ge=0, le=COUNT_MAX)
    order_rate_window_ms: int = Field(default=1_000, gt=0, le=86_400_000)
    duplicate_ms: int | None = Field(default=None, ge=0)
    venue_silence_max_ms: int | None = Field(default=None, gt=0)
    sync_skew_max_ms: int | None = Field(default=None, gt=0)
    gaps_max: int | None = Field(default=None, ge=0, le=COUNT_MAX)
    data_quality_window_ms: int = Field(default=60_000, gt=0, le=86_400_000)
    errors_max: int | None = Field(default=None, ge=0, le=COUNT_MAX)
    error_window_ms: int = Field(default=60_000, gt=0, le=86_400_000)
    clock_offset_max_ms: int | None = Field(default=None, ge=0)
    in_flight_max: int | None = Field(default=None, ge=1, le=COUNT_MAX)
    """Orders of one venue that await an answer."""
    private_age_max_ms: int | None = Field(default=None, gt=0)
    """How long a venue's private stream may be silent, live."""
    off: tuple[str, ...] = ()
    """Rules that are not asked, by name."""
    watch: WatchSettings = Field(default_factory=WatchSettings)

    @model_validator(mode="after")
    def check_names(self) -> Self:
        """Switches name rules, and not those that the others compute from."""
        rows = {row.name: row for row in risk_rows()}
        _check_known("native.risk.off", self.off, rows)
        for name in self.off:
            if rows[name].is_always_on:
                raise ValueError(f"native.risk.off: expected rules that can be switched off, found {name!r}")
        return self


class InstrumentLimits(Section):
    """Sizes of one instrument in its own units (coins), no defaults."""

    order_size: DecimalText
    max_order_size: DecimalText
    max_position: DecimalText
    inventory: DecimalText | None = None
    """Coins held at the start, of a spot market: as much may be sold beyond what was bought."""


def risk_section(risk: RiskSettings, sizes: Sequence[InstrumentLimits]) -> JsonObject:
    """Return section "risk" of the engine's document; `sizes` has one entry a grid slot."""
    section: JsonObject = {
        "max_position": [size.max_position for size in sizes],
        "max_order_size": [size.max_order_size for size in sizes],
        **_document(risk),
    }
    if any(size.inventory is not None for size in sizes):
        section["inventory"] = [size.inventory for size in sizes]
    watch = _document(risk.watch)
    if watch:
        section["watch"] = watch
    return section


def missing_limits(settings: "EngineSettings") -> list[str]:
    """Return the rules that are switched off or have no limit, watch rules as `watch.<name>`.

    Rules without a limit of their own (lot, drift and the like) are named only when they are switched off.
    """
    risk = settings.risk
    off = risk.off if risk is not None else ()
    watch_off = risk.watch.off if risk is not None else ()
    pre_trade = [row.name for row in risk_rows() if row.name in off or not _is_given(settings, row.limit)]
    watch = [
        f"watch.{row.name}"
        for row in watch_rows()
        if row.name in watch_off or not any(_is_given(settings, f"risk.watch.{key}") for key in row.limits)
    ]
    return pre_trade + watch


def _is_given(settings: "EngineSettings", path: str) -> bool:
    *section, key = path.split(".")
    match section:
        case []:
            return True
        case ["limits"]:
            return _is_given_by_all(settings.limits, key)
        case ["risk"]:
            return settings.risk is not None and getattr(settings.risk, key) is not None
        case ["risk", "watch"]:
            return settings.risk is not None and getattr(settings.risk.watch, key) is not None
    raise AssertionError(f"the core names an unknown section of the settings: {path}")


def _is_given_by_all(limits: Mapping[str, InstrumentLimits], key: str) -> bool:
    asked = [limit for name, limit in limits.items() if key != "inventory" or not _is_perpetual(name)]
    return bool(limits) and all(getattr(limit, key) is not None for limit in asked)


def _is_perpetual(instrument: str) -> bool:
    return instrument.partition(":")[0] in PERPETUAL_VENUES


def _check_known(path: str, names: Iterable[str], known: Iterable[str]) -> None:
    unknown = sorted(set(names) - set(known))
    if unknown:
        raise ValueError(f"{path}: expected names of rules ({', '.join(known)}), found {unknown[0]!r}")


def _document(section: RiskSettings | WatchSettings) -> JsonObject:
    """Return what differs from the core's own values, milliseconds as nanoseconds."""
    given = section.model_dump(mode="json", exclude_none=True, exclude_defaults=True, exclude={"watch"})
    return dict(_in_ns(key, value) for key, value in given.items())


def _in_ns(key: str, value: JsonValue) -> tuple[str, JsonValue]:
    if not key.endswith("_ms"):
        return key, value
    assert isinstance(value, int), f"{key} counts milliseconds"
    return f"{key.removesuffix('_ms')}_ns", value * NS_PER_MS
