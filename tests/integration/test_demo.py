"""The whole demo, live and small: it finds what it did on purpose, and nothing where it did nothing."""

import json
from pathlib import Path

import pytest
from matplotlib.image import imread
from whole_job import Job, MakeJob

SIZE = ("--hours", "1", "--record-minutes", "4", "--paper-minutes", "5", "--json")


@pytest.mark.slow
@pytest.mark.parametrize("is_clean", [False, True], ids=["on purpose", "clean"])
def test_a_demo_finds_what_was_done_on_purpose_and_nothing_else(make_job: MakeJob, is_clean: bool) -> None:
    job: Job = make_job("demo")

    ended = job.trader("demo", *SIZE, "--data-dir", str(job.data), *(["--clean"] if is_clean else []))

    found = ended.json
    assert (ended.code, found["problems"]) == (0, []), ended.err
    recording, session = found["recording"], found["session"]
    assert [len(recording["gaps"]), len(recording["losses"])] == ([0, 0] if is_clean else [1, 1])
    assert recording["minutes"] == pytest.approx(4.0, abs=0.2)
    assert found["learned"]["drift"]["flagged"] is False
    assert session["review"]["drift"]["flagged"] is not is_clean
    assert session["review"]["identical"] is True
    assert session["review"]["skew"]["different"] == 0
    assert sum(item["fills"] for item in session["report"]["instruments"]) > 0
    assert imread(session["picture"]).shape[2] in (3, 4)
    assert set(found["windows"]) == {"dashboard", "dagster", "reports", "token_file"}


@pytest.mark.slow
def test_a_second_demo_in_the_same_folder_begins_anew_and_keeps_the_history(make_job: MakeJob) -> None:
    job: Job = make_job("again")
    words = ("--record-only", "--record-minutes", "1", "--data-dir", str(job.data), "--json")

    runs = []
    for _ in range(2):
        ended = job.trader("demo", *words)
        assert ended.code == 0, ended.err
        manifests = sorted(Path(job.data / "lake" / "raw" / "_runs").glob("*.json"))
        runs.append([json.loads(path.read_text())["frames"] for path in manifests])

    assert [len(frames) for frames in runs] == [3, 3]
