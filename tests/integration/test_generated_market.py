"""A market with a known answer: the job finds what was planted, says how much, promotes, trades and replays."""

import json
import shlex
import time
from contextlib import ExitStack
from pathlib import Path

import polars as pl
import pytest
from whole_job import ROOT, Job, MakeJob, Outcome

from warehouse.lake import Lake

HOURS = 1.0
TEST_PART_START = "2026-01-05T00:49:00"


def readme_commands(heading: str) -> list[str]:
    """The `trader` lines of one part of the README."""
    part = (ROOT / "README.md").read_text(encoding="utf-8").split(f"## {heading}")[1].split("\n## ")[0]
    return [line.partition("#")[0].strip() for line in part.splitlines() if line.startswith("trader ")]


@pytest.fixture(scope="module")
def job(make_job: MakeJob) -> Job:
    job = make_job("generated")
    assert job.trader("emulate", "--hours", str(HOURS), "--seed", "11").code == 0
    return job


@pytest.fixture(scope="module")
def learned(job: Job) -> Outcome:
    return job.learn()


@pytest.fixture(scope="module")
def replayed(job: Job, learned: Outcome) -> Outcome:
    assert learned.code == 0, learned.err
    return job.trader("start", "--mode", "replay", "--from", TEST_PART_START, "--json")


def test_planted_effect_is_found_and_the_model_promoted(job: Job, learned: Outcome) -> None:
    assert learned.code == 0, learned.out + learned.err
    champion = json.loads((job.data / "models" / "champion.json").read_text())

    assert learned.json["bundle"] == champion["hash"]
    assert "by hand" not in champion["reason"]


def test_share_of_the_planted_signal_stands_beside_ridges_and_below_the_oracle(learned: Outcome) -> None:
    table = learned.json["skill_table"]

    assert "share found" in table
    assert "ridge's share" in table
    assert "oracle_bound | data | pass" in table
    row = next(line for line in table.split("**Planted signal**")[1].splitlines() if line.startswith("| 5 ("))
    share, ridge_share = (float(cell) for cell in row.split("|")[3:5])
    assert share >= 0.8
    assert ridge_share >= 0.7


def test_promoted_model_trades_the_test_part_and_accounts_for_every_fill(job: Job, replayed: Outcome) -> None:
    assert replayed.code == 0, replayed.err
    report = job.trader("report", "--json")

    assert report.code == 0, report.err
    lake = Lake(job.data / "lake")
    fills = lake.scan("fills").collect()
    orders = lake.scan("orders").collect()
    assert fills.height > 0
    assert set(fills["client_order_id"]) <= set(orders["client_order_id"])
    signed = fills.group_by("venue").agg(
        pl.when(pl.col("side") == 0).then(pl.col("size_units")).otherwise(-pl.col("size_units")).sum()
    )
    last = lake.scan("positions").collect().group_by("venue").agg(pl.col("position_units").last())
    assert dict(signed.iter_rows()) == dict(last.iter_rows())


def test_journal_replayed_gives_byte_identical_outputs(job: Job, replayed: Outcome) -> None:
    journal = replayed.json["journal"]

    again = job.trader("replay", journal, "--json")

    assert again.code == 0, again.out + again.err
    assert again.json["identical"] is True


def test_same_replay_twice_writes_the_same_journal(job: Job, replayed: Outcome) -> None:
    journal = Path(replayed.json["journal"])
    first = journal.read_bytes()

    job.trader("start", "--mode", "replay", "--from", TEST_PART_START, "--json")

    assert journal.read_bytes() == first


def test_every_command_of_the_readme_works_on_what_the_job_left(job: Job, replayed: Outcome) -> None:
    commands = readme_commands("Look around")
    assert len(commands) >= 8

    for command in commands:
        arguments = shlex.split(command)[1:]
        ended = job.trader(*(replayed.json["journal"] if word == "JOURNAL" else word for word in arguments))
        assert ended.code == 0, f"{command}\n{ended.out}{ended.err}"
        assert ended.out.strip(), f"{command} says nothing"


BESIDE = {"emulate": ("--port", "0", "--speed", "5"), "record": (), "start": ()}
"""Commands of the README that run beside the others, and what a test adds: free ports, no waiting."""


def test_live_commands_of_the_readme_work_with_the_promoted_model(job: Job, replayed: Outcome) -> None:
    commands = [shlex.split(command)[1:] for command in readme_commands("Record and trade")]
    assert len(commands) >= 12

    with ExitStack() as processes:
        for words in commands:
            if words[0] in BESIDE and len(words) > 2:
                processes.enter_context(job.running(*words, *BESIDE[words[0]]))
                await_answer(job, words[0])
                continue
            ended = job.trader(*words)
            assert ended.code == 0, f"{words}\n{ended.out}{ended.err}"
            assert ended.out.strip(), f"{words} says nothing"
            if words[0] == "stop":
                assert "PAPER" in job.trader("report").out


def await_answer(job: Job, word: str) -> None:
    """Wait until a command that runs beside can be asked."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if word == "emulate" and (job.data / "run" / "emulator.json").is_file():
            return
        if word == "record" and job.trader("record", "status").code == 0:
            return
        if word == "start" and job.trader("status").code == 0:
            return
        time.sleep(0.1)
    raise AssertionError(f"{word}: no answer in time: {(job.folder / f'{word}.log').read_text()}")


def test_altered_bundle_is_refused_with_its_file(job: Job, replayed: Outcome) -> None:
    champion = json.loads((job.data / "models" / "champion.json").read_text())["hash"]
    weights = next((job.data / "models" / champion).glob("*.safetensors"))
    whole = weights.read_bytes()
    weights.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))

    refused = job.trader("start", "--mode", "replay")
    weights.write_bytes(whole)

    assert refused.code == 3
    assert weights.name in refused.err
    assert "Traceback" not in refused.err
