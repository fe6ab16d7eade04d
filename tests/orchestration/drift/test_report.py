"""The drift report names what moved, and says nothing where nothing did."""

import numpy as np
import pyarrow as pa
import pytest

from orchestration.config import DriftConfig
from orchestration.defs.drift.report import FEATURES, HOUR_NS, DriftError, Span, compare, newest_span
from warehouse.lake import Lake
from warehouse.schema import table_schema

STEPS = 2_000
STEP_NS = 100_000_000
START_NS = 1_767_571_200_000_000_000
KEYS = {"grid": "main", "date": "2026-01-05", "hour": "00"}
REFERENCE = Span(START_NS, START_NS + (STEPS // 2 - 1) * STEP_NS)
NEWEST = Span(START_NS + STEPS // 2 * STEP_NS, START_NS + STEPS * STEP_NS)


def write_grid(lake: Lake, moved: str | None) -> None:
    """One instrument's noise; in the second half the feature `moved` lies three standard deviations higher."""
    random = np.random.default_rng(1)
    zeros = pa.array(np.zeros(STEPS))
    columns: dict[str, object] = {field.name: zeros.cast(field.type) for field in table_schema("grid").columns}
    for feature in FEATURES:
        values = random.standard_normal(STEPS)
        values[STEPS // 2 :] += 3.0 * (feature == moved)
        columns[feature] = values.astype(np.float32)
    columns |= {
        "ts_step_ns": START_NS + STEP_NS * np.arange(STEPS),
        "venue": ["bybit_spot"] * STEPS,
        "instrument": ["BTCUSDT"] * STEPS,
        "is_valid": [True] * STEPS,
    }
    lake.write_table("grid", KEYS, pa.table(columns))


def test_a_feature_that_moved_is_named_first_and_the_html_is_kept(tmp_path):
    lake = Lake(tmp_path / "lake")
    write_grid(lake, moved="ofi_l1")

    report = compare(lake, "main", REFERENCE, NEWEST, DriftConfig(), tmp_path / "reports" / "drift.html")

    assert report.drifted == ["bybit_spot:BTCUSDT ofi_l1"]
    assert report.effects["bybit_spot:BTCUSDT ofi_l1"] > 1.0
    assert "bybit_spot:BTCUSDT ofi_l1" in report.table.splitlines()[2]
    assert "<html" in report.html.read_text()[:500].lower()


def test_the_newest_span_begins_after_the_training_span(tmp_path):
    lake = Lake(tmp_path / "lake")
    write_grid(lake, moved=None)
    last = START_NS + (STEPS - 1) * STEP_NS

    assert newest_span(lake, "main", REFERENCE.last_ns, DriftConfig()) == Span(REFERENCE.last_ns + 1, last)
    assert newest_span(lake, "main", last + HOUR_NS, DriftConfig()) == Span(last - HOUR_NS, last)


def test_a_span_without_rows_is_an_error_that_names_it(tmp_path):
    lake = Lake(tmp_path / "lake")
    write_grid(lake, moved=None)

    with pytest.raises(DriftError, match="no valid row between 1 and 2"):
        compare(lake, "main", Span(1, 2), NEWEST, DriftConfig(), tmp_path / "drift.html")


def test_an_empty_lake_is_an_error(tmp_path):
    with pytest.raises(DriftError, match="expected rows"):
        newest_span(Lake(tmp_path), "main", 0, DriftConfig())
