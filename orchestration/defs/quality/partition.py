"""One partition of the lake judged by all its rules: what the blocking checks call, and a test can without Dagster."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import polars as pl

from native.config import GridConfig
from orchestration.config import QualityConfig
from orchestration.defs.partitions import VenueHour, hour_key
from orchestration.defs.quality import frames, ledger, rules
from orchestration.defs.quality.rules import NS_PER_S, Finding, Rule
from orchestration.defs.quality.suites import judge
from warehouse.lake import Lake, hour_keys

JUDGED_TABLES: Final = ("book_updates", "book_snapshots", "trades", "quotes", "feed_events", "gaps")
BOOK_CHECKS: Final = (
    "rows_present",
    "book_updates_sane",
    "trades_sane",
    "quotes_sane",
    "book_never_crossed",
    "gaps_ledgered",
)
GRID_CHECKS: Final = ("rows_present", "grid_sane")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the rules found in one partition, by check, and the content that they looked at."""

    key: str
    content: str
    """sha256 of the partition's files; for a grid hour that of its one file."""
    ruling: str
    """Names the rules and bounds that were in force."""
    rows: int
    findings: Mapping[str, Sequence[Finding]]

    def is_refused(self, check: str) -> bool:
        """Tell whether `check` found an error."""
        return rules.has_errors(self.findings[check])


def ruling(config: QualityConfig) -> str:
    """Return the name of the rules in force: any change of a bound or of their code makes older verdicts missing."""
    sources = b"".join(Path(str(module.__file__)).read_bytes() for module in (rules, frames, ledger))
    return hashlib.sha256(sources + config.model_dump_json().encode()).hexdigest()[:16]


def judge_venue_hour(lake: Lake, partition: VenueHour, config: QualityConfig) -> Verdict:
    """Return the verdict on one hour of one venue."""
    tables = {table: _venue_rows(lake, table, partition) for table in JUDGED_TABLES}
    start_ns = int(partition.hour.timestamp()) * NS_PER_S
    updates, trades, quotes = tables["book_updates"], tables["trades"], tables["quotes"]
    unledgered = ledger.unledgered(
        updates, tables["feed_events"], tables["gaps"], partition.venue, int(config.silence_s_max * NS_PER_S)
    )
    findings = {
        "rows_present": _rows_present("captured_books", updates.height + trades.height + quotes.height),
        "book_updates_sane": judge(
            "book_updates", frames.book_updates(updates, start_ns), rules.book_update_rules(config)
        ),
        "trades_sane": judge("trades", frames.trades(trades, start_ns), rules.trade_rules(config)),
        "quotes_sane": judge("quotes", frames.quotes(quotes, start_ns), rules.quote_rules(config)),
        "book_never_crossed": _crossed(tables["book_snapshots"]),
        "gaps_ledgered": [*unledgered, *ledger.ledgered(tables["gaps"])],
    }
    content = content_of(venue_hour_files(lake, partition))
    return Verdict(partition.key, content, ruling(config), sum(frame.height for frame in tables.values()), findings)


def judge_grid_hour(lake: Lake, grid: GridConfig, hour: datetime, config: QualityConfig) -> Verdict:
    """Return the verdict on one hour of the grid; invalid rows are no defect, an hour without a valid one is."""
    keys = {"grid": grid.name, **hour_keys(hour)}
    frame = pl.DataFrame(lake.read_partition("grid", keys))
    judged = frames.grid(frame, grid.step_ns)
    findings = {
        "rows_present": _rows_present("grid", judged.height),
        "grid_sane": judge("grid", judged, rules.grid_rules(grid.step_ns)),
    }
    content = content_of([grid_hour_file(lake, grid, hour)])
    return Verdict(hour_key(hour), content, ruling(config), frame.height, findings)


def venue_hour_files(lake: Lake, partition: VenueHour) -> list[Path]:
    """Return the judged files of one venue-hour, sorted."""
    keys = hour_keys(partition.hour)
    pattern = f"venue={partition.venue}/instrument=*/date={keys['date']}/hour={keys['hour']}/part.parquet"
    return sorted(path for table in JUDGED_TABLES for path in (lake.root / table).glob(pattern))


def grid_hour_file(lake: Lake, grid: GridConfig, hour: datetime) -> Path:
    """Return the file of one hour of the grid."""
    return lake.partition_path("grid", {"grid": grid.name, **hour_keys(hour)})


def content_of(files: Sequence[Path]) -> str:
    """Return the sha256 of one file's bytes, or of the names and digests of several; empty without files."""
    digests = [_sha256(path) for path in files if path.is_file()]
    if len(digests) < 2:
        return "".join(digests)
    named = "\n".join(f"{path.parts[-5:]} {digest}" for path, digest in zip(files, digests, strict=True))
    return hashlib.sha256(named.encode()).hexdigest()


def _venue_rows(lake: Lake, table: str, partition: VenueHour) -> pl.DataFrame:
    at = partition.hour
    wanted = (pl.col("venue") == partition.venue) & (pl.col("date") == at.date()) & (pl.col("hour") == at.hour)
    return lake.scan(table).filter(wanted).collect()


def _rows_present(table: str, rows: int) -> list[Finding]:
    return [] if rows else [Finding(table, "partition_has_rows", "error", 1, 0)]


def _crossed(snapshots: pl.DataFrame) -> list[Finding]:
    snapshot_rules: Sequence[Rule] = rules.SNAPSHOT_RULES
    return judge("book_snapshots", frames.book_snapshots(snapshots), snapshot_rules)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
