"""Evidently's page shows the figures that the verdict rests on; spans are read from the lake."""

import numpy as np
import pyarrow as pa
import pytest
from drifting_market import market_sample

from orchestration.config import DriftConfig
from orchestration.defs.drift.report import compare, evidently_effects
from orchestration.defs.drift.samples import FLOWS, HOUR_NS, STATES, TOLD, DriftError, Span, newest_span, of_grid
from orchestration.defs.drift.verdict import judge
from streaming.emulator.regime import STRESS
from warehouse.lake import Lake
from warehouse.schema import table_schema

STEPS = 2_000
STEP_NS = 100_000_000
START_NS = 1_767_571_200_000_000_000
KEYS = {"grid": "main", "date": "2026-01-05", "hour": "00"}
REFERENCE = Span(START_NS, START_NS + (STEPS // 2 - 1) * STEP_NS)


def write_grid(lake: Lake, valid_steps: int = STEPS) -> None:
    """One instrument's noise, and another's that is valid for its first steps only."""
    random = np.random.default_rng(1)
    zeros = pa.array(np.zeros(2 * STEPS))
    columns: dict[str, object] = {field.name: zeros.cast(field.type) for field in table_schema("grid").columns}
    columns |= {name: random.standard_normal(2 * STEPS).astype(np.float32) for name in (*STATES, *FLOWS, *TOLD)}
    columns |= {
        "ts_step_ns": np.tile(START_NS + STEP_NS * np.arange(STEPS), 2),
        "venue": ["bybit_spot"] * STEPS + ["binance_spot"] * STEPS,
        "instrument": ["BTCUSDT"] * 2 * STEPS,
        "is_valid": np.concatenate([np.full(STEPS, True), np.arange(STEPS) < valid_steps]),
    }
    lake.write_table("grid", KEYS, pa.table(columns))


def test_evidently_shows_the_effects_and_thresholds_of_the_verdict(tmp_path):
    reference, newer = market_sample(9_000, 1), market_sample(1_800, 4, STRESS)
    html, config = tmp_path / "reports" / "drift.html", DriftConfig()
    verdict = judge("paper-1", reference, newer, config)

    shown = evidently_effects(reference.frame, newer.frame, verdict, config, html)

    assert "<html" in html.read_text()[:500].lower()
    assert shown == pytest.approx({item.name: item.effect for item in verdict.effects})


def test_a_verdict_that_was_not_reached_has_no_page(tmp_path):
    html = tmp_path / "drift.html"

    verdict = compare("paper-1", market_sample(9_000, 1), market_sample(1_800, 2).newest(10), DriftConfig(), html)

    assert (verdict.html, html.exists()) == (None, False)


def test_the_newest_span_begins_after_the_training_span(tmp_path):
    lake = Lake(tmp_path / "lake")
    write_grid(lake)
    last = START_NS + (STEPS - 1) * STEP_NS

    assert newest_span(lake, "main", REFERENCE, HOUR_NS) == Span(REFERENCE.last_ns + 1, last)
    assert newest_span(lake, "main", REFERENCE, 100 * STEP_NS) == Span(last - 100 * STEP_NS, last)
    assert newest_span(lake, "main", Span(START_NS, last), 100 * STEP_NS) == Span(last - 100 * STEP_NS, last)


def test_an_instrument_that_was_hardly_ever_valid_does_not_take_the_others_steps_along(tmp_path):
    lake = Lake(tmp_path / "lake")
    write_grid(lake, valid_steps=STEPS // 4)

    sample = of_grid(lake, "main", Span(START_NS, START_NS + HOUR_NS))

    assert {name.partition(":")[0] for name in sample.names} == {"bybit_spot"}
    assert sample.table.height == STEPS - 10  # the first second has no whole sum


def test_a_span_without_rows_is_an_error_that_names_it(tmp_path):
    lake = Lake(tmp_path / "lake")
    write_grid(lake)

    with pytest.raises(DriftError, match="no valid row between 1 and 2"):
        of_grid(lake, "main", Span(1, 2))


def test_an_empty_lake_is_an_error(tmp_path):
    with pytest.raises(DriftError, match="expected rows"):
        newest_span(Lake(tmp_path), "main", REFERENCE, HOUR_NS)
