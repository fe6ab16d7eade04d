"""`trader optimize` on a small generated lake: what it prints, writes and refuses."""

from pathlib import Path

import orjson
import pytest
import searched_market

from streaming.cli.main import main
from streaming.emulator.generator import generate
from streaming.optimize.request import places_of
from streaming.settings import load_settings

HOURS = 0.03
WORDS = ["optimize", "--no-model", "--trials", "4", "--folds", "1", "--jobs", "1"]


@pytest.fixture
def places(settings_file: Path):
    """Settings with a search over a market in which nothing can be forecast, forecasts laid ready."""
    searched_market.with_search(settings_file)
    settings = load_settings()
    truth = generate(settings.lake_root, HOURS, 1, effect=0.0).truth
    places = places_of(settings, "main")
    searched_market.noise(places.forecasts, truth)
    return places


def test_a_search_tells_verdict_sets_and_importance_and_shows_them_again(
    places, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(WORDS) == 0
    told = capsys.readouterr().out

    assert main(["optimize", "--show"]) == 0
    shown = capsys.readouterr().out

    assert "VERDICT  no better than luck: deflated Sharpe ratio" in told
    for words in (
        "test windows",
        "as given",
        "best sets on their train windows",
        "PED-ANOVA",
        "cost_multiple",
        str(places.best),
    ):
        assert words in told
    assert shown == told


def test_json_is_the_report(places, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*WORDS, "--json"]) == 0

    document = orjson.loads(capsys.readouterr().out)
    assert document == orjson.loads(places.report.read_bytes())
    assert document["verdict"]["word"] == "no better than luck"
    assert set(document["verdict"]["folds"][0]["chosen"]["values"]) == set(document["default_values"])


@pytest.mark.parametrize(
    ("words", "code", "problem"),
    [
        (["--name", "../up"], 2, "--name: expected letters, digits"),
        (["--show", "--name", "none"], 1, "expected a finished search, found none; next: trader optimize"),
        ([], 2, "streaming.optimize.space: nothing to search"),
        (["--grid", "none"], 2, "no grid is called 'none'"),
    ],
)
def test_what_cannot_be_searched_is_refused_in_one_line(
    settings_file: Path, words: list[str], code: int, problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["optimize", "--no-model", *words]) == code

    said = capsys.readouterr().err
    assert problem in said.splitlines()[-1] and "Traceback" not in said


def test_a_span_that_is_too_short_is_refused_with_what_would_do(places, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*WORDS, "--folds", "9"]) == 2

    assert "take fewer folds, or a span of" in capsys.readouterr().err
    assert not places.plan.exists(), "the next command may take other folds"


def test_without_a_champion_the_model_is_asked_for(places, capsys: pytest.CaptureFixture[str]) -> None:
    words = [word for word in WORDS if word != "--no-model"]

    assert main(words) == 3

    assert "no champion" in capsys.readouterr().err


def test_a_misspelt_key_is_refused_with_the_nearest(settings_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    space = '[streaming.optimize.space]\n"native.signal.cost_multple" = { low = 0.5, high = 4.0 }\n'
    settings_file.write_text(f"{settings_file.read_text()}\n{space}")

    assert main(["optimize", "--no-model"]) == 2

    assert "the nearest is native.signal.cost_multiple" in capsys.readouterr().err
