"""Ingest: raw segments, captured books by hour and venue, the grid by hour."""

from datetime import UTC, datetime

import dagster as dg

from orchestration.defs.ingest import capture
from orchestration.defs.partitions import hours, hours_of_venues, parse_hour, parse_venue_hour, partition_keys
from orchestration.defs.resources import House

SINGLE_RUN = dg.BackfillPolicy.single_run()


def moment(ts_ns: int) -> str:
    """Return a time in ns as people read it."""
    return datetime.fromtimestamp(ts_ns / 1e9, tz=UTC).isoformat(timespec="milliseconds")


@dg.asset(group_name="ingest", kinds={"zstd"})
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
        context.add_asset_metadata(
            {
                "rows": dg.MetadataValue.json(report.rows),
                "frames": report.frame_count,
                "gaps": report.gap_count,
                "holes_between_runs": report.not_recorded_count,
                "rejected_frames": report.reject_count,
                "span": f"{moment(report.ts_first_ns)} .. {moment(report.ts_last_ns)}",
            },
            partition_key=partition.key,
        )
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
        context.add_asset_metadata(
            {
                "rows": report.row_count,
                "steps": report.step_count,
                "valid_rows": dg.MetadataValue.json(report.valid_rows),
                "masked": dg.MetadataValue.json(list(report.masked)),
                "start": report.start,
                "span": f"{moment(report.ts_first_step_ns)} .. {moment(report.ts_last_step_ns)}",
            },
            partition_key=hours.get_partition_key_for_timestamp(hour.timestamp()),
        )
    return dg.MaterializeResult(metadata={"hours_without_segments": len(wanted) - len(reports)})
