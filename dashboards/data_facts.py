"""What page Data shows, read from the lake and the reports in one go. Blocks: call it in a thread."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import orjson
from pydantic import BaseModel, ValidationError

from dashboards.coverage import HOUR_NS, Coverage, Gap, Span, coverage, recorded
from dashboards.desk import Row, run_query
from dashboards.reports import Report, reports_in
from dashboards.surroundings import Surroundings
from warehouse.lake import Lake

WINDOWS_H: Final = (1, 6, 24, 168, 720)
LEDGER_MAX: Final = 50
LEDGER_SQL: Final = """
with ledger as (
    select
        venue, instrument, run, ts_from_ns, ts_to_ns,
        cause_name, repaired_by_name, is_closed, sequence_from, sequence_to,
        case
            when is_closed then ts_to_ns
            else (
                select min(events.ts_recv_ns) from feed_events as events
                where events.venue = gaps.venue and events.instrument = gaps.instrument
                    and events.state_to_name = 'synced' and events.ts_recv_ns > gaps.ts_from_ns
            )
        end as ts_whole_ns
    from gaps
    where ts_from_ns < $2
)
select * from ledger where ts_whole_ns is null or ts_whole_ns > $1 order by ts_from_ns desc
"""
"""`ts_whole_ns`: when the book was whole again; a gap that its run left open ends with the next synchronisation."""


class Check(BaseModel):
    """One check of an asset, as its file tells it."""

    name: str
    meaning: str
    rows: int
    partitions: dict[str, str]
    """State of each: clean, warned, refused."""
    findings: list[str]
    findings_left_out: int = 0

    def count(self, state: str) -> int:
        """Return how many partitions are in a state."""
        return sum(found == state for found in self.partitions.values())


class Checked(BaseModel):
    """The newest word of an asset's checks."""

    asset: str
    run_id: str
    ts_ns: int
    judged: int
    checks: list[Check]


@dataclass(frozen=True, slots=True)
class DataFacts:
    """See the head of the file."""

    window: Span
    covered: Sequence[Coverage]
    ledger: Sequence[Row]
    """The newest rows of the gap ledger within the window, newest first; see `LEDGER_SQL`."""
    gaps: int
    """All of them within the window."""
    checked: Sequence[Checked]
    unreadable: Sequence[str]
    """Files of checks that could not be read."""
    reports: Sequence[Report]


def read_facts(surroundings: Surroundings, hours: int) -> DataFacts:
    """Return the facts of the last `hours` up to the newest recorded; DeskError when the lake cannot be asked."""
    folders = surroundings.warehouse
    spans = recorded(Lake(folders.lake_dir))
    newest_ns = max((held[-1][1] for held in spans.values()), default=0)
    oldest_ns = min((held[0][0] for held in spans.values()), default=0)
    window = (max(oldest_ns, newest_ns - hours * HOUR_NS), newest_ns)
    rows = run_query(surroundings, LEDGER_SQL, window) if spans else []
    checked, unreadable = checks_in(folders.reports_dir)
    return DataFacts(
        window=window,
        covered=coverage(spans, [_gap(row) for row in rows], window),
        ledger=rows[:LEDGER_MAX],
        gaps=len(rows),
        checked=checked,
        unreadable=unreadable,
        reports=reports_in(folders.reports_dir),
    )


def checks_in(reports_dir: Path) -> tuple[list[Checked], list[str]]:
    """Return what is told of checks, and the names of files that cannot be read."""
    found, unreadable = [], []
    for path in sorted((reports_dir / "checks").glob("*.json")):
        try:
            found.append(Checked.model_validate(orjson.loads(path.read_bytes())))
        except (OSError, orjson.JSONDecodeError, ValidationError):
            unreadable.append(path.name)
    return found, unreadable


def _gap(row: Row) -> Gap:
    return Gap(
        venue=str(row["venue"]),
        instrument=str(row["instrument"]),
        from_ns=int(str(row["ts_from_ns"])),
        to_ns=int(str(row["ts_whole_ns"] or 0)),
        cause=str(row["cause_name"]),
        repaired_by=str(row["repaired_by_name"]),
        is_closed=bool(row["is_closed"]),
    )
