"""A backfill over a range of partitions, twice: equal bytes."""

import hashlib
from collections.abc import Callable

import dagster as dg

from orchestration.defs.partitions import KeyRange
from orchestration.settings import Settings

RANGE = KeyRange("2026-01-05-00:00|binance_spot", "2026-01-05-01:00|binance_usdm")


def tables(settings: Settings) -> dict[str, str]:
    root = settings.lake.root
    files = [path for path in root.rglob("*") if path.is_file() and "raw" not in path.relative_to(root).parts]
    return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def backfill(definitions: dg.Definitions, instance: dg.DagsterInstance) -> dg.ExecuteInProcessResult:
    return definitions.resolve_job_def("capture").execute_in_process(instance=instance, tags=RANGE.tags)


def test_two_hours_of_two_venues_backfilled_twice_give_equal_bytes(
    make_house: Callable[[str], Settings], definitions: dg.Definitions, instance: dg.DagsterInstance
):
    first = make_house("first")
    backfill(definitions, instance)
    once = tables(first)
    backfill(definitions, instance)

    second = make_house("second")
    backfill(definitions, instance)

    assert tables(first) == once == tables(second)
    assert {path.split("/")[1] for path in once if path.startswith("trades/")} == {
        "venue=binance_spot",
        "venue=binance_usdm",
    }
    assert sum(path.startswith("trades/") for path in once) == 4


def test_one_run_covers_the_range_and_records_each_partition(
    house: Settings, definitions: dg.Definitions, instance: dg.DagsterInstance
):
    backfill(definitions, instance)

    keys = instance.get_materialized_partitions(dg.AssetKey("captured_books"))
    assert keys == {f"2026-01-05-0{hour}:00|{venue}" for hour in (0, 1) for venue in ("binance_spot", "binance_usdm")}
    assert instance.get_runs_count() == 1
    assert house.lake.exists("book_updates")
