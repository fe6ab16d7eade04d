"""`trader import`: recordings of one instrument become raw segments of one run.

The files are read twice. The first pass checks every line, selects the instrument's frames, judges their order and
finds the exchange information; nothing is written before it has passed. The second writes. A run is named after the
bytes of its files and the options, so importing the same again is recognised; its manifest is written last, so that a
run without one is known to be unfinished and is simply written again.
"""

import hashlib
import heapq
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import orjson

from streaming.errors import RecordingError, RefusedError, UsageError
from streaming.forget import forget_run
from streaming.forms import RecordedFrame, read_frames
from streaming.probe import DecodeProbe
from streaming.runs import RunManifest, find_overlap, read_manifest, write_manifest
from streaming.segments import KIND_FRAME, HourlySegments, InstrumentEntry, OriginFile, SegmentHeader, SourceEntry
from streaming.venues.exchange_info import VENUE_FACTS, InstrumentRules, instrument_rules, plain_decimal
from streaming.venues.subjects import KIND_CONTROL, KIND_DEPTH, KIND_EXCHANGE_INFO, KIND_WEBSOCKET
from warehouse.lake import Lake

SOURCE_KINDS = (KIND_WEBSOCKET, KIND_DEPTH, KIND_EXCHANGE_INFO)
"""Sources of an imported run; the id is the place in this list."""

PROGRESS_EVERY_LINES = 50_000
NO_SNAPSHOT = "no REST snapshot in the recording: the book stays unsynchronised and gives no features"

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportRequest:
    """What to import. Decimals are text; None means: take it from the exchange information in the files."""

    files: tuple[Path, ...]
    venue: str
    symbol: str
    tick: str | None = None
    size_unit: str | None = None
    lot: str | None = None
    market: str | None = None
    """Word that selects lines of the `market_raw` form; default is the venue's own."""

    @property
    def instrument(self) -> str:
        """`venue:SYMBOL`."""
        return f"{self.venue}:{self.symbol}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportResult:
    """What an import did; `skipped` counts lines by what they belonged to."""

    run: str
    instrument: str
    already_there: bool
    frames: int
    snapshots: int
    ts_from_ns: int
    ts_to_ns: int
    skipped: dict[str, int]
    files: list[str]
    warnings: list[str]


@dataclass(slots=True)
class _FilePlan:
    """What the first pass learned of one file."""

    path: Path
    frames: int = 0
    snapshots: int = 0
    first_ns: int = 0
    last_ns: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    exchange_info: bytes | None = None
    snapshot_line: int = 0


def import_recording(
    lake_root: Path, request: ImportRequest, progress: Progress, replace: bool = False
) -> ImportResult:
    """Bring the request's files into the lake as one run.

    Raises RecordingError naming file and line, UsageError for an unknown venue or a missing tick, RefusedError when a
    file is in the lake already under other options (`replace` puts this run in place of that one).
    """
    request = _checked(request)
    files = [OriginFile(name=path.name, sha256=_sha256(path)) for path in request.files]
    origin = tuple(sorted(files, key=lambda file: (file.name, file.sha256)))  # files in any order are one run
    run = run_id(request, origin)
    manifest = read_manifest(lake_root, run)
    if manifest is not None and not replace:
        return _report(manifest, {}, [], already_there=True)
    before = _held_already(lake_root, request, origin, replace)
    plans = [_survey(path, request, progress) for path in request.files]
    plans = _ordered(plans, request)
    rules = _rules(request, plans)
    header = _header(request, run, origin, rules)
    manifest, warnings = _write(lake_root, request, header, plans, progress)
    for other in before:  # only now: a failed import takes nothing away
        forget_run(Lake(lake_root), other, keeps_segments=other.run == run)
    write_manifest(lake_root, manifest)
    skipped = sum((plan.skipped for plan in plans), Counter[str]())
    return _report(manifest, dict(skipped.most_common()), warnings)


def run_id(request: ImportRequest, origin: Sequence[OriginFile]) -> str:
    """Return the run's name: a hash of the files' bytes and of every option that changes what is written."""
    options = [request.venue, request.symbol, request.tick, request.size_unit, request.lot, request.market]
    return hashlib.sha256(orjson.dumps([1, sorted(file.sha256 for file in origin), options])).hexdigest()[:16]


def _checked(request: ImportRequest) -> ImportRequest:
    if request.venue not in VENUE_FACTS:
        known = ", ".join(VENUE_FACTS)
        raise UsageError(f"--venue: unknown venue {request.venue!r}; expected one of: {known}")
    if not request.symbol.replace("_", "").replace("-", "").isalnum():
        raise UsageError(f"--instrument: expected the venue's symbol such as ETHUSDT, found {request.symbol!r}")
    if len(set(request.files)) != len(request.files):
        raise UsageError("FILE: the same file is named twice")
    decimals = {}
    for key in ("tick", "size_unit", "lot"):
        text = getattr(request, key)
        decimals[key] = None if text is None else _step(key, text)
    market = request.market or VENUE_FACTS[request.venue].market
    return ImportRequest(files=request.files, venue=request.venue, symbol=request.symbol, market=market, **decimals)


