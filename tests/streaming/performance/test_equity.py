"""An equity course that is not kept tells the same figures as one that is, whenever it is asked."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streaming.backtest import kpi
from streaming.backtest.records import held
from streaming.performance.equity import MINUTE_NS, SECOND_NS, SECONDS_MIN, EquityCurve

BEGIN_NS = 1_767_571_200_100_000_000
STEPS = st.lists(st.tuples(st.integers(0, 3 * SECOND_NS), st.integers(-(10**12), 10**12)), min_size=1, max_size=60)


def batch(ts_ns, equity_e8, until_ns, period_ns):
    """Drawdown and Sharpe ratio by the backtest's formulas."""
    ticks = np.arange(-(-BEGIN_NS // period_ns), until_ns // period_ns + 1, dtype=np.int64) * period_ns
    ends = np.append(held(np.array(ts_ns), np.array(equity_e8), ticks), equity_e8[-1:])
    unique = np.unique(np.array(ts_ns))
    changes = np.diff(ends, prepend=0)
    drawdown = kpi.max_drawdown_e8(held(np.array(ts_ns), np.array(equity_e8), unique))
    return drawdown, kpi.sharpe_ratio(changes, period_ns), len(changes)


@given(STEPS, st.one_of(st.integers(0, 5 * SECOND_NS), st.integers(SECONDS_MIN * SECOND_NS, 1_600 * SECOND_NS)))
def test_figures_are_those_of_the_whole_course(steps, later_ns):
    ts_ns = (BEGIN_NS + np.cumsum([wait for wait, _ in steps])).tolist()
    equity = [value for _, value in steps]
    curve = EquityCurve()
    for at, value in zip(ts_ns, equity, strict=True):
        curve.add(at, value)
        curve.figures(BEGIN_NS, at)  # to be asked changes nothing
    until_ns = ts_ns[-1] + later_ns

    found = curve.figures(BEGIN_NS, until_ns)

    drawdown, sharpe, samples = batch(ts_ns, equity, until_ns, SECOND_NS)
    assert (found.max_drawdown_e8, found.samples, found.sharpe_period_s) == (drawdown, samples, 1)
    if samples < SECONDS_MIN:
        assert found.sharpe is None
        return
    # The batch computes in doubles what here is exact.
    assert (found.sharpe is None) == (sharpe is None) or abs(sharpe) > 1e6
    if found.sharpe is not None and sharpe is not None:
        assert found.sharpe == pytest.approx(sharpe, rel=1e-6, abs=1e-3)


def test_a_ratio_is_told_from_the_six_hundredth_second_on():
    curve = EquityCurve()
    for number in range(20):
        curve.add(BEGIN_NS + number * SECOND_NS, number * number % 7)
    last_ns = BEGIN_NS // SECOND_NS * SECOND_NS + (SECONDS_MIN - 1) * SECOND_NS

    early, late = curve.figures(BEGIN_NS, last_ns - 1), curve.figures(BEGIN_NS, last_ns)

    assert (early.samples, early.sharpe) == (SECONDS_MIN - 1, None)
    assert late.samples == SECONDS_MIN and late.sharpe is not None


def test_from_half_an_hour_on_the_ratio_is_of_minutes():
    curve = EquityCurve()
    ts_ns = [BEGIN_NS + number * 7 * SECOND_NS for number in range(300)]
    equity = [number * number % 97 for number in range(300)]
    for at, value in zip(ts_ns, equity, strict=True):
        curve.add(at, value)

    found = curve.figures(BEGIN_NS, ts_ns[-1])

    _, sharpe, samples = batch(ts_ns, equity, ts_ns[-1], MINUTE_NS)
    assert (found.sharpe_period_s, found.samples) == (60, samples) and found.sharpe == pytest.approx(sharpe)
