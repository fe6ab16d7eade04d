"""The rules that lake tables are held to, as data: one rule is one bound on one column of a judged frame.

`frames.py` makes the columns (pure Polars), `suites.py` lets Great Expectations judge them. A rule says what a healthy
row looks like; whatever breaks an error rule blocks everything downstream, a warning is told and goes on.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from orchestration.config import QualityConfig

Severity = Literal["error", "warning"]

NS_PER_S = 1_000_000_000
NS_PER_MS = 1_000_000
HOUR_NS = 3600 * NS_PER_S


@dataclass(frozen=True, slots=True)
class Rule:
    """`column` of every row lies in [low, high], or among `allowed`; a null is no violation."""

    name: str
    column: str
    severity: Severity = "error"
    low: float | None = None
    high: float | None = None
    allowed: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule that rows broke."""

    table: str
    rule: str
    severity: Severity
    violations: int
    rows: int
    examples: tuple[str, ...] = ()

    @property
    def line(self) -> str:
        """One line for people."""
        shown = f", e.g. {', '.join(self.examples)}" if self.examples else ""
        return f"{self.severity}: {self.table}: {self.rule}: {self.violations} of {self.rows} rows{shown}"


def has_errors(findings: Sequence[Finding]) -> bool:
    """Tell whether any finding blocks."""
    return any(finding.severity == "error" for finding in findings)


def time_rules(config: QualityConfig, window_ns: int = HOUR_NS) -> tuple[Rule, ...]:
    """Return the rules for the times of captured rows; `window_ns` is the length of the partition."""
    skew = config.clock_skew_s_max * NS_PER_S
    shift = config.latency_shift_ms_warn * NS_PER_MS
    return (
        Rule("receive_time_in_partition", "into_window_ns", low=0, high=window_ns - 1),
        Rule("receive_time_not_decreasing", "recv_step_ns", low=0),
        Rule("event_time_present", "event_time_missing", allowed=(0,)),
        Rule("event_time_near_receive_time", "latency_ns", low=-skew, high=skew),
        Rule("event_time_steady", "latency_shift_ns", "warning", low=-shift, high=shift),
    )


ENGINE_TIME_RULES = (
    Rule("engine_time_present", "engine_time_missing", allowed=(0,)),
    Rule("engine_time_before_event_time", "engine_lead_ns", low=-NS_PER_S),
)


def book_update_rules(config: QualityConfig, window_ns: int = HOUR_NS) -> tuple[Rule, ...]:
    """Return the rules for `book_updates`."""
    factor = config.book_price_factor_warn
    return (
        Rule("instrument_expected", "is_expected_instrument", allowed=(1,)),
        Rule("price_positive", "price_ticks", low=1),
        Rule("price_plausible", "price_ratio", "warning", low=1 / factor, high=factor),
        Rule("size_not_negative", "size_units", low=0),
        Rule("side_known", "side", allowed=(0, 1)),
        Rule("update_id_increasing", "id_step", low=1),
        Rule("ids_not_swapped", "id_span", low=0),
        Rule("one_event_time_a_message", "event_times_in_message", low=0, high=1),
        *time_rules(config, window_ns),
        *ENGINE_TIME_RULES,
    )


def trade_rules(config: QualityConfig, window_ns: int = HOUR_NS) -> tuple[Rule, ...]:
    """Return the rules for `trades`. A hole in trade ids is no defect: venues do not print every fill."""
    factor = config.trade_price_factor_max
    return (
        Rule("instrument_expected", "is_expected_instrument", allowed=(1,)),
        Rule("price_positive", "price_ticks", low=1),
        Rule("price_plausible", "price_ratio", low=1 / factor, high=factor),
        Rule("size_positive", "size_units", low=1),
        Rule("side_known", "aggressor_side", allowed=(0, 1)),
        Rule("trade_id_unique", "trade_id_copies", low=1, high=1),
        Rule("trade_id_increasing", "id_step", low=0),
        *time_rules(config, window_ns),
        *ENGINE_TIME_RULES,
    )


def quote_rules(config: QualityConfig, window_ns: int = HOUR_NS) -> tuple[Rule, ...]:
    """Return the rules for `quotes`."""
    return (
        Rule("price_positive", "bid_price_ticks", low=1),
        Rule("size_not_negative", "size_units_min", low=0),
        Rule("quote_never_crossed", "spread_ticks", low=1),
        Rule("update_id_not_decreasing", "id_step", low=0),
        *time_rules(config, window_ns),
    )


SNAPSHOT_RULES = (
    Rule("book_never_crossed", "spread_ticks", low=1),
    Rule("price_positive", "bid_price_ticks", low=1),
    Rule("size_positive", "size_units_min", low=1),
)
"""Rules for `book_snapshots`, one row a snapshot."""


def grid_rules(step_ns: int) -> tuple[Rule, ...]:
    """Return the rules for the valid rows of `grid`."""
    return (
        Rule("step_on_the_grid", "off_step_ns", allowed=(0,)),
        Rule("step_time_increasing", "step_step_ns", low=step_ns),
        Rule("book_never_crossed", "spread_ticks", low=1),
        Rule("bid_levels_descend", "bid_level_step_min", low=1),
        Rule("ask_levels_ascend", "ask_level_step_min", low=1),
        Rule("price_positive", "bid_price_ticks_5", low=1),
        Rule("size_positive", "size_units_min", low=1),
        Rule("features_finite", "features_not_finite", allowed=(0,)),
    )
