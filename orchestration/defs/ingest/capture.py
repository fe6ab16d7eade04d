"""From raw segments to lake tables, partition by partition; each function is what one asset does."""

from collections.abc import Iterable
from datetime import UTC, datetime, time

from native.config import EngineSettings, GridConfig
from orchestration.config import GeneratedMarketConfig
from orchestration.defs.partitions import VenueHour, hour_key
from orchestration.progress import counter, say
from streaming import convert
from streaming.convert import GridReport, HourReport
from streaming.emulator.generator import GeneratedRun, generate
from warehouse.lake import Lake


def fill_when_empty(lake: Lake, config: GeneratedMarketConfig) -> GeneratedRun | None:
    """Write a generated market into a lake without any segment; None when the lake holds some already."""
    if any(lake.hours(venue) for venue in lake.venues()):
        return None
    say(f"the lake is empty: generating {config.hours:g} h of market, seed {config.seed}, effect {config.effect:g}")
    start = datetime.combine(config.start, time(), tzinfo=UTC)
    return generate(lake.root, config.hours, config.seed, config.effect, start, progress=counter("generated market"))


def convert_venue_hours(
    lake: Lake, settings: EngineSettings, partitions: Iterable[VenueHour]
) -> dict[VenueHour, HourReport]:
    """Convert venue-hours in order of time; an hour goes on from the one before, one without segments is left out."""
    reports: dict[VenueHour, HourReport] = {}
    for partition in sorted(partitions):
        if lake.segments(partition.venue, partition.hour):
            say(f"books: {partition.key}")
            reports[partition] = convert.convert_hour(
                lake, partition.venue, partition.hour, settings=settings, progress=counter(f"books: {partition.key}")
            )
    return reports


def convert_grid_hours(
    lake: Lake, settings: EngineSettings, grid: GridConfig, hours: Iterable[datetime]
) -> dict[datetime, GridReport]:
    """Convert hours of the grid in order of time; hours for which no venue has segments are left out."""
    reports: dict[datetime, GridReport] = {}
    venues = {instrument.partition(":")[0] for instrument in grid.instruments}
    for hour in sorted(hours):
        if any(lake.segments(venue, hour) for venue in venues):
            say(f"grid {grid.name}: {hour_key(hour)}")
            reports[hour] = convert.convert_grid_hour(
                lake, grid, hour, settings=settings, progress=counter(f"grid: {hour_key(hour)}")
            )
    return reports
