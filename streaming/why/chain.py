"""`trader why`: the whole chain from an order back to raw segments, each link looked at where it can be."""

from collections.abc import Mapping
from dataclasses import dataclass

from ml.runtime import bundle_facts, bundle_named
from native.config import JsonObject
from streaming.errors import BadDataError
from streaming.settings import Settings
from streaming.why.books import books_heard, books_landed, forecast_heard, forecast_landed
from streaming.why.find import FoundOrder, find_order
from streaming.why.heard import hear_until
from streaming.why.links import MISSING, BookLink, Chain, FileLink, ForecastLink, PartitionLink, RecordsLink
from streaming.why.raw import SegmentChecks
from streaming.why.records import Progress
from streaming.why.training import partitions, sealed_segments, training_run
from warehouse.lake import Lake

NO_JOURNAL = "no journal of this run: books are told by the lake's tables of its hour, at the order's time"


@dataclass(frozen=True, slots=True)
class _Moment:
    """What an order was decided on."""

    journal: FileLink
    bundle: str | None
    """The one that the session began with."""
    forecast: ForecastLink | None
    books: tuple[BookLink, ...]


def why(settings: Settings, number: int | None, progress: Progress, *, is_quick: bool = False) -> Chain:
    """Return the chain of an order, the newest one for None; UsageError when no run knows it.

    `is_quick` looks whether files stand and does not read them.
    """
    lake = Lake(settings.warehouse.lake_dir)
    found = find_order(lake, settings.warehouse.journal_dir, number, progress)
    moment = _moment(settings, lake, found, progress)
    bundle = _bundle_of(settings, found.records, moment)
    facts = None if bundle is None else bundle_facts(settings.warehouse.models_dir, bundle)
    sources: Mapping[str, str] = {}
    run = None
    parts: tuple[PartitionLink, ...] = ()
    if facts is not None and bundle is not None:
        sources = facts.sources or {}
        run = training_run(settings.warehouse.mlflow_path, facts.mlflow_run)
        progress(f"why: {len(sources)} grid files and their segments")
        checks = SegmentChecks(lake, sealed_segments(lake, bundle), is_quick)
        parts = tuple(partitions(lake, sources, facts.instruments, checks))
    return Chain(
        client_order_id=found.number,
        records=found.records,
        journal=moment.journal,
        forecast=moment.forecast,
        books=moment.books,
        bundle=None if facts is None else facts.as_json(),
        training_run=run,
        partitions=parts,
    )


def _moment(settings: Settings, lake: Lake, found: FoundOrder, progress: Progress) -> _Moment:
    if found.journal is not None:
        try:
            heard = hear_until(found.journal, found.records.seq, progress)
        except (BadDataError, FileNotFoundError) as error:
            return _landed_moment(settings, lake, found.records, FileLink(found.journal.name, MISSING, str(error)))
        return _Moment(
            heard.journal,
            heard.header.bundle,
            forecast_heard(heard),
            books_heard(lake, heard, found.records.ts_ns),
        )
    return _landed_moment(settings, lake, found.records, FileLink(found.records.run, MISSING, NO_JOURNAL))


def _landed_moment(settings: Settings, lake: Lake, records: RecordsLink, journal: FileLink) -> _Moment:
    step = _number(records, "ts_step_ns")
    forecast = None if step is None else forecast_landed(lake, records, step)
    names = sorted({name for grid in settings.grid for name in grid.instruments})
    return _Moment(journal, None, forecast, books_landed(lake, names, records.ts_ns))


def _bundle_of(settings: Settings, records: RecordsLink, moment: _Moment) -> str | None:
    """Return the hash of the model that the order rests on, None where it rests on none."""
    model_id = _number(records, "model_id") or (0 if moment.forecast is None else moment.forecast.model_id)
    if not model_id:
        return moment.bundle
    if moment.bundle is not None and int(moment.bundle[:8], 16) == model_id:
        return moment.bundle
    named = bundle_named(settings.warehouse.models_dir, model_id)
    return named or f"{model_id:08x}"


def _number(records: RecordsLink, key: str) -> int | None:
    """Return a number of the order itself, else of its decision."""
    sections: list[JsonObject] = [records.events[0], *([] if records.decision is None else [records.decision])]
    found = (section.get(key) for section in sections)
    return next((value for value in found if isinstance(value, int) and value), None)
