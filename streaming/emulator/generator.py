"""Writes the generated market into a lake: raw segments, marked as generated, and the truth behind them.

Three venues list BTCUSDT: the USD-M perpetual leads, both spots follow, and how much of that can be known is decided by
`effect` (see `market_model`). Instruments carry fees of 0.0: it is a market without fees.
The answer goes to `<lake>/truth/<run>.parquet`, which only tests and reports may read.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from streaming.emulator import parameters as p
from streaming.emulator.instruments import BASE, FEE_BPS, INSTRUMENTS, QUOTE, SOURCES, SYMBOL
from streaming.emulator.market_frames import MarketFrames
from streaming.emulator.market_model import MarketBlock, MarketModel
from streaming.emulator.truth import TruthWriter
from streaming.errors import UsageError
from streaming.runs import RunManifest, write_manifest
from streaming.segments import (
    KIND_FRAME,
    KIND_REQUEST,
    HourlySegments,
    InstrumentEntry,
    SegmentHeader,
    SourceEntry,
)

Progress = Callable[[int, int], None]
"""Called with the steps done and the steps in all."""

DEFAULT_START = datetime(2026, 1, 5, tzinfo=UTC)
HOURS_MAX = 1_000
"""About 40 GB of segments; a longer history is better made in parts."""
BLOCK_STEPS = 6_000
"""Steps made at once: ten minutes. Part of the market's definition, as randomness is drawn block by block."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneratedRun:
    """What was written."""

    run: str
    seed: int
    effect: float
    steps: int
    ts_first_step_ns: int
    ts_last_step_ns: int
    frames: dict[str, int]
    """Received frames by venue."""
    payload_bytes: int
    segments: tuple[Path, ...]
    truth: Path


def generate(
    lake_root: Path,
    hours: float,
    seed: int,
    effect: float = 1.0,
    start: datetime = DEFAULT_START,
    new_fields: bool = False,
    progress: Progress | None = None,
) -> GeneratedRun:
    """Write `hours` of market into the lake at `lake_root`; equal arguments give equal bytes.

    `effect` 1 plants the full effect, 0 none at the same activity; the share of variance it explains is not linear in
    it, so quote the R2 of the truth, never the number. `start` needs a time zone and whole steps of 100 ms.
    `new_fields` adds the fields that venues documented after 2024. UsageError for arguments outside their range.
    """
    start_ns = _checked_start_ns(hours, seed, effect, start)
    steps = round(hours * p.STEPS_PER_HOUR)
    run = run_name(hours, seed, effect, start, new_fields)
    market, frames = MarketModel(seed, effect), MarketFrames(seed, start_ns, new_fields=new_fields)
    writer = _RunWriter(lake_root, run, effect, start_ns)
    try:
        for first in range(0, steps, BLOCK_STEPS):
            block = market.advance(min(BLOCK_STEPS, steps - first))
            writer.append(block, frames)
            if progress is not None:
                progress(first + len(block), steps)
        truth, segments = writer.close()
        _note_run(lake_root, run, segments, sum(writer.frame_counts), start_ns, steps)
    except BaseException:
        writer.abort()
        raise
    return GeneratedRun(
        run=run,
        seed=seed,
        effect=effect,
        steps=steps,
        ts_first_step_ns=start_ns + p.STEP_NS,
        ts_last_step_ns=start_ns + steps * p.STEP_NS,
        frames=dict(zip((instrument.venue for instrument in INSTRUMENTS), writer.frame_counts, strict=True)),
        payload_bytes=writer.payload_bytes,
        segments=segments,
        truth=truth,
    )


def _note_run(lake_root: Path, run: str, segments: Sequence[Path], frames: int, start_ns: int, steps: int) -> None:
    """Write the run's manifest, last of all: with it the run is whole."""
    manifest = RunManifest(
        run=run,
        instruments=tuple(f"{instrument.venue}:{SYMBOL}" for instrument in INSTRUMENTS),
        origin=(),
        files={str(path.relative_to(lake_root)): path.stat().st_size for path in segments},
        frames=frames,
        snapshots=len(INSTRUMENTS),
        ts_from_ns=start_ns,
        ts_to_ns=start_ns + steps * p.STEP_NS,
    )
    write_manifest(lake_root, manifest)


