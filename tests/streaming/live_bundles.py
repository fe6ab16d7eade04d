"""Real bundles of the generated market: one that was trained on it, and copies that differ in a known way."""

import hashlib
import json
import shutil
from datetime import UTC, datetime
from functools import cache

import numpy as np
from paper_market import GRID, NAMES, START_NS, Feeder, arrivals, begin, plan_of
from safetensors.numpy import load_file, save

import native
from ml.bundle import seal
from ml.config import MlConfig
from ml.dataset import build
from ml.files import canonical_json
from ml.train import train
from ml.validate import validate
from streaming.trader.machine import grid_of
from warehouse.lake import Lake, hour_keys
from warehouse.records import grid_table

TRAINING_STEPS = 6_000
FRAMES_AT_ONCE = 40
HOUR = datetime.fromtimestamp(START_NS // 1_000_000_000, tz=UTC)


def market_grid(folder, steps, seed):
    """Return the grid's rows that a session makes of a generated market, and the session's plan."""
    folder.mkdir(parents=True, exist_ok=True)
    plan = plan_of()
    session = begin(folder, plan)
    feeder = Feeder(session, is_forecasting=False)
    rows, frames = [], arrivals(steps, seed)
    for begins in range(0, len(frames), FRAMES_AT_ONCE):
        feeder.feed(frames[begins : begins + FRAMES_AT_ONCE])
        rows.append(session.take_grid())
    session.abandon()
    return np.concatenate(rows), plan


@cache
def seal_bundle(folder, seed=2):
    """Train on a generated market, once a process; return the models' folder and the bundle's hash."""
    rows, plan = market_grid(folder / "session", TRAINING_STEPS, seed)
    lake = Lake(folder / "lake")
    names = [(entry.venue, entry.symbol) for entry in plan.header.instruments]
    lake.write_table(
        "grid", {"grid": GRID.name, **hour_keys(HOUR)}, grid_table(rows, names, grid_of(plan.header)["slots"])
    )
    config = MlConfig(preset="nano_short", steps=20)
    build(lake.root, GRID.name, config, folder / "dataset", instruments=NAMES)
    made = train(folder / "dataset", config, folder / "out")
    return folder / "models", seal(made, validate(made.directory, folder / "dataset", config), folder / "models")


def changed_copy(models, bundle, word, change=None):
    """Seal a copy whose constants `change` has altered; without it the same model under another name."""
    manifest = json.loads((models / bundle / "manifest.json").read_bytes())
    manifest["lineage"]["mlflow_run"] = word
    part = models / f".{word}"
    shutil.copytree(models / bundle, part)
    if change is not None:
        constants = load_file(part / "constants.safetensors")
        change(constants)
        data = save(constants)
        (part / "constants.safetensors").write_bytes(data)
        manifest["files"]["constants.safetensors"] = hashlib.sha256(data).hexdigest()
    data = canonical_json(manifest)
    (part / "manifest.json").write_bytes(data)
    return part.rename(models / hashlib.sha256(data).hexdigest()).name


def turn_signs(constants):
    """Let the model forecast the opposite of what it learned."""
    constants["blend.ridge"] = -constants["blend.ridge"]
    constants["blend.net"] = -constants["blend.net"]


def mistake_units(constants):
    """Let the model expect one feature of every slot in units a thousand times smaller."""
    feature = native.FEATURE_NAMES.index("bid_log_size_1")
    constants["normaliser.offset"] = constants["normaliser.offset"].copy()
    constants["normaliser.offset"][:, feature] += 1_000.0
