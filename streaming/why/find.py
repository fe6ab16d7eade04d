"""Which run an order belongs to: its id begins with the run's tag, which stands in the journal's header."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from streaming.errors import BadDataError, SegmentError, UsageError
from streaming.live_segments import PART_SUFFIX
from streaming.segments import read_header
from streaming.trading_run import JOURNAL_SUFFIX
from streaming.why.links import RecordsLink
from streaming.why.records import Progress, RunRecords, journal_records, landed_records
from warehouse.lake import Lake

LAST = "last"
RUN_TAG_BITS = 32
RUNS_LOOKED_AT = 10
"""For `last`: the newest runs that may have sent no order."""


@dataclass(frozen=True, slots=True)
class FoundOrder:
    """An order's records, and the run's journal where one stands."""

    number: int
    records: RecordsLink
    journal: Path | None


def order_number(text: str) -> int | None:
    """Return the id in decimal or hexadecimal text, None for `last`; UsageError for what is no id."""
    if text == LAST:
        return None
    try:
        number = int(text, 10) if text.isdecimal() else int(text, 16)
    except ValueError:
        number = 0
    if not 0 < number < 1 << 64:
        raise UsageError(f"ORDER_ID: expected a client order id (decimal or hex) or `last`, found {text!r}")
    return number


def find_order(lake: Lake, journal_dir: Path, number: int | None, progress: Progress) -> FoundOrder:
    """Return an order, the newest one for None; UsageError when no run knows it."""
    for run, journal in _candidates(lake, journal_dir, number):
        records = _records(lake, run, journal, progress)
        asked = number if number is not None or records is None else records.last_order()
        found = None if records is None or asked is None else records.of_order(asked)
        if found is not None and asked is not None:
            return FoundOrder(asked, found, journal)
    where = f"neither the journals in {journal_dir} nor the lake"
    if number is None:
        raise UsageError(f"last: {where} hold a run with an order; next: trader start")
    raise UsageError(f"order {number} (0x{number:x}): {where} know it; see: trader orders, or trader sql over orders")


def _records(lake: Lake, run: str, journal: Path | None, progress: Progress) -> RunRecords | None:
    landed = landed_records(lake, run)
    if landed is not None or journal is None:
        return landed
    progress(f"why: {run} has not landed, its journal is heard")
    try:
        return journal_records(journal, progress)
    except (BadDataError, FileNotFoundError) as error:  # sealed or landed at this moment, or damaged: others may know
        progress(f"why: {journal.name}: {error}")
        return landed_records(lake, run)


def _candidates(lake: Lake, journal_dir: Path, number: int | None) -> Iterator[tuple[str, Path | None]]:
    """Yield the runs that may know the order, the newest first, each with its journal."""
    journals = _journals(journal_dir)
    if number is not None:
        seen = set()
        for path in journals:
            if _run_tag(path) == number >> RUN_TAG_BITS:
                seen.add(_run_of(path))
                yield _run_of(path), path
        yield from ((run, None) for run in _landed_runs(lake, number) if run not in seen)
        return
    by_run: dict[str, tuple[int, Path | None]] = {
        path.parent.name.removeprefix("run="): (path.stat().st_mtime_ns, None) for path in lake.files("orders")
    }
    for path in reversed(journals):
        by_run[_run_of(path)] = (path.stat().st_mtime_ns, path)
    newest = sorted(by_run.items(), key=lambda item: -item[1][0])
    yield from ((run, journal) for run, (_, journal) in newest[:RUNS_LOOKED_AT])


def _journals(journal_dir: Path) -> list[Path]:
    """Return sealed and growing journals, the newest first."""
    found = [*journal_dir.glob(f"*{JOURNAL_SUFFIX}"), *journal_dir.glob(f"*{JOURNAL_SUFFIX}{PART_SUFFIX}")]
    return sorted(found, key=lambda path: -path.stat().st_mtime_ns)


def _run_of(path: Path) -> str:
    return path.name.removesuffix(PART_SUFFIX).removesuffix(JOURNAL_SUFFIX)


def _run_tag(path: Path) -> int | None:
    try:
        tag = (read_header(path).engine or {}).get("run_tag")
    except (SegmentError, FileNotFoundError):  # damaged, or sealed at this moment: `trader doctor` tells of it
        return None
    return tag if isinstance(tag, int) else None


def _landed_runs(lake: Lake, number: int) -> list[str]:
    rows = lake.scan("orders").filter(pl.col("client_order_id") == number).select("run").unique().collect()
    found: list[str] = rows["run"].to_list()
    return sorted(found, reverse=True)
