"""Taking a run back: its segments, and what was converted from them.

Tables of an hour are made of all its runs together, so they go whole; the next conversion makes them again from the
runs that stay. With them go the instrument's steps that the run brought in, and what goes on from those hours: the
venue's next hour (its holes are counted from here) and the grid's hours that follow without a break.
"""

from datetime import UTC, datetime
from pathlib import PurePosixPath

from streaming.convert import forget_grid_hour, forget_hour, record_steps
from streaming.raw_hour import HOUR
from streaming.runs import RunManifest, all_manifests, remove_run
from streaming.segments import read_header
from warehouse.instruments import forget_versions
from warehouse.lake import Lake, hour_keys


def forget_run(lake: Lake, manifest: RunManifest, *, keeps_segments: bool = False) -> None:
    """Remove a finished run from the lake with all that was made of it; `keeps_segments` spares raw files."""
    if not keeps_segments:
        remove_run(lake.root, manifest.run)
    hours: dict[str, set[datetime]] = {}
    for name in manifest.files:
        venue, hour = _place_of(name)
        hours.setdefault(venue, set()).add(hour)
    for venue, own in hours.items():
        later = [hour for hour in lake.hours(venue) if hour > max(own)]
        for hour in [*sorted(own), *later[:1]]:
            forget_hour(lake, venue, hour)
    for grid in sorted(path.name.removeprefix("grid=") for path in (lake.root / "grid").glob("grid=*")):
        for hour in sorted(set().union(*hours.values())):
            _forget_grid_from(lake, grid, hour)
    for instrument in manifest.instruments:
        _forget_steps(lake, instrument, manifest)


def _place_of(name: str) -> tuple[str, datetime]:
    """Return venue and hour of a segment from its path in the lake."""
    keys = dict(part.split("=", 1) for part in PurePosixPath(name).parts if "=" in part)
    return keys["venue"], datetime.fromisoformat(f"{keys['date']}T{keys['hour']}:00:00").replace(tzinfo=UTC)


def _forget_grid_from(lake: Lake, grid: str, hour: datetime) -> None:
    forget_grid_hour(lake, grid, hour)
    while lake.exists("grid", {"grid": grid, **hour_keys(hour := hour + HOUR)}):
        forget_grid_hour(lake, grid, hour)


def _forget_steps(lake: Lake, instrument: str, manifest: RunManifest) -> None:
    """Remove the steps that begin inside the run, and let the runs that stay say theirs again."""
    venue, _, symbol = instrument.partition(":")
    forget_versions(lake, venue, symbol, manifest.ts_from_ns, manifest.ts_to_ns)
    others = [other for other in all_manifests(lake.root) if instrument in other.instruments]
    for other in sorted(others, key=lambda item: item.ts_from_ns):
        own = [name for name in sorted(other.files) if _place_of(name)[0] == venue]
        if other.run == manifest.run or not own:
            continue
        entries = read_header(lake.root / own[0]).instruments
        record_steps(lake, next(entry for entry in entries if entry.name == instrument), other.ts_from_ns)
