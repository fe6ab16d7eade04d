"""What a live trading session is made of, worked out before it begins: one engine over the instruments of all venues.

Each venue numbers its own instruments and sources from 0. Here they stand behind one another, so a venue's own number
and its offset give the engine's. Replies about orders are the last sources: one of the simulated venue, or in a live
session one of each venue.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import orjson

import native
from native.config import NS_PER_MS, GridConfig, JsonObject, engine_document, trading_document
from streaming.errors import RefusedError, SettingsError
from streaming.recorder.plan import VenuePlan
from streaming.segments import InstrumentEntry, SegmentHeader, SourceEntry
from streaming.settings import Settings, settings_path
from streaming.trader.modes import Mode
from streaming.trading_records import KIND_SIM
from streaming.venues.venue_reply import KIND_VENUE


@dataclass(frozen=True, slots=True, kw_only=True)
class TraderPlan:
    """One session before it begins."""

    header: SegmentHeader
    """Of the journal: run, instruments and sources of all venues, the engine's document, the bundle at the start."""
    venue_plans: Mapping[str, VenuePlan]
    instrument_offsets: Mapping[str, int]
    source_offsets: Mapping[str, int]
    made_ns: int
    """When the plan was made, on the session's clock."""

    @property
    def document(self) -> JsonObject:
        """The engine's document."""
        assert self.header.engine is not None, "a plan's header holds the engine's document"
        return self.header.engine

    def instruments_of(self, venue: str) -> range:
        """Return the engine's ids of a venue's instruments."""
        offset = self.instrument_offsets[venue]
        return range(offset, offset + len(self.venue_plans[venue].header.instruments))


def trader_plan(
    settings: Settings,
    grid: GridConfig,
    venue_plans: Sequence[VenuePlan],
    bundle: str | None,
    now_ns: int,
    mode: Mode = Mode.paper,
) -> TraderPlan:
    """Return the plan of a session; RefusedError when a limit has no value, SettingsError for a bad one."""
    assert venue_plans, "a session hears one venue at least"
    plans = {plan.dialect.venue: plan for plan in venue_plans}
    instruments: list[InstrumentEntry] = []
    sources: list[SourceEntry] = []
    instrument_offsets, source_offsets = {}, {}
    for venue, plan in plans.items():
        instrument_offsets[venue], source_offsets[venue] = len(instruments), len(sources)
        for entry in plan.header.instruments:
            instruments.append(replace(entry, id=len(instruments)))
        for source in plan.header.sources:
            sources.append(replace(source, id=len(sources)))
    for venue, kind in _reply_sources(mode, list(plans)):
        sources.append(SourceEntry(id=len(sources), venue=venue, instrument=None, kind=kind))
    run = _run_name(mode, now_ns)
    header = SegmentHeader(run=run, instruments=tuple(instruments), sources=tuple(sources), bundle=bundle)
    return TraderPlan(
        header=replace(header, engine=_document(settings, grid, header)),
        venue_plans=plans,
        instrument_offsets=instrument_offsets,
        source_offsets=source_offsets,
        made_ns=now_ns,
    )


def _reply_sources(mode: Mode, venues: Sequence[str]) -> list[tuple[str, str]]:
    """Return (venue, kind) of the sources whose frames say what became of our orders, the last of a header."""
    return [(venue, KIND_VENUE) for venue in venues] if mode is Mode.live else [(venues[0], KIND_SIM)]


def _run_name(mode: Mode, now_ns: int) -> str:
    at = datetime.fromtimestamp(now_ns // 1_000_000_000, tz=UTC)
    return f"{mode}-{at:%Y%m%dT%H%M%S}.{now_ns // NS_PER_MS % 1_000:03d}"


def _document(settings: Settings, grid: GridConfig, header: SegmentHeader) -> JsonObject:
    """Return the engine's document: it emits what it decided and the grid that it decided on, no market rows."""
    document = engine_document(header.instrument_rows(), header.source_rows(), settings.native, grid)
    document["emit"] = {"book_updates": False, "trades": False, "quotes": False, "grid": True}
    words = document["grid"]
    assert isinstance(words, dict), "made with a grid"
    # Names, which the engine does not need, for those that read the journal.
    document["grid"] = {**words, "name": grid.name, "instruments": [*grid.instruments]}
    run_tag = int(hashlib.sha256(header.run.encode()).hexdigest()[:7], 16)
    try:
        document = trading_document(document, grid, settings.native, run_tag)
    except ValueError as error:
        raise RefusedError(f"settings {settings_path()}: {error}; set it before trading") from error
    try:
        native.Engine(orjson.dumps(document).decode())
    except ValueError as error:
        raise SettingsError(str(settings_path()), "native", str(error)) from error
    return document
