"""One venue's recorder: a `VenueClient` whose frames go to segment files, one run after the other.

A run's header states tick, size unit and lot of each instrument. When exchange information says otherwise, the run
ends (file sealed, manifest written) and the next one begins with the new header, at least `PAUSE_NS` later: that hole
stands in the ledger, so nothing is computed across the change. An instrument that the venue does not trade any more
ends no run: it need not speak, and the others go on.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from native.config import EngineSettings
from streaming.live_segments import run_manifest
from streaming.record_config import RecordConfig
from streaming.recorder.meters import VenueReading
from streaming.recorder.plan import VenuePlan, VenueTarget, make_engine, make_plan, rules_changes, run_name
from streaming.recorder.tape import Tape
from streaming.runs import RunManifest, write_manifest
from streaming.shell.clock import Clock
from streaming.shell.segment_queue import RunFiles, SegmentQueue, SegmentSink
from streaming.shell.venue_client import ExchangeInfo, VenueClient

PAUSE_NS = 1_001_000_000
"""Between two runs whose rules differ: above `warehouse.gaps.BETWEEN_RUNS_NS_MIN`, below which a pause is no hole."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all venues' recorders share."""

    lake_root: Path
    clock: Clock
    config: RecordConfig
    run_dir: Path
    """Of the budget that all processes of this machine share."""
    engine: EngineSettings
    segments: SegmentQueue
    on_failure: Callable[[Exception], None]
    progress: Callable[[str], None]


@dataclass(frozen=True, slots=True)
class _Run:
    """One run: what it writes, where, and through which connections."""

    plan: VenuePlan
    tape: Tape
    sink: SegmentSink
    client: VenueClient

    def reading(self) -> VenueReading:
        core, tape, files = self.client.core, self.tape, self.sink.files
        assert core is not None, "a run begins with its client"
        unsynced, lines, counts = core.unsynced(), core.lines.counts, core.counts
        problems = (counts.last_rest_problem, tape.counts.last_reject, lines.last_loss)
        return VenueReading(
            venue=self.plan.dialect.venue,
            run=self.plan.header.run,
            is_synced=not unsynced,
            waiting_for=tuple(name for name, _ in unsynced),
            resting=core.resting(),
            snapshot_attempts=max((attempts for _, attempts in unsynced), default=0),
            frames=tape.counts.frames,
            payload_bytes=tape.counts.payload_bytes,
            written_records=files.written_records,
            written_bytes=files.written_bytes,
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
            renewals=lines.renewed,
            unknown_messages=lines.controls["unknown"],
            rotations=lines.rotated,
            lag_ms=self.client.lag_ms(),
            last_problem="; ".join(text for text in problems if text),
            ts_first_ns=tape.ts_first_ns,
            ts_last_ns=tape.ts_last_ns,
        )

    def manifest(self, lake_root: Path) -> RunManifest | None:
        """Return the manifest once the files are sealed; None when nothing was written."""
        core, tape, sealed = self.client.core, self.tape, self.sink.files.sealed
        if core is None or not sealed:
            return None
        return RunManifest(
            run=self.plan.header.run,
            instruments=tuple(entry.name for entry in self.plan.header.instruments),
            origin=(),
            files={str(path.relative_to(lake_root)): path.stat().st_size for path in sealed},
            frames=tape.counts.frames,
            snapshots=core.counts.snapshots,
            ts_from_ns=tape.ts_first_ns,
            ts_to_ns=tape.ts_last_ns,
        )


