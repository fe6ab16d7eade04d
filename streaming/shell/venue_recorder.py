"""One venue's recorder on the event loop: carries out what the core commands, and tells it what happened.

Decides nothing but one thing: a venue must first tell its instruments (tick and size unit stand in the header of every
file), and is asked again with growing pauses until `start_timeout_ms` is over.
"""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from native.config import NS_PER_MS, EngineSettings
from streaming.errors import TraderError
from streaming.record_config import RecordConfig
from streaming.recorder.backoff import Backoff
from streaming.recorder.commands import CloseSocket, Command, Fetch, OpenSocket, SendPing, SendText
from streaming.recorder.core import CoreSettings, VenueCore
from streaming.recorder.lines import LinesSettings
from streaming.recorder.link import LinkLimits
from streaming.recorder.meters import VenueReading, lag_ms_of
from streaming.recorder.plan import VenuePlan, VenueTarget, make_engine, make_plan, run_name
from streaming.recorder.tape import Tape
from streaming.runs import RunManifest
from streaming.shell.clock import Clock
from streaming.shell.connection import Sockets
from streaming.shell.rest import RestClient, RestError
from streaming.shell.segment_queue import RunFiles, SegmentQueue, SegmentSink
from streaming.venues.budget import WeightBudget
from streaming.venues.dialect import RestRequest
from streaming.venues.replies import Reply, problem_of

