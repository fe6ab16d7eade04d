"""The books and the forecast that an order was decided on: from the session's journal, else from the lake's tables."""

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal

import polars as pl

from native.config import JsonObject
from streaming.kept_forecasts import LOG_SPREAD, MID_BPS
from streaming.segments import InstrumentEntry, SegmentHeader
from streaming.trader.standing import text_of
from streaming.why.heard import HeardUntil, LastForecast
from streaming.why.links import MISSING, OK, BookLink, FileLink, ForecastLink, RecordsLink
from streaming.why.raw import file_of, find_frame
from warehouse.lake import Lake
from warehouse.schema import FORECAST_HORIZONS

NO_SEGMENT = "no raw segment holds this frame: nothing recorded beside the trader; its own journal is the record"
"""What it means that a paper session's frame is found nowhere else."""


def books_heard(lake: Lake, heard: HeardUntil, ts_ns: int) -> tuple[BookLink, ...]:
    """Return the books as the session's own engine held them."""
    return tuple(_heard_book(lake, heard, entry, ts_ns) for entry in heard.header.instruments)


def _heard_book(lake: Lake, heard: HeardUntil, entry: InstrumentEntry, ts_ns: int) -> BookLink:
    frame, (bid, ask) = heard.frames.get(entry.id), heard.touches[entry.id]
    raw = None if frame is None or not frame.payload else find_frame(lake, entry.venue, frame.ts_recv_ns, frame.payload)
    link = FileLink("", MISSING, NO_SEGMENT)
    if raw is not None:
        link = FileLink(raw.path.relative_to(lake.root).as_posix(), OK)
    return BookLink(
        instrument=entry.name,
        run=heard.header.run,
        seq=0 if frame is None else frame.seq,
        update_id=0 if frame is None else frame.update_id,
        ts_recv_ns=0 if frame is None else frame.ts_recv_ns,
        age_ns=0 if frame is None else ts_ns - frame.ts_recv_ns,
        bid=_price(entry, bid),
        bid_size=_size(entry, bid),
        ask=_price(entry, ask),
        ask_size=_size(entry, ask),
        raw_run="" if raw is None else raw.run,
        raw_seq=0 if raw is None else raw.seq,
        raw=link,
    )


def forecast_heard(heard: HeardUntil) -> ForecastLink | None:
    """Return the last forecast that the engine had taken."""
    last = heard.forecast
    if last is None:
        return None
    return ForecastLink(
        seq=last.seq,
        ts_ns=last.ts_ns,
        ts_step_ns=last.ts_step_ns,
        model_id=last.model_id,
        horizon_steps=len(last.values),
        values=tuple(_values(heard.header, last)),
    )


def _values(header: SegmentHeader, last: LastForecast) -> list[JsonObject]:
    grid = (header.engine or {}).get("grid")
    slots = grid.get("slots") if isinstance(grid, dict) else None
    own = horizon_of(header)
    wanted = sorted({*FORECAST_HORIZONS, *([] if own is None else [own])})
    found: list[JsonObject] = []
    for slot, number in enumerate(slots if isinstance(slots, list) else []):
        if not isinstance(number, int):
            continue
        row: JsonObject = {"instrument": header.instruments[number].name, "signal_horizon_steps": own}
        for steps in wanted:
            if steps <= len(last.values):
                row[f"mid_bps_{steps}"] = float(last.values[steps - 1, slot, MID_BPS])
                row[f"log_spread_ticks_{steps}"] = float(last.values[steps - 1, slot, LOG_SPREAD])
        found.append(row)
    return found


def horizon_of(header: SegmentHeader) -> int | None:
    """Return the horizon, in steps, that the engine's first strategy with one decides by."""
    engine = header.engine or {}
    listed = engine.get("strategies")
    for section in listed if isinstance(listed, list) else [engine.get("signal")]:
        for place in (section, section.get("settings") if isinstance(section, dict) else None):
            if isinstance(place, dict) and isinstance(steps := place.get("horizon_step"), int):
                return steps
    return None


# --- runs without a journal -----------------------------------------------------------------------------------------


