"""Which raw segments a replay hears, merged into one stream by (ts_recv_ns, run, seq).

One engine's tables are made of the headers of all segments: instruments of the grid first, in slot order, sources
renumbered so that those of several runs stay apart. Where two runs hold the same instrument at the same time one is
heard and the other left out (and named), by the rule of the conversion to tables: `raw_hour.choose_runs`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import native
from streaming.errors import BadDataError, UsageError
from streaming.raw_hour import RunHour, choose_runs, kin_of, read_files
from streaming.segments import HOUR_NS, InstrumentEntry, SegmentHeader, SourceEntry, read_header
from warehouse.lake import Lake

NEVER_NS = 2**63 - 1


@dataclass(frozen=True, slots=True)
class SegmentRef:
    """One segment file and where its run's sources begin in the engine's table.

    `is_asked_for` False: the run holds nothing of the feed's instruments and only bears on which of the others speaks.
    """

    path: Path
    venue: str
    header: SegmentHeader
    run_index: int
    source_offset: int
    is_asked_for: bool


@dataclass(frozen=True, slots=True)
class FeedHour:
    """Merged records of one hour: the bytes, and the table of `native.scan_records` over them."""

    block: bytes
    records: NDArray[np.void]


@dataclass(slots=True)
class Feed:
    """The segments of a span of time with the engine's instrument and source tables."""

    instruments: tuple[InstrumentEntry, ...]
    sources: tuple[SourceEntry, ...]
    hours: list[list[SegmentRef]]
    ts_from_ns: int
    ts_to_ns: int
    left_out: list[str] = field(default_factory=list)
    """Segments not heard because another run covers the same time; filled while reading."""

    def read(self) -> Iterator[FeedHour]:
        """Yield the merged records hour by hour; SegmentError names a damaged file."""
        for refs in self.hours:
            places = {(ref.venue, ref.header.run): ref for ref in refs if ref.is_asked_for}
            blocks: list[bytes] = []
            runs: list[int] = []
            offsets: list[int] = []
            for run in self._heard(refs):
                ref = places.get((run.venue, run.run))
                if ref is not None:
                    blocks.extend(run.blocks)
                    runs.extend([ref.run_index] * len(run.blocks))
                    offsets.extend([ref.source_offset] * len(run.blocks))
            merged = native.merge_blocks(blocks, runs, offsets)
            yield FeedHour(merged, native.scan_records(merged))

    def _heard(self, refs: Sequence[SegmentRef]) -> list[RunHour]:
        """Return the runs that speak in this hour, in order of (run, venue); note the segments left out."""
        heard: list[RunHour] = []
        for venue in sorted({ref.venue for ref in refs}):
            own = [ref for ref in refs if ref.venue == venue]
            chosen = choose_runs(read_files([ref.path for ref in own], venue))
            speakers = {run.run: run for runs in chosen.values() for run in runs}
            heard.extend(speakers.values())
            self.left_out += [ref.path.name for ref in own if ref.is_asked_for and ref.header.run not in speakers]
        return sorted(heard, key=lambda run: (run.run, run.venue))


def open_feed(lake: Lake, names: Sequence[str], ts_from_ns: int | None, ts_to_ns: int | None) -> Feed:
    """Return the feed of instruments `names` (`venue:SYMBOL`) with everything their runs hold before `ts_from_ns`.

    Books need their snapshot, which stands at the start of a run: so a feed begins with the runs that are open at
    `ts_from_ns`, not at that time. UsageError when the lake holds none of the instruments.
    """
    to_ns = NEVER_NS if ts_to_ns is None else ts_to_ns
    if ts_from_ns is not None and to_ns <= ts_from_ns:
        raise UsageError("--to: expected a time after --from, found one before it")
    found = list(_segments(lake, names, to_ns))
    own = [segment for segment in found if segment.names_one_of(names)]
    open_runs = {segment.header.run for segment in own if segment.hour_ns + HOUR_NS > (ts_from_ns or 0)}
    wanted = [segment for segment in own if segment.header.run in open_runs]
    if not wanted:
        raise UsageError(f"the lake holds no segment of {', '.join(names)} in that span; next: trader instruments")
    sources, offsets = _source_table([segment.header for segment in wanted])
    hours: dict[int, list[SegmentRef]] = {segment.hour_ns: [] for segment in wanted}
    for segment in [*wanted, *_kin(found, own, names)]:
        if segment.hour_ns in hours:
            hours[segment.hour_ns].append(_reference(segment, offsets))
    return Feed(
        instruments=_instrument_table([segment.header for segment in wanted], names),
        sources=sources,
        hours=[sorted(hours[hour], key=lambda ref: (ref.run_index, ref.path.name)) for hour in sorted(hours)],
        ts_from_ns=ts_from_ns or min(hours),
        ts_to_ns=to_ns,
    )


