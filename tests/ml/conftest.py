"""Fixtures of the ml tests: a small market in a lake, its dataset and one judged candidate, each made once."""

from pathlib import Path

import numpy as np
import pytest
from synthetic_grid import INSTRUMENTS, Market, make_market, write_lake

from ml import dataset as datasets
from ml.config import MlConfig
from ml.dataset import Dataset
from ml.train import Candidate, train
from ml.validate import ValidationReport, validate

SHORT = MlConfig(preset="nano_short", steps=60, batch=32, venue_dropout=0.1)


@pytest.fixture(scope="session")
def short_config() -> MlConfig:
    """The small preset with few steps: for what must run, not for what must be good."""
    return SHORT


@pytest.fixture(scope="session")
def market() -> Market:
    return make_market(24_000, seed=3)


@pytest.fixture(scope="session")
def lake(market: Market, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_lake(tmp_path_factory.mktemp("lake"), market)


@pytest.fixture(scope="session")
def dataset_dir(lake: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dataset")
    datasets.build(lake, "main", SHORT, folder, instruments=INSTRUMENTS)
    return folder


@pytest.fixture(scope="session")
def dataset(dataset_dir: Path) -> Dataset:
    return datasets.load(dataset_dir)


@pytest.fixture(scope="session")
def candidate(dataset_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Candidate:
    return train(dataset_dir, SHORT, tmp_path_factory.mktemp("candidate"))


@pytest.fixture(scope="session")
def report(candidate: Candidate, dataset_dir: Path, lake: Path) -> ValidationReport:
    return validate(candidate.directory, dataset_dir, SHORT, lake / "truth" / "run.parquet")


@pytest.fixture
def random() -> np.random.Generator:
    return np.random.default_rng(7)
