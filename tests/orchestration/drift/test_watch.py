"""The champion's drift is looked at on what was recorded last, and its level is a file that traders read."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from cheap_market import STEP_NS, Shift, market_rows
from sealed_stand_in import START_NS, at, seal_stand_in

from ml.registry import promote
from orchestration.defs.drift.assets import watch_champion
from orchestration.defs.drift.samples import DriftError
from orchestration.defs.drift.verdict import verdict_path
from orchestration.settings import Settings, load_settings
from warehouse.schema import table_schema

SETTINGS = """
[warehouse]
data_dir = "data"

[[grid]]
name = "main"
instruments = ["binance_usdm:BTCUSDT", "binance_spot:BTCUSDT", "bybit_spot:BTCUSDT"]
reference = "binance_usdm:BTCUSDT"

[streaming.redis]
url = "off"
"""
STEPS, SECONDS = 15_000, 1_500
"""Of which the champion's training is the first three fifths."""


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    (tmp_path / "settings.toml").write_text(SETTINGS)
    monkeypatch.setenv("LOB_SETTINGS", str(tmp_path / "settings.toml"))
    return load_settings()


def record(settings: Settings, shift: Shift) -> None:
    """Write a market whose last fifth is another one's, shifted."""
    late = market_rows(STEPS, 22, shift).filter(pl.col("ts_step_ns") >= START_NS + STEP_NS * (4 * STEPS // 5))
    rows = pl.concat([market_rows(STEPS, 21).filter(pl.col("ts_step_ns") < late["ts_step_ns"].min()), late])
    columns: dict[str, object] = {
        field.name: rows[field.name].to_arrow().cast(field.type)
        if field.name in rows.columns
        else pa.array(np.zeros(rows.height)).cast(field.type)
        for field in table_schema("grid").columns
    }
    settings.lake.write_table("grid", {"grid": "main", "date": "2026-01-05", "hour": "00"}, pa.table(columns))


def test_without_a_champion_there_is_nothing_to_watch(settings: Settings) -> None:
    with pytest.raises(DriftError, match="no champion, so no trader acts by a drift"):
        watch_champion(settings, "watch-1", 1)


@pytest.mark.parametrize(
    ("shift", "level", "action"), [(Shift(), 0, "none"), (Shift(tick_factor=5, missing_from=0.0), 3, "halt")]
)
def test_the_verdict_names_the_champion_its_level_and_what_to_do(
    settings: Settings, shift: Shift, level: int, action: str
) -> None:
    record(settings, shift)
    champion = seal_stand_in(settings.folders.models_dir, "champion", None, SECONDS)
    promote(settings.folders.models_dir, champion.hash, "a person", "the first", 1)

    verdict = watch_champion(settings, "watch-1", 1)

    document = json.loads(verdict_path(settings.folders.reports_dir, "watch-1").read_text())
    assert (document["bundle"], document["level"], document["action"]) == (champion.hash, level, action)
    assert verdict.reference.last_ns <= at(0.6 * SECONDS) < verdict.newer.first_ns