@dataclass(frozen=True, slots=True)
class _Segment:
    hour_ns: int
    path: Path
    venue: str
    header: SegmentHeader

    def names_one_of(self, names: Sequence[str]) -> bool:
        return any(entry.venue == self.venue and entry.name in names for entry in self.header.instruments)


def _segments(lake: Lake, names: Sequence[str], to_ns: int) -> Iterator[_Segment]:
    for venue in sorted({name.partition(":")[0] for name in names}):
        for hour in lake.hours(venue):
            hour_ns = _hour_ns(hour)
            if hour_ns < to_ns:
                for path in lake.segments(venue, hour):
                    yield _Segment(hour_ns, path, venue, read_header(path))


def _kin(found: Sequence[_Segment], own: Sequence[_Segment], names: Sequence[str]) -> list[_Segment]:
    """Return the segments that hold nothing of `names`, yet compete with one that does."""
    kin: list[_Segment] = []
    for venue in sorted({segment.venue for segment in own}):
        others = [segment for segment in found if segment.venue == venue]
        runs = kin_of([segment.header for segment in others], venue, names)
        kin += [segment for segment in others if segment.header.run in runs and not segment.names_one_of(names)]
    return kin


def _reference(segment: _Segment, offsets: Mapping[str, int]) -> SegmentRef:
    run = segment.header.run
    is_asked_for = run in offsets
    return SegmentRef(
        path=segment.path,
        venue=segment.venue,
        header=segment.header,
        run_index=sorted(offsets).index(run) if is_asked_for else len(offsets),
        source_offset=offsets.get(run, 0),
        is_asked_for=is_asked_for,
    )


def _hour_ns(hour: datetime) -> int:
    return int(hour.astimezone(UTC).timestamp()) * 1_000_000_000


def _source_table(headers: Sequence[SegmentHeader]) -> tuple[tuple[SourceEntry, ...], dict[str, int]]:
    """Return all runs' sources one after another, and where each run's begin."""
    sources: list[SourceEntry] = []
    offsets: dict[str, int] = {}
    for header in sorted(headers, key=lambda header: header.run):
        if header.run not in offsets:
            offsets[header.run] = len(sources)
            sources += [replace(entry, id=offsets[header.run] + entry.id) for entry in header.sources]
    return tuple(sources), offsets


def _instrument_table(headers: Sequence[SegmentHeader], names: Sequence[str]) -> tuple[InstrumentEntry, ...]:
    """Return each instrument once, those of `names` first; BadDataError when two runs count other steps."""
    entries: dict[str, InstrumentEntry] = {}
    for header in headers:
        for entry in header.instruments:
            known = entries.setdefault(entry.name, entry)
            if (known.tick, known.size_unit) != (entry.tick, entry.size_unit):
                raise BadDataError(
                    f"{entry.name}: runs count tick {known.tick} and {entry.tick}, size unit {known.size_unit} and "
                    f"{entry.size_unit} in one span; replay each part by itself with --from and --to"
                )
    ordered = [name for name in names if name in entries] + sorted(entries.keys() - set(names))
    return tuple(replace(entries[name], id=number) for number, name in enumerate(ordered))
