"""From a bundle back to raw segments: its training run, the grid files that it learned from, their segments.

The segments of a grid file are those of the runs that the tables of its hour were made of. A book is carried from one
hour into the next, so the hours before of the same run stand behind a file as well; they are partitions of their own.
"""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath

import orjson
import pyarrow.parquet as pq

from streaming.runs import manifest_path
from streaming.segments import read_header
from streaming.why.links import ALTERED, MISSING, OK, UNCHECKED, FileLink, PartitionLink
from streaming.why.raw import SegmentChecks, sha256_of
from warehouse.lake import Lake, hour_keys

LINEAGE_TABLE = "bundle_lineage"


def training_run(mlflow_path: Path, run_id: str) -> FileLink:
    """Return the training run as MLflow's own database knows it."""
    if not run_id:
        return FileLink("", UNCHECKED, "the training was not logged to MLflow")
    if not mlflow_path.is_file():
        return FileLink(run_id, MISSING, f"{mlflow_path}: no MLflow database: parameters and losses are not to be had")
    try:
        with closing(sqlite3.connect(f"file:{mlflow_path}?mode=ro", uri=True)) as connection:
            row = connection.execute("select status from runs where run_uuid = ?", (run_id,)).fetchone()
    except sqlite3.Error as error:
        return FileLink(run_id, MISSING, f"{mlflow_path}: {error}")
    if row is None:
        return FileLink(run_id, MISSING, f"{mlflow_path} knows no such run: it was deleted there")
    return FileLink(run_id, OK, f"MLflow: {row[0]}")


def partitions(
    lake: Lake, sources: Mapping[str, str], instruments: Sequence[str], checks: SegmentChecks
) -> Iterator[PartitionLink]:
    """Yield the grid files of a training set, each with the raw segments of its hour, by path."""
    for name, digest in sorted(sources.items()):
        segments = tuple(checks.link(segment) for segment in segments_behind(lake, name, instruments))
        yield PartitionLink(_grid_file(lake, name, digest, is_quick=checks.is_quick), segments)


def segments_behind(lake: Lake, grid_file: str, instruments: Sequence[str]) -> list[str]:
    """Return the raw segments (paths in the lake) that a grid file's hour was made of, by path.

    Those that stand, and those that the manifest of a finished run names and that are gone.
    """
    hour = hour_of(grid_file)
    found: set[str] = set()
    for venue in sorted({name.partition(":")[0] for name in instruments if name}):
        own = {name.partition(":")[2] for name in instruments if name.startswith(f"{venue}:")}
        spoken = _runs_that_speak(lake, venue, own, hour)
        for path in lake.segments(venue, hour):
            header = read_header(path)
            names = {entry.symbol for entry in header.instruments if entry.venue == venue}
            if names & own and (not spoken or header.run in spoken):
                found.add(path.relative_to(lake.root).as_posix())
        found |= _named_by_runs(lake, venue, spoken, hour)
    return sorted(found)


def hour_of(grid_file: str) -> datetime:
    """Return the hour of `grid/grid=main/date=2026-01-05/hour=13/part.parquet`."""
    date, hour = PurePosixPath(grid_file).parts[-3:-1]
    midnight = datetime.fromisoformat(date.removeprefix("date=")).replace(tzinfo=UTC)
    return midnight + timedelta(hours=int(hour.removeprefix("hour=")))


def sealed_segments(lake: Lake, bundle: str) -> dict[str, str]:
    """Return the sha256 of raw segments that were written down for a bundle; nothing where none was."""
    rows = lake.read_partition(LINEAGE_TABLE, {"bundle": bundle})
    return dict(zip(rows["segment"].to_pylist(), rows["segment_sha256"].to_pylist(), strict=True))


def _grid_file(lake: Lake, name: str, digest: str, *, is_quick: bool) -> FileLink:
    path = lake.root / name
    if not path.is_file():
        return FileLink(name, MISSING, "the grid file is gone: what the model learned cannot be shown again", digest)
    if is_quick:
        return FileLink(name, UNCHECKED, "quick: it stands, its bytes were not read", digest)
    found = sha256_of(path)
    if found != digest:
        words = f"sha256 {digest[:12]} when the model learned from it, now {found[:12]}: converted again or changed"
        return FileLink(name, ALTERED, words, digest)
    return FileLink(name, OK, "", digest)


def _named_by_runs(lake: Lake, venue: str, runs: set[str], hour: datetime) -> set[str]:
    """Return the segments of a venue-hour that the manifests of `runs` name, whether they stand or not."""
    keys = hour_keys(hour)
    folder = f"raw/venue={venue}/date={keys['date']}/hour={keys['hour']}/"
    paths = [manifest_path(lake.root, run) for run in sorted(runs)]
    named = [orjson.loads(path.read_bytes())["files"] for path in paths if path.is_file()]
    return {name for files in named for name in files if name.startswith(folder)}


def _runs_that_speak(lake: Lake, venue: str, symbols: set[str], hour: datetime) -> set[str]:
    """Return the runs whose rows the captured tables of the hour hold; none where it was not converted."""
    found: set[str] = set()
    for symbol in sorted(symbols):
        path = lake.partition_path("book_updates", {"venue": venue, "instrument": symbol, **hour_keys(hour)})
        if path.is_file():
            found |= set(pq.read_table(path, columns=["run"])["run"].unique().to_pylist())
    return found
