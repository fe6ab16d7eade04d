"""Which raw segments a replay hears, merged into one stream by (ts_recv_ns, run, seq).

One engine's tables are made of the headers of all segments: instruments of the grid first, in slot order, sources
renumbered so that those of several runs stay apart. Where two runs hold the same instrument at the same time the longer
one is heard and the other is left out (and named), as the conversion to tables does.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import native
from streaming.errors import BadDataError, UsageError
from streaming.segments import HOUR_NS, InstrumentEntry, SegmentHeader, SourceEntry, read_block, read_header, scan
from warehouse.lake import Lake

NEVER_NS = 2**63 - 1


@dataclass(frozen=True, slots=True)
class SegmentRef:
    """One segment file and where its run's sources begin in the engine's table."""

    path: Path
    header: SegmentHeader
    run_index: int
    source_offset: int


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
            parts = [_read_part(ref) for ref in refs]
            kept = self._heard([part for part in parts if part.end_ns])
            merged = native.merge_blocks(
                [part.block for part in kept],
                [part.ref.run_index for part in kept],
                [part.ref.source_offset for part in kept],
            )
            yield FeedHour(merged, native.scan_records(merged))

    def _heard(self, parts: Sequence["_Part"]) -> list["_Part"]:
        """Return the parts that speak for their instruments: the longest first, none that overlaps one of them."""
        taken: dict[str, list[_Part]] = {}
        for part in sorted(parts, key=lambda part: (part.begin_ns - part.end_ns, part.ref.header.run)):
            names = [entry.name for entry in part.ref.header.instruments]
            if any(part.overlaps(other) for name in names for other in taken.get(name, [])):
                self.left_out.append(part.ref.path.name)
                continue
            for name in names:
                taken.setdefault(name, []).append(part)
        heard = {id(part) for own in taken.values() for part in own}
        return [part for part in parts if id(part) in heard]


@dataclass(frozen=True, slots=True)
class _Part:
    """One segment in memory and the times of its first and last record after the header."""

    ref: SegmentRef
    block: bytes
    begin_ns: int
    end_ns: int

    def overlaps(self, other: "_Part") -> bool:
        """Tell whether another run's part has a time in common with this one."""
        is_other_run = self.ref.header.run != other.ref.header.run
        return is_other_run and self.begin_ns <= other.end_ns and other.begin_ns <= self.end_ns


def _read_part(ref: SegmentRef) -> _Part:
    block = read_block(ref.path)
    times = scan(ref.path, block)["ts_ns"]
    begin_ns, end_ns = (int(times[1]), int(times[-1])) if len(times) > 1 else (0, 0)
    return _Part(ref, block, begin_ns, end_ns)


def open_feed(lake: Lake, names: Sequence[str], ts_from_ns: int | None, ts_to_ns: int | None) -> Feed:
    """Return the feed of instruments `names` (`venue:SYMBOL`) with everything their runs hold before `ts_from_ns`.

    Books need their snapshot, which stands at the start of a run: so a feed begins with the runs that are open at
    `ts_from_ns`, not at that time. UsageError when the lake holds none of the instruments.
    """
    to_ns = NEVER_NS if ts_to_ns is None else ts_to_ns
    found = [(hour_ns, path, read_header(path)) for hour_ns, path in _segments(lake, names, to_ns)]
    own = [(hour_ns, path, header) for hour_ns, path, header in found if _holds(header, names)]
    wanted = [item for item in own if item[2].run in _open_runs(own, ts_from_ns or 0)]
    if not wanted:
        raise UsageError(f"the lake holds no segment of {', '.join(names)} in that span; next: trader instruments")
    sources, offsets = _source_table([header for _, _, header in wanted])
    order = sorted(offsets)
    hours: dict[int, list[SegmentRef]] = {}
    for hour_ns, path, header in wanted:
        ref = SegmentRef(path, header, order.index(header.run), offsets[header.run])
        hours.setdefault(hour_ns, []).append(ref)
    return Feed(
        instruments=_instrument_table([header for _, _, header in wanted], names),
        sources=sources,
        hours=[sorted(hours[hour], key=lambda ref: (ref.run_index, ref.path.name)) for hour in sorted(hours)],
        ts_from_ns=ts_from_ns or min(hours),
        ts_to_ns=to_ns,
    )


def _segments(lake: Lake, names: Sequence[str], to_ns: int) -> Iterator[tuple[int, Path]]:
    for venue in sorted({name.partition(":")[0] for name in names}):
        for hour in lake.hours(venue):
            hour_ns = _hour_ns(hour)
            if hour_ns < to_ns:
                yield from ((hour_ns, path) for path in lake.segments(venue, hour))


def _hour_ns(hour: datetime) -> int:
    return int(hour.astimezone(UTC).timestamp()) * 1_000_000_000


def _holds(header: SegmentHeader, names: Sequence[str]) -> bool:
    return any(entry.name in names for entry in header.instruments)


def _open_runs(segments: Sequence[tuple[int, Path, SegmentHeader]], from_ns: int) -> set[str]:
    """Return the runs that have a segment in or after the hour of `from_ns`."""
    return {header.run for hour_ns, _, header in segments if hour_ns + HOUR_NS > from_ns}


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
