"""Raw segments to lake tables through the core: one venue-hour, or one hour of a grid over all its venues.

Both are repeatable: the same segments (and the same checkpoint of the hour before) give the same bytes. Each run of a
venue-hour goes through an engine of its own, since a new run knows nothing of the books of another; a grid's hour
goes through one engine over all runs and venues.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

import numpy as np
import orjson
import pyarrow as pa
from pydantic import JsonValue

import native
from native.config import EngineSettings, GridConfig, JsonObject, engine_document, slot_ids
from streaming.checkpoints import read_checkpoint, write_checkpoint
from streaming.errors import BadDataError
from streaming.hour_tables import CAPTURED_TABLES, HourTables
from streaming.pump import Meter, Progress, build_engine, pump
from streaming.raw_hour import (
    HOUR,
    RunHour,
    choose_runs,
    entry_of,
    kin_of,
    last_heard_before,
    merge_plan,
    names_in,
    read_runs,
    runs_named,
    version_of,
)
from streaming.segments import InstrumentEntry, read_header
from warehouse import gaps
from warehouse.errors import InstrumentError
from warehouse.instruments import InstrumentVersion, read_versions, record_version, version_at
from warehouse.lake import Lake, hour_keys
from warehouse.records import grid_table


@dataclass(frozen=True, slots=True, kw_only=True)
class HourReport:
    """What the conversion of one venue-hour wrote."""

    venue: str
    hour_start: datetime
    runs: tuple[str, ...]
    """Runs whose rows were written."""
    skipped_runs: tuple[str, ...]
    """Runs left out because another one covers the same time of the same instrument."""
    continued_runs: tuple[str, ...]
    """Runs that went on from the checkpoint of the hour before; the others began unsynchronised."""
    frame_count: int
    rows: dict[str, int]
    """Rows written, by table."""
    gap_count: int
    """Feed gaps that opened in this hour."""
    not_recorded_count: int
    """Holes between runs, counted apart from feed gaps."""
    reject_count: int
    ts_first_ns: int
    ts_last_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GridReport:
    """What the conversion of one hour of a grid wrote."""

    grid: str
    hour_start: datetime
    start: str
    """`continued`, or `unsynced: <reason>`."""
    row_count: int
    step_count: int
    valid_rows: dict[str, int]
    """Valid rows by instrument; a masked slot is absent."""
    masked: tuple[str, ...]
    """Instruments of the grid that the lake does not know."""
    ts_first_step_ns: int
    ts_last_step_ns: int


def convert_hour(
    lake: Lake,
    venue: str,
    hour_start: datetime,
    *,
    settings: EngineSettings | None = None,
    progress: Progress | None = None,
) -> HourReport:
    """Convert the segments of one venue-hour to tables, instruments and checkpoints.

    Hour h goes on from the checkpoint of h-1 where the same run recorded both; BadDataError when that hour is not
    converted yet, when there is nothing to convert, when a segment is damaged, or when steps contradict each other.
    """
    runs = read_runs(lake, venue, hour_start)
    _check_runs(runs, venue, hour_start)
    chosen = choose_runs(runs)
    earlier = runs_named(lake, venue, hour_start - HOUR)
    _check_one_tick(chosen, hour_start)
    _record_instruments(lake, chosen)
    forget_hour(lake, venue, hour_start)
    tables = HourTables()
    meter = Meter(sum(len(block) for run in runs for block in run.blocks), progress)
    states: dict[str, tuple[JsonObject, bytes]] = {}
    for run in runs:
        symbols = {symbol for symbol, speakers in chosen.items() if run in speakers}
        document = _venue_document(run, settings or EngineSettings())
        engine = build_engine(document, f"{venue} hour {hour_start:%Y-%m-%d %H}: run {run.run}")
        if run.run in earlier:
            _go_on(engine, document, lake, run, hour_start)
        for outputs in pump(engine, native.merge_blocks(list(run.blocks)), meter):
            tables.add(run, symbols, outputs)
        states[run.run] = (document, engine.checkpoint())
    for symbol, speakers in chosen.items():
        tables.add_holes(symbol, _holes(lake, symbol, speakers, earlier, hour_start))
    tables.write(lake, venue, hour_start, chosen)
    for name, (document, state) in states.items():
        write_checkpoint(lake.checkpoint_path(venue, hour_start, name), document, state)
    return _hour_report(venue, hour_start, runs, chosen, earlier, tables)


def grid_hours(lake: Lake, grid: GridConfig) -> list[datetime]:
    """Return the hours for which segments name one of the grid's instruments, ascending; reads headers only."""
    return sorted(
        hour
        for hour in {hour for venue in grid_venues(grid) for hour in lake.hours(venue)}
        if any(names_in(lake, venue, hour).intersection(grid.instruments) for venue in grid_venues(grid))
    )


