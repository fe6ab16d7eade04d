"""Which partitions feed the model: the grid's hours that the lake holds, and the venue-hours behind them."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import PurePosixPath

from native.config import GridConfig
from orchestration.defs.partitions import VenueHour
from warehouse.lake import Lake


def grid_venues(grid: GridConfig) -> tuple[str, ...]:
    """Return the venues of the grid's instruments, sorted."""
    return tuple(sorted({instrument.partition(":")[0] for instrument in grid.instruments}))


def captured_hours(lake: Lake, venues: Iterable[str]) -> list[VenueHour]:
    """Return every venue-hour for which the lake holds raw segments, sorted."""
    return sorted(VenueHour(hour, venue) for venue in venues for hour in lake.hours(venue))


def capturable_grid_hours(lake: Lake, grid: GridConfig) -> list[datetime]:
    """Return the hours for which any venue of the grid holds raw segments, ascending."""
    return sorted({partition.hour for partition in captured_hours(lake, grid_venues(grid))})


def grid_hours(lake: Lake, grid: GridConfig) -> list[datetime]:
    """Return the hours of the grid that the lake holds, ascending."""
    folders = (lake.root / "grid" / f"grid={grid.name}").glob("date=*/hour=*/part.parquet")
    return sorted(hour_of_file(path.as_posix()) for path in folders)


def feeding(lake: Lake, grid: GridConfig, hours: Iterable[datetime]) -> list[VenueHour]:
    """Return the venue-hours that were heard in `hours` of the grid; a venue that was not is masked there."""
    wanted = set(hours)
    return [partition for partition in captured_hours(lake, grid_venues(grid)) if partition.hour in wanted]


def hour_of_file(path: str) -> datetime:
    """Return the UTC hour of a lake file `.../date=2026-01-05/hour=13/part.parquet`."""
    date, hour = PurePosixPath(path).parts[-3:-1]
    midnight = datetime.fromisoformat(date.removeprefix("date=")).replace(tzinfo=UTC)
    return midnight + timedelta(hours=int(hour.removeprefix("hour=")))
