"""One venue on the event loop: carries out what a `VenueCore` commands, and tells it what happened.

Decides nothing but one thing: a venue must first tell its instruments (tick and size unit stand in the header of every
file), and is asked again with growing pauses until `start_timeout_ms` is over. Recorder and trader hear the venues
through this; what they do with a frame is their tape's.
"""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass

from native.config import NS_PER_MS
from streaming.errors import TraderError
from streaming.record_config import RecordConfig
from streaming.recorder.backoff import Backoff
from streaming.recorder.commands import CloseSocket, Command, Fetch, OpenSocket, SendPing, SendText
from streaming.recorder.core import CoreSettings, VenueCore
from streaming.recorder.lines import LinesSettings
from streaming.recorder.link import LinkLimits
from streaming.recorder.meters import lag_ms_of
from streaming.recorder.plan import VenuePlan, VenueTarget
from streaming.recorder.tape import FrameTape
from streaming.shell.clock import Clock
from streaming.shell.connection import Sockets
from streaming.shell.rest import RestClient, RestError
from streaming.venues.budget import WeightBudget
from streaming.venues.dialect import RestRequest
from streaming.venues.replies import Reply, problem_of

HOURS_NS = 3_600_000 * NS_PER_MS


@dataclass(frozen=True, slots=True)
class ExchangeInfo:
    """A venue's exchange information as it was asked for and came."""

    request: RestRequest
    ts_sent_ns: int
    body: bytes
    ts_recv_ns: int


class VenueClient:
    """See the head of the file. `learn`, then `start`, `tick` often, and `stop`. A `SocketOwner`."""

    def __init__(
        self, target: VenueTarget, config: RecordConfig, clock: Clock, on_failure: Callable[[Exception], None]
    ) -> None:
        self.target = target
        self._config = config
        self._clock = clock
        self._on_failure = on_failure
        self._rng = random.Random(f"{config.seed}:{target.dialect.venue}")
        self._budget = WeightBudget(target.dialect.weight_per_minute, config.rest.weight_share, clock.now_ns())
        self._rest = RestClient(target.rest_url, config.rest.timeout_ms / 1_000)
        self._sockets = Sockets(self, config.watch.connect_ms / 1_000)
        self._fetches: set[asyncio.Task[None]] = set()
        self.core: VenueCore | None = None
        self._lag_ms: float | None = None

    # --- life ---

    async def learn(self, progress: Callable[[str], None]) -> ExchangeInfo:
        """Return the exchange information; TraderError when it cannot be had in time."""
        settings = self._config.rest
        request = self.target.dialect.exchange_info(self.target.symbols)
        backoff = Backoff(self._rng, settings.retry_min_ms * NS_PER_MS, settings.retry_max_ms * NS_PER_MS)
        place = f"{self.target.dialect.venue}: exchange information"
        problem = "no answer"
        try:
            async with asyncio.timeout(settings.start_timeout_ms / 1_000):
                while True:
                    wait_ns = self._budget.wait_ns(request.weight, self._clock.now_ns())
                    await asyncio.sleep(wait_ns / 1e9)
                    found = await self._ask_exchange_info(request)
                    if not isinstance(found, str):
                        return found
                    problem = found
                    progress(f"{place}: {problem}; asking again")
                    await asyncio.sleep(backoff.next_ns() / 1e9)
        except TimeoutError as error:
            raise TraderError(
                f"{place}: {problem}; check the network, and streaming.record.addresses.{self.target.dialect.venue}"
            ) from error

    def start(self, plan: VenuePlan, tape: FrameTape, info: ExchangeInfo) -> None:
        """Write the exchange information on the tape and begin to connect."""
        tape.request(plan.exchange_info_source, info.ts_sent_ns, f"GET {info.request.target}".encode())
        tape.frame(plan.exchange_info_source, info.ts_recv_ns, info.body)
        settings = core_settings(self._config, self._clock.speed)
        self.core = VenueCore(plan, settings, tape, self._budget, self._rng, self._clock.now_ns())
        self.tick()

    def tick(self) -> None:
        """Do what is due; call every few tens of ms."""
        core, now_ns = self.core, self._clock.now_ns()
        if core is None:
            return
        deadline_ns = core.next_deadline_ns()
        if deadline_ns is not None and now_ns >= deadline_ns:
            core.on_deadline(now_ns)
            self._obey()

    async def stop(self) -> None:
        """Write what is held and close connections."""
        if self.core is not None:
            self.core.stop(self._clock.now_ns())
            self._obey()
        for task in self._fetches:
            task.cancel()
        if self._fetches:
            await asyncio.wait(self._fetches)
        await self._sockets.close_all()
        await self._rest.close()

    def pause(self, is_paused: bool) -> None:
        """Stop or go on reading."""
        self._sockets.pause(is_paused)

    def lag_ms(self) -> float | None:
        """Return how long the last book frame was under way, None while that is not known."""
        assert self.core is not None, "start first"
        lag_ms = lag_ms_of(self.core.last_book, self.core.last_book_ns)
        self._lag_ms = self._lag_ms if lag_ms is None else lag_ms
        return self._lag_ms

    # --- what sockets say ---

    def on_open(self, socket: int) -> None:
        """See `SocketOwner`."""
        self._tell(VenueCore.on_open, socket)

    def on_text(self, socket: int, data: bytes) -> None:
        """See `SocketOwner`. The hot call: once a frame."""
        core = self.core
        assert core is not None
        try:
            core.on_text(socket, data, self._clock.now_ns())
            if core.lines.commands:
                self._obey()
        except Exception as error:  # picows would swallow it and go on without the frame
            self._on_failure(error)

    def on_pong(self, socket: int) -> None:
        """See `SocketOwner`."""
        self._tell(VenueCore.on_pong, socket)

    def on_lost(self, socket: int, reason: str) -> None:
        """See `SocketOwner`."""
        self._tell(VenueCore.on_lost, socket, reason)

    def _tell(self, call: Callable[..., None], *words: object) -> None:
        try:
            call(self.core, *words, self._clock.now_ns())
            self._obey()
        except Exception as error:  # as above
            self._on_failure(error)

    # --- what the core commands ---

    def _obey(self) -> None:
        assert self.core is not None
        for command in self.core.take_commands():
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

    async def _ask_exchange_info(self, request: RestRequest) -> ExchangeInfo | str:
        """Return the request, its times and the body, or what went wrong."""
        ts_sent_ns = self._clock.now_ns()
        self._budget.take(request.weight, ts_sent_ns)
        try:
            reply: Reply = await self._rest.get(request)
        except RestError as error:
            return str(error)
        ts_recv_ns = self._clock.now_ns()
        self._budget.on_reply(reply, ts_recv_ns)
        return problem_of(request, reply) or ExchangeInfo(request, ts_sent_ns, reply.body, ts_recv_ns)


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
