"""The latency histogram: cheap counts whose percentiles never flatter."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streaming.latency_histogram import LatencyHistogram
from streaming.performance.stages import Stage
from streaming.settings import PROJECT_ROOT
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


@given(st.lists(st.integers(-5, 2**62), max_size=100))
def test_counting_many_at_once_gives_what_counting_one_by_one_gives(values):
    at_once = LatencyHistogram()

    at_once.add_all(values)

    assert (at_once.to_json(), at_once.bars()) == (filled(values).to_json(), filled(values).bars())


def test_bars_hold_every_duration_up_to_their_edge():
    assert filled([3, 5_000, 5_500, 1_000_000]).bars() == [(0.003, 1), (6.143, 2), (1_048.575, 1)]


def stage_of(*spans):
    """A stage that took the durations of each (second, durations)."""
    stage = Stage()
    for now_s, durations in spans:
        stage.add_all(durations)
        stage.roll(now_s)
    return stage


def test_recent_is_the_last_minute_and_the_whole_stays():
    stage = stage_of((0.0, [1_000]), (30.0, [2_000]), (61.0, [3_000]), (95.0, [4_000]))

    assert stage.to_json()["count"] == 4
    assert (stage.recent()["count"], stage.recent()["max_us"]) == (2, 4.0)


def test_after_a_long_silence_nothing_is_recent():
    stage = stage_of((0.0, [1_000]), (5_000.0, []))

    assert stage.recent()["count"] == 0 and stage.to_json()["count"] == 1


def test_what_is_kept_of_an_interval_is_counted_once():
    stage = stage_of((0.0, [1_000, 3_000]))

    assert [stage.take_kept().count, stage.take_kept().count] == [2, 0]


def test_every_stage_stands_in_the_docs():
    text = (PROJECT_ROOT / "docs" / "latency.md").read_text(encoding="utf-8")
    stages = Latencies.on(Clock.wall()).stages()

    assert [name for name in (*stages, "feed_age.VENUE", *WAY) if f"`{name}`" not in text] == []


WAY = (
    "receive",
    "engine",
    "journal",
    "window",
    "queue",
    "inference",
    "hand_back",
    "strategy",
    "decision",
    "send_to_ack",
)
