"""Lake tables made ready to be judged: columns that rules bound. Pure: frames in, frames out, order kept as it is.

A frame holds rows of one partition in the order they were written. `run` and `instrument` tell streams apart; times
are ns. Nothing is sorted here: rows in the wrong order are what the rules are to find.
"""

import polars as pl

from warehouse.schema import BOOK_LEVELS, FEATURE_NAMES

STREAM = ("run", "instrument")


def expect_instrument(frame: pl.DataFrame, instrument: str) -> pl.DataFrame:
    """Add `is_expected_instrument`: 1 where the row is of `instrument`."""
    return frame.with_columns(is_expected_instrument=(pl.col("instrument") == instrument).cast(pl.Int8))


def book_updates(frame: pl.DataFrame, window_start_ns: int) -> pl.DataFrame:
    """Add the judged columns of `book_updates`. A message is the rows of one update id of one (run, seq).

    A snapshot and the updates that were buffered while it was awaited share the seq of the input that brought it.
    Rows of a recording may also carry `first_update_id`: then swapped ids are found too.
    """
    if "first_update_id" in frame.columns:
        frame = frame.with_columns(id_span=pl.col("update_id") - pl.col("first_update_id"))
    message = pl.struct("seq", "update_id", "is_snapshot")
    is_message_start = message != message.shift(1).over(STREAM)
    after_snapshot = pl.col("is_snapshot") | pl.col("is_snapshot").shift(1).over(STREAM)
    # A venue's snapshot may carry the id of the update that follows it, so ids are compared between updates only.
    comparable = is_message_start & ~after_snapshot
    return _with_times(frame, window_start_ns, timed=~pl.col("is_snapshot")).with_columns(
        id_step=pl.when(comparable).then(pl.col("update_id").diff().over(STREAM)),
        price_ratio=_ratio_to_median("price_ticks"),
        event_times_in_message=pl.col("ts_event_ns").n_unique().over(*STREAM, "seq", "update_id", "is_snapshot"),
    )


def trades(frame: pl.DataFrame, window_start_ns: int) -> pl.DataFrame:
    """Add the judged columns of `trades`; merged and single trades count ids apart."""
    ids = (*STREAM, "is_aggregate")
    return _with_times(frame, window_start_ns, timed=pl.lit(value=True)).with_columns(
        id_step=pl.col("trade_id").diff().over(ids),
        trade_id_copies=pl.len().over(*ids, "trade_id"),
        price_ratio=_ratio_to_median("price_ticks"),
    )


def quotes(frame: pl.DataFrame, window_start_ns: int) -> pl.DataFrame:
    """Add the judged columns of `quotes`. Spot quotes carry no time of the venue."""
    return _with_times(frame, window_start_ns, timed=pl.lit(value=True)).with_columns(
        id_step=pl.col("update_id").diff().over(STREAM),
        spread_ticks=pl.col("ask_price_ticks") - pl.col("bid_price_ticks"),
        size_units_min=pl.min_horizontal("bid_size_units", "ask_size_units"),
    )


def book_snapshots(frame: pl.DataFrame) -> pl.DataFrame:
    """Return one row a snapshot: best prices, spread and least size; a side without levels gives nulls."""
    is_bid = pl.col("side") == 0
    return (
        frame.group_by("run", "instrument", "seq", maintain_order=True)
        .agg(
            bid_price_ticks=pl.col("price_ticks").filter(is_bid).max(),
            ask_price_ticks=pl.col("price_ticks").filter(~is_bid).min(),
            size_units_min=pl.col("size_units").min(),
        )
        .with_columns(spread_ticks=pl.col("ask_price_ticks") - pl.col("bid_price_ticks"))
    )


def grid(frame: pl.DataFrame, step_ns: int) -> pl.DataFrame:
    """Return the valid rows of `grid` with the judged columns."""
    levels = range(1, BOOK_LEVELS)
    sizes = [f"{side}_size_units_{level}" for side in ("bid", "ask") for level in (*levels, BOOK_LEVELS)]
    bid_steps = [pl.col(f"bid_price_ticks_{n}") - pl.col(f"bid_price_ticks_{n + 1}") for n in levels]
    ask_steps = [pl.col(f"ask_price_ticks_{n + 1}") - pl.col(f"ask_price_ticks_{n}") for n in levels]
    return frame.filter(pl.col("is_valid")).with_columns(
        off_step_ns=pl.col("ts_step_ns") % step_ns,
        step_step_ns=pl.col("ts_step_ns").diff().over("slot"),
        spread_ticks=pl.col("ask_price_ticks_1") - pl.col("bid_price_ticks_1"),
        bid_level_step_min=pl.min_horizontal(bid_steps),
        ask_level_step_min=pl.min_horizontal(ask_steps),
        size_units_min=pl.min_horizontal(sizes),
        features_not_finite=pl.sum_horizontal((~pl.col(name).is_finite()).cast(pl.Int32) for name in FEATURE_NAMES),
    )


def _with_times(frame: pl.DataFrame, window_start_ns: int, timed: pl.Expr) -> pl.DataFrame:
    """Add the columns that `rules.time_rules` bounds; `timed` tells rows whose frame carries the venue's time."""
    frame = frame.with_columns(
        recv_step_ns=pl.col("ts_recv_ns").diff().over(STREAM),
        into_window_ns=pl.col("ts_recv_ns") - window_start_ns,
        latency_ns=pl.when(pl.col("ts_event_ns") != 0).then(pl.col("ts_recv_ns") - pl.col("ts_event_ns")),
        event_time_missing=_missing_among_present("ts_event_ns", timed),
    ).with_columns(latency_shift_ns=pl.col("latency_ns") - pl.col("latency_ns").median().over(STREAM))
    if "ts_engine_ns" not in frame.columns:
        return frame
    both_sent = (pl.col("ts_event_ns") != 0) & (pl.col("ts_engine_ns") != 0)
    return frame.with_columns(
        engine_time_missing=_missing_among_present("ts_engine_ns", timed),
        engine_lead_ns=pl.when(both_sent).then(pl.col("ts_event_ns") - pl.col("ts_engine_ns")),
    )


def _missing_among_present(column: str, timed: pl.Expr) -> pl.Expr:
    """1 where a stream that sends this time left it out; a stream that never sends it is no defect."""
    is_sent = (pl.col(column) != 0) & timed
    return (timed & ~is_sent & is_sent.any().over(STREAM)).cast(pl.Int8)


def _ratio_to_median(column: str) -> pl.Expr:
    return pl.col(column) / pl.col(column).median().over(STREAM)
