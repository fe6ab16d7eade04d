"""The file beside a journal that keeps what stages took: `<run>.stages`, one JSON object a line.

How long this machine took is no output of the engine, so no journal gives it again. A line holds what was counted in
one interval, a stage of a venue (or of none) with its percentiles. A process that dies leaves a torn last line at
worst, which readers leave out; who goes on with the session begins a new line.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import orjson

from streaming.latency_histogram import LatencyHistogram

SUFFIX = ".stages"
PERCENTILES = (50.0, 90.0, 99.0, 99.9)


class StageRow(NamedTuple):
    """What a stage took in one interval that ended at `ts_ns`, in real ns."""

    ts_ns: int
    stage: str
    venue: str
    """Empty for stages of no venue."""
    durations: int
    """How many were counted."""
    p50_ns: int
    p90_ns: int
    p99_ns: int
    p999_ns: int
    max_ns: int


def stage_path(journal_dir: Path, run: str) -> Path:
    """Return where the stages of a run stand."""
    return journal_dir / f"{run}{SUFFIX}"


def stage_row(ts_ns: int, name: str, counted: LatencyHistogram) -> StageRow:
    """Return the row of what was counted; `name` is the stage, after a dot its venue."""
    stage, _, venue = name.partition(".")
    p50_ns, p90_ns, p99_ns, p999_ns = (counted.percentile_ns(percent) for percent in PERCENTILES)
    return StageRow(ts_ns, stage, venue, counted.count, p50_ns, p90_ns, p99_ns, p999_ns, counted.max_ns)


def encode_rows(rows: list[StageRow]) -> bytes:
    """Return the lines of rows."""
    return b"".join(orjson.dumps(row._asdict()) + b"\n" for row in rows)


def read_rows(path: Path) -> Iterator[StageRow]:
    """Yield the rows of a file, none where there is none; a line that is torn is left out."""
    if not path.is_file():
        return
    for line in path.read_bytes().splitlines():
        try:
            yield StageRow(**orjson.loads(line))
        except (orjson.JSONDecodeError, TypeError):
            continue