def books_landed(lake: Lake, names: Sequence[str], ts_ns: int) -> tuple[BookLink, ...]:
    """Return the books of `names` as the lake's tables tell them at a time; for runs over the lake's own frames."""
    from warehouse.views import connect

    with connect(lake) as connection:
        found = []
        for name in names:
            venue, _, symbol = name.partition(":")
            touch = connection.execute(
                "select side, price, size from book_at($1, $2, $3::bigint) where level = 1", [venue, symbol, ts_ns]
            ).fetchall()
            sides = {side: (text_of(Decimal(price)), text_of(Decimal(size))) for side, price, size in touch}
            found.append(_landed_book(lake, name, ts_ns, sides))
    return tuple(found)


def _landed_book(lake: Lake, name: str, ts_ns: int, sides: dict[str, tuple[str, str]]) -> BookLink:
    venue, _, symbol = name.partition(":")
    run, seq, update_id, ts_recv_ns = _last_update(lake, venue, symbol, ts_ns)
    path = file_of(lake, venue, run, seq, ts_recv_ns) if run else None
    link = FileLink("", MISSING, "the raw segment of this frame is gone: the book cannot be built again from it")
    if path is not None:
        link = FileLink(path.relative_to(lake.root).as_posix(), OK)
    bid, ask = sides.get("bid"), sides.get("ask")
    return BookLink(
        instrument=name,
        run=run,
        seq=seq,
        update_id=update_id,
        ts_recv_ns=ts_recv_ns,
        age_ns=ts_ns - ts_recv_ns if run else 0,
        bid=None if bid is None else bid[0],
        bid_size=None if bid is None else bid[1],
        ask=None if ask is None else ask[0],
        ask_size=None if ask is None else ask[1],
        raw_run=run,
        raw_seq=seq,
        raw=link,
    )


def _last_update(lake: Lake, venue: str, symbol: str, ts_ns: int) -> tuple[str, int, int, int]:
    """Return run, seq, update id and receive time of the last frame that changed a book; zeros where there is none."""
    day = datetime.fromtimestamp(ts_ns // 1_000_000_000, tz=UTC).date()
    own = (pl.col("venue") == venue) & (pl.col("instrument") == symbol) & (pl.col("date") <= day)
    rows = lake.scan("book_updates").filter(own & (pl.col("ts_recv_ns") <= ts_ns))
    last = rows.select("run", "seq", "update_id", "ts_recv_ns").tail(1).collect()
    if last.is_empty():
        return "", 0, 0, 0
    run, seq, update_id, ts_recv_ns = last.row(0)
    return str(run), int(seq), int(update_id), int(ts_recv_ns)


def forecast_landed(lake: Lake, records: RecordsLink, ts_step_ns: int) -> ForecastLink | None:
    """Return the forecast of a step as table `forecasts` holds it, None where it does not."""
    rows = lake.scan("forecasts").filter((pl.col("run") == records.run) & (pl.col("ts_step_ns") == ts_step_ns))
    found = rows.filter(pl.col("ts_ns") <= records.ts_ns).sort("ts_ns", "slot").collect()
    if found.is_empty():
        return None
    last = found.filter(pl.col("seq") == found["seq"][-1])
    values: list[JsonObject] = [
        {
            "instrument": f"{row['venue']}:{row['instrument']}",
            **{f"mid_bps_{steps}": row[f"mid_bps_{steps}"] for steps in FORECAST_HORIZONS},
        }
        for row in last.iter_rows(named=True)
    ]
    head = last.row(0, named=True)
    return ForecastLink(
        seq=int(head["seq"]),
        ts_ns=int(head["ts_ns"]),
        ts_step_ns=int(head["ts_step_ns"]),
        model_id=int(head["model_id"]),
        horizon_steps=int(head["horizon_steps"]),
        values=tuple(values),
    )


def _price(entry: InstrumentEntry, level: Sequence[int]) -> str | None:
    return text_of(level[0] * Decimal(entry.tick)) if level else None


def _size(entry: InstrumentEntry, level: Sequence[int]) -> str | None:
    return text_of(level[1] * Decimal(entry.size_unit)) if level else None
