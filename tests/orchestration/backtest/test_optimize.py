"""The asset's own part: a child process's report as metadata, and its complaint where there is no report."""

from pathlib import Path

import pytest
import searched_market

from orchestration.defs.backtest.optimize import OptimizeWords, SearchError, search, search_metadata, words_of
from orchestration.settings import load_settings
from streaming.emulator.generator import generate
from streaming.optimize.plan import auto_name
from streaming.optimize.request import OptimizeRequest, places_of

WORDS = ["--no-model", "--trials", "4", "--folds", "1", "--jobs", "1"]


def test_a_search_is_run_and_told_of(settings_file: Path) -> None:
    searched_market.with_search(settings_file)
    settings = load_settings()
    truth = generate(settings.lake_root, 0.03, 1, effect=0.0).truth
    name = auto_name(settings, OptimizeRequest(grid="main", model=None, folds=1))
    searched_market.noise(places_of(settings, name).forecasts, truth)

    metadata = search_metadata(search(settings, WORDS))

    assert metadata["is_better"].value is False
    assert str(metadata["verdict"].value).startswith("no better than luck")
    assert metadata["trials"].value == 4
    assert str(metadata["settings_file"].value) == str(places_of(settings, name).best)


def test_a_search_that_cannot_begin_fails_with_its_own_words(settings_file: Path) -> None:
    with pytest.raises(SearchError, match=r"ended with 2: .*nothing to search"):
        search(load_settings(), WORDS)


def test_a_runs_config_becomes_the_commands_options() -> None:
    assert words_of(OptimizeWords()) == ["--model", "champion"]
    assert words_of(OptimizeWords(trials=5, jobs=2, model="")) == ["--trials", "5", "--jobs", "2", "--no-model"]
