"""The verdict: silent while the market goes on, flagged when its regime changes, honest where it cannot judge."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from drifting_market import market_sample

from orchestration.config import DriftConfig
from orchestration.defs.drift.samples import FLOWS, STATES, STEP, TOLD, DriftError, Sample, by_the_second, sample_of
from orchestration.defs.drift.verdict import LEVELS, judge, read_flags, verdict_path, write_verdict
from streaming.emulator.regime import STRESS, Regime
from warehouse.schema import PRICE_TICKS_NAMES

REFERENCE_STEPS, SESSION_STEPS = 9_000, 1_800
CONFIG = DriftConfig()


@pytest.fixture(scope="module")
def reference() -> Sample:
    """A quarter of an hour of market."""
    return market_sample(REFERENCE_STEPS, 1)


@pytest.mark.parametrize("seed", [2, 3])
def test_another_stretch_of_the_same_market_is_no_drift(reference: Sample, seed: int):
    verdict = judge("paper-1", reference, market_sample(SESSION_STEPS, seed), CONFIG)

    assert verdict.not_judged == ""
    assert not verdict.flagged
    assert "no drift" in verdict.words


@pytest.mark.parametrize("regime", [STRESS, Regime(size_factor=2.0), Regime(spread_factor=3)])
def test_a_changed_regime_is_a_drift_that_names_its_features(reference: Sample, regime: Regime):
    verdict = judge("paper-1", reference, market_sample(SESSION_STEPS, 4, regime), CONFIG)

    assert verdict.flagged
    assert len(verdict.beyond) >= CONFIG.features_min
    assert verdict.words.startswith(f"DRIFT, level {verdict.level} (")


def test_a_regime_that_changed_half_way_is_a_drift(reference: Sample):
    calm, stressed = market_sample(SESSION_STEPS, 2), market_sample(SESSION_STEPS, 4, STRESS)
    half = SESSION_STEPS // 2
    newer = Sample(pl.concat([calm.table.head(half), stressed.table.tail(half)]))

    assert judge("paper-1", reference, newer, CONFIG).flagged


def test_of_a_long_session_the_newest_third_of_the_reference_length_is_judged(reference: Sample):
    newer = market_sample(6_000, 2)

    verdict = judge("paper-1", reference, newer, CONFIG)

    assert verdict.judged_steps == reference.table.height // 3
    assert verdict.newer.last_ns == newer.span.last_ns
    assert verdict.newer.first_ns > newer.span.first_ns


def test_a_session_too_short_is_not_judged_and_not_flagged(reference: Sample):
    verdict = judge("paper-1", reference, market_sample(SESSION_STEPS, 4, STRESS).newest(300), CONFIG)

    assert (verdict.level, verdict.flagged, verdict.thresholds) == (0, False, None)
    assert verdict.words == "not judged: expected at least 600 steps to judge, found 300"


def test_an_instrument_that_the_session_lacks_is_told_and_the_others_are_judged(reference: Sample):
    newer = market_sample(SESSION_STEPS, 2)
    kept = [name for name in newer.table.columns if not name.startswith("bybit_spot")]

    verdict = judge("paper-1", reference, Sample(newer.table.select(kept)), CONFIG)

    assert verdict.not_judged == ""
    assert {name.partition(":")[0] for name in verdict.missing} == {"bybit_spot"}
    assert len(verdict.effects) == 22
    assert verdict.words.endswith("; 11 more could not be compared")


def test_levels_follow_the_settings(reference: Sample):
    stressed = market_sample(SESSION_STEPS, 4, STRESS)
    found = judge("paper-1", reference, stressed, CONFIG).severity
    below, between, above = (found * factor for factor in (0.5, 0.9, 1.1))

    levels = [
        judge("paper-1", reference, stressed, DriftConfig(level_ratios=ratios)).level
        for ratios in ((above, 2 * above, 3 * above), (below, above, 2 * above), (below, between, above))
    ]

    assert levels == [0, 1, 2]


def test_levels_that_do_not_ascend_are_refused():
    with pytest.raises(ValueError, match="three ascending numbers above 0"):
        DriftConfig(level_ratios=(1.0, 1.0, 4.0))


def test_frames_that_come_a_step_later_are_no_drift_and_their_age_is_told(reference: Sample):
    newer = market_sample(SESSION_STEPS, 2).table
    ages = [name for name in newer.columns if name.endswith("age_ms")]
    late = newer.with_columns(pl.col(ages) + 90.0)

    verdict = judge("paper-1", reference, Sample(late), CONFIG)

    assert not verdict.flagged
    before, now = verdict.medians["bybit_spot:BTCUSDT age_ms"]
    assert now - before > 80.0


def test_a_basis_at_a_level_never_seen_is_no_drift_and_is_told(reference: Sample):
    newer = market_sample(SESSION_STEPS, 2).table.with_columns(pl.col("bybit_spot:BTCUSDT basis_bps") + 40.0)

    verdict = judge("paper-1", reference, Sample(newer), CONFIG)

    assert not verdict.flagged
    before, now = verdict.medians["bybit_spot:BTCUSDT basis_bps"]
    assert now - before > 30.0


def test_rows_that_hold_no_number_are_left_out_as_a_dataset_leaves_them_out():
    columns = {"venue": "v", "instrument": "X", "is_valid": True, **dict.fromkeys((*STATES, *FLOWS, *TOLD), 1.0)}
    columns |= dict.fromkeys(PRICE_TICKS_NAMES, 1)
    rows = [columns | {STEP: 100_000_000 * step} for step in range(40)]
    rows[20]["imbalance_l1"] = float("nan")
    rows[30]["micro_bps"] = float("inf")

    sample = sample_of(pl.LazyFrame(rows), "nothing")

    assert sample.table.height == 40 - 10 - 2
    assert all(np.isfinite(values).all() for values in sample.values.values())
    with pytest.raises(DriftError, match="nothing"):
        sample_of(pl.LazyFrame([columns | {STEP: 0, "micro_bps": float("nan")}]), "nothing")


def test_flows_are_summed_by_the_second_so_that_a_late_frame_changes_little():
    table = pl.DataFrame({STEP: [100_000_000 * n for n in range(30)], "a trade_count": [1.0] * 30, "a basis_bps": 2.0})
    bunched = table.with_columns(pl.Series("a trade_count", [0.0, 2.0] * 15))

    summed = by_the_second(table)

    assert summed.columns == [STEP, "a basis_bps", "a trade_count_1s", "a basis_bps_1s"]
    assert summed["a trade_count_1s"].to_list() == by_the_second(bunched)["a trade_count_1s"].to_list() == [10.0] * 20
    assert summed["a basis_bps_1s"].to_list() == [0.0] * 20


def test_the_verdict_of_a_run_is_a_file_that_programs_read(reference: Sample, tmp_path: Path):
    flagged = judge("paper-2", reference, market_sample(SESSION_STEPS, 4, STRESS), CONFIG)
    write_verdict(verdict_path(tmp_path, "paper-2"), flagged)
    write_verdict(verdict_path(tmp_path, "paper-1"), judge("paper-1", reference, market_sample(1_800, 2), CONFIG))
    write_verdict(verdict_path(tmp_path, "learning-1"), flagged)
    (tmp_path / "drift" / "paper-3.json").write_text("{")

    document = json.loads((tmp_path / "drift" / "paper-2.json").read_text())

    assert read_flags(tmp_path, "paper-") == {"paper-1": False, "paper-2": True}
    assert (document["run"], document["flagged"], document["compared"]) == ("paper-2", True, 45)
    assert (document["level"], document["action"]) == (flagged.level, LEVELS[flagged.level])
    assert document["severity"] == pytest.approx(flagged.severity)
    assert all(item["effect"] > item["threshold"] for item in document["features"])
    assert len(document["structure"]) == 12 and document["furthest"]["name"] == flagged.effects[0].name
