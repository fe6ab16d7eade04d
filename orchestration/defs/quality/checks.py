"""The blocking checks of the lake's two partitioned assets.

With a partition key or range they judge those partitions; in a run without partitions (retraining, `learn`) all that
feed the model. Partitions whose bytes and rules have not changed since their last verdict keep it.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import dagster as dg

from orchestration.defs.partitions import hour_key, parse_hour, parse_venue_hour, partition_keys
from orchestration.defs.quality import span
from orchestration.defs.quality.partition import (
    BOOK_CHECKS,
    GRID_CHECKS,
    Verdict,
    content_of,
    grid_hour_file,
    judge_grid_hour,
    judge_venue_hour,
    ruling,
    venue_hour_files,
)
from orchestration.defs.quality.told import tell_checks
from orchestration.defs.quality.verdicts import Recorded, check_result, recorded, states_of
from orchestration.defs.resources import House
from orchestration.progress import say

MEANINGS = {
    "rows_present": "A partition holds rows.",
    "book_updates_sane": "Prices positive, sizes not negative, times sane, ids increasing.",
    "trades_sane": "Prices and sizes positive, times sane, no trade id twice.",
    "quotes_sane": "Best bid below best ask, prices positive, times sane.",
    "book_never_crossed": "In every stored book the best bid is below the best ask.",
    "gaps_ledgered": "Every discontinuity stands in the gap ledger (else an error); a ledgered gap is a warning.",
    "grid_sane": "Valid rows lie on the grid, levels are in order, features are finite.",
}


def specs(asset: str, checks: Sequence[str]) -> list[dg.AssetCheckSpec]:
    """Return the declarations of an asset's checks, all blocking; they wait for what their run converts."""
    return [
        dg.AssetCheckSpec(
            name, asset=asset, blocking=True, description=MEANINGS[name], additional_deps=["converted_hours"]
        )
        for name in checks
    ]


@dg.multi_asset_check(specs=specs("captured_books", BOOK_CHECKS))
def captured_books_checks(context: dg.AssetCheckExecutionContext, house: House) -> Iterator[dg.AssetCheckResult]:
    """Judge the lake's captured tables, one venue-hour after another."""
    settings = house.settings()
    lake, grid = settings.lake, settings.learning_grid
    keys = _run_keys(context) or [item.key for item in span.feeding(lake, grid, span.grid_hours(lake, grid))]
    config = settings.orchestration.quality

    bench = _Bench(
        "captured_books",
        BOOK_CHECKS,
        content=lambda key: content_of(venue_hour_files(lake, parse_venue_hour(key))),
        verdict=lambda key: judge_venue_hour(lake, parse_venue_hour(key), config),
        ruling=ruling(config),
        reports_dir=settings.folders.reports_dir,
    )
    yield from bench.results(context.instance, keys, context.run.run_id)


@dg.multi_asset_check(specs=specs("grid", GRID_CHECKS))
def grid_checks(context: dg.AssetCheckExecutionContext, house: House) -> Iterator[dg.AssetCheckResult]:
    """Judge the grid that the model learns from, one hour after another."""
    settings = house.settings()
    lake, grid = settings.lake, settings.learning_grid
    keys = _run_keys(context) or [hour_key(hour) for hour in span.grid_hours(lake, grid)]
    config = settings.orchestration.quality

    bench = _Bench(
        "grid",
        GRID_CHECKS,
        content=lambda key: content_of([grid_hour_file(lake, grid, parse_hour(key))]),
        verdict=lambda key: judge_grid_hour(lake, grid, parse_hour(key), config),
        ruling=ruling(config),
        reports_dir=settings.folders.reports_dir,
    )
    yield from bench.results(context.instance, keys, context.run.run_id)


@dataclass(frozen=True, slots=True)
class _Bench:
    """How partitions of one asset are judged, by key."""

    asset: str
    checks: Sequence[str]
    content: Callable[[str], str]
    verdict: Callable[[str], Verdict]
    ruling: str
    reports_dir: Path

    def results(self, instance: dg.DagsterInstance, keys: Sequence[str], run_id: str) -> Iterator[dg.AssetCheckResult]:
        before = {check: recorded(instance, self.asset, check) for check in self.checks}
        unchanged = [key for key in keys if self._stands(key, before)]
        say(f"checks of {self.asset}: {len(keys)} partitions, {len(unchanged)} judged before and unchanged")
        judged = [self.verdict(key) for key in keys if key not in unchanged]
        states = {check: states_of(check, judged, before[check]) for check in self.checks}
        tell_checks(self.reports_dir, self.asset, states, judged, MEANINGS, run_id, time.time_ns())
        for check in self.checks:
            yield check_result(self.asset, check, judged, {key: before[check][key] for key in unchanged})

    def _stands(self, key: str, before: Mapping[str, Mapping[str, Recorded]]) -> bool:
        """Tell whether every check accepted these very bytes under these very rules; a refusal is looked at again."""
        records = [found.get(key) for found in before.values()]
        content = self.content(key)
        return bool(content) and all(
            record is not None
            and record.state != "refused"
            and (record.content, record.ruling) == (content, self.ruling)
            for record in records
        )


def _run_keys(context: dg.AssetCheckExecutionContext) -> list[str]:
    if context.has_partition_key or context.has_partition_key_range:
        return partition_keys(context)
    return []
