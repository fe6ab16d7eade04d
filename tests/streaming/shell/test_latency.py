"""The latency histogram: cheap counts whose percentiles never flatter."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streaming.latency_histogram import LatencyHistogram
from streaming.shell.clock import Clock
from streaming.shell.latency import Latencies


def filled(values):
    histogram = LatencyHistogram()
    for value in values:
        histogram.add(value)
    return histogram


@given(st.lists(st.integers(0, 2**62), min_size=1, max_size=200), st.sampled_from([1.0, 50.0, 90.0, 99.9, 100.0]))
def test_a_percentile_is_at_most_an_eighth_too_long_and_never_too_short(values, percent):
    ordered = sorted(values)
    exact = next(value for number, value in enumerate(ordered, 1) if number >= len(values) * percent / 100)

    found = filled(values).percentile_ns(percent)

    assert exact <= found <= exact + exact // 8 + 1


def test_the_longest_is_exact_and_a_negative_duration_counts_as_none():
    histogram = filled([-5, 1_234_567])

    assert (histogram.count, histogram.max_ns, histogram.percentile_ns(50)) == (2, 1_234_567, 0)


def test_nothing_measured_is_told_as_zero():
    assert LatencyHistogram().to_json() == {
        "count": 0,
        "p50_us": 0.0,
        "p90_us": 0.0,
        "p99_us": 0.0,
        "p99.9_us": 0.0,
        "max_us": 0.0,
    }
    with pytest.raises(ValueError, match="percent"):
        LatencyHistogram().percentile_ns(0)


def test_spans_of_a_faster_clock_are_told_in_real_time():
    clock = Clock.starting_at(1_000, 10.0)
    begin_ns = clock.now_ns() - 10_000_000_000  # ten seconds on its scale

    assert 1_000_000_000 <= Latencies.on(clock).since_ns(begin_ns) < 10_000_000_000
