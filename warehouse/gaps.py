"""The gap ledger: one row a discontinuity, closed rows in place of open ones, and the spans that it masks."""

import polars as pl
import pyarrow as pa

from warehouse.lake import Lake
from warehouse.schema import GAP_CAUSES, table_schema

GAP_KEY = ("venue", "instrument", "run", "cause", "gap_id")
NOT_RECORDED = GAP_CAUSES.index("not_recorded")
BETWEEN_RUNS_NS_MIN = 1_000_000_000
"""A shorter pause between two runs is no hole."""
NEVER_NS = 2**63 - 1


def ledger(lake: Lake) -> pl.LazyFrame:
    """Return the ledger in order of time: columns of lake table `gaps`, one row a discontinuity.

    A gap that opens in one hour and is repaired in a later one has a row in both; the closed one stands for it.
    """
    rows = lake.scan("gaps").sort("date", "hour", maintain_order=True)
    closed_last = rows.sort("is_closed", maintain_order=True)
    collapsed = closed_last.unique(subset=GAP_KEY, keep="last", maintain_order=True)
    return collapsed.sort("ts_from_ns", "venue", "instrument", "gap_id")


def masked_spans(lake: Lake) -> pl.LazyFrame:
    """Return the spans of receive time that nothing may be computed across.

    Columns venue, instrument, cause_name, ts_from_ns, ts_to_ns. A gap that was never repaired lasts until its
    instrument is synchronised again (by a later run, say), or for ever.
    """
    synced = (
        lake.scan("feed_events")
        .filter(pl.col("state_to_name") == "synced")
        .select("venue", "instrument", pl.col("ts_recv_ns").alias("ts_synced_ns"))
        .sort("ts_synced_ns")
    )
    spans = ledger(lake).join_asof(
        synced,
        left_on="ts_from_ns",
        right_on="ts_synced_ns",
        by=["venue", "instrument"],
        strategy="forward",
        allow_exact_matches=False,
        check_sortedness=False,
    )
    repaired_ns = pl.when("is_closed").then("ts_to_ns").otherwise(pl.col("ts_synced_ns").fill_null(NEVER_NS))
    return spans.select("venue", "instrument", "cause_name", "ts_from_ns", repaired_ns.alias("ts_to_ns"))


def collapse(rows: pa.Table) -> pa.Table:
    """Return `rows` (one instrument's gaps of one hour, in order of writing) with closed rows in place of open ones."""
    keys = zip(*(rows[name].to_pylist() for name in ("run", "cause", "gap_id")), strict=True)
    last = {key: index for index, key in enumerate(keys)}  # a repair is always written after its opening
    return rows.take(pa.array(sorted(last.values()), type=pa.int64()))


def not_recorded(run: str, seq: int, ts_from_ns: int, ts_to_ns: int) -> pa.Table:
    """Return the row of a hole before `run`: from the last record of the run before to its first (`seq`)."""
    row = {
        "run": run,
        "stream": "all",
        "seq": seq,
        "gap_id": seq,
        "ts_from_ns": ts_from_ns,
        "ts_to_ns": ts_to_ns,
        "sequence_from": 0,
        "sequence_to": 0,
        "levels_touched": 0,
        "cause": NOT_RECORDED,
        "cause_name": GAP_CAUSES[NOT_RECORDED],
        "repaired_by": 0,
        "repaired_by_name": "none",
        "is_closed": True,
    }
    return pa.Table.from_pylist([row], schema=table_schema("gaps").columns)
