"""What the lake holds of each instrument over time: where its book was whole, repaired, broken or not recorded at all.

Recorded spans are the lake's hours, cut at both ends to what was received; what went wrong inside of them is the gap
ledger's word. All times are int64 UTC ns at which frames were received.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import Final, Literal

import pyarrow as pa
import pyarrow.parquet as pq

from warehouse.lake import Lake

Kind = Literal["valid", "repaired", "gap", "missing"]
Span = tuple[int, int]
"""First ns, and first ns after."""

HOUR_NS: Final = 3_600_000_000_000
TABLE: Final = "book_updates"
"""Written of every venue."""
TIME_COLUMN: Final = "ts_recv_ns"
NOT_RECORDED: Final = "not_recorded"
PIECES_MAX: Final = 400
"""Drawn of one instrument; of more the shortest are left out."""
WORDS: Final[Mapping[Kind, str]] = {
    "valid": "book whole",
    "repaired": "feed broke, repaired",
    "gap": "feed broke, not repaired",
    "missing": "not recorded",
}


@dataclass(frozen=True, slots=True)
class Gap:
    """A row of the gap ledger."""

    venue: str
    instrument: str
    from_ns: int
    to_ns: int
    """When the book was whole again; 0 when it has not been since."""
    cause: str
    repaired_by: str
    is_closed: bool

    @property
    def kind(self) -> Kind:
        """What it is on the strip."""
        if self.cause == NOT_RECORDED:
            return "missing"
        return "repaired" if self.is_closed else "gap"


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of one instrument's strip that is not whole."""

    first_ns: int
    last_ns: int
    kind: Kind
    words: str


@dataclass(frozen=True, slots=True)
class Coverage:
    """One instrument within a window."""

    name: str
    """`venue:instrument`."""
    pieces: Sequence[Piece]
    """In order of time, those not recorded first where they overlap others."""
    valid_share: float
    """Of the window's time in which the book was whole."""
    repaired: int
    gaps: int
    missing: int


def recorded(lake: Lake) -> dict[str, list[Span]]:
    """Return the recorded spans of every instrument by `venue:instrument`; hours that follow one another are one."""
    files: dict[str, list[tuple[int, Path]]] = {}
    for path in lake.files(TABLE):
        venue, instrument, date, hour = (part.partition("=")[2] for part in path.parts[-5:-1])
        files.setdefault(f"{venue}:{instrument}", []).append((_hour_ns(date, hour), path))
    return {name: _spans(sorted(found)) for name, found in files.items()}


def _hour_ns(date: str, hour: str) -> int:
    at = datetime.fromisoformat(date).replace(hour=int(hour), tzinfo=UTC)
    return int(at.timestamp()) * 1_000_000_000


def _spans(hours: Sequence[tuple[int, Path]]) -> list[Span]:
    runs: list[list[tuple[int, Path]]] = []
    for begin_ns, path in hours:
        if runs and begin_ns == runs[-1][-1][0] + HOUR_NS:
            runs[-1].append((begin_ns, path))
        else:
            runs.append([(begin_ns, path)])
    return [_received(run[0], run[-1]) for run in runs]


def _received(first: tuple[int, Path], last: tuple[int, Path]) -> Span:
    begin_ns = _bounds(first[1], (first[0], first[0] + HOUR_NS))[0]
    return begin_ns, _bounds(last[1], (last[0], last[0] + HOUR_NS))[1]


def _bounds(path: Path, hour: Span) -> Span:
    """Return when the first and last row of a file were received, by its footer; the hour where that does not say."""
    try:
        with pq.ParquetFile(path) as file:
            column = file.schema_arrow.get_field_index(TIME_COLUMN)
            groups = [file.metadata.row_group(number).column(column) for number in range(file.num_row_groups)]
            known = [each.statistics for each in groups if each.is_stats_set and each.statistics.has_min_max]
    except (OSError, pa.ArrowException):  # being replaced, or torn: the checks say so
        return hour
    if not known:
        return hour
    return int(min(each.min for each in known)), int(max(each.max for each in known)) + 1


def coverage(spans: Mapping[str, Sequence[Span]], gaps: Iterable[Gap], window: Span) -> list[Coverage]:
    """Return what every recorded instrument was like within a window, sorted by name."""
    by_name: dict[str, list[Gap]] = {}
    for gap in gaps:
        by_name.setdefault(f"{gap.venue}:{gap.instrument}", []).append(gap)
    return [_covered(name, held, by_name.get(name, ()), window) for name, held in sorted(spans.items())]


