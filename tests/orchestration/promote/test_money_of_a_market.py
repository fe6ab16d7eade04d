"""Money through the real simulator: a bundle is backtested on its own test part, and a twin of it earns the same."""

import json
import shutil

import pytest

from ml.bundle import Bundle, open_bundle, seal
from ml.dataset import build
from ml.files import canonical_json, sha256_of_bytes
from ml.registry import promote
from ml.train import train
from ml.validate import validate
from orchestration.defs.dataset.assets import dataset_dir
from orchestration.defs.promote.money import span_of_test, weigh_money
from orchestration.defs.train.assets import candidate_dir
from orchestration.settings import Settings, load_settings

LIMITS = """
[native.limits."{name}"]
order_size = "0.01"
max_order_size = "0.05"
max_position = "0.05"
"""
RISK = """
[native.risk]
price_deviation_bps = 50.0
max_exposure_quote = "100000"
forecast_age_max_ms = 500
"""
SHORT_SPAN = """
[ml.gate.money]
block_s = 2
blocks_min = 5
"""


@pytest.fixture
def trading_house(converted_house: Settings) -> Settings:
    """A house whose trader may trade, and whose four minutes of market are enough to compare."""
    file = converted_house.data_dir.parent / "settings.toml"
    limits = "".join(LIMITS.format(name=name) for name in converted_house.learning_grid.instruments)
    file.write_text(file.read_text() + RISK + limits + SHORT_SPAN)
    return load_settings()


def sealed(settings: Settings) -> Bundle:
    slots, models_dir = settings.learning_grid.instruments, settings.folders.models_dir
    build(settings.lake, settings.learning_grid.name, settings.ml, dataset_dir(settings), instruments=slots)
    candidate = train(dataset_dir(settings), settings.ml, candidate_dir(settings))
    report = validate(candidate_dir(settings), dataset_dir(settings), settings.ml)
    return open_bundle(models_dir, seal(candidate, report, models_dir), None)


def twin_of(settings: Settings, bundle: Bundle) -> Bundle:
    """Seal the same model under another name."""
    manifest = json.loads((bundle.directory / "manifest.json").read_bytes())
    manifest["lineage"]["mlflow_run"] = "twin"
    name = sha256_of_bytes(canonical_json(manifest))
    shutil.copytree(bundle.directory, settings.folders.models_dir / name)
    (settings.folders.models_dir / name / "manifest.json").write_bytes(canonical_json(manifest))
    return open_bundle(settings.folders.models_dir, name, None)


@pytest.mark.slow
def test_a_twin_of_the_champion_earns_exactly_the_same_and_does_not_take_its_place(trading_house: Settings) -> None:
    first = sealed(trading_house)

    alone = weigh_money(trading_house, first)
    promote(trading_house.folders.models_dir, first.hash, "a person", "the first", 1)
    beside = weigh_money(trading_house, twin_of(trading_house, first))

    assert alone.verdict is not None, alone.told
    assert (alone.rules, alone.span) == ((), span_of_test(first))
    assert alone.verdict.challenger.gross_exposure_max_e8 > 0  # it did trade
    assert beside.verdict is not None and beside.verdict.difference is not None, beside.weaknesses
    assert (beside.verdict.difference.lower, beside.verdict.difference.upper) == (0.0, 0.0)
    assert [line.partition(":")[0] for line in beside.weaknesses] == ["money_difference"]
