"""`trader start --mode replay`: one trading run over recorded or generated segments, from settings to tables.

A run is named after everything that decides it (engine document, segments, bundle, span), so the same command gives the
same run, journal and tables, byte for byte.
"""

import hashlib
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import orjson

import native
from native.config import (
    NS_PER_MS,
    GridConfig,
    JsonObject,
    engine_document,
    slot_ids,
    trading_document,
)
from streaming.errors import BadDataError, RefusedError, SettingsError, TraderError, UsageError
from streaming.journal import JournalWriter
from streaming.lock import held
from streaming.segments import SegmentHeader, SourceEntry
from streaming.settings import Settings, settings_path
from streaming.shell.feed import Feed, open_feed
from streaming.shell.runner import ReplayRunner, RunCounts, RunnerSettings
from streaming.trading_records import KIND_SIM, write_tables
from warehouse.files import write_atomically
from warehouse.lake import Lake

if TYPE_CHECKING:
    from ml.runtime import Forecaster

Progress = Callable[[str], None]

SUMMARY_SUFFIX = ".json"
JOURNAL_SUFFIX = ".seg.zst"
RUNS_NAMED = 3
"""Runs that an error about an unknown one names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StartRequest:
    """What to run. `model` is a bundle hash, `champion`, or None to run without one."""

    grid: str
    model: str | None = "champion"
    ts_from_ns: int | None = None
    ts_to_ns: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSummary:
    """A finished run; kept as JSON beside its journal."""

    run: str
    grid: str
    mode: str
    model: str | None
    journal: str
    instruments: tuple[str, ...]
    masked: tuple[str, ...]
    """Instruments of the grid that the lake does not hold in that span."""
    left_out: tuple[str, ...]
    trade_from_ns: int
    counts: RunCounts


def start_replay(settings: Settings, request: StartRequest, progress: Progress) -> RunSummary:
    """Run the trader over the span and write journal, trading tables and summary.

    Raises RefusedError when the bundle may not be used or a limit has no value, UsageError when the lake holds nothing
    of the grid, SettingsError for a value that the engine refuses, BadDataError for damaged segments.
    """
    grid = settings.grid_named(request.grid)
    lake = Lake(settings.warehouse.lake_dir)
    feed = open_feed(lake, grid.instruments, request.ts_from_ns, request.ts_to_ns)
    _check_delay(settings, grid)
    bundle = None if request.model is None else bundle_hash(settings, request.model)
    header = _journal_header(settings, grid, feed, bundle)
    forecaster = None if bundle is None else load_forecaster(settings, grid, bundle, feed.ts_from_ns)
    journal_path = settings.warehouse.journal_dir / f"{header.run}{JOURNAL_SUFFIX}"
    with held(settings.warehouse.run_dir / f"{header.run}.lock"):
        journal = JournalWriter(journal_path, header)
        try:
            runner = _runner(settings, grid, header, journal, forecaster, feed)
            for hour in feed.read():
                runner.run(hour, progress)
            counts = runner.finish()
            journal.close()
        except BaseException:
            journal.abort()
            raise
        write_tables(lake, header, runner.recorded)
        summary = _summary(grid, feed, header, counts, journal_path)
        write_summary(settings.warehouse.journal_dir, summary)
    return summary


def bundle_hash(settings: Settings, model: str) -> str:
    """Return the full hash that `model` names: `champion`, a hash or the unique beginning of one."""
    from ml.runtime import MlError, read_pointer

    models_dir = settings.warehouse.models_dir
    if model != "champion":
        found = [path.parent.name for path in models_dir.glob(f"{model}*/manifest.json")]
        return found[0] if len(found) == 1 else model
    try:
        pointer = read_pointer(models_dir, "champion")
    except MlError as error:
        raise RefusedError(f"champion: {error}; next: trader models rollback --reason TEXT") from error
    if pointer is None:
        raise RefusedError(
            f"{models_dir}: no champion, no model was promoted; next: trader models list, then trader models promote "
            "HASH --reason TEXT, or start it with --no-model"
        )
    return pointer.hash


def load_forecaster(settings: Settings, grid: GridConfig, bundle: str, now_ns: int) -> "Forecaster":
    """Return the model of `bundle`, checked against this core at engine time `now_ns`.

    RefusedError when it is missing, altered, of another feature schema or expired.
    """
    from ml.runtime import Forecaster, MlError, feature_schema_hash

    schema = feature_schema_hash(grid.instruments, grid.step_ns)
    try:
        return Forecaster.load(settings.warehouse.models_dir, bundle, schema, now_ns, instruments=grid.instruments)
    except MlError as error:
        raise RefusedError(f"bundle refused: {error}") from error


def _check_delay(settings: Settings, grid: GridConfig) -> None:
    delay_ms = settings.streaming.replay.forecast_delay_ms
    if delay_ms >= grid.step_ms:
        key = "streaming.replay.forecast_delay_ms"
        raise SettingsError(
            str(settings_path()), key, f"expected less than the grid's step {grid.step_ms}, found {delay_ms}"
        )


def _journal_header(settings: Settings, grid: GridConfig, feed: Feed, bundle: str | None) -> SegmentHeader:
    """Return the header with the engine's document; its run and run tag are hashes of all that decides the run."""
    private = SourceEntry(id=len(feed.sources), venue=feed.instruments[0].venue, instrument=None, kind=KIND_SIM)
    sources = (*feed.sources, private)
    header = SegmentHeader(run="", instruments=feed.instruments, sources=sources, bundle=bundle)
    document = engine_document(header.instrument_rows(), header.source_rows(), settings.native, grid)
    try:
        document = trading_document(document, grid, settings.native, run_tag=0)
    except ValueError as error:
        if bundle is not None:
            raise RefusedError(f"settings {settings_path()}: {error}; set it before a model may trade") from error
    replay = settings.streaming.replay.model_dump()
    decided_by = [document, bundle, replay, feed.ts_from_ns, feed.ts_to_ns, _segment_names(feed)]
    digest = hashlib.sha256(orjson.dumps(decided_by)).hexdigest()
    document["run_tag"] = int(digest[:7], 16)
    return replace(header, run=f"replay-{digest[:12]}", engine=document)


