"""Failed runs, told to people by the alerts' road: a report in the inbox, which needs neither Redis nor a trader."""

import time

import dagster as dg

from orchestration.defs.resources import House
from orchestration.settings import load_settings
from streaming.alert_inbox import drop_report
from streaming.alerts.report import Report

WORDS_SIGNS_MAX = 600


@dg.run_failure_sensor(
    minimum_interval_seconds=load_settings().orchestration.sensor_interval_s,
    default_status=dg.DefaultSensorStatus.RUNNING,  # it starts nothing
    monitor_all_code_locations=True,
    description="Puts a report into the inbox of `trader alerts run` for each failed run.",
)
def failed_runs(context: dg.RunFailureSensorContext, house: House) -> None:
    """Report one failed run."""
    run, settings = context.dagster_run, house.settings()
    failed = [event for event in context.get_step_failure_events() if event.step_key]
    steps = ", ".join(sorted({str(event.step_key) for event in failed})) or "no step"
    report = Report(
        rule="run_failure",
        subject=run.job_name,
        title=f"Dagster run of {run.job_name} failed",
        words=f"at {steps}: {_cause(context, failed)}; run {run.run_id}, next: open it in Dagster",
        ts_ns=time.time_ns(),
    )
    drop_report(settings.data_dir, report)


def _cause(context: dg.RunFailureSensorContext, failed: "list[dg.DagsterEvent]") -> str:
    """Return the innermost error's first line, else what the run itself says."""
    for event in failed:
        error = event.step_failure_data.error
        while error is not None and error.cause is not None:
            error = error.cause
        if error is not None:
            return _line(error.message)
    return _line(context.failure_event.message or "no reason was given")


def _line(text: str) -> str:
    return " ".join(text.split())[:WORDS_SIGNS_MAX]