def _step(key: str, text: str) -> str:
    option = "--" + key.replace("_", "-")
    try:
        value = Decimal(text)
    except ArithmeticError:
        raise UsageError(f"{option}: expected a decimal such as 0.01, found {text!r}") from None
    if not value.is_finite() or value <= 0:
        raise UsageError(f"{option}: expected a decimal above zero, found {text!r}")
    return plain_decimal(text)


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while chunk := file.read(1 << 20):
                digest.update(chunk)
    except OSError as error:
        raise RecordingError(path, 0, f"cannot be read: {error.strerror or error}") from error
    return digest.hexdigest()


def _held_already(
    lake_root: Path, request: ImportRequest, origin: Sequence[OriginFile], replace: bool
) -> list[RunManifest]:
    """Return the runs that hold one of the request's files; RefusedError unless they are to be replaced."""
    found = find_overlap(lake_root, request.instrument, {file.sha256 for file in origin})
    for manifest, name in found:
        if not replace:
            raise RefusedError(
                f"{name}: already in the lake as run {manifest.run} of {request.instrument} with other options or other"
                " files beside it; its frames would count twice. Use --replace to put this import in its place"
            )
    return [manifest for manifest, _ in found]


def _selected(path: Path, request: ImportRequest, skipped: Counter[str]) -> Iterator[RecordedFrame]:
    """Yield the request's own frames; count the others by what they belong to."""
    for frame in read_frames(path, request.venue):
        subject = frame.subject
        if frame.market and frame.market != request.market:
            skipped[f"market {frame.market}"] += 1
        elif subject.kind == KIND_CONTROL:
            skipped["control"] += 1
        elif subject.symbol and subject.symbol != request.symbol:
            skipped[subject.symbol] += 1
        else:
            yield frame


def _survey(path: Path, request: ImportRequest, progress: Progress) -> _FilePlan:
    plan = _FilePlan(path)
    last_ns: dict[str, int] = {}
    anonymous_line = 0
    for frame in _selected(path, request, plan.skipped):
        if frame.subject.kind == KIND_EXCHANGE_INFO:
            plan.exchange_info = plan.exchange_info or frame.payload
            continue
        if frame.subject.kind == KIND_DEPTH:
            plan.snapshots += 1
            anonymous_line = anonymous_line or (0 if frame.subject.symbol else frame.line)
        before = last_ns.get(frame.stream, 0)
        if frame.ts_recv_ns < before:
            raise RecordingError(
                path, frame.line, f"receive time goes back by {before - frame.ts_recv_ns} ns; sort the file"
            )
        last_ns[frame.stream] = frame.ts_recv_ns
        plan.frames += 1
        plan.first_ns = min(plan.first_ns or frame.ts_recv_ns, frame.ts_recv_ns)
        if frame.line % PROGRESS_EVERY_LINES == 0:
            progress(f"{path.name}: {frame.line} lines read")
    plan.last_ns = max(last_ns.values(), default=0)
    plan.snapshot_line = anonymous_line
    _check_snapshot_owner(plan)
    return plan


def _check_snapshot_owner(plan: _FilePlan) -> None:
    """An inline snapshot carries no symbol: it is ours only when the file holds no other instrument."""
    others = sorted(name for name in plan.skipped if name != "control" and not name.startswith("market "))
    if plan.snapshot_line and others:
        if plan.frames == plan.snapshots:
            plan.frames = 0  # nothing of ours beside it: theirs
            return
        raise RecordingError(
            plan.path,
            plan.snapshot_line,
            f"a REST snapshot without symbol in a file that also holds {', '.join(others)}: split the file by symbol",
        )


def _ordered(plans: list[_FilePlan], request: ImportRequest) -> list[_FilePlan]:
    """Return the files that hold frames, in order of time; they are one stream and must not overlap."""
    held = sorted((plan for plan in plans if plan.frames), key=lambda plan: plan.first_ns)
    if not held:
        seen = sum((plan.skipped for plan in plans), Counter[str]())
        found = ", ".join(f"{name} ({count})" for name, count in seen.most_common(8)) or "nothing"
        names = ", ".join(str(plan.path) for plan in plans)
        raise RecordingError(Path(names), 0, f"no frame of {request.instrument}; found lines of: {found}")
    for before, after in pairwise(held):
        if after.first_ns < before.last_ns:
            raise RecordingError(after.path, 1, f"overlaps {before.path.name} in time: import them one by one")
    return held


