"""Every figure beside its value worked out by hand."""

import inspect
import math

import numpy as np
import pytest

from streaming.backtest import kpi
from streaming.backtest.kpi import Fills
from streaming.settings import PROJECT_ROOT


def ints(*values):
    return np.array(values, dtype=np.int64)


def fills(*rows):
    """(ts_ns, side, price, size, fee, is_maker)."""
    columns = list(zip(*rows, strict=True))
    return Fills(
        ts_ns=ints(*columns[0]),
        is_buy=np.array([side == "buy" for side in columns[1]]),
        price_ticks=ints(*columns[2]),
        size_units=ints(*columns[3]),
        fee_quote_units=ints(*columns[4]),
        is_maker=np.array(columns[5], dtype=bool),
    )


def test_prediction_errors_stand_beside_those_of_persistence():
    forecast, realised = np.array([1.0, -1.0, 2.0, np.nan]), np.array([2.0, -1.0, -1.0, 9.0])

    found = kpi.prediction_error(forecast, realised)

    # errors -1, 0, 3; persistence errs by 2, 1, 1
    assert found == kpi.PredictionError(3, pytest.approx(10 / 3), pytest.approx(4 / 3), 2.0, pytest.approx(4 / 3))


def test_without_a_pair_there_is_no_error():
    assert kpi.prediction_error(np.array([np.nan]), np.array([1.0])) == kpi.PredictionError(0, None, None, None, None)


def test_execution_latency_is_told_by_nearest_rank():
    handed = ints(*range(1, 101)) * 10

    found = kpi.execution_latency(np.zeros(100, dtype=np.int64), handed)

    assert found == kpi.Latency(100, 500, 950, 990, 1_000)


def test_latency_of_no_order_is_none():
    assert kpi.execution_latency(ints(), ints()) == kpi.Latency(0, None, None, None, None)


def test_fill_rate_is_filled_lots_of_submitted_lots():
    assert kpi.fill_rate(3.0, 12.0) == 0.25
    assert kpi.fill_rate(0.0, 0.0) is None


def test_sharpe_ratio_is_mean_over_spread_times_root_of_periods_a_year():
    # mean 2, sample spread 2, a day each
    found = kpi.sharpe_ratio(ints(0, 2, 4), 86_400 * kpi.NS_PER_S)

    assert found == pytest.approx(math.sqrt(365))


@pytest.mark.parametrize("increments", [(), (5,), (3, 3, 3)])
def test_equity_that_does_not_vary_has_no_sharpe_ratio(increments):
    assert kpi.sharpe_ratio(ints(*increments), kpi.NS_PER_S) is None


def test_drawdown_is_from_the_highest_equity_so_far_and_begins_at_zero():
    assert kpi.max_drawdown_e8(ints(5, 12, 4, 9, 20, 13)) == 8
    assert kpi.max_drawdown_e8(ints(-7, -3)) == 7
    assert kpi.max_drawdown_e8(ints()) == 0
    assert kpi.drawdown_e8(ints(5, 12, 4)).tolist() == [0, 0, 8]


def test_profit_factor_is_gross_profit_over_gross_loss():
    assert kpi.profit_factor([30, -10, 20, -15]) == 2.0
    assert kpi.profit_factor([30, 0]) == math.inf
    assert kpi.profit_factor([-30]) == 0.0
    assert kpi.profit_factor([]) is None
    assert kpi.profit_factor([0]) is None


def test_hit_rate_counts_trades_that_earned_after_fees():
    assert kpi.hit_rate([5, -1, 0, 7]) == 0.5
    assert kpi.hit_rate([]) is None


def test_turnover_is_exact_where_64_bits_would_wrap():
    assert kpi.turnover_quote_units(ints(2**40, 3), ints(2**40, 2)) == 2**80 + 6


def test_exposure_time_is_the_share_in_which_something_was_held():
    found = kpi.exposure_time(ints(0, 10, 40), np.array([False, True, False]), until_ns=100)

    assert found == 0.3
    assert kpi.exposure_time(ints(), np.array([], dtype=bool), until_ns=100) is None


def test_closing_fills_bear_their_share_of_the_entrys_fees():
    rows = fills(
        (1, "buy", 100, 10, 20, False),  # cost 1000, fees 20
        (2, "sell", 110, 4, 8, False),  # 4 x 10 - 8 of the entry's fees - 8 = 24
        (3, "sell", 90, 10, 10, False),  # 6 x -10 - 12 - 6 of its own = -78; opens 4 short with fee 4
        (4, "buy", 80, 4, 0, True),  # 4 x 10 - 4 = 36
    )

    results = kpi.closed_trades_quote_units(rows)

    assert results == [24, -78, 36]
    cash = sum(-signed * price for signed, price in zip(rows.signed_units, rows.price_ticks, strict=True))
    assert sum(results) == cash - rows.fee_quote_units.sum()


def test_fractions_of_a_cost_stay_with_what_is_left_open():
    rows = fills((1, "buy", 10, 2, 0, False), (2, "buy", 11, 1, 0, False), (3, "sell", 12, 1, 0, False))

    # cost 31 over 3: 10 is taken, 21 stays with 2
    assert kpi.closed_trades_quote_units(rows) == [2]


def test_spread_and_move_are_measured_against_the_last_valid_mid():
    steps, mid_x2 = ints(0, 100, 200, 300), ints(200, 0, 210, 190)
    rows = fills((50, "buy", 103, 2, 0, False), (150, "sell", 99, 1, 0, True), (250, "buy", 104, 1, 0, False))

    found = kpi.fill_costs(rows, steps, mid_x2, after_ns=100)

    # bought 2 at 103 with the mid at 100, sold 1 at 99 with the mid still at 100, bought 1 at 104 with it at 105
    assert found.spread_x2 == 2 * 6 + 2 - 2
    # mids a while after: 100 (step 100 is not valid), 105, 95
    assert found.move_after_x2 == 0 - 10 - 20
    assert found.unknown == 0


def test_a_fill_before_the_first_mid_is_counted_and_not_guessed():
    found = kpi.fill_costs(fills((5, "buy", 103, 2, 0, False)), ints(10), ints(200), after_ns=1)

    assert found == kpi.FillCosts(0, 0, 1)


def test_cost_split_adds_up_to_the_result():
    split = kpi.cost_split(
        net_e8=10, spread_e8=4, move_after_fill_e8=-3, fees_maker_e8=-1, fees_taker_e8=5, funding_e8=2
    )

    assert split.held_e8 == 23
    costs = split.spread_e8 + split.fees_maker_e8 + split.fees_taker_e8 + split.funding_e8
    assert split.move_after_fill_e8 + split.held_e8 - costs == split.net_e8


def test_every_figure_stands_in_the_docs():
    text = (PROJECT_ROOT / "docs" / "kpis.md").read_text(encoding="utf-8")
    parts = {"drawdown_e8", "last_known", "closed_trades_quote_units"}  # of figures that stand there themselves
    public = {
        name
        for name, item in inspect.getmembers(kpi, inspect.isfunction)
        if item.__module__ == kpi.__name__ and not name.startswith("_")
    }

    assert [name for name in sorted(public - parts) if f"`{name}`" not in text] == []
