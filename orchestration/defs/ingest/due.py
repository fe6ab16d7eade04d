"""What waits to be converted, told by the lake's files alone: pure of Dagster, repeatable, without a memory."""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path

from native.config import GridConfig
from orchestration.defs.partitions import VenueHour
from orchestration.defs.quality import span
from orchestration.defs.quality.partition import grid_hour_file, venue_hour_files
from warehouse.lake import Lake


def venue_hours_due(lake: Lake, venues: Iterable[str]) -> list[VenueHour]:
    """Return venue-hours that hold a segment newer than their tables, or no table at all."""
    return [
        partition
        for partition in span.captured_hours(lake, venues)
        if _newest(lake.segments(partition.venue, partition.hour)) > _newest(venue_hour_files(lake, partition))
    ]


def grid_hours_due(lake: Lake, grid: GridConfig, waiting: Sequence[VenueHour]) -> list[datetime]:
    """Return hours whose books are all converted (none is `waiting`) and newer than the grid's file."""
    blocked = {partition.hour for partition in waiting}
    due: list[datetime] = []
    for hour in span.capturable_grid_hours(lake, grid):
        books = [path for item in span.feeding(lake, grid, [hour]) for path in venue_hour_files(lake, item)]
        if hour not in blocked and books and _newest(books) > _newest([grid_hour_file(lake, grid, hour)]):
            due.append(hour)
    return due


def fingerprint(paths: Iterable[Path]) -> str:
    """Return a name for these files as they are now, so that one state of them is asked for once."""
    states = sorted((path.as_posix(), path.stat().st_mtime_ns, path.stat().st_size) for path in paths)
    return hashlib.sha256(repr(states).encode()).hexdigest()[:16]


def _newest(paths: Iterable[Path]) -> int:
    return max((path.stat().st_mtime_ns for path in paths if path.is_file()), default=0)