def convert_grid_hour(
    lake: Lake,
    grid: GridConfig,
    hour_start: datetime,
    *,
    settings: EngineSettings | None = None,
    progress: Progress | None = None,
) -> GridReport:
    """Convert one hour of all the grid's venues to its rows and checkpoint; convert the venue-hours first.

    Goes on from the grid's checkpoint of the hour before where there is one of the same instruments. An hour in which
    none of its instruments was heard has no rows and no file (`grid_hours` names the others). BadDataError when no
    venue has segments or the lake knows none of the grid's instruments.
    """
    venues = grid_venues(grid)
    runs = [run for venue in venues for run in read_runs(lake, venue, hour_start, _kin(lake, venue, hour_start, grid))]
    place = f"grid {grid.name} hour {hour_start:%Y-%m-%d %H}"
    if not any(lake.segments(venue, hour_start) for venue in venues):
        raise BadDataError(f"{place}: no raw segments of {', '.join(venues)}; import or record that hour")
    versions = _grid_versions(lake, grid, hour_start)
    if not versions:
        raise BadDataError(f"{place}: the lake knows none of {', '.join(grid.instruments)}; convert its venue-hours")
    entries = [_engine_entry(index, version) for index, version in enumerate(versions)]
    plan = merge_plan(runs, {version.name for version in versions})
    document = engine_document(entries, plan.sources, settings or EngineSettings(), grid)
    document["emit"] = {"grid": True}
    engine = build_engine(document, place)
    forget_grid_hour(lake, grid.name, hour_start)
    start = _grid_start(engine, document, lake, grid, hour_start)
    merged = native.merge_blocks(plan.blocks, plan.runs, plan.source_offsets)
    meter = Meter(len(merged), progress)
    slots = slot_ids(grid, entries)
    names = [(version.venue, version.symbol) for version in versions]
    parts = [grid_table(outputs["grid"], names, slots) for outputs in pump(engine, merged, meter)]
    rows = pa.concat_tables(parts)
    keys = {"grid": grid.name, **hour_keys(hour_start)}
    if rows.num_rows:
        lake.write_table("grid", keys, rows, _grid_metadata(grid, versions))
    write_checkpoint(lake.grid_checkpoint_path(grid.name, hour_start), document, engine.checkpoint())
    return _grid_report(grid, hour_start, start, rows, versions)


# --- one venue-hour --------------------------------------------------------------------------------------------------


def _check_runs(runs: Sequence[RunHour], venue: str, hour_start: datetime) -> None:
    place = f"{venue} hour {hour_start:%Y-%m-%d %H}"
    if not any(run.record_count for run in runs):
        raise BadDataError(f"{place}: expected raw segments with records, found none; import or record that hour")
    for run in runs:
        if not run.instruments:
            raise BadDataError(
                f"{place}: run {run.run} names no instrument of the venue; import it again with --tick and --size-unit"
            )


def _check_one_tick(chosen: Mapping[str, Sequence[RunHour]], hour_start: datetime) -> None:
    """A file counts one tick: runs with different steps cannot share an hour."""
    for symbol, speakers in chosen.items():
        first = version_of(entry_of(speakers[0], symbol), 0)
        for run in speakers[1:]:
            other = version_of(entry_of(run, symbol), 0)
            if not other.has_steps_of(first):
                raise BadDataError(
                    f"{first.name} hour {hour_start:%Y-%m-%d %H}: run {speakers[0].run} counts tick {first.tick} and"
                    f" size unit {first.size_unit}, run {run.run} {other.tick} and {other.size_unit};"
                    " remove the segments of one of them"
                )


