"""`python -m orchestration session`: one session landed and looked at, in one run that Dagster remembers."""

import json
from pathlib import Path

import dagster as dg
import pytest
from paper_market import Feeder, arrivals, begin, journal_without, plan_of

from orchestration.__main__ import main
from orchestration.conduct import BAD_DATA, DONE
from orchestration.defs.drift.reference import training_span
from orchestration.defs.drift.samples import Span
from orchestration.session_review import review
from orchestration.settings import Settings
from streaming.segments import KIND_FRAME

STEPS = 150


@pytest.fixture
def trade(house: Settings) -> Path:
    """Seal the journal of a short session in the house."""
    trading = begin(house.folders.journal_dir)
    Feeder(trading).feed(arrivals(STEPS))
    return trading.close()


def test_a_session_is_landed_found_identical_and_without_skew(
    definitions: dg.Definitions, house: Settings, instance: dg.DagsterInstance, trade: Path
):
    reviewed = review(house, instance, "")

    run = trade.name.removesuffix(".seg.zst")
    assert (reviewed.exit_code, reviewed.reasons, reviewed.run) == (DONE, (), run)
    document = json.loads(json.dumps(reviewed.as_json()))
    assert document["identical"] is True
    assert document["rows"]["session_grid"] == 3 * document["steps"] == document["skew"]["rows"]
    assert (document["skew"]["different"], document["skew"]["bits_different"]) == (0, 0)
    assert document["recorder"] is None
    assert document["drift"]["flagged"] is False
    assert "expected a sealed bundle" in document["drift"]["not_judged"]  # nothing was promoted here
    assert json.loads(Path(document["reports"]["verdict"]).read_text()) == document["drift"]
    tags = instance.get_runs()[0].tags
    assert tags["trader_run"] == run


def test_a_session_that_replays_differently_is_bad_data_and_nothing_of_it_is_kept(
    definitions: dg.Definitions, house: Settings, instance: dg.DagsterInstance, trade: Path
):
    altered = journal_without(trade, house.folders.run_dir, KIND_FRAME).seal()
    altered.replace(trade)

    reviewed = review(house, instance, "")

    assert (reviewed.exit_code, reviewed.identical, reviewed.skew, reviewed.drift) == (BAD_DATA, False, None, None)
    (reason,) = reviewed.reasons
    assert reason.startswith("session_replays_identically: ") and "differ from the session's at step" in reason
    assert not (house.lake.root / "session_grid").exists()


def test_a_run_without_a_sealed_journal_is_a_slip_that_names_the_newest(
    house: Settings, trade: Path, give_manifest_to_house: None, monkeypatch: pytest.MonkeyPatch, capsys
):
    monkeypatch.setenv("DAGSTER_HOME", "")  # the command sets it for its own process

    assert main(["session", "paper-unknown"]) == 2

    assert f"no sealed journal of a session 'paper-unknown'; the newest are: {plan_of().header.run}" in (
        capsys.readouterr().err
    )


def test_an_empty_lake_is_not_extended_but_pointed_at_what_fills_it(
    house: Settings, give_manifest_to_house: None, monkeypatch: pytest.MonkeyPatch, capsys
):
    monkeypatch.setenv("DAGSTER_HOME", "")
    (house.lake.root / "raw").rename(house.lake.root / "elsewhere")

    assert main(["extend", "--json"]) == 1

    assert "expected raw segments, found none; record some first" in capsys.readouterr().err


def test_the_training_span_is_the_training_part_of_the_bundles_data():
    manifest = {
        "lineage": {"first_step_ns": 1_000},
        "trained_until_ns": 2_000,
        "config": {"split": {"train": 0.6, "validation": 0.2, "test": 0.2}},
    }

    assert training_span(manifest) == Span(1_000, 1_600)
