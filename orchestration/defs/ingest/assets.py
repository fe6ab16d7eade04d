"""Ingest: raw segments, captured books by hour and venue, the grid by hour; and both for all that waits."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, TypeAlias

import dagster as dg

from orchestration.defs.ingest import capture
from orchestration.defs.ingest.due import grid_hours_due, venue_hours_due
from orchestration.defs.partitions import (
    VENUE_NAMES,
    hour_key,
    hours,
    hours_of_venues,
    parse_hour,
    parse_venue_hour,
    partition_keys,
)
from orchestration.defs.resources import House
from streaming.convert import GridReport, HourReport

RawMetadata: TypeAlias = str | int | dg.MetadataValue[Any]
SINGLE_RUN = dg.BackfillPolicy.single_run()


def moment(ts_ns: int) -> str:
    """Return a time in ns as people read it."""
    return datetime.fromtimestamp(ts_ns / 1e9, tz=UTC).isoformat(timespec="milliseconds")


@dg.asset(group_name="ingest", kinds={"zstd"}, deps=["recorder"])
def market_segments(house: House) -> dg.MaterializeResult[None]:
    """Raw segments of the lake, the source of truth; an empty lake is filled with a generated market."""
    settings = house.settings()
    run = capture.fill_when_empty(settings.lake, settings.orchestration.generated)
    lake = settings.lake
    files = {venue: sum(len(lake.segments(venue, hour)) for hour in lake.hours(venue)) for venue in lake.venues()}
    return dg.MaterializeResult(
        metadata={
            "segments": dg.MetadataValue.json(files),
            "hours": dg.MetadataValue.json({venue: len(lake.hours(venue)) for venue in lake.venues()}),
            "generated_run": run.run if run else "none: the lake held segments",
        }
    )


@dg.asset(
    group_name="ingest",
    kinds={"cplusplus", "parquet"},
    deps=[market_segments],
    partitions_def=hours_of_venues,
    backfill_policy=SINGLE_RUN,
)
def captured_books(context: dg.AssetExecutionContext, house: House) -> dg.MaterializeResult[None]:
    """Book updates, snapshots, trades, quotes, feed events and the gap ledger of one venue and hour."""
    settings = house.settings()
    partitions = [parse_venue_hour(key) for key in partition_keys(context)]
    reports = capture.convert_venue_hours(settings.lake, settings.native, partitions)
    for partition, report in reports.items():
        context.add_asset_metadata(books_metadata(report), partition_key=partition.key)
    return dg.MaterializeResult(metadata={"partitions_without_segments": len(partitions) - len(reports)})


@dg.asset(
    group_name="ingest",
    kinds={"cplusplus", "parquet"},
    deps=[captured_books],
    partitions_def=hours,
    backfill_policy=SINGLE_RUN,
)
def grid(context: dg.AssetExecutionContext, house: House) -> dg.MaterializeResult[None]:
    """Top five levels and features of every instrument of the grid at each step of one hour."""
    settings = house.settings()
    wanted = [parse_hour(key) for key in partition_keys(context)]
    reports = capture.convert_grid_hours(settings.lake, settings.native, settings.learning_grid, wanted)
    for hour, report in reports.items():
        context.add_asset_metadata(grid_metadata(report), partition_key=hour_key(hour))
    return dg.MaterializeResult(metadata={"hours_without_segments": len(wanted) - len(reports)})


@dg.asset(group_name="ingest", kinds={"cplusplus", "parquet"}, deps=[market_segments])
def converted_hours(context: dg.AssetExecutionContext, house: House) -> dg.MaterializeResult[None]:
    """Every hour of the lake whose segments are newer than its tables, converted: jobs without partitions begin here.

    Each is recorded as a partition of `captured_books` or `grid`, as if those had been run for it.
    """
    settings = house.settings()
    lake, sampled = settings.lake, settings.learning_grid
    books = capture.convert_venue_hours(lake, settings.native, venue_hours_due(lake, VENUE_NAMES))
    steps = capture.convert_grid_hours(lake, settings.native, sampled, grid_hours_due(lake, sampled, []))
    for partition, report in books.items():
        context.log_event(
            dg.AssetMaterialization("captured_books", partition=partition.key, metadata=books_metadata(report))
        )
    for hour, rows in steps.items():
        context.log_event(dg.AssetMaterialization("grid", partition=hour_key(hour), metadata=grid_metadata(rows)))
    return dg.MaterializeResult(metadata={"venue_hours_converted": len(books), "grid_hours_converted": len(steps)})


def books_metadata(report: HourReport) -> Mapping[str, RawMetadata]:
    """Return what people read of one converted venue-hour."""
    return {
        "rows": dg.MetadataValue.json(report.rows),
        "frames": report.frame_count,
        "gaps": report.gap_count,
        "holes_between_runs": report.not_recorded_count,
        "rejected_frames": report.reject_count,
        "span": f"{moment(report.ts_first_ns)} .. {moment(report.ts_last_ns)}",
    }


def grid_metadata(report: GridReport) -> Mapping[str, RawMetadata]:
    """Return what people read of one converted hour of a grid."""
    return {
        "rows": report.row_count,
        "steps": report.step_count,
        "valid_rows": dg.MetadataValue.json(report.valid_rows),
        "masked": dg.MetadataValue.json(list(report.masked)),
        "start": report.start,
        "span": f"{moment(report.ts_first_step_ns)} .. {moment(report.ts_last_step_ns)}",
    }
