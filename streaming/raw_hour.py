"""The raw segments of one venue-hour, read and sorted by run, and which run speaks for which instrument."""

from collections.abc import Container, Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import JsonValue

from streaming.errors import BadDataError
from streaming.segments import (
    KIND_FRAME,
    KIND_HEADER,
    InstrumentEntry,
    SegmentHeader,
    SourceEntry,
    header_of,
    read_block,
    read_header,
    scan,
)
from warehouse.instruments import InstrumentVersion
from warehouse.lake import Lake

HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Span:
    """First and last record of something: times in ns, and the input that was first."""

    ts_first_ns: int
    ts_last_ns: int
    seq_first: int

    @property
    def length_ns(self) -> int:
        """Time from the first to the last record."""
        return self.ts_last_ns - self.ts_first_ns

    def overlaps(self, other: "Span") -> bool:
        """Tell whether both have a time in common."""
        return self.ts_first_ns <= other.ts_last_ns and other.ts_first_ns <= self.ts_last_ns


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RunHour:
    """What one run recorded of one venue in one hour. Instruments and sources are those of the venue."""

    run: str
    venue: str
    instruments: tuple[InstrumentEntry, ...]
    sources: tuple[SourceEntry, ...]
    blocks: tuple[bytes, ...]
    """Uncompressed records of each segment, headers included."""
    record_count: int
    """Records without the headers."""
    frame_count: int
    spans: dict[str, Span]
    """By symbol, over the sources that carry it; a symbol without records is absent."""

    @property
    def span(self) -> Span:
        """The span of everything; needs at least one record."""
        return merged_span(self.spans.values())


def merged_span(spans: Iterable[Span]) -> Span:
    """Return the span over all of `spans`, of which there is at least one."""
    ordered = sorted(spans, key=lambda item: item.ts_first_ns)
    return Span(ordered[0].ts_first_ns, max(item.ts_last_ns for item in ordered), ordered[0].seq_first)


def read_runs(lake: Lake, venue: str, hour_start: datetime, only: Container[str] | None = None) -> list[RunHour]:
    """Return the runs of a venue-hour (those named in `only`) by name; SegmentError names a damaged file and its byte.

    BadDataError when the files of one run contradict each other, as when a tick changes inside it.
    """
    paths = lake.segments(venue, hour_start)
    return read_files([path for path in paths if only is None or read_header(path).run in only], venue)


def read_files(paths: Iterable[Path], venue: str) -> list[RunHour]:
    """Return the runs in segments of one venue-hour, as `read_runs` does."""
    files: dict[str, list[tuple[Path, SegmentHeader, bytes]]] = {}
    for path in paths:
        block = read_block(path)
        header = header_of(path, block)
        files.setdefault(header.run, []).append((path, header, block))
    return [_run_hour(run, venue, files[run]) for run in sorted(files)]


def runs_named(lake: Lake, venue: str, hour_start: datetime) -> set[str]:
    """Return the names of the runs of a venue-hour, reading headers only."""
    return {read_header(path).run for path in lake.segments(venue, hour_start)}


def names_in(lake: Lake, venue: str, hour_start: datetime) -> set[str]:
    """Return the instruments (`venue:SYMBOL`) that the headers of a venue-hour name."""
    paths = lake.segments(venue, hour_start)
    return {entry.name for path in paths for entry in read_header(path).instruments if entry.venue == venue}


def kin_of(headers: Iterable[SegmentHeader], venue: str, names: Iterable[str]) -> set[str]:
    """Return the runs that bear on which run speaks for `names`: those that name one, those that share with them."""
    by_run: dict[str, set[str]] = {}
    for header in headers:
        own = {entry.name for entry in header.instruments if entry.venue == venue}
        by_run[header.run] = by_run.get(header.run, set()) | own
    known, found = set(names), set[str]()
    while new := {run for run, own in by_run.items() if own & known} - found:
        found |= new
        known = known.union(*(by_run[run] for run in new))
    return found


def choose_runs(runs: Sequence[RunHour]) -> dict[str, list[RunHour]]:
    """Return, by symbol, the runs of one venue-hour that speak for it, in order of time and without overlap.

    The one rule of tables, grid and replay. Two runs of one instrument at the same time (a recorder and an imported
    journal, say) are never mixed: the longer one stands, by name where both are as long. A run is heard with all
    its instruments or with none, since those of one socket cannot be told apart before they are decoded.
    """
    taken: list[RunHour] = []
    for run in sorted((run for run in runs if run.spans), key=lambda item: (-item.span.length_ns, item.run)):
        if not any(_meet(run, other) for other in taken):
            taken.append(run)
    symbols = sorted({symbol for run in taken for symbol in run.spans})
    by_symbol = {symbol: [run for run in taken if symbol in run.spans] for symbol in symbols}
    return {symbol: sorted(own, key=lambda run: run.spans[symbol].ts_first_ns) for symbol, own in by_symbol.items()}


def _meet(run: RunHour, other: RunHour) -> bool:
    shared = run.spans.keys() & other.spans.keys()
    return any(run.spans[symbol].overlaps(other.spans[symbol]) for symbol in shared)


