"""Watches the lake for new segments and asks for their conversion: books first, then the grid over them."""

from collections.abc import Iterator

import dagster as dg

from orchestration.defs.ingest.due import fingerprint, grid_hours_due, venue_hours_due
from orchestration.defs.ingest.jobs import capture, sample
from orchestration.defs.partitions import (
    VENUE_NAMES,
    KeyRange,
    contiguous,
    hour_ranges,
    parse_venue_hour,
    venue_hour_ranges,
)
from orchestration.defs.quality.partition import venue_hour_files
from orchestration.defs.quality.span import feeding
from orchestration.defs.resources import House
from orchestration.settings import Settings, load_settings


@dg.sensor(jobs=[capture, sample], minimum_interval_seconds=load_settings().orchestration.sensor_interval_s)
def new_segments(house: House) -> Iterator[dg.RunRequest | dg.SkipReason]:
    """Ask for one run a stretch of hours that holds new segments, and for the grid where all its books are ready."""
    requests = run_requests(house.settings())
    yield from requests
    if not requests:
        yield dg.SkipReason("every segment is converted")


def run_requests(settings: Settings) -> list[dg.RunRequest]:
    """Return the runs that the lake's files ask for now; equal files give equal run keys, which Dagster runs once."""
    lake, grid = settings.lake, settings.learning_grid
    waiting = venue_hours_due(lake, VENUE_NAMES)
    requests: list[dg.RunRequest] = []
    for keys in venue_hour_ranges(waiting):
        first, last = parse_venue_hour(keys.start), parse_venue_hour(keys.end)
        covered = [item for item in waiting if item.venue == first.venue and first.hour <= item.hour <= last.hour]
        segments = [path for item in covered for path in lake.segments(item.venue, item.hour)]
        requests.append(_request("capture", keys, fingerprint(segments)))
    hours = grid_hours_due(lake, grid, waiting)
    for keys, run in zip(hour_ranges(hours), contiguous(hours), strict=True):
        books = [path for item in feeding(lake, grid, run) for path in venue_hour_files(lake, item)]
        requests.append(_request("sample", keys, fingerprint(books)))
    return requests


def _request(job: str, keys: KeyRange, state: str) -> dg.RunRequest:
    return dg.RunRequest(job_name=job, run_key=f"{job} {keys.start} {keys.end} {state}", tags=keys.tags)
