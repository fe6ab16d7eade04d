"""One venue's recorder: a `VenueClient` whose frames go to segment files of one run."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from native.config import EngineSettings
from streaming.record_config import RecordConfig
from streaming.recorder.meters import VenueReading
from streaming.recorder.plan import VenuePlan, VenueTarget, make_engine, make_plan, run_name
from streaming.recorder.tape import Tape
from streaming.runs import RunManifest
from streaming.shell.clock import Clock
from streaming.shell.segment_queue import RunFiles, SegmentQueue, SegmentSink
from streaming.shell.venue_client import ExchangeInfo, VenueClient


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all venues' recorders share."""

    lake_root: Path
    clock: Clock
    config: RecordConfig
    engine: EngineSettings
    segments: SegmentQueue
    on_failure: Callable[[Exception], None]


class VenueRecorder:
    """`learn`, then `start`, `tick` often, and `stop`."""

    def __init__(self, target: VenueTarget, around: Surroundings) -> None:
        self._around = around
        self._client = VenueClient(target, around.config, around.clock, around.on_failure)
        self._exchange_info: ExchangeInfo | None = None
        self._plan: VenuePlan | None = None
        self._tape: Tape | None = None
        self._sink: SegmentSink | None = None

    # --- life ---

    async def learn(self, progress: Callable[[str], None]) -> None:
        """Fetch the exchange information; TraderError when it cannot be had in time."""
        self._exchange_info = await self._client.learn(progress)

    def start(self) -> None:
        """Begin a run: files, engine, connections. UsageError when the venue does not list a symbol."""
        info, around, target = self._exchange_info, self._around, self._client.target
        assert info is not None, "learn first"
        run = run_name(target.dialect.venue, around.clock.now_ns())
        plan = self._plan = make_plan(target, run, info.body, around.config.copies, info.ts_sent_ns)
        files = RunFiles(around.lake_root, plan.header, plan.dialect.venue)
        self._sink = SegmentSink(around.segments, files)
        self._tape = Tape(make_engine(plan.header, around.engine), self._sink)
        self._client.start(plan, self._tape, info)

    def tick(self) -> None:
        """Do what is due; call every few tens of ms."""
        if self._sink is None:
            return
        self._client.tick()
        self._sink.roll(self._around.clock.now_ns())

    def flush(self, is_sync_due: bool) -> None:
        """Hand what waits to the disk."""
        if self._sink is None:
            return
        if is_sync_due:
            self._sink.sync()
        else:
            self._sink.flush()

    async def stop(self) -> None:
        """Close connections, write what is held and have the file sealed."""
        await self._client.stop()
        if self._sink is not None:
            self._sink.end()

    def pause(self, is_paused: bool) -> None:
        """Stop or go on reading."""
        self._client.pause(is_paused)

    # --- numbers ---

    @property
    def is_started(self) -> bool:
        """True once a run has begun."""
        return self._client.core is not None

    def reading(self) -> VenueReading:
        """Return the counters; only after `start`."""
        core, tape, sink, plan = self._client.core, self._tape, self._sink, self._plan
        assert core is not None and tape is not None and sink is not None and plan is not None
        unsynced, lines, counts = core.unsynced(), core.lines.counts, core.counts
        problems = (counts.last_rest_problem, tape.counts.last_reject, lines.last_loss)
        return VenueReading(
            venue=plan.dialect.venue,
            run=plan.header.run,
            is_synced=not unsynced,
            waiting_for=tuple(name for name, _ in unsynced),
            snapshot_attempts=max((attempts for _, attempts in unsynced), default=0),
            frames=tape.counts.frames,
            payload_bytes=tape.counts.payload_bytes,
            written_records=sink.files.written_records,
            written_bytes=sink.files.written_bytes,
            gaps_opened=tape.counts.gaps_opened,
            gaps_closed=tape.counts.gaps_closed,
            snapshots=counts.snapshots,
            snapshot_requests=counts.snapshot_requests,
            rest_failures=counts.rest_failures,
            duplicates=counts.duplicates,
            rejects=tape.counts.rejects,
            connections_opened=lines.opened,
            connections_lost=lines.lost,
            stalls=lines.stalled,
            rotations=lines.rotated,
            lag_ms=self._client.lag_ms(),
            last_problem="; ".join(text for text in problems if text),
            ts_first_ns=tape.ts_first_ns,
            ts_last_ns=tape.ts_last_ns,
        )

    def manifest(self) -> RunManifest | None:
        """Return the run's manifest once its files are sealed; None when nothing was written."""
        sink, plan, tape, core = self._sink, self._plan, self._tape, self._client.core
        if sink is None or plan is None or tape is None or core is None or not sink.files.sealed:
            return None
        root = self._around.lake_root
        return RunManifest(
            run=plan.header.run,
            instruments=tuple(entry.name for entry in plan.header.instruments),
            origin=(),
            files={str(path.relative_to(root)): path.stat().st_size for path in sink.files.sealed},
            frames=tape.counts.frames,
            snapshots=core.counts.snapshots,
            ts_from_ns=tape.ts_first_ns,
            ts_to_ns=tape.ts_last_ns,
        )
