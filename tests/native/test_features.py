"""The features, said twice: the C++ batch against plain Python, bit for bit, and what must hold of any book."""

import importlib.util
import random
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import native


def load_reference() -> ModuleType:
    """Import the file beside this one: test folders are no packages."""
    path = Path(__file__).with_name("features_reference.py")
    spec = importlib.util.spec_from_file_location("features_reference", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


reference = load_reference()
Step, Scale = reference.Step, reference.Scale
INDEX = {name: i for i, name in enumerate(native.FEATURE_NAMES)}
SCALES = [Scale(0.01, 0.001, 2_000_000_000), Scale(0.1, 1e-8, 500_000_000), Scale(0.5, 1.0, 1)]

gaps = st.integers(1, 10_000)
sizes = st.integers(1, 10**15)
flows = st.integers(-(10**16), 10**16)


@st.composite
def steps(draw: st.DrawFn) -> "Step":
    """Any complete book: ten positive sizes, prices strictly ordered."""
    lowest_bid = draw(st.integers(1, 10**9))
    ladder = [lowest_bid]
    for _ in range(9):
        ladder.append(ladder[-1] + draw(gaps))
    return Step(
        price_ticks=(*reversed(ladder[:5]), *ladder[5:]),
        size_units=tuple(draw(st.lists(sizes, min_size=10, max_size=10))),
        ofi_units=float(draw(flows)),
        signed_trade_units=float(draw(flows)),
        trade_count=float(draw(st.integers(0, 10_000))),
        age_ns=float(draw(st.integers(0, 3_000_000_000))),
        reference_mid=draw(st.sampled_from([0.0, 1.0, 2671.185, 61234.5])),
    )


def batch(some_steps: list["Step"], row_state: list[int], scale: "Scale") -> np.ndarray:
    """The same rows from C++."""
    return native.features_batch(
        np.array([step.price_ticks for step in some_steps], dtype=np.int64),
        np.array([step.size_units for step in some_steps], dtype=np.int64),
        np.array([(s.ofi_units, s.signed_trade_units, s.trade_count, s.age_ns) for s in some_steps], dtype=np.float64),
        np.array([step.reference_mid for step in some_steps], dtype=np.float64),
        np.array(row_state, dtype=np.uint8),
        scale.tick,
        scale.size_unit,
        scale.stale_ns,
    )


def assert_same_bits(some_steps: list["Step"], row_state: list[int], scale: "Scale") -> None:
    expected = np.array(reference.features_batch(some_steps, row_state, scale), dtype=np.float32)
    actual = batch(some_steps, row_state, scale)
    assert actual.dtype == np.float32
    np.testing.assert_array_equal(actual.view(np.uint32), expected.view(np.uint32))


def random_walk(length: int, seed: int) -> list["Step"]:
    """Books that move little from step to step, as real ones do; some rows lack a level."""
    rng = random.Random(seed)
    mid = 268_162
    walk = []
    for _ in range(length):
        mid += rng.randint(-3, 3)
        bids, asks = [mid - rng.randint(0, 2)], [mid + rng.randint(1, 3)]
        for _ in range(4):
            bids.append(bids[-1] - rng.choice((1, 1, 1, 2, 17)))
            asks.append(asks[-1] + rng.choice((1, 1, 1, 2, 17)))
        step_sizes = [rng.randint(1, 50_000) for _ in range(10)]
        if rng.random() < 0.02:
            asks[4], step_sizes[9] = 0, 0
        flow = (float(rng.randint(-90_000, 90_000)), float(rng.randint(-90_000, 90_000)))
        ages = (float(rng.randint(0, 9)), float(rng.randint(0, 2_500_000_000)))
        walk.append(Step((*bids, *asks), tuple(step_sizes), *flow, *ages, rng.choice((0.0, mid * 0.01))))
    return walk


def test_batch_equals_the_plain_python_reference_bit_for_bit() -> None:
    walk = random_walk(3_000, seed=5)
    states = random.Random(6).choices((0, 1, 2), weights=(1, 20, 1), k=len(walk))

    for scale in SCALES:
        assert_same_bits(walk, states, scale)


@given(st.lists(steps(), min_size=1, max_size=4), st.data())
@settings(max_examples=150, deadline=None)
def test_batch_equals_the_plain_python_reference_bit_for_bit_on_any_books(
    some: list["Step"], data: st.DataObject
) -> None:
    states = data.draw(st.lists(st.integers(0, 2), min_size=len(some), max_size=len(some)))

    assert_same_bits(some, states, data.draw(st.sampled_from(SCALES)))


@given(st.lists(steps(), min_size=2, max_size=3))
@settings(max_examples=100, deadline=None)
def test_features_of_any_complete_book_are_finite_and_within_their_bounds(some: list["Step"]) -> None:
    rows = batch(some, [1] * len(some), SCALES[0])

    assert np.isfinite(rows).all()
    for name in ("imbalance_l1", "imbalance_l5"):
        assert (np.abs(rows[:, INDEX[name]]) <= 1.0).all()
    for name in ("ofi_l1", "trade_flow"):
        assert (np.abs(rows[:, INDEX[name]]) <= 10.0).all()
    assert (rows[:, INDEX["log_gap_spread"] : INDEX["mid_return_bps"]] >= 0.0).all()
    assert (rows[:, INDEX["bid_size_base_1"] : INDEX["log_gap_spread"]] >= 0.0).all()
    assert (rows[:, INDEX["bid_price_bps_1"] : INDEX["ask_price_bps_1"]] <= 0.0).all()
    assert (rows[:, INDEX["ask_price_bps_1"] : INDEX["bid_size_base_1"]] >= 0.0).all()
    assert ((rows[:, INDEX["age_ms"]] >= 0.0) & (rows[:, INDEX["age_ms"]] <= 2000.0)).all()
    assert (np.abs(rows[:, INDEX["micro_bps"]]) <= rows[:, INDEX["ask_price_bps_1"]] * 1.000001).all()


@given(steps(), steps())
@settings(max_examples=50, deadline=None)
def test_a_row_depends_on_the_previous_step_only_through_what_spans_the_step(one: "Step", other: "Step") -> None:
    last = random_walk(1, seed=1)[0]
    spanning = {*range(INDEX["bid_price_pct_1"], INDEX["bid_price_bps_1"]), INDEX["mid_return_bps"]}
    still = [i for i in range(len(native.FEATURE_NAMES)) if i not in spanning]

    after_one = batch([one, last], [1, 1], SCALES[0])[1]
    after_other = batch([other, last], [1, 1], SCALES[0])[1]

    np.testing.assert_array_equal(after_one[still], after_other[still])


def test_a_row_never_depends_on_later_rows() -> None:
    walk = random_walk(200, seed=9)
    whole = batch(walk, [1] * 200, SCALES[0])

    for length in (1, 57, 199):
        np.testing.assert_array_equal(batch(walk[:length], [1] * length, SCALES[0]), whole[:length])


def test_an_invalid_row_is_zero_and_the_next_one_compares_with_nothing() -> None:
    walk = [step for step in random_walk(20, seed=3) if reference.is_complete(step)][:3]
    rows = batch(walk, [1, 0, 1], SCALES[0])

    assert not rows[1].any()
    assert not rows[2, : INDEX["bid_price_bps_1"]].any()
    assert rows[2, INDEX["trade_count"]] == 0.0
    assert rows[2, INDEX["bid_log_size_1"]] > 0.0


def test_names_are_58_and_unique() -> None:
    assert len(native.FEATURE_NAMES) == len(set(native.FEATURE_NAMES)) == reference.FEATURE_COUNT
