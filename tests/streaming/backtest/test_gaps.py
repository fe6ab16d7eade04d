"""Ledgered gaps: what they mask, how much of the span that is, and the refusal that names them."""

import numpy as np
import pytest

from streaming.backtest.gaps import MaskedSpan, masked_ns, refuse, touched
from streaming.errors import RefusedError

FIRST = MaskedSpan(1_000, 3_000, "binance_spot:BTCUSDT", "sequence_break")
SECOND = MaskedSpan(2_000, 5_000, "bybit_spot:BTCUSDT", "not_recorded")


def test_time_masked_twice_counts_once():
    assert masked_ns([SECOND, FIRST]) == 4_000
    assert masked_ns([]) == 0


def test_a_step_is_touched_while_the_gap_is_within_its_context():
    steps = np.arange(0, 8_000, 500)

    found = touched([FIRST], steps, context_ns=1_000)

    assert steps[found].tolist() == [1_500, 2_000, 2_500, 3_000, 3_500, 4_000]


def test_refusal_names_the_gaps_and_what_to_do():
    with pytest.raises(RefusedError, match=r"2 ledgered gap\(s\): binance_spot:BTCUSDT sequence_break at 1000 ns"):
        refuse([FIRST, SECOND])
    refuse([])
