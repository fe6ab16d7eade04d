"""The ordered head cannot give a gap below one tick; the paper's penalty sees what it should."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.model.head import Residuals, gap_residuals, order_penalty, ordered_log_gaps, paper_loss, shape_forecast


def test_a_zero_residual_gives_the_baseline() -> None:
    baseline = torch.tensor([0.0, 0.01, 0.7, 3.0, 9.0])

    log_gaps = ordered_log_gaps(baseline, torch.zeros(5))

    assert torch.allclose(log_gaps, baseline, atol=2e-3) and torch.allclose(log_gaps[2:], baseline[2:], atol=1e-5)


@settings(max_examples=100, deadline=None)
@given(st.floats(0.0, 12.0), st.floats(-1e6, 1e6))
def test_no_residual_brings_a_gap_below_one_tick(baseline: float, residual: float) -> None:
    log_gap = ordered_log_gaps(torch.tensor(baseline), torch.tensor(residual))

    assert torch.isfinite(log_gap) and log_gap >= 0


def test_shape_forecast_is_the_baseline_before_training() -> None:
    ar = torch.rand(2, 3, 19, 5) + 0.1
    nothing = Residuals(torch.zeros(2, 3, 5), torch.zeros(2, 3, 9, 5), torch.zeros(2, 3, 10, 5))

    assert torch.allclose(shape_forecast(nothing, ar), ar, atol=1e-5)


def test_the_spread_is_read_from_both_best_prices_and_a_deeper_gap_from_its_own_level() -> None:
    tokens = torch.arange(10.0).view(1, 1, 10, 1)

    assert gap_residuals(tokens)[0, 0, :, 0].tolist() == [2.5, 1.0, 2.0, 3.0, 4.0, 6.0, 7.0, 8.0, 9.0]


def test_order_penalty_is_zero_on_an_ordered_book_and_counts_each_break() -> None:
    bid, ask = torch.tensor([10.0, 9.0, 8.0]), torch.tensor([11.0, 12.0, 13.0])

    assert order_penalty(bid, ask) == 0.0
    assert order_penalty(torch.tensor([10.0, 10.5, 8.0]), ask) == 0.5
    assert order_penalty(bid + 2, ask) == 1.0


def test_the_papers_loss_weighs_the_penalty_by_a_hundredth() -> None:
    target = torch.zeros(1, 1, 20, 1)
    broken = torch.zeros(1, 1, 20, 1)
    broken[0, 0, 0] = 1.0

    assert torch.isclose(paper_loss(broken, target), torch.tensor(1 / 20 + 0.01))