def last_heard_before(lake: Lake, venue: str, symbol: str, hour_start: datetime) -> int | None:
    """Return the time of the instrument's last record in the hours before, None when it has none."""
    for hour in reversed(lake.hours(venue)):
        if hour < hour_start:
            spans = [run.spans[symbol] for run in read_runs(lake, venue, hour) if symbol in run.spans]
            if spans:
                return merged_span(spans).ts_last_ns
    return None


def version_of(entry: InstrumentEntry, valid_from_ns: int) -> InstrumentVersion:
    """Return the instrument table's row for a header's entry."""
    words = {key: value for key, value in asdict(entry).items() if key not in ("id", "valid_from_ns")}
    return InstrumentVersion(valid_from_ns=valid_from_ns, **words)


def entry_of(run: RunHour, symbol: str) -> InstrumentEntry:
    """Return the run's entry of an instrument that it names."""
    return next(entry for entry in run.instruments if entry.symbol == symbol)


@dataclass(frozen=True, slots=True)
class MergePlan:
    """Blocks of all runs with what keeps their sources apart, and the source table of the one engine."""

    blocks: list[bytes]
    runs: list[int]
    source_offsets: list[int]
    sources: list[dict[str, JsonValue]]


def merge_plan(runs: Sequence[RunHour], names: set[str]) -> MergePlan:
    """Return the plan; runs that speak for none of the instruments `names` are left out, their sources unheard."""
    by_venue = {run.venue: [other for other in runs if other.venue == run.venue] for run in runs}
    chosen: dict[str, list[RunHour]] = {
        f"{venue}:{symbol}": speakers
        for venue, own in by_venue.items()
        for symbol, speakers in choose_runs(own).items()
        if f"{venue}:{symbol}" in names
    }
    run_names = sorted({run.run for run in runs})
    plan = MergePlan([], [], [], [])
    offset = 0
    for run in sorted(runs, key=lambda item: (item.run, item.venue)):
        heard = {name for name, speakers in chosen.items() if run in speakers}
        if not heard:
            continue
        plan.blocks.extend(run.blocks)
        plan.runs.extend([run_names.index(run.run)] * len(run.blocks))
        plan.source_offsets.extend([offset] * len(run.blocks))
        plan.sources.extend(_source_row(source, offset, heard) for source in run.sources)
        offset += 1 + max((source.id for source in run.sources), default=0)
    return plan


def _run_hour(run: str, venue: str, files: Sequence[tuple[Path, SegmentHeader, bytes]]) -> RunHour:
    instruments: dict[str, InstrumentEntry] = {}
    sources: dict[int, SourceEntry] = {}
    records: list[NDArray[np.void]] = []
    for path, header, block in files:
        for entry in header.instruments:
            if entry.venue == venue:
                _check_steps(path, run, instruments.setdefault(entry.symbol, entry), entry)
        for source in header.sources:
            if source.venue == venue and sources.setdefault(source.id, source) != source:
                raise BadDataError(f"{path}: run {run}: source {source.id} differs between its files; import it again")
        found = scan(path, block)
        records.append(found[found["kind"] != KIND_HEADER])
    every = np.concatenate(records)
    return RunHour(
        run=run,
        venue=venue,
        instruments=tuple(instruments[symbol] for symbol in sorted(instruments)),
        sources=tuple(sources[id_] for id_ in sorted(sources)),
        blocks=tuple(block for _, _, block in files),
        record_count=len(every),
        frame_count=int((every["kind"] == KIND_FRAME).sum()),
        spans=_spans(every, sorted(instruments), list(sources.values())),
    )


def _check_steps(path: Path, run: str, first: InstrumentEntry, entry: InstrumentEntry) -> None:
    if (first.tick, first.size_unit) != (entry.tick, entry.size_unit):
        raise BadDataError(
            f"{path}: run {run}: {entry.name}: expected tick {first.tick} and size unit {first.size_unit} as in the"
            f" run's other files, found {entry.tick} and {entry.size_unit}; a new tick needs a new run"
        )


def _spans(records: NDArray[np.void], symbols: Sequence[str], sources: Sequence[SourceEntry]) -> dict[str, Span]:
    by_source = {source.id: _span(records[records["source"] == source.id]) for source in sources}
    spans: dict[str, Span] = {}
    for symbol in symbols:
        carried = [by_source[source.id] for source in sources if source.instrument in (None, symbol)]
        heard = [span for span in carried if span is not None]
        if heard:
            spans[symbol] = merged_span(heard)
    return spans


def _span(records: NDArray[np.void]) -> Span | None:
    if len(records) == 0:
        return None
    first = int(np.argmin(records["ts_ns"]))
    return Span(int(records["ts_ns"][first]), int(records["ts_ns"].max()), int(records["seq"][first]))


def _source_row(source: SourceEntry, offset: int, heard: set[str]) -> dict[str, JsonValue]:
    """Return the source's row in the one engine.

    An unheard source poses as exchange information, which the core reads past: its instrument is not in the table.
    """
    row: dict[str, JsonValue] = {**asdict(source), "id": source.id + offset}
    own = {name for name in heard if source.instrument in (None, name.partition(":")[2])}
    return row if own else {**row, "kind": "rest_exchange_info", "instrument": None}
