"""The gap ledger held against the data: whatever breaks continuity must stand in it. Pure functions on frames.

A ledgered gap is a warning: it is masked everywhere by itself. A discontinuity that the ledger does not name is an
error: nothing downstream would know of it.
"""

import polars as pl

from orchestration.defs.quality.rules import Finding

TABLE = "gaps"
STATE_GAP = 3
STATE_SYNCED = 2
DENSE_ID_VENUES = ("bybit_spot",)
"""Venues whose update ids count by one, so that the table alone shows a lost message."""

STREAM = ("run", "instrument")


def ledgered(gaps: pl.DataFrame) -> list[Finding]:
    """Return a warning that counts the ledger's gaps; a gap is one `gap_id`, however many rows tell of it."""
    if gaps.is_empty():
        return []
    causes = gaps.unique(subset=[*STREAM, "gap_id"]).group_by("cause_name").len().sort("cause_name")
    examples = tuple(f"{name} x {count}" for name, count in causes.iter_rows())
    return [Finding(TABLE, "gap_in_ledger", "warning", int(causes["len"].sum()), gaps.height, examples)]


def unledgered(
    updates: pl.DataFrame, feed_events: pl.DataFrame, gaps: pl.DataFrame, venue: str, silence_ns_max: int
) -> list[Finding]:
    """Return an error for each kind of discontinuity in one venue-hour that no row of `gaps` explains."""
    holes = [
        _finding("feed_gap_in_ledger", _gap_events_without_row(feed_events, gaps)),
        _finding("silence_in_ledger", _uncovered(_silences(updates, silence_ns_max), gaps)),
        _finding("update_ids_continuous", _uncovered(_id_holes(updates, venue), gaps)),
    ]
    return [finding for finding in holes if finding is not None]


def _gap_events_without_row(feed_events: pl.DataFrame, gaps: pl.DataFrame) -> pl.DataFrame:
    opened = feed_events.filter((pl.col("state_from") == STATE_SYNCED) & (pl.col("state_to") == STATE_GAP))
    opened = opened.with_columns(ts_from_ns="ts_recv_ns", ts_to_ns="ts_recv_ns")
    return opened.join(gaps, left_on=[*STREAM, "seq"], right_on=[*STREAM, "gap_id"], how="anti")


def _silences(updates: pl.DataFrame, silence_ns_max: int) -> pl.DataFrame:
    """Return stretches of one instrument without any update that are longer than allowed."""
    spans = _message_starts(updates).with_columns(ts_from_ns=pl.col("ts_recv_ns").shift(1).over("instrument"))
    return spans.filter(pl.col("ts_recv_ns") - pl.col("ts_from_ns") > silence_ns_max).with_columns(
        ts_to_ns="ts_recv_ns"
    )


def _id_holes(updates: pl.DataFrame, venue: str) -> pl.DataFrame:
    """Return places, other than snapshots, where a message does not go on from the one before it.

    What goes on from what is told by the id that the message names as its predecessor's (USD-M), by its first id
    (spot), or by ids that count by one; a table that has none of them shows no hole.
    """
    if "previous_update_id" in updates.columns:
        predecessor = pl.col("previous_update_id")
    elif "first_update_id" in updates.columns:
        predecessor = pl.col("first_update_id") - 1
    elif venue in DENSE_ID_VENUES:
        predecessor = pl.col("update_id") - 1
    else:
        return updates.clear().with_columns(ts_from_ns="ts_recv_ns", ts_to_ns="ts_recv_ns")
    before = pl.col("update_id").shift(1).over(STREAM)
    starts = _message_starts(updates).with_columns(
        is_hole=predecessor != before, ts_from_ns=pl.col("ts_recv_ns").shift(1).over(STREAM), ts_to_ns="ts_recv_ns"
    )
    return starts.filter(pl.col("is_hole") & ~pl.col("is_snapshot"))


def _message_starts(updates: pl.DataFrame) -> pl.DataFrame:
    message = [*STREAM, "seq", "update_id", "is_snapshot"]
    return updates.unique(subset=message, keep="first", maintain_order=True)


def _uncovered(holes: pl.DataFrame, gaps: pl.DataFrame) -> pl.DataFrame:
    """Return the holes that meet no ledger row of their instrument; an open row reaches on without end."""
    if holes.is_empty() or gaps.is_empty():
        return holes
    ends = pl.when(pl.col("ts_to_ns") > 0).then(pl.col("ts_to_ns")).otherwise(pl.lit(2**62))
    rows = gaps.select("instrument", gap_from_ns="ts_from_ns", gap_to_ns=ends)
    meets = (pl.col("gap_from_ns") < pl.col("ts_to_ns")) & (pl.col("gap_to_ns") > pl.col("ts_from_ns"))
    numbered = holes.with_row_index("hole")
    covered = numbered.join(rows, on="instrument").filter(meets)
    return numbered.join(covered, on="hole", how="anti").drop("hole")


def _finding(rule: str, holes: pl.DataFrame) -> Finding | None:
    if holes.is_empty():
        return None
    first = holes.row(0, named=True)
    example = f"{first['instrument']} {first['ts_from_ns']}..{first['ts_to_ns']}"
    return Finding(TABLE, rule, "error", holes.height, holes.height, (example,))
