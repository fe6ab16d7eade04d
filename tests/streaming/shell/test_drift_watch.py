"""The level of drift: of the newest verdict about the very model, whatever else lies in the folder."""

import json
import os

import pytest

from streaming.shell.drift_watch import DriftWatch

MODEL, OTHER = "a" * 64, "b" * 64


@pytest.fixture
def say(tmp_path):
    """Writes verdicts, each a second newer than the one before."""
    folder = tmp_path / "drift"
    count = iter(range(1, 100))

    def write(name, text=None, **words):
        folder.mkdir(exist_ok=True)
        path, at_s = folder / f"{name}.json", 1_000_000 + next(count)
        path.write_text(json.dumps({"not_judged": "", **words}) if text is None else text)
        os.utime(path, (at_s, at_s))
        os.utime(folder, (at_s, at_s))

    return write


def test_without_a_verdict_there_is_no_drift(tmp_path):
    assert DriftWatch(tmp_path).level(MODEL) == 0


def test_the_newest_verdict_about_the_model_counts(tmp_path, say):
    watch = DriftWatch(tmp_path)
    say("one", bundle=MODEL, level=3)
    say("two", bundle=MODEL, level=1)
    say("three", bundle=OTHER, level=2)
    assert (watch.level(MODEL), watch.level(OTHER)) == (1, 2)

    say("four", bundle=MODEL, level=0)

    assert watch.level(MODEL) == 0


def test_a_verdict_that_judged_nothing_or_cannot_be_read_changes_nothing(tmp_path, say):
    watch = DriftWatch(tmp_path)
    say("one", bundle=MODEL, level=2)
    say("two", bundle=MODEL, level=0, not_judged="too short")
    say("three", text="{torn")
    say("four", level=3)

    assert watch.level(MODEL) == 2