def _record_instruments(lake: Lake, chosen: Mapping[str, Sequence[RunHour]]) -> None:
    for symbol, speakers in chosen.items():
        for run in speakers:
            record_steps(lake, entry_of(run, symbol), run.spans[symbol].ts_first_ns)


def record_steps(lake: Lake, entry: InstrumentEntry, ts_first_ns: int) -> None:
    """Write a header's entry into the instrument table; BadDataError when it contradicts what stands there.

    A header without `valid_from_ns` states steps from its run's first record on (`ts_first_ns`); that is a new row
    only where it says something new.
    """
    version = version_of(entry, entry.valid_from_ns or ts_first_ns)
    known = version_at(read_versions(lake), version.name, version.valid_from_ns)
    if entry.valid_from_ns == 0 and known is not None and _says_the_same(known, version):
        return
    try:
        record_version(lake, version)
    except InstrumentError as error:
        raise BadDataError(str(error)) from error


def _says_the_same(known: InstrumentVersion, version: InstrumentVersion) -> bool:
    return known.has_steps_of(version) and (known.lot, known.market_type) == (version.lot, version.market_type)


def forget_hour(lake: Lake, venue: str, hour_start: datetime) -> None:
    """Remove what a conversion left of a venue-hour: checkpoints first, they say that the hour is whole."""
    for path in lake.checkpoint_path(venue, hour_start, "any").parent.glob("*.checkpoint"):
        path.unlink()
    keys = {"venue": venue, **hour_keys(hour_start)}
    for table in CAPTURED_TABLES:
        for folder in (lake.root / table / f"venue={venue}").glob("instrument=*"):
            lake.remove_partition(table, {**keys, "instrument": folder.name.removeprefix("instrument=")})
    lake.remove_partition("rejects", keys)


def _venue_document(run: RunHour, settings: EngineSettings) -> JsonObject:
    instruments = [{**asdict(entry), "id": index} for index, entry in enumerate(run.instruments)]
    return engine_document(instruments, [asdict(source) for source in run.sources], settings)


def _go_on(engine: native.Engine, document: JsonObject, lake: Lake, run: RunHour, hour_start: datetime) -> None:
    """Take up the run's state at the end of the hour before."""
    before = hour_start - HOUR
    place = f"{run.venue} hour {hour_start:%Y-%m-%d %H}: run {run.run}"
    checkpoint = read_checkpoint(lake.checkpoint_path(run.venue, before, run.run))
    if checkpoint is None:
        raise BadDataError(f"{place} goes on from hour {before:%Y-%m-%d %H}, which is not converted; convert it first")
    difference = checkpoint.difference(document)
    if difference is not None:
        raise BadDataError(
            f"{place}: {difference} differ from those of hour {before:%Y-%m-%d %H};"
            " convert that hour again, or, if the tick changed, import the rest as a new run"
        )
    checkpoint.restore_into(engine)


def _holes(
    lake: Lake, symbol: str, speakers: Sequence[RunHour], earlier: set[str], hour_start: datetime
) -> list[pa.Table]:
    """Return a ledger row for each hole before one of the runs that speak for `symbol`."""
    first = speakers[0]
    ts_last_ns = None if first.run in earlier else last_heard_before(lake, first.venue, symbol, hour_start)
    holes: list[pa.Table] = []
    for run in speakers:
        span = run.spans[symbol]
        if ts_last_ns is not None and span.ts_first_ns - ts_last_ns > gaps.BETWEEN_RUNS_NS_MIN:
            holes.append(gaps.not_recorded(run.run, span.seq_first, ts_last_ns, span.ts_first_ns))
        ts_last_ns = span.ts_last_ns
    return holes