def _rules(request: ImportRequest, plans: Sequence[_FilePlan]) -> InstrumentRules:
    """Return tick, size unit and lot: the options first, then the exchange information."""
    found = next((plan for plan in plans if plan.exchange_info is not None), None)
    rules = None
    if found is not None and found.exchange_info is not None:
        try:
            rules = instrument_rules(request.venue, request.symbol, found.exchange_info)
        except ValueError as error:
            raise RecordingError(found.path, 0, str(error)) from error
    tick = request.tick or (rules.tick if rules else None)
    size_unit = request.size_unit or (rules.size_unit if rules else None)
    if tick is None or size_unit is None:
        option = "--tick" if tick is None else "--size-unit"
        raise UsageError(
            f"{plans[0].path}: no exchange information for {request.instrument}: give {option} "
            "(tick: price step; size unit: finest size that the venue prints) or a recordings.toml"
        )
    return InstrumentRules(
        tick=tick,
        size_unit=size_unit,
        lot=request.lot or (rules.lot if rules else size_unit),
        base=rules.base if rules else "",
        quote=rules.quote if rules else "",
    )


def _header(request: ImportRequest, run: str, origin: tuple[OriginFile, ...], rules: InstrumentRules) -> SegmentHeader:
    facts = VENUE_FACTS[request.venue]
    entry = InstrumentEntry(
        id=0,
        venue=request.venue,
        symbol=request.symbol,
        market_type=facts.market_type,
        maker_fee_bps=facts.maker_fee_bps,
        taker_fee_bps=facts.taker_fee_bps,
        **asdict(rules),
    )
    sources = tuple(
        SourceEntry(
            id=number, venue=request.venue, kind=kind, instrument=request.symbol if kind == KIND_DEPTH else None
        )
        for number, kind in enumerate(SOURCE_KINDS)
    )
    return SegmentHeader(run=run, instruments=(entry,), sources=sources, origin=origin)


def in_order(frames: Iterator[RecordedFrame]) -> Iterator[RecordedFrame]:
    """Yield frames by receive time: REST replies, which some files list ahead, wait for their moment."""
    waiting: list[tuple[int, int, RecordedFrame]] = []
    for frame in frames:
        if frame.subject.kind != KIND_WEBSOCKET:
            heapq.heappush(waiting, (frame.ts_recv_ns, frame.line, frame))
            continue
        while waiting and waiting[0][:2] <= (frame.ts_recv_ns, frame.line):
            yield heapq.heappop(waiting)[2]
        yield frame
    while waiting:
        yield heapq.heappop(waiting)[2]


def _write(
    lake_root: Path, request: ImportRequest, header: SegmentHeader, plans: Sequence[_FilePlan], progress: Progress
) -> tuple[RunManifest, list[str]]:
    """Write the segments and return the run's manifest, and what its user should know."""
    probe = DecodeProbe(header)
    segments = HourlySegments(lake_root, header, request.venue, 0)
    seq = 0
    try:
        for plan in plans:
            for frame in in_order(_selected(plan.path, request, Counter())):
                seq += 1
                source = SOURCE_KINDS.index(frame.subject.kind)
                segments.append(KIND_FRAME, source, seq, frame.ts_recv_ns, frame.payload)
                probe.add(plan.path, frame, source)
                if seq % PROGRESS_EVERY_LINES == 0:
                    progress(f"{plan.path.name}: {seq} frames written")
        warnings = probe.verdict(plans[0].path)
        paths = segments.close()
    except ValueError as error:
        segments.abort()
        raise RecordingError(plan.path, 0, f"frames of several connections interleave out of order: {error}") from error
    except BaseException:
        segments.abort()
        raise
    entry = header.instruments[0]
    manifest = RunManifest(
        run=header.run,
        instruments=(entry.name,),
        origin=header.origin,
        files={str(path.relative_to(lake_root)): path.stat().st_size for path in paths},
        frames=seq,
        snapshots=sum(plan.snapshots for plan in plans),
        ts_from_ns=plans[0].first_ns,
        ts_to_ns=plans[-1].last_ns,
    )
    return manifest, warnings


def _report(
    manifest: RunManifest, skipped: dict[str, int], warnings: list[str], already_there: bool = False
) -> ImportResult:
    if not manifest.snapshots and not manifest.instruments[0].startswith("bybit"):
        warnings = [*warnings, NO_SNAPSHOT]
    return ImportResult(
        run=manifest.run,
        instrument=manifest.instruments[0],
        already_there=already_there,
        frames=manifest.frames,
        snapshots=manifest.snapshots,
        ts_from_ns=manifest.ts_from_ns,
        ts_to_ns=manifest.ts_to_ns,
        skipped=skipped,
        files=sorted(manifest.files),
        warnings=warnings,
    )
