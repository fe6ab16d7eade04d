"""What rules measure over time is what the core measures: peaks, the day's first equity, counts in a window."""

from typing import Any

import numpy as np

import native
from native.config import NS_PER_MS
from native.risk_settings import RiskSettings
from streaming.trader.rule_measures import DAY_NS, TIMES_MAX, RuleMeasures, windows_ns

STATES, ORDER_STATES = native.enums["TradingState"], native.enums["OrderState"]
STEP_NS = 100 * NS_PER_MS
DAY_BEGIN_NS = 20_000 * DAY_NS
WINDOWS = {"orders": 1_000 * NS_PER_MS, "gaps": 60_000 * NS_PER_MS}


def outputs(**kinds: list[dict[str, int]]) -> dict[str, Any]:
    """A drain that holds the given records."""
    drained: dict[str, Any] = {name: np.zeros(0, dtype=dtype) for name, dtype in native.dtypes.items()}
    for kind, rows in kinds.items():
        drained[kind] = np.zeros(len(rows), dtype=native.dtypes[kind])
        for number, row in enumerate(rows):
            for name, value in row.items():
                drained[kind][name][number] = value
    return drained


def step(ts_ns: int, equity: int | None = None) -> dict[str, Any]:
    """A drain of one step; equity is told only where it changed."""
    rows = [] if equity is None else [{"equity_e8": equity * 10**8, "ts_step_ns": ts_ns, "quote_group": 1}]
    return outputs(grid=[{"ts_step_ns": ts_ns}], equity=rows)


def moved(state: str, ts_ns: int) -> dict[str, Any]:
    return outputs(state_events=[{"state_to": STATES.index(state), "ts_ns": ts_ns}])


def marks(measures: RuleMeasures) -> tuple[int, int]:
    (found,) = measures.marks()
    return int(float(str(found["peak_equity"]))), int(float(str(found["day_first_equity"])))


def test_the_peak_is_the_highest_since_the_start() -> None:
    measures = RuleMeasures()
    for number, equity in enumerate([3, 9, -4]):
        measures.add(step(DAY_BEGIN_NS + number * STEP_NS, equity))

    assert marks(measures) == (9, 3)


def test_after_a_resume_the_peak_begins_with_the_equity_of_the_first_step() -> None:
    measures = RuleMeasures()
    measures.add(step(DAY_BEGIN_NS, 9))
    measures.add(step(DAY_BEGIN_NS + STEP_NS, 2))
    measures.add(moved("halted", DAY_BEGIN_NS + STEP_NS + 1))
    assert marks(measures)[0] == 9
    measures.add(moved("active", DAY_BEGIN_NS + STEP_NS + 2))
    assert marks(measures)[0] == 2
    measures.add(step(DAY_BEGIN_NS + 2 * STEP_NS, 1))
    assert marks(measures)[0] == 1


def test_equity_that_changed_only_later_leaves_the_peak_where_the_first_step_saw_it() -> None:
    measures = RuleMeasures()
    measures.add(step(DAY_BEGIN_NS, 9))
    measures.add(step(DAY_BEGIN_NS + STEP_NS, 2))
    measures.add(moved("reducing", DAY_BEGIN_NS + STEP_NS + 1))
    measures.add(moved("active", DAY_BEGIN_NS + STEP_NS + 2))
    measures.add(step(DAY_BEGIN_NS + 2 * STEP_NS))
    measures.add(step(DAY_BEGIN_NS + 3 * STEP_NS, 1))

    assert marks(measures)[0] == 2


def test_a_state_that_only_changes_between_restrictions_moves_no_peak() -> None:
    measures = RuleMeasures()
    measures.add(step(DAY_BEGIN_NS, 9))
    measures.add(moved("reducing", DAY_BEGIN_NS + 1))
    measures.add(moved("halted", DAY_BEGIN_NS + 2))
    measures.add(step(DAY_BEGIN_NS + STEP_NS, 1))

    assert marks(measures)[0] == 9


def test_a_day_begins_with_the_equity_of_its_first_step() -> None:
    changed_at_midnight, changed_later = RuleMeasures(), RuleMeasures()
    for measures in (changed_at_midnight, changed_later):
        measures.add(step(DAY_BEGIN_NS - STEP_NS, 9))
    changed_at_midnight.add(step(DAY_BEGIN_NS, 4))
    changed_later.add(step(DAY_BEGIN_NS + 7 * STEP_NS, 4))

    assert marks(changed_at_midnight) == (9, 4)
    assert marks(changed_later) == (9, 9)


def test_orders_and_gaps_are_counted_within_their_windows_and_by_instrument() -> None:
    measures = RuleMeasures()
    new, open_ = ORDER_STATES.index("pending_new"), ORDER_STATES.index("open")
    refused = ORDER_STATES.index("refused")
    for ms in (0, 400, 1_100):
        placed = {"instrument": 1, "state_from": new, "state_to": new, "ts_ns": DAY_BEGIN_NS + ms * NS_PER_MS}
        measures.add(outputs(order_events=[placed, {**placed, "state_to": open_}, {**placed, "state_to": refused}]))
    measures.add(outputs(gaps=[{"instrument": 2}, {"instrument": 2, "is_closed": 1}]))

    assert measures.recent(WINDOWS) == {"orders": {1: 2}, "gaps": {2: 1}}
    measures.add(step(DAY_BEGIN_NS + 90_000 * NS_PER_MS))
    assert measures.recent(WINDOWS) == {"orders": {1: 0}, "gaps": {2: 0}}


def test_moments_that_are_remembered_are_bounded() -> None:
    measures = RuleMeasures()
    new = ORDER_STATES.index("pending_new")
    placed = {"state_from": new, "state_to": new, "ts_ns": DAY_BEGIN_NS}
    measures.add(outputs(order_events=[placed] * (TIMES_MAX + 9)))

    assert measures.recent(WINDOWS)["orders"] == {0: TIMES_MAX}


def test_windows_are_those_of_the_engines_document_or_their_defaults() -> None:
    assert windows_ns({}) == {
        "orders": RiskSettings.model_fields["order_rate_window_ms"].default * NS_PER_MS,
        "gaps": RiskSettings.model_fields["data_quality_window_ms"].default * NS_PER_MS,
    }
    assert windows_ns({"risk": {"order_rate_window_ns": 5}})["orders"] == 5
