"""The level is told to running traders; where nobody listens that is said, and what was not judged is not told."""

from dataclasses import replace
from pathlib import Path

import pytest

from orchestration.defs.drift.announce import announce
from orchestration.defs.drift.effects import FeatureEffect
from orchestration.defs.drift.samples import Span
from orchestration.defs.drift.verdict import DriftVerdict
from orchestration.settings import Settings, load_settings

CHAMPION = "ab" * 32
VERDICT = DriftVerdict(
    run="watch-1", level=2, severity=2.5, not_judged="", effects=(FeatureEffect("a", 2.0, 1.0),), structure=(),
    missing=(), thresholds=None, judged_steps=600, reference=Span(1, 2), newer=Span(10, 20), medians={},
    bundle=CHAMPION,
)  # fmt: skip
SETTINGS = """
[warehouse]
data_dir = "data"

[[grid]]
name = "main"
instruments = ["binance_usdm:BTCUSDT"]
reference = "binance_usdm:BTCUSDT"

[streaming.redis]
url = "redis://127.0.0.1:1/0"
"""


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    (tmp_path / "settings.toml").write_text(SETTINGS)
    monkeypatch.setenv("LOB_SETTINGS", str(tmp_path / "settings.toml"))
    return load_settings()


def test_a_level_is_told_and_a_bus_that_nobody_serves_is_a_warning(settings: Settings) -> None:
    told: list[str] = []

    level = announce(settings, VERDICT, 99, told.append)

    assert level is not None and (level.hash, level.level, level.last_step_ns, level.ts_ns) == (CHAMPION, 2, 20, 99)
    assert level.words.startswith("DRIFT, level 2 (reduce only): 1 of 1 measures beyond")
    assert len(told) == 1 and told[0].startswith("traders were not told of the drift")


@pytest.mark.parametrize("change", [{"not_judged": "too short"}, {"bundle": ""}])
def test_what_was_not_judged_or_belongs_to_no_sealed_model_is_not_told(settings: Settings, change) -> None:
    told: list[str] = []

    assert announce(settings, replace(VERDICT, **change), 99, told.append) is None
    assert told == []
