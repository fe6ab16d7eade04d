"""The layout here is that of the core, and a forecast becomes prices in order."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import native
from ml import layout
from ml.metrics import order_violations


def test_feature_columns_carry_the_names_that_the_core_gives_them() -> None:
    names = native.FEATURE_NAMES

    assert len(names) == layout.FEATURE_COUNT
    assert names[layout.PRICE_BPS][0] == "bid_price_bps_1"
    assert names[layout.PRICE_PCT][9] == "ask_price_pct_5"
    assert names[layout.SIZE_BASE][0] == "bid_size_base_1"
    assert names[layout.LOG_SIZE] == tuple(f"{side}_log_size_{i}" for side in ("bid", "ask") for i in range(1, 6))
    assert names[layout.LOG_GAP][0] == names[layout.LOG_SPREAD] == "log_gap_spread"
    assert (names[layout.MID_RETURN_BPS], names[layout.OFI_L1]) == ("mid_return_bps", "ofi_l1")
    assert names[layout.IMBALANCE_L1 : layout.AGE_MS + 1] == (
        "imbalance_l1",
        "imbalance_l5",
        "micro_bps",
        "trade_flow",
        "trade_count",
        "basis_bps",
        "age_ms",
    )


def test_a_forecast_is_laid_out_horizon_by_slot_with_mid_gaps_sizes() -> None:
    mid = np.array([[1, 2], [3, 4]], dtype=np.float32)
    shape = np.arange(2 * 19 * 2, dtype=np.float32).reshape(2, 19, 2)

    values = layout.pack_forecast(mid, shape)

    assert values.shape == (2, 40)
    assert values[1, 0] == 2 and values[1, 20] == 4
    assert np.array_equal(values[0, 21:40], shape[1, :, 0])


@settings(max_examples=60, deadline=None)
@given(
    st.floats(100.0, 1e7),
    st.floats(-500.0, 500.0),
    st.lists(st.floats(0.0, 8.0), min_size=9, max_size=9),
)
def test_rebuilt_prices_keep_their_order_after_rounding_to_ticks(mid: float, bps: float, log_gaps: list[float]) -> None:
    prices = layout.rebuild_price_ticks(np.array([mid]), np.array([bps]), np.array([log_gaps]))

    assert order_violations(prices) == 0


def test_rebuilding_the_present_book_gives_the_present_prices() -> None:
    prices = np.array([[100, 98, 97, 93, 90, 102, 103, 107, 108, 111]])
    gaps = np.log([[2, 2, 1, 4, 3, 1, 4, 1, 3]])

    rebuilt = layout.rebuild_price_ticks(np.array([101.0]), np.array([0.0]), gaps)

    assert np.array_equal(rebuilt, prices)
