"""Retraining by the clock."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.remote_origin import RemoteRepositoryOrigin
from dagster._core.scheduler.instigation import InstigatorState, InstigatorStatus, ScheduleInstigatorData
from dagster._core.workspace.load import location_origins_from_yaml_paths

from ml.registry import read_pointer
from orchestration import environment
from orchestration.settings import Settings
from streaming.settings import PROJECT_ROOT

DAY_S = 86_400
DAEMON_S = 240.0
BIN = Path(sys.executable).parent


def test_a_tick_asks_for_one_run_of_the_retraining_job(definitions: dg.Definitions, instance: dg.DagsterInstance):
    schedule = definitions.get_repository_def().get_schedule_def("daily_retraining")
    at_three = datetime(2026, 1, 6, 3, tzinfo=UTC)

    with dg.build_schedule_context(instance=instance, scheduled_execution_time=at_three) as context:
        tick = schedule.evaluate_tick(context)

    assert schedule.job_name == "retraining"
    assert len(tick.run_requests or []) == 1


def test_a_tick_run_by_a_real_daemon_trains_a_challenger(
    converted_house: Settings, give_manifest_to_house: None, monkeypatch: pytest.MonkeyPatch
):
    environment.prepare(converted_house.folders.dagster_dir)
    monkeypatch.setenv("DAGSTER_HOME", str(converted_house.folders.dagster_dir))
    with dg.DagsterInstance.get() as instance:
        make_a_tick_due(instance, converted_house.orchestration.retraining_cron)
        with daemon():
            run = wait_for_retraining(instance)

    assert run.status == dg.DagsterRunStatus.SUCCESS
    assert run.tags["dagster/schedule_name"] == "daily_retraining"
    assert read_pointer(converted_house.folders.models_dir, "challenger") is not None


def make_a_tick_due(instance: dg.DagsterInstance, cron: str) -> None:
    """Switch the schedule on as if a day ago: the daemon then finds a tick that it missed.

    `dagster schedule start` writes the same record, but loads all definitions to find the name: five seconds.
    """
    (location,) = location_origins_from_yaml_paths([str(PROJECT_ROOT / "workspace.yaml")])
    schedule = RemoteRepositoryOrigin(location, "__repository__").get_instigator_origin("daily_retraining")
    since = ScheduleInstigatorData(cron, start_timestamp=time.time() - DAY_S)
    state = InstigatorState(schedule, InstigatorType.SCHEDULE, InstigatorStatus.RUNNING, since)
    instance.add_instigator_state(state)


@contextmanager
def daemon() -> Iterator[None]:
    """A `dagster-daemon` of our own, in a process group that is killed as a whole."""
    process = subprocess.Popen(
        [BIN / "dagster-daemon", "run", "-w", "workspace.yaml"], cwd=PROJECT_ROOT, start_new_session=True
    )
    try:
        yield
    finally:
        os.killpg(process.pid, signal.SIGINT)
        try:
            process.wait(15)
        finally:
            os.killpg(process.pid, signal.SIGKILL)


def wait_for_retraining(instance: dg.DagsterInstance) -> dg.DagsterRun:
    deadline = time.monotonic() + DAEMON_S
    while time.monotonic() < deadline:
        runs = instance.get_runs(dg.RunsFilter(job_name="retraining"))
        if runs and runs[0].is_finished:
            return runs[0]
        time.sleep(0.5)
    raise AssertionError(f"no finished run of retraining within {DAEMON_S} s")
