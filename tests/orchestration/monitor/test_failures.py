"""A failed run becomes a report that the alerts' process takes."""

from pathlib import Path

import dagster as dg

from orchestration.defs.monitor.failures import failed_runs
from orchestration.defs.resources import House
from orchestration.settings import load_settings
from streaming.alert_inbox import take_reports


def sense(job: dg.JobDefinition) -> None:
    """Run a job that fails, and give its failure to the sensor."""
    with dg.DagsterInstance.ephemeral() as instance:
        result = job.execute_in_process(instance=instance, raise_on_error=False)
        (failure,) = [event for event in result.all_events if event.event_type_value == "PIPELINE_FAILURE"]
        context = dg.build_run_status_sensor_context(
            sensor_name="failed_runs",
            dagster_event=failure,
            dagster_instance=instance,
            dagster_run=result.dagster_run,
            resources={"house": House()},
        )
        failed_runs(context.for_run_failure())


def test_failed_run_is_reported_with_step_and_cause(settings_file: Path) -> None:
    @dg.op
    def convert() -> None:
        raise ValueError("hour 03\nis torn")

    @dg.job
    def sessions() -> None:
        convert()

    sense(sessions)

    (report,) = take_reports(load_settings().data_dir).reports
    assert (report.rule, report.subject, report.severity) == ("run_failure", "sessions", None)
    assert report.title == "Dagster run of sessions failed"
    assert report.words.startswith("at convert: ValueError: hour 03 is torn; run ")