def run_name(hours: float, seed: int, effect: float, start: datetime, new_fields: bool) -> str:
    """Return the run's name, which says all arguments."""
    suffix = "-new" if new_fields else ""
    moment = start.astimezone(UTC).strftime("%Y%m%dT%H%M%S.%f")[:-5].removesuffix(".0")
    return f"generated-s{seed}-e{float(effect)}-h{float(hours)}-{moment}{suffix}"


def segment_header(run: str, start_ns: int) -> SegmentHeader:
    """Return the header of all segments of a run."""
    instruments = tuple(
        InstrumentEntry(
            id=instrument.slot,
            venue=instrument.venue,
            symbol=SYMBOL,
            market_type=instrument.market_type,
            tick=instrument.tick,
            size_unit=instrument.size_unit,
            lot=instrument.lot,
            maker_fee_bps=FEE_BPS,
            taker_fee_bps=FEE_BPS,
            base=BASE,
            quote=QUOTE,
            valid_from_ns=start_ns,
        )
        for instrument in INSTRUMENTS
    )
    sources = tuple(
        SourceEntry(id=source.id, venue=INSTRUMENTS[source.slot].venue, instrument=source.instrument, kind=source.kind)
        for source in SOURCES
    )
    return SegmentHeader(run=run, instruments=instruments, sources=sources, generated=True)


class _RunWriter:
    """All files of one run; they appear at `close`."""

    def __init__(self, lake_root: Path, run: str, effect: float, start_ns: int) -> None:
        header = segment_header(run, start_ns)
        self._start_ns = start_ns
        self._truth = TruthWriter(lake_root, run, effect)
        self._segments = [
            HourlySegments(lake_root, header, instrument.venue, instrument.slot) for instrument in INSTRUMENTS
        ]
        self.frame_counts = [0] * len(INSTRUMENTS)
        self.payload_bytes = 0

    def append(self, block: MarketBlock, frames: MarketFrames) -> None:
        segments, counts = self._segments, self.frame_counts
        for slot, source, seq, ts_recv_ns, payload, is_request in frames.frames(block):
            segments[slot].append(KIND_REQUEST if is_request else KIND_FRAME, source, seq, ts_recv_ns, payload)
            counts[slot] += not is_request
            self.payload_bytes += len(payload)
        steps = block.first_step + 1 + np.arange(len(block), dtype=np.int64)
        self._truth.append(block, self._start_ns + steps * p.STEP_NS)

    def close(self) -> tuple[Path, tuple[Path, ...]]:
        """Make all files appear, the truth first, so that no segment stands without it."""
        truth = self._truth.close()
        return truth, tuple(path for segments in self._segments for path in segments.close())

    def abort(self) -> None:
        self._truth.abort()
        for segments in self._segments:
            segments.abort()


def _checked_start_ns(hours: float, seed: int, effect: float, start: datetime) -> int:
    if not p.STEPS_PER_HOUR**-1 <= hours <= HOURS_MAX:
        raise UsageError(f"hours: expected at least one step of 100 ms and at most {HOURS_MAX} h, found {hours}")
    if seed < 0:
        raise UsageError(f"seed: expected 0 or more, found {seed}")
    if not 0.0 <= effect <= 1.0:
        raise UsageError(f"effect: expected 0 to 1, found {effect}")
    if start.tzinfo is None:
        raise UsageError(f"start: expected a time with its zone, as 2026-01-05T00:00:00+00:00, found {start}")
    start_ns = int(start.timestamp()) * 1_000_000_000 + start.microsecond * 1_000
    if start_ns % p.STEP_NS:
        raise UsageError(f"start: expected whole steps of 100 ms, found {start}")
    return start_ns
