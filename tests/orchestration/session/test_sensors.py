"""Sealed journals ask for their session once; drift asks for retraining only where it was told to."""

import dagster as dg
import pytest

from orchestration.defs.drift.verdict import verdict_path
from orchestration.defs.resources import House
from orchestration.defs.session.sensors import drifted_sessions, new_journals
from orchestration.settings import Settings

RETRAINS = "\n[orchestration.drift]\nretrains = true\n"


def asked(sensor: dg.SensorDefinition) -> list[dg.RunRequest | dg.SkipReason]:
    context = dg.build_sensor_context(instance=dg.DagsterInstance.ephemeral(), resources={"house": House()})
    return list(sensor(context))


@pytest.fixture
def judged_house(house: Settings) -> Settings:
    """A house with two judged sessions, one of them drifted, and a drifted learning run."""
    for run, flagged in (("paper-1", "false"), ("paper-2", "true"), ("learning-1", "true")):
        path = verdict_path(house.folders.reports_dir, run)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f'{{"flagged": {flagged}}}')
    return house


def test_each_sealed_journal_asks_for_its_session_and_a_growing_one_waits(house: Settings):
    journals = house.folders.journal_dir
    journals.mkdir(parents=True)
    for name in ("paper-1.seg.zst", "paper-2.seg.zst", "paper-3.seg.zst.part", "replay-4.seg.zst"):
        (journals / name).write_bytes(b"x")

    first, again = asked(new_journals), asked(new_journals)

    assert [request.tags["trader_run"] for request in first] == ["paper-1", "paper-2"]
    assert [request.run_key for request in first] == [request.run_key for request in again]


def test_without_a_journal_nothing_is_asked(house: Settings):
    (skipped,) = asked(new_journals)

    assert isinstance(skipped, dg.SkipReason)


def test_a_drifted_session_asks_for_nothing_unless_the_settings_say_so(judged_house: Settings):
    (skipped,) = asked(drifted_sessions)

    assert isinstance(skipped, dg.SkipReason)
    assert "orchestration.drift.retrains is false" in str(skipped.skip_message)


def test_where_the_settings_say_so_each_drifted_session_asks_for_one_retraining(judged_house: Settings):
    file = judged_house.data_dir.parent / "settings.toml"
    file.write_text(file.read_text() + RETRAINS)

    (request,) = asked(drifted_sessions)

    assert isinstance(request, dg.RunRequest)
    assert request.run_key == "drift paper-2"