HOURS_NS = 3_600_000 * NS_PER_MS


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
    """See the head of the file. `learn`, then `start`, `tick` often, and `stop`. A `SocketOwner`."""

    def __init__(self, target: VenueTarget, around: Surroundings) -> None:
        self._target = target
        self._around = around
        self._clock = around.clock
        self._rng = random.Random(f"{around.config.seed}:{target.dialect.venue}")
        self._budget = WeightBudget(
            target.dialect.weight_per_minute, around.config.rest.weight_share, around.clock.now_ns()
        )
        self._rest = RestClient(target.rest_url, around.config.rest.timeout_ms / 1_000)
        self._sockets = Sockets(self, around.config.watch.connect_ms / 1_000)
        self._fetches: set[asyncio.Task[None]] = set()
        self._exchange_info: tuple[RestRequest, int, bytes, int] | None = None
        self._core: VenueCore | None = None
        self._plan: VenuePlan | None = None
        self._tape: Tape | None = None
        self._sink: SegmentSink | None = None
        self._lag_ms: float | None = None

    # --- life ---

    async def learn(self, progress: Callable[[str], None]) -> None:
        """Fetch the exchange information; TraderError when it cannot be had in time."""
        settings = self._around.config.rest
        request = self._target.dialect.exchange_info(self._target.symbols)
        backoff = Backoff(self._rng, settings.retry_min_ms * NS_PER_MS, settings.retry_max_ms * NS_PER_MS)
        place = f"{self._target.dialect.venue}: exchange information"
        problem = "no answer"
        try:
            async with asyncio.timeout(settings.start_timeout_ms / 1_000):
                while True:
                    wait_ns = self._budget.wait_ns(request.weight, self._clock.now_ns())
                    await asyncio.sleep(wait_ns / 1e9)
                    found = await self._ask_exchange_info(request)
                    if not isinstance(found, str):
                        self._exchange_info = found
                        return
                    problem = found
                    progress(f"{place}: {problem}; asking again")
                    await asyncio.sleep(backoff.next_ns() / 1e9)
        except TimeoutError as error:
            raise TraderError(
                f"{place}: {problem}; check the network, and streaming.record.addresses.{self._target.dialect.venue}"
            ) from error

    def start(self) -> None:
        """Begin a run: files, engine, connections. UsageError when the venue does not list a symbol."""
        assert self._exchange_info is not None, "learn first"
        around, now_ns = self._around, self._clock.now_ns()
        request, ts_sent_ns, body, ts_recv_ns = self._exchange_info
        run = run_name(self._target.dialect.venue, now_ns)
        plan = self._plan = make_plan(self._target, run, body, around.config.copies, ts_sent_ns)
        files = RunFiles(around.lake_root, plan.header, plan.dialect.venue)
        self._sink = SegmentSink(around.segments, files)
        tape = self._tape = Tape(make_engine(plan.header, around.engine), self._sink)
        tape.request(plan.exchange_info_source, ts_sent_ns, f"GET {request.target}".encode())
        tape.frame(plan.exchange_info_source, ts_recv_ns, body)
        settings = core_settings(around.config, self._clock.speed)
        self._core = VenueCore(plan, settings, tape, self._budget, self._rng, now_ns)
        self.tick()

    def tick(self) -> None:
        """Do what is due; call every few tens of ms."""
        core, sink, now_ns = self._core, self._sink, self._clock.now_ns()
        if core is None or sink is None:
            return
        deadline_ns = core.next_deadline_ns()
        if deadline_ns is not None and now_ns >= deadline_ns:
            core.on_deadline(now_ns)
            self._obey()
        sink.roll(now_ns)

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
        if self._core is not None:
            self._core.stop(self._clock.now_ns())
            self._obey()
        for task in self._fetches:
            task.cancel()
        if self._fetches:
            await asyncio.wait(self._fetches)
        await self._sockets.close_all()
        await self._rest.close()
        if self._sink is not None:
            self._sink.end()

    def pause(self, is_paused: bool) -> None:
        """Stop or go on reading."""
        self._sockets.pause(is_paused)

    # --- what sockets say ---

    def on_open(self, socket: int) -> None:
        """See `SocketOwner`."""
        self._tell(VenueCore.on_open, socket)

    def on_text(self, socket: int, data: bytes) -> None:
        """See `SocketOwner`. The hot call: once a frame."""
        core = self._core
        assert core is not None
        try:
            core.on_text(socket, data, self._clock.now_ns())
            if core.lines.commands:
                self._obey()
        except Exception as error:  # picows would swallow it and go on without the frame
            self._around.on_failure(error)

    def on_pong(self, socket: int) -> None:
        """See `SocketOwner`."""
        self._tell(VenueCore.on_pong, socket)

    def on_lost(self, socket: int, reason: str) -> None:
        """See `SocketOwner`."""
        self._tell(VenueCore.on_lost, socket, reason)

    def _tell(self, call: Callable[..., None], *words: object) -> None:
        try:
            call(self._core, *words, self._clock.now_ns())
            self._obey()
        except Exception as error:  # as above
            self._around.on_failure(error)

    # --- what the core commands ---

    def _obey(self) -> None:
        assert self._core is not None
        for command in self._core.take_commands():
            self._carry_out(command)

    def _carry_out(self, command: Command) -> None:
        match command:
            case OpenSocket(socket, url):
                self._sockets.open(socket, url)
            case SendText(socket, data):
                self._sockets.send_text(socket, data)
            case SendPing(socket):
                self._sockets.send_ping(socket)
            case CloseSocket(socket):
                self._sockets.close(socket)
            case Fetch(request):
                task = asyncio.get_running_loop().create_task(self._fetch(request))
                self._fetches.add(task)
                task.add_done_callback(self._fetches.discard)

    async def _fetch(self, request: RestRequest) -> None:
        try:
            reply = await self._rest.get(request)
        except RestError as error:
            self._tell(VenueCore.on_fetch_failed, request, str(error))
            return
        self._tell(VenueCore.on_reply, request, reply)

    async def _ask_exchange_info(self, request: RestRequest) -> tuple[RestRequest, int, bytes, int] | str:
        """Return the request, its times and the body, or what went wrong."""
        ts_sent_ns = self._clock.now_ns()
        self._budget.take(request.weight, ts_sent_ns)
        try:
            reply: Reply = await self._rest.get(request)
        except RestError as error:
            return str(error)
        ts_recv_ns = self._clock.now_ns()
        self._budget.on_reply(reply, ts_recv_ns)
        return problem_of(request, reply) or (request, ts_sent_ns, reply.body, ts_recv_ns)

    # --- numbers ---

    @property
    def is_started(self) -> bool:
        """True once a run has begun."""
        return self._core is not None

    def reading(self) -> VenueReading:
        """Return the counters; only after `start`."""
        core, tape, sink, plan = self._core, self._tape, self._sink, self._plan
        assert core is not None and tape is not None and sink is not None and plan is not None
        lag_ms = lag_ms_of(core.last_book, core.last_book_ns)
        self._lag_ms = self._lag_ms if lag_ms is None else lag_ms
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
            lag_ms=self._lag_ms,
            last_problem="; ".join(text for text in problems if text),
            ts_first_ns=tape.ts_first_ns,
            ts_last_ns=tape.ts_last_ns,
        )

    def manifest(self) -> RunManifest | None:
        """Return the run's manifest once its files are sealed; None when nothing was written."""
        sink, plan, tape, core = self._sink, self._plan, self._tape, self._core
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


def core_settings(config: RecordConfig, speed: float) -> CoreSettings:
    """Return the core's durations on a clock of `speed`: real ms are stretched, so that hiccups stay hiccups."""

    def ns(real_ms: int) -> int:
        return int(real_ms * NS_PER_MS * max(1.0, speed))

    watch, rest = config.watch, config.rest
    return CoreSettings(
        lines=LinesSettings(
            limits=LinkLimits(
                connect_ns=ns(watch.connect_ms),
                first_message_ns=ns(watch.first_message_ms),
                stale_ns=ns(watch.stale_ms),
                quiet_ns=ns(watch.quiet_ms),
                probe_ns=ns(watch.probe_ms),
            ),
            backoff_min_ns=ns(watch.backoff_min_ms),
            backoff_max_ns=ns(watch.backoff_max_ms),
            rotate_ns=int(watch.rotate_hours * HOURS_NS),
        ),
        snapshot_retry_min_ns=ns(rest.retry_min_ms),
        snapshot_retry_max_ns=ns(rest.retry_max_ms),
        snapshot_check_ns=ns(rest.check_ms),
        hold_ns=ns(config.hold_ms),
    )
