"""Correlation, size of moves, presence and price increment: each sees its own change and lets chance pass."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from cheap_market import NOTHING, Shift, cheap_market, market_rows

from orchestration.defs.drift.effects import FeatureEffect
from orchestration.defs.drift.samples import Sample, sample_of
from orchestration.defs.drift.structure import structure_effects

REFERENCE_STEPS, STEPS, MARGIN = 9_000, 1_800, 1.6
SPOT = "bybit_spot:BTCUSDT"


@pytest.fixture(scope="module")
def reference() -> Sample:
    return cheap_market(REFERENCE_STEPS, 11)


def found(reference: Sample, newer: Sample) -> dict[str, FeatureEffect]:
    return {item.name: item for item in structure_effects(reference, newer, STEPS, MARGIN)}


def beyond(reference: Sample, newer: Sample) -> set[str]:
    return {name for name, item in found(reference, newer).items() if item.is_beyond}


def test_another_stretch_of_the_same_market_passes_every_check(reference: Sample):
    effects = found(reference, cheap_market(STEPS, 12))

    assert not [item for item in effects.values() if item.is_beyond]
    kinds = [name.rpartition(" ")[2] for name in effects]
    assert {kind: kinds.count(kind) for kind in kinds} == {
        "correlation": 3, "move_size": 3, "presence": 3, "price_increment": 3
    }  # fmt: skip


def test_a_venue_that_follows_a_market_of_its_own_breaks_both_its_correlations(reference: Sample):
    assert beyond(reference, cheap_market(STEPS, 12, Shift(is_apart=True))) == {
        f"binance_spot:BTCUSDT {SPOT} correlation",
        f"binance_usdm:BTCUSDT {SPOT} correlation",
    }


def test_twice_the_volatility_is_a_move_size_of_one_more(reference: Sample):
    effects = found(reference, cheap_market(STEPS, 12, Shift(volatility_factor=2.0)))

    sizes = [item.effect for name, item in effects.items() if name.endswith("move_size")]
    assert sizes == pytest.approx([1.0] * 3, abs=0.4)


@pytest.mark.parametrize(("missing_from", "effect"), [(0.0, 1.0), (0.6, 0.4)])
def test_a_missing_venue_is_told_by_the_share_that_it_was_there(reference: Sample, missing_from: float, effect: float):
    newer = cheap_market(STEPS, 12, Shift(missing_from=missing_from))

    item = found(reference, newer)[f"{SPOT} presence"]

    assert item.is_beyond and item.effect == pytest.approx(effect)


def test_a_second_or_two_without_a_venue_is_no_drift(reference: Sample):
    assert beyond(reference, cheap_market(STEPS, 12, Shift(missing_from=0.98))) == set()


def test_a_venue_that_the_newer_data_never_name_is_missing(reference: Sample):
    rows = market_rows(STEPS, 12).filter(pl.col("venue") != "bybit_spot")

    assert beyond(reference, sample_of(rows.lazy(), "nothing")) == {f"{SPOT} presence"}


@pytest.mark.parametrize("factor", [2, 10])
def test_prices_on_every_so_manieth_tick_alone_are_a_larger_increment(reference: Sample, factor: int):
    item = found(reference, cheap_market(STEPS, 12, Shift(tick_factor=factor)))[f"{SPOT} price_increment"]

    assert item.is_beyond and item.effect == pytest.approx(np.log2(factor), abs=0.05)


def test_a_finer_tick_of_the_instrument_is_a_smaller_increment(reference: Sample):
    prices = pl.selectors.contains("price_ticks_")
    finer = market_rows(STEPS, 12).with_columns(
        pl.when(pl.col("venue") == "bybit_spot").then(10 * prices + (prices % 7)).otherwise(prices).name.keep()
    )

    item = found(reference, sample_of(finer.lazy(), "nothing"))[f"{SPOT} price_increment"]

    assert item.is_beyond and item.effect == pytest.approx(np.log2(10), abs=0.05)


def test_a_tick_that_changed_late_in_the_span_is_in_force(reference: Sample):
    early, late = market_rows(STEPS, 12, NOTHING), market_rows(STEPS, 12, Shift(tick_factor=5))
    cut = int(early["ts_step_ns"].unique().sort()[int(0.7 * STEPS)])
    both = pl.concat([early.filter(pl.col("ts_step_ns") < cut), late.filter(pl.col("ts_step_ns") >= cut)])

    assert f"{SPOT} price_increment" in beyond(reference, sample_of(both.lazy(), "nothing"))


def test_a_venue_that_comes_and_goes_in_training_may_be_away_as_long_later():
    rows, later = market_rows(REFERENCE_STEPS, 11), market_rows(STEPS, 12)
    step = pl.col("ts_step_ns") // 100_000_000
    blinking = [
        frame.with_columns(is_valid=(pl.col("venue") != "bybit_spot") | (step % (every * 5) >= every))
        for frame, every in ((rows, 250), (later, 100))
    ]
    reference, newer = (sample_of(frame.lazy(), "nothing") for frame in blinking)

    assert f"{SPOT} presence" not in beyond(reference, newer)


def test_samples_without_books_are_judged_by_their_returns_alone(reference: Sample):
    bare = Sample(cheap_market(STEPS, 12).table)

    assert {name.rpartition(" ")[2] for name in found(reference, bare)} == {"correlation", "move_size"}


def test_returns_that_never_move_have_no_correlation_and_no_size(reference: Sample):
    still = replace(reference, table=reference.table.with_columns(pl.selectors.contains("mid_return_bps") * 0.0))

    effects = structure_effects(still, still.newest(STEPS), STEPS, MARGIN)

    assert {item.effect for item in effects if not item.name.endswith("price_increment")} == {0.0}