def _segment_names(feed: Feed) -> list[str]:
    return [ref.path.name for refs in feed.hours for ref in refs]


def _runner(
    settings: Settings,
    grid: GridConfig,
    header: SegmentHeader,
    journal: JournalWriter,
    forecaster: "Forecaster | None",
    feed: Feed,
) -> ReplayRunner:
    config = orjson.dumps(header.engine).decode()
    try:
        engine = native.Engine(config)
        trades = forecaster is not None or bool(settings.native.strategies)
        venue = native.SimVenue(config) if trades else None
    except ValueError as error:
        raise SettingsError(str(settings_path()), "native", str(error)) from error
    numbers = RunnerSettings(
        step_ns=grid.step_ns,
        max_catchup_steps=settings.native.max_catchup_steps,
        sim_source=len(header.sources) - 1,
        forecast_delay_ns=settings.streaming.replay.forecast_delay_ms * NS_PER_MS,
        trade_from_ns=feed.ts_from_ns,
        stop_ns=feed.ts_to_ns,
    )
    model_id = 0 if header.bundle is None else int(header.bundle[:8], 16)
    return ReplayRunner(engine, journal, numbers, venue, forecaster, model_id)


def _summary(grid: GridConfig, feed: Feed, header: SegmentHeader, counts: RunCounts, journal: Path) -> RunSummary:
    ids = slot_ids(grid, header.instrument_rows())
    return RunSummary(
        run=header.run,
        grid=grid.name,
        mode="replay",
        model=header.bundle,
        journal=str(journal),
        instruments=tuple(name for name, found in zip(grid.instruments, ids, strict=True) if found is not None),
        masked=tuple(name for name, found in zip(grid.instruments, ids, strict=True) if found is None),
        left_out=tuple(feed.left_out),
        trade_from_ns=feed.ts_from_ns,
        counts=counts,
    )


def write_summary(folder: Path, summary: RunSummary) -> None:
    """Write the summary beside its run's journal."""
    write_atomically(summary_path(folder, summary.run), orjson.dumps(asdict(summary), option=orjson.OPT_INDENT_2))


def summary_path(journal_dir: Path, run: str) -> Path:
    """Return where the summary of `run` stands."""
    return journal_dir / f"{run}{SUMMARY_SUFFIX}"


def read_summary(journal_dir: Path, run: str | None) -> RunSummary:
    """Return the summary of `run`, or of the newest one.

    TraderError when no run was made yet, UsageError for a name that is none, BadDataError for a damaged summary.
    """
    found = sorted(journal_dir.glob(f"*{SUMMARY_SUFFIX}"), key=lambda path: path.stat().st_mtime_ns)
    if not found:
        raise TraderError(f"{journal_dir}: expected a finished run, found none; next: trader start")
    path = found[-1] if run is None else summary_path(journal_dir, run)
    if path not in found:
        newest = ", ".join(path.name.removesuffix(SUMMARY_SUFFIX) for path in found[: -RUNS_NAMED - 1 : -1])
        raise UsageError(f"{journal_dir}: no run is called {run!r}; the newest are: {newest}")
    try:
        document = orjson.loads(path.read_bytes())
        document["counts"] = RunCounts(**document["counts"])
        for key in ("instruments", "masked", "left_out"):
            document[key] = tuple(document[key])
        return RunSummary(**document)
    except (ValueError, KeyError, TypeError) as error:
        raise BadDataError(f"{path}: not a run's summary ({error!r}); run trader start again") from error


def summary_document(summary: RunSummary) -> JsonObject:
    """Return the summary as JSON."""
    return asdict(summary)