class VenueRecorder:
    """`learn`, then `start`, `tick` often, and `stop`."""

    def __init__(self, target: VenueTarget, around: Surroundings) -> None:
        self._target = target
        self._around = around
        self._client = VenueClient(target, around.config, around.clock, around.on_failure, run_dir=around.run_dir)
        self._exchange_info: ExchangeInfo | None = None
        self._runs: list[_Run] = []
        """The last one is being recorded, or ending."""
        self._change: asyncio.Task[None] | None = None

    # --- life ---

    async def learn(self, progress: Callable[[str], None]) -> None:
        """Fetch the exchange information; TraderError when it cannot be had in time, UsageError for a wrong symbol."""
        self._exchange_info = await self._client.learn(progress)

    def start(self) -> None:
        """Begin a run: files, engine, connections."""
        info = self._exchange_info
        assert info is not None, "learn first"
        self._begin(self._target, info)

    def tick(self) -> None:
        """Do what is due; call every few tens of ms."""
        if self._runs and self._change is None:
            self._client.tick()
            self._runs[-1].sink.roll(self._around.clock.now_ns())

    def flush(self, is_sync_due: bool) -> None:
        """Hand what waits to the disk."""
        if not self._runs or self._change is not None:
            return
        if is_sync_due:
            self._runs[-1].sink.sync()
        else:
            self._runs[-1].sink.flush()

    async def stop(self) -> None:
        """Close connections, write what is held and have the file sealed."""
        if self._change is not None:
            self._change.cancel()
            await asyncio.wait({self._change})
        await self._client.stop()
        if self._runs:
            self._seal(self._runs[-1])

    def pause(self, is_paused: bool) -> None:
        """Stop or go on reading."""
        self._client.pause(is_paused)

    # --- numbers ---

    def readings(self) -> list[VenueReading]:
        """Return the counters of each run, the present one's last; empty before `start`."""
        return [run.reading() for run in self._runs]

    def files(self) -> list[str]:
        """Return the sealed files, as places in the lake."""
        root = self._around.lake_root
        return [str(path.relative_to(root)) for run in self._runs for path in run.sink.files.sealed]

    # --- inside ---

    def _begin(self, target: VenueTarget, info: ExchangeInfo) -> None:
        around = self._around
        run = run_name(target.dialect.venue, around.clock.now_ns())
        plan = make_plan(target, run, info.body, around.config.copies, info.ts_sent_ns)
        sink = SegmentSink(around.segments, RunFiles(around.lake_root, plan.header, plan.dialect.venue))
        tape = Tape(make_engine(plan.header, around.engine), sink)
        self._runs.append(_Run(plan, tape, sink, self._client))
        self._client.start(plan, tape, info, self._on_listing)

    def _on_listing(self, info: ExchangeInfo) -> None:
        """Compare what the venue lists now with what the run's header says."""
        core, listed = self._client.core, info.listed
        assert core is not None
        changes = rules_changes(self._runs[-1].plan.header, {s: item.rules for s, item in listed.listings.items()})
        if changes:
            self._around.progress(f"{self._target.dialect.venue}: a new run begins: {'; '.join(changes)}")
            self._change = asyncio.get_running_loop().create_task(self._change_run(info))
            return
        before = core.resting()
        core.set_listed(listed.trading, listed.halted)
        for name in core.resting():
            if name not in before:
                self._around.progress(f"{name}: the venue does not trade it now; the others are recorded on")
        for name in before:
            if name not in core.resting():
                self._around.progress(f"{name}: the venue trades it again")

    async def _change_run(self, info: ExchangeInfo) -> None:
        """End the run and begin the next one; a task of its own, so its failure is told."""
        clock, ended = self._around.clock, self._runs[-1]
        try:
            await self._client.stop()
            self._seal(ended)
            await asyncio.sleep(clock.delay_s(ended.tape.ts_last_ns + PAUSE_NS))
            target = replace(self._target, symbols=tuple(s for s in self._target.symbols if s in info.listed.listings))
            self._client = VenueClient(target, self._around.config, clock, self._around.on_failure, before=self._client)
            self._client.pause(self._around.segments.is_paused)
            now_ns = clock.now_ns()  # the run takes the reply as its own when it begins: times never go back
            self._begin(target, replace(info, ts_sent_ns=now_ns, ts_recv_ns=now_ns))
        except Exception as error:
            self._around.on_failure(error)
        finally:
            self._change = None

    def _seal(self, run: _Run) -> None:
        run.sink.end(lambda: self._write_manifest(run))

    def _write_manifest(self, run: _Run) -> None:
        """Write the manifest of a run that has ended; on the writing thread."""
        root = self._around.lake_root
        manifest = run.manifest(root)
        if manifest is None:
            return
        if self._around.segments.failure is not None:  # not all that was heard could be written
            manifest = run_manifest(root, manifest.run)
        write_manifest(root, manifest)
