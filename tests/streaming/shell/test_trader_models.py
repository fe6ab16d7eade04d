"""Real bundles in a running trader: a promotion swaps, a rollback needs no loading, a rotten bundle is kept out."""

import hashlib
import json
import shutil
import time

import pytest
from paper_house import emulator, make_house
from synthetic_grid import FIRST_STEP_NS, INSTRUMENTS, make_market, write_lake

from ml.bundle import seal
from ml.config import MlConfig
from ml.dataset import build
from ml.files import canonical_json
from ml.registry import promote, rollback
from ml.train import train
from ml.validate import validate
from streaming.replay import replay
from streaming.shell.trader_model import bundle_loader, first_model
from warehouse.files import write_atomically

START_NS = FIRST_STEP_NS + 3_600_000_000_000


@pytest.fixture(scope="module")
def sealed(tmp_path_factory):
    """A models folder with three bundles: one that was trained, and two that differ from it by a word."""
    folder = tmp_path_factory.mktemp("bundles")
    lake, config = write_lake(folder / "lake", make_market(3_000, seed=2)), MlConfig(preset="nano_short", steps=2)
    build(lake, "main", config, folder / "dataset", instruments=INSTRUMENTS)
    made = train(folder / "dataset", config, folder / "out")
    judged = validate(made.directory, folder / "dataset", config, lake / "truth" / "run.parquet")
    models = folder / "models"
    first = seal(made, judged, models)
    return models, [first, copy_of(models, first, "second"), copy_of(models, first, "third")]


def copy_of(models, bundle, word):
    """Seal the same model under another name."""
    manifest = json.loads((models / bundle / "manifest.json").read_bytes())
    manifest["lineage"]["mlflow_run"] = word
    data = canonical_json(manifest)
    folder = models / hashlib.sha256(data).hexdigest()
    shutil.copytree(models / bundle, folder)
    (folder / "manifest.json").write_bytes(data)
    return folder.name


@pytest.fixture
def house(settings_file, sealed):
    house = make_house(settings_file)
    models = house.settings.warehouse.models_dir
    models.parent.mkdir(parents=True, exist_ok=True)
    shutil.copytree(sealed[0], models)
    return house


def point_past_the_check(models, bundle, generation):
    """Move the pointer to a bundle that rotted after it was promoted: a promotion itself would refuse it."""
    pointer = {"hash": bundle, "generation": generation, "reason": "why", "by": "test", "ts_ns": 1}
    write_atomically(models / "champion.json", json.dumps(pointer).encode())


def models_of(status):
    return status["model"]["hash"], status["model"]["previous"]


def test_the_champion_is_followed_and_a_rotten_bundle_kept_out(house, sealed):
    models, (first, second, rotten) = house.settings.warehouse.models_dir, sealed[1]
    assert len({first, second, rotten}) == 3
    (models / rotten / "weights.safetensors").write_bytes(b"a disk lost these")

    def move(act, *words):
        act(models, *words, "test", "why", time.time_ns())

    def script(house):
        house.until(lambda status: status["counts"]["forecasts"] >= 5)
        move(promote, second)
        house.until(lambda status: models_of(status) == (second, first))
        forecasts = house.ask("status")["counts"]["forecasts"]
        house.until(lambda status: status["counts"]["forecasts"] > forecasts + 5)
        assert house.ask("status")["model_id"] == int(second[:8], 16)
        move(rollback)
        house.until(lambda status: models_of(status) == (first, second))
        point_past_the_check(models, rotten, generation=4)
        house.rotten = house.until(lambda status: status["model"]["refused"])
        house.after = house.until(
            lambda status: status["counts"]["forecasts"] > forecasts + 20 and "MODEL REFUSED" in "".join(house.lines)
        )

    move(promote, first)
    settings = house.settings
    with emulator(house.addresses_file, start_ns=START_NS, speed=5.0):
        clock = house.request().clock
        load = bundle_loader(settings, settings.grid_named("main"), clock)
        model = first_model(settings, "champion", load)
        summary = house.trade(script, model, load)

    assert models_of(house.after) == (first, second)
    assert (house.after["model"]["swaps"], house.after["model"]["refused"]) == (2, 1)
    assert "weights.safetensors: altered since it was sealed" in house.rotten["model"]["last_problem"]
    assert any("took over (generation 2" in line for line in house.lines)
    assert replay(summary.journal, str).identical
