"""What the recorded checks say about the data a model learned from. No reason given by a person overrides this."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import dagster as dg

from native.config import GridConfig
from orchestration.config import QualityConfig
from orchestration.defs.partitions import hour_key
from orchestration.defs.quality import span
from orchestration.defs.quality.partition import (
    BOOK_CHECKS,
    GRID_CHECKS,
    content_of,
    ruling,
    venue_hour_files,
)
from orchestration.defs.quality.verdicts import Recorded, recorded
from warehouse.lake import Lake


@dataclass(frozen=True, slots=True)
class Evidence:
    """How many recorded verdicts were asked for, and what speaks against the data."""

    verdicts: int
    objections: tuple[str, ...]


def weigh(
    instance: dg.DagsterInstance, lake: Lake, grid: GridConfig, sources: Mapping[str, str], config: QualityConfig
) -> Evidence:
    """Ask Dagster for every blocking check on every partition behind a dataset.

    `sources` are the dataset's grid files (path in the lake) with the sha256 that was read. A verdict counts when it
    is no refusal, of these very bytes and by the rules in force; a missing one is an objection like a refusal.
    """
    hours = {hour_key(span.hour_of_file(path)): digest for path, digest in sources.items()}
    fed = span.feeding(lake, grid, (span.hour_of_file(path) for path in sources))
    books = {partition.key: content_of(venue_hour_files(lake, partition)) for partition in fed}
    in_force = ruling(config)
    objections = [
        *_objections(instance, "grid", GRID_CHECKS, hours, in_force),
        *_objections(instance, "captured_books", BOOK_CHECKS, books, in_force),
    ]
    if not sources or not books:
        objections.append("the dataset names no partition of the lake: no check can vouch for it")
    return Evidence(len(hours) * len(GRID_CHECKS) + len(books) * len(BOOK_CHECKS), tuple(objections))


def objection(record: Recorded | None, content: str, in_force: str) -> str | None:
    """Return what speaks against relying on a recorded verdict, None when nothing does."""
    if record is None:
        return "no verdict is recorded"
    if record.state == "refused":
        return "the data were refused"
    if record.content != content:
        return "the data were changed after the verdict"
    if record.ruling != in_force:
        return "the rules were changed after the verdict"
    return None


def _objections(
    instance: dg.DagsterInstance, asset: str, checks: Sequence[str], contents: Mapping[str, str], in_force: str
) -> Iterator[str]:
    for check in checks:
        records = recorded(instance, asset, check)
        for key, content in sorted(contents.items()):
            problem = objection(records.get(key), content, in_force)
            if problem is not None:
                yield f"{asset} {key}: {check}: {problem}"
