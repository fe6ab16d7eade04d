"""Looks at recorder and trader, and reports what is seen: a materialisation while fresh, else an observation."""

import json
from collections.abc import Iterator

import dagster as dg

from orchestration.defs.monitor.assets import check_name, sighting_metadata
from orchestration.defs.monitor.watch import SIGHTS, Sighting
from orchestration.defs.resources import House
from orchestration.settings import load_settings

Event = dg.AssetMaterialization | dg.AssetObservation | dg.AssetCheckEvaluation


@dg.sensor(
    minimum_interval_seconds=load_settings().orchestration.sensor_interval_s,
    default_status=dg.DefaultSensorStatus.RUNNING,  # it starts nothing
)
def running_processes(context: dg.SensorEvaluationContext, house: House) -> dg.SensorResult:
    """Report each process while it is fresh, and once when that changes: a process at rest fills no event log."""
    before = json.loads(context.cursor or "{}")
    settings = house.settings()
    seen = {process: see(settings) for process, see in SIGHTS.items()}
    told = [sighting for name, sighting in seen.items() if sighting.is_fresh or sighting.state != before.get(name)]
    cursor = json.dumps({name: sighting.state for name, sighting in seen.items()})
    return dg.SensorResult(asset_events=[event for sighting in told for event in events_of(sighting)], cursor=cursor)


def events_of(seen: Sighting) -> Iterator[Event]:
    """Yield what Dagster is told of a sighting. Its freshness policy counts materialisations alone."""
    metadata = sighting_metadata(seen)
    if seen.is_fresh:
        yield dg.AssetMaterialization(seen.process, description=seen.words, metadata=metadata)
    else:
        yield dg.AssetObservation(seen.process, description=seen.words, metadata=metadata)
    yield dg.AssetCheckEvaluation(
        asset_key=dg.AssetKey(seen.process),
        check_name=check_name(seen.process),
        passed=seen.is_fresh,
        severity=dg.AssetCheckSeverity.WARN,
        description=seen.words,
        metadata=metadata,
    )
