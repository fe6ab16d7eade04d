"""How long stages took while a session ran, from the file beside its journal: no journal gives that again."""

from bisect import bisect_right
from pathlib import Path

from native.config import JsonObject
from streaming.performance.stage_file import StageRow, read_rows

RECENT_NS = 60_000_000_000
"""Older rows are not of the last minute."""
NS_PER_US = 1_000


class PastStages:
    """The rows of one file by stage, none where there is no file."""

    def __init__(self, path: Path) -> None:
        self._rows: dict[str, list[StageRow]] = {}
        for row in read_rows(path):
            name = f"{row.stage}.{row.venue}" if row.venue else row.stage
            self._rows.setdefault(name, []).append(row)
        for rows in self._rows.values():
            rows.sort(key=lambda row: row.ts_ns)

    def at(self, ts_ns: int) -> JsonObject:
        """Return the section `latency` of a status: of each stage its newest interval, as `recent`."""
        found: JsonObject = {}
        for name, rows in self._rows.items():
            place = bisect_right(rows, ts_ns, key=lambda row: row.ts_ns) - 1
            if place >= 0 and ts_ns - rows[place].ts_ns < RECENT_NS:
                found[name] = {"recent": _figures(rows[place])}
        return found


def _figures(row: StageRow) -> JsonObject:
    """Return a row as a running trader tells it."""
    return {
        "count": row.durations,
        "p50_us": row.p50_ns / NS_PER_US,
        "p90_us": row.p90_ns / NS_PER_US,
        "p99_us": row.p99_ns / NS_PER_US,
        "p99.9_us": row.p999_ns / NS_PER_US,
        "max_us": row.max_ns / NS_PER_US,
    }