def _hour_report(
    venue: str,
    hour_start: datetime,
    runs: Sequence[RunHour],
    chosen: Mapping[str, Sequence[RunHour]],
    earlier: set[str],
    tables: HourTables,
) -> HourReport:
    heard = [run for run in runs if any(run in speakers for speakers in chosen.values())]
    skipped = [f"{run.run} ({symbol})" for run in runs for symbol in run.spans if run not in chosen.get(symbol, ())]
    return HourReport(
        venue=venue,
        hour_start=hour_start,
        runs=tuple(run.run for run in heard),
        skipped_runs=tuple(sorted(skipped)),
        continued_runs=tuple(run.run for run in runs if run.run in earlier),
        frame_count=sum(run.frame_count for run in runs),
        rows=tables.rows,
        gap_count=tables.gap_count,
        not_recorded_count=tables.not_recorded_count,
        reject_count=tables.rows["rejects"],
        ts_first_ns=min(run.span.ts_first_ns for run in heard),
        ts_last_ns=max(run.span.ts_last_ns for run in heard),
    )


# --- one hour of a grid ----------------------------------------------------------------------------------------------


def _kin(lake: Lake, venue: str, hour_start: datetime, grid: GridConfig) -> set[str]:
    headers = [read_header(path) for path in lake.segments(venue, hour_start)]
    return kin_of(headers, venue, grid.instruments)


def grid_venues(grid: GridConfig) -> list[str]:
    """Return the venues of the grid's instruments, by name."""
    return sorted({name.partition(":")[0] for name in grid.instruments})


def forget_grid_hour(lake: Lake, grid: str, hour_start: datetime) -> None:
    """Remove what a conversion left of one hour of grid `grid`, the checkpoint first."""
    lake.grid_checkpoint_path(grid, hour_start).unlink(missing_ok=True)
    lake.remove_partition("grid", {"grid": grid, **hour_keys(hour_start)})


def _grid_versions(lake: Lake, grid: GridConfig, hour_start: datetime) -> list[InstrumentVersion]:
    """Return the known instruments of the grid in slot order, as they stand at the end of the hour."""
    versions = read_versions(lake)
    ts_end_ns = int((hour_start + HOUR).timestamp()) * 1_000_000_000 - 1
    found = [version_at(versions, name, ts_end_ns) for name in grid.instruments]
    return [version for version in found if version is not None]


def _engine_entry(index: int, version: InstrumentVersion) -> dict[str, JsonValue]:
    return {"id": index, **asdict(version)}


def _grid_start(engine: native.Engine, document: JsonObject, lake: Lake, grid: GridConfig, hour_start: datetime) -> str:
    """Take up the grid's state at the end of the hour before where it fits; return how the hour starts."""
    checkpoint = read_checkpoint(lake.grid_checkpoint_path(grid.name, hour_start - HOUR))
    if checkpoint is None:
        return "unsynced: the hour before is not converted"
    difference = checkpoint.difference(document)
    if difference is not None:
        return f"unsynced: {difference} differs from that of the hour before"
    checkpoint.restore_into(engine)
    return "continued"


def _grid_metadata(grid: GridConfig, versions: Sequence[InstrumentVersion]) -> dict[str, str]:
    steps = {version.name: version.step_metadata for version in versions}
    return {
        "step_ns": str(grid.step_ns),
        "slots": orjson.dumps(grid.instruments).decode(),
        "reference": grid.reference,
        "steps": orjson.dumps(steps, option=orjson.OPT_SORT_KEYS).decode(),
    }


def _grid_report(
    grid: GridConfig, hour_start: datetime, start: str, rows: pa.Table, versions: Sequence[InstrumentVersion]
) -> GridReport:
    steps = rows["ts_step_ns"].to_numpy()
    valid = rows["is_valid"].to_numpy(zero_copy_only=False)
    slots = rows["slot"].to_numpy()
    known = [version.name for version in versions]
    return GridReport(
        grid=grid.name,
        hour_start=hour_start,
        start=start,
        row_count=rows.num_rows,
        step_count=len(np.unique(steps)),
        valid_rows={name: int(valid[slots == grid.instruments.index(name)].sum()) for name in known},
        masked=tuple(name for name in grid.instruments if name not in known),
        ts_first_step_ns=int(steps.min()) if len(steps) else 0,
        ts_last_step_ns=int(steps.max()) if len(steps) else 0,
    )
