"""Two bundles side by side: what each is, what both earn on one span, and whether a difference is beyond chance."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sealed_stand_in import write_report
from synthetic_grid import INSTRUMENTS, make_market, write_lake

from ml.bundle import open_bundle, seal
from ml.config import MlConfig
from ml.dataset import build
from ml.files import canonical_json, sha256_of_bytes
from ml.registry import challenge, promote
from ml.train import train
from ml.validate import validate
from orchestration.__main__ import main
from orchestration.comparison import Model, compare_models, compared_skill
from orchestration.comparison_text import comparison_lines
from orchestration.defs.drift.samples import SECOND_NS, Span
from orchestration.defs.promote.money import fitted_until_ns, out_of_sample, span_of_test
from orchestration.settings import Settings, load_settings
from streaming.errors import UsageError

SETTINGS = """
[warehouse]
data_dir = "data"

[[grid]]
name = "main"
instruments = ["binance_usdm:BTCUSDT", "binance_spot:BTCUSDT", "bybit_spot:BTCUSDT"]
reference = "binance_usdm:BTCUSDT"

[ml.gate.money]
block_s = 4
blocks_min = 5
"""


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, str]:
    """A models folder with two bundles of one training that differ by a word."""
    folder = tmp_path_factory.mktemp("bundles")
    lake, config = write_lake(folder / "lake", make_market(3_000, seed=2)), MlConfig(preset="nano_short", steps=2)
    build(lake, "main", config, folder / "dataset", instruments=INSTRUMENTS)
    made = train(folder / "dataset", config, folder / "out")
    first = seal(made, validate(made.directory, folder / "dataset", config), folder / "models")
    manifest = json.loads((folder / "models" / first / "manifest.json").read_bytes())
    manifest["lineage"]["mlflow_run"] = "another"
    second = sha256_of_bytes(canonical_json(manifest))
    shutil.copytree(folder / "models" / first, folder / "models" / second)
    (folder / "models" / second / "manifest.json").write_bytes(canonical_json(manifest))
    return folder / "models", first, second


@pytest.fixture
def settings(sealed: tuple[Path, str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    (tmp_path / "settings.toml").write_text(SETTINGS)
    monkeypatch.setenv("LOB_SETTINGS", str(tmp_path / "settings.toml"))
    monkeypatch.setenv("DAGSTER_HOME", "")
    settings = load_settings()
    models, first, second = sealed
    shutil.copytree(models, settings.folders.models_dir)
    promote(settings.folders.models_dir, first, "a person", "the first", 1)
    challenge(settings.folders.models_dir, second, "job", "trained", 2)
    return settings


def backtested(settings: Settings, bundle: str, mean: float, seed: int) -> None:
    part = span_of_test(open_bundle(settings.folders.models_dir, bundle, None))
    changes = np.random.default_rng(seed).normal(mean, 0.01, (part.last_ns - part.first_ns) // SECOND_NS)
    write_report(settings, bundle, part, list(changes))


def test_the_test_part_lies_after_all_that_a_bundle_was_fitted_on(settings: Settings, sealed) -> None:
    bundle = open_bundle(settings.folders.models_dir, sealed[1], None)

    span, told = out_of_sample(bundle, bundle, settings.ml.gate.money)

    assert span == span_of_test(bundle) and told == ()
    assert fitted_until_ns(bundle) < span.first_ns < span.last_ns <= bundle.trained_until_ns


def test_without_backtests_the_facts_are_shown_and_money_says_what_to_do(settings: Settings) -> None:
    comparison = compare_models(settings, "challenger", "champion", may_run=False)

    one, other = comparison.models
    assert (one.roles, other.roles) == (("challenger",), ("champion",))
    assert one.parameters == other.parameters > 1_000 and one.size_bytes > 10_000
    assert 0.0 < one.latency_ms["p50"] <= one.latency_ms["p99"]
    assert comparison.earned.better == "unknown" and "add --backtest" in comparison.money_problem
    assert comparison.skill.better == "neither"


def test_a_difference_of_money_beyond_chance_names_the_better_one(settings: Settings, sealed) -> None:
    _, first, second = sealed
    backtested(settings, first, 0.0, 1)
    backtested(settings, second, 0.05, 2)

    comparison = compare_models(settings, "challenger", "champion", may_run=False)
    swapped = compare_models(settings, "champion", "challenger", may_run=False)

    assert (comparison.earned.better, swapped.earned.better) == ("first", "second")
    assert comparison.earned.words.startswith(f"{second[:12]} earns more beyond chance")


def test_a_difference_within_its_interval_is_none(settings: Settings, sealed) -> None:
    for seed, bundle in enumerate(sealed[1:]):
        backtested(settings, bundle, 0.0, seed + 1)

    comparison = compare_models(settings, "challenger", "champion", may_run=False)

    assert comparison.earned.better == "neither" and "no difference beyond chance" in comparison.earned.words


def test_the_command_prints_a_table_and_the_same_as_json(settings: Settings, sealed, capsys) -> None:
    for bundle in sealed[1:]:
        backtested(settings, bundle, 0.0, 7)

    assert main(["compare"]) == 0
    table = capsys.readouterr().out
    assert main(["compare", "champion", sealed[2][:10], "--json"]) == 0
    document = json.loads(capsys.readouterr().out)

    assert [model["bundle"] for model in document["models"]] == [sealed[1], sealed[2]]
    assert document["earned"]["better"] == "neither" and document["money"]["difference_quote"] == [0.0, 0.0, 0.0]
    for words in (
        "earned after fees",
        "largest drawdown",
        "forecast p50 / p99",
        "mid against persistence",
        "nano_short",
    ):
        assert words in table
    assert "skill rule test_blocks" in table  # a rule that the gate refused by is told in full


def test_a_bundle_is_not_compared_with_itself_and_a_name_that_means_nothing_is_a_slip(
    settings: Settings, capsys
) -> None:
    with pytest.raises(UsageError, match="are the same bundle"):
        compare_models(settings, "champion", "champion", may_run=False)

    assert main(["compare", "champion", "ffff"]) == 2
    assert "expected one bundle beginning with 'ffff'" in capsys.readouterr().err


MODEL = Model(
    bundle="ab" * 32, roles=(), preset="nano", data=Span(0, 1), tested=None, dataset="d", is_gate_open=True, rules=(),
    horizon_step=5, skill={"mid_vs_persistence": (0.1, 0.08, 0.12)}, parameters=1, size_bytes=1, latency_ms={},
)  # fmt: skip


@pytest.mark.parametrize(
    ("change", "better", "words"),
    [
        ({"skill": {"mid_vs_persistence": (0.1, 0.11, 0.13)}}, "neither", "overlap"),
        ({"skill": {"mid_vs_persistence": (0.2, 0.13, 0.3)}}, "second", "forecasts the mid better"),
        ({"skill": {"mid_vs_persistence": (0.0, -0.1, 0.07)}}, "first", "forecasts the mid better"),
        ({"dataset": "e"}, "unknown", "different data"),
        ({"horizon_step": 10}, "unknown", "different data or horizons"),
    ],
)
def test_skill_is_compared_where_both_were_judged_on_the_same_data(change, better: str, words: str) -> None:
    finding = compared_skill(MODEL, replace(MODEL, **change))

    assert finding.better == better and words in finding.words


def test_models_compare_lines_align(settings: Settings) -> None:
    lines = comparison_lines(compare_models(settings, "challenger", "champion", may_run=False))

    column = lines[0].index(lines[0].split()[2])
    assert [line[column - 1] for line in lines[:10]] == [" "] * 10