def _covered(name: str, held: Sequence[Span], gaps: Sequence[Gap], window: Span) -> Coverage:
    missing = [Piece(begin, end, "missing", _told("missing", begin, end, "")) for begin, end in _between(held, window)]
    broken = [piece for gap in gaps if (piece := _piece(gap, window)) is not None]
    pieces = sorted([*missing, *broken], key=lambda piece: piece.first_ns)
    lost_ns = _length_ns([(piece.first_ns, piece.last_ns) for piece in pieces])
    kinds = [piece.kind for piece in pieces]
    return Coverage(
        name=name,
        pieces=pieces,
        valid_share=1.0 - lost_ns / max(1, window[1] - window[0]),
        repaired=kinds.count("repaired"),
        gaps=kinds.count("gap"),
        missing=kinds.count("missing"),
    )


def _between(held: Sequence[Span], window: Span) -> list[Span]:
    """Return the parts of a window that no span holds."""
    found, at_ns = [], window[0]
    for begin_ns, end_ns in sorted(held):
        if begin_ns > at_ns:
            found.append((at_ns, min(begin_ns, window[1])))
        at_ns = max(at_ns, end_ns)
        if at_ns >= window[1]:
            break
    if at_ns < window[1]:
        found.append((at_ns, window[1]))
    return [(begin_ns, end_ns) for begin_ns, end_ns in found if begin_ns < end_ns]


def _piece(gap: Gap, window: Span) -> Piece | None:
    begin_ns, end_ns = max(gap.from_ns, window[0]), min(gap.to_ns or window[1], window[1])
    if begin_ns >= end_ns:
        return None
    how = gap.cause.replace("_", " ") + (f", {gap.repaired_by.replace('_', ' ')}" if gap.kind == "repaired" else "")
    return Piece(begin_ns, end_ns, gap.kind, _told(gap.kind, begin_ns, end_ns, how))


def _length_ns(spans: Sequence[Span]) -> int:
    """Return the length of what any of the spans covers."""
    total, at_ns = 0, 0
    for begin_ns, end_ns in sorted(spans):
        total += max(0, end_ns - max(begin_ns, at_ns))
        at_ns = max(at_ns, end_ns)
    return total


def _told(kind: Kind, begin_ns: int, end_ns: int, how: str) -> str:
    words = f"{WORDS[kind]}: {how}" if how else WORDS[kind]
    return f"{moment(begin_ns)} for {duration(end_ns - begin_ns)}: {words}"


# --- for people ---


def second(ts_ns: int) -> str:
    """Return a time to the second, UTC."""
    return f"{datetime.fromtimestamp(ts_ns // 1_000_000_000, tz=UTC):%Y-%m-%d %H:%M:%S}"


def moment(ts_ns: int) -> str:
    """Return a time to the millisecond, UTC."""
    return f"{second(ts_ns)}.{ts_ns % 1_000_000_000 // 1_000_000:03d}"


def duration(span_ns: int) -> str:
    """Return a length of time as people read it."""
    seconds = span_ns / 1e9
    if seconds < 1:
        return f"{seconds * 1e3:.0f} ms"
    if seconds < 120:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.1f} min" if seconds < 7_200 else f"{seconds / 3_600:.1f} h"


def share_text(share: float) -> str:
    """Return a share in per cent, never rounded up to all or down to nothing."""
    if share >= 1.0:
        return "100 %"
    return f"{min(99.999, share * 100):.3f} %" if share > 0.99 else f"{share * 100:.1f} %"


def summary(found: Coverage) -> str:
    """Return an instrument's strip in words."""
    parts = [(found.repaired, "repaired"), (found.gaps, "not repaired"), (found.missing, "not recorded")]
    told = ", ".join(f"{count} {word}" for count, word in parts if count) or "nothing lost"
    return f"{share_text(found.valid_share)} whole; {told}"


def strip_html(found: Coverage, window: Span) -> str:
    """Return the strip of an instrument: one bar, and on it a mark for whatever is not whole."""
    length = max(1, window[1] - window[0])
    shown = sorted(found.pieces, key=lambda piece: piece.first_ns - piece.last_ns)[:PIECES_MAX]
    marks = "".join(
        f'<i class="{piece.kind}" title="{escape(piece.words)}" style="'
        f'left:{(piece.first_ns - window[0]) / length:.4%};width:{(piece.last_ns - piece.first_ns) / length:.4%}"></i>'
        for piece in shown
    )
    label = escape(f"{found.name}: {summary(found)}")
    return f'<div class="strip" role="img" aria-label="{label}">{marks}</div>'
