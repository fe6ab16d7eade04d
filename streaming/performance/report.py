"""A landed session's figures as `trader report` tells them: the rows of its end, and what each stage took."""

import polars as pl

from native.config import JsonObject
from streaming.performance.table import PERFORMANCE, STAGE_LATENCIES
from warehouse.lake import Lake


def landed_figures(lake: Lake, run: str) -> list[JsonObject]:
    """Return the last rows of table `performance` of a run, total first; null where not defined, none without any."""
    rows = _rows(lake, PERFORMANCE, run)
    if not len(rows):
        return []
    return rows.filter(pl.col("ts_ns") == rows["ts_ns"].max()).drop("ts_ns").fill_nan(None).to_dicts()


def landed_stages(lake: Lake, run: str) -> list[JsonObject]:
    """Return what each stage of a run took, in ns: median of the intervals' medians, highest of their percentiles."""
    rows = _rows(lake, STAGE_LATENCIES, run)
    return (
        rows.group_by("stage", "venue", maintain_order=True)
        .agg(
            pl.col("durations").sum(),
            pl.col("p50_ns").median().round().cast(pl.Int64),
            pl.col("p99_ns", "p999_ns", "max_ns").max(),
        )
        .to_dicts()
    )


def _rows(lake: Lake, table: str, run: str) -> pl.DataFrame:
    frame = pl.from_arrow(lake.read_partition(table, {"run": run}))
    assert isinstance(frame, pl.DataFrame)
    return frame
