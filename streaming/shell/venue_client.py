"""One venue on the event loop: carries out what a `VenueCore` commands, and tells it what happened.

Decides nothing but one thing: a venue must first tell its instruments (tick and size unit stand in the header of every
file), and is given up when it has not until `start_timeout_ms` is over. Recorder and trader hear the venues through
this; what they do with a frame is their tape's. Who gives `start` a place to hear of it has the venue's exchange
information read again while running (see `recorder.listing`), each time as a frame on the tape.
"""

import asyncio
import random
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path

from native.config import NS_PER_MS
from streaming.errors import TraderError, UsageError
from streaming.record_config import RecordConfig
from streaming.recorder.backoff import Backoff
from streaming.recorder.commands import CloseSocket, Command, Fetch, OpenSocket, SendPing, SendText
from streaming.recorder.core import CoreSettings, VenueCore
from streaming.recorder.lines import LinesSettings
from streaming.recorder.link import LinkLimits
from streaming.recorder.listing import Listed, ListingDesk, ListingSettings
from streaming.recorder.meters import lag_ms_of
from streaming.recorder.plan import VenuePlan, VenueTarget, unlisted_text
from streaming.recorder.tape import FrameTape
from streaming.shell.clock import Clock
from streaming.shell.connection import Sockets
from streaming.shell.rest import RestClient, RestError
from streaming.shell.shared_budget import SharedBudget, SharedWeightBudget, budget_path
from streaming.venues.budget import WeightBudget
from streaming.venues.dialect import RestRequest
from streaming.venues.limits import LIMITS
from streaming.venues.rate_budget import Scope, Shares

HOURS_NS = 3_600_000 * NS_PER_MS


@dataclass(frozen=True, slots=True)
class ExchangeInfo:
    """A venue's exchange information as it was asked for and came."""

    request: RestRequest
    ts_sent_ns: int
    body: bytes
    """Empty when the venue lists none of the symbols."""
    ts_recv_ns: int
    listed: Listed


class VenueClient:
    """See the head of the file. `learn`, then `start`, `tick` often, and `stop`. A `SocketOwner`."""

    def __init__(
        self,
        target: VenueTarget,
        config: RecordConfig,
        clock: Clock,
        on_failure: Callable[[Exception], None],
        before: "VenueClient | None" = None,
        run_dir: Path | None = None,
    ) -> None:
        """`before`: the stopped client of the same venue whose budget, jitter and listing are gone on with. `run_dir`:
        where the budget lies that all processes of this machine share; without it, it is this client's own."""
        self.target = target
        self._config = config
        self._clock = clock
        self._on_failure = on_failure
        venue = target.dialect.venue
        self._rng: random.Random = random.Random(f"{config.seed}:{venue}") if before is None else before._rng
        self._budget: WeightBudget = (
            weight_budget(target, config, clock.now_ns(), run_dir) if before is None else before._budget
        )
        self._listing: ListingDesk = (
            listing_desk(target, config, clock, self._rng) if before is None else before._listing
        )
        self._rest = RestClient(target.rest_url, config.rest.timeout_ms / 1_000)
        self._sockets = Sockets(self, config.watch.connect_ms / 1_000)
        self._fetches: set[asyncio.Task[None]] = set()
        self._on_listing: Callable[[ExchangeInfo], None] | None = None
        self._doubts = 0
        self.core: VenueCore | None = None
        self._lag_ms: float | None = None

    # --- life ---

    async def learn(self, progress: Callable[[str], None]) -> ExchangeInfo:
        """Return the exchange information; TraderError when it cannot be had in time.

        UsageError when the venue does not list one of the symbols.
        """
        desk, place = self._listing, f"{self.target.dialect.venue}: exchange information"
        try:
            async with asyncio.timeout(self._config.rest.start_timeout_ms / 1_000):
                info = None
                while info is None:
                    failures = desk.failures
                    info = await self._learn_once()
                    if desk.failures > failures:
                        progress(f"{place}: {desk.problem}; asking again")
        except TimeoutError as error:
            raise TraderError(
                f"{place}: {desk.problem}; check the network, and streaming.record.addresses."
                f"{self.target.dialect.venue}"
            ) from error
        for symbol in self.target.symbols:
            if symbol not in info.listed.listings:
                raise UsageError(unlisted_text(self.target.dialect.venue, symbol))
        return info

    def start(
        self,
        plan: VenuePlan,
        tape: FrameTape,
        info: ExchangeInfo,
        on_listing: Callable[[ExchangeInfo], None] | None = None,
    ) -> None:
        """Write the exchange information on the tape and begin to connect; `on_listing` hears of each further one."""
        tape.request(plan.exchange_info_source, info.ts_sent_ns, f"GET {info.request.target}".encode())
        tape.frame(plan.exchange_info_source, info.ts_recv_ns, info.body)
        settings = core_settings(self._config, self._clock.speed, plan.dialect.venue)
        self.core = VenueCore(plan, settings, tape, self._budget, self._rng, self._clock.now_ns())
        self.core.set_listed(info.listed.trading, info.listed.halted)
        self._on_listing = on_listing
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
        if self._on_listing is not None:
            self._watch_listing(core, now_ns)

    async def stop(self) -> None:
        """Write what is held and close connections."""
        self._on_listing = None
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
                self._begin(self._fetch(request))

    async def _fetch(self, request: RestRequest) -> None:
        try:
            reply = await self._rest.get(request)
        except RestError as error:
            self._tell(VenueCore.on_fetch_failed, request, str(error))
            return
        self._tell(VenueCore.on_reply, request, reply)

    def _begin(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._fetches.add(task)
        task.add_done_callback(self._fetches.discard)

    # --- exchange information ---

    async def _learn_once(self) -> ExchangeInfo | None:
        desk, clock = self._listing, self._clock
        await asyncio.sleep(clock.delay_s(desk.due_ns or 0))
        now_ns = clock.now_ns()
        wait_ns = self._budget.wait_ns(desk.next_request().weight, now_ns)
        if wait_ns:
            desk.postpone(wait_ns, now_ns)
            return None
        return await self._ask_listing(desk.request(), now_ns)

    def _watch_listing(self, core: VenueCore, now_ns: int) -> None:
        """Ask again when it is time."""
        desk = self._listing
        if core.doubts != self._doubts:
            self._doubts = core.doubts
            desk.doubt(now_ns)
        if not desk.is_due(now_ns):
            return
        wait_ns = self._budget.wait_ns(desk.next_request().weight, now_ns)
        if wait_ns:
            desk.postpone(wait_ns, now_ns)
            return
        request = desk.request()
        core.on_listing_asked(request, now_ns)
        self._begin(self._read_again(core, request, now_ns))

    async def _read_again(self, core: VenueCore, request: RestRequest, ts_sent_ns: int) -> None:
        failures = self._listing.failures
        info = await self._ask_listing(request, ts_sent_ns)
        if self._listing.failures > failures:
            core.on_listing_failed(self._listing.problem)
        if info is None or self._on_listing is None:
            return
        try:
            core.on_listing(info.body, info.ts_recv_ns)
            self._on_listing(info)
        except Exception as error:  # as in `on_text`: nobody waits for this task
            self._on_failure(error)

    async def _ask_listing(self, request: RestRequest, ts_sent_ns: int) -> ExchangeInfo | None:
        """Ask once; None when what came does not end the question."""
        self._budget.take(request.weight, ts_sent_ns)
        try:
            reply = await self._rest.get(request)
        except RestError as error:
            self._listing.on_failed(str(error), self._clock.now_ns())
            return None
        ts_recv_ns = self._clock.now_ns()
        self._budget.on_reply(reply, ts_recv_ns)
        listed = self._listing.on_reply(request, reply, ts_recv_ns)
        return None if listed is None else ExchangeInfo(request, ts_sent_ns, listed.body, ts_recv_ns, listed)


def weight_budget(target: VenueTarget, config: RecordConfig, now_ns: int, run_dir: Path | None) -> WeightBudget:
    """Return what a venue's REST may be asked: our share of its limit, less what orders and others here have used."""
    venue, share = target.dialect.venue, config.rest.weight_share
    if run_dir is None:
        return WeightBudget(target.dialect.weight_per_minute, share, now_ns)
    limits = [limit for limit in LIMITS[venue] if limit.scope is Scope.address]
    shares = Shares(ours=share, cancel_reserve=0.0, order_reserve=0.0)
    shared = SharedBudget(budget_path(run_dir, venue, target.rest_url), limits, shares=shares)
    return SharedWeightBudget(target.dialect.weight_per_minute, share, now_ns, shared)


def listing_desk(target: VenueTarget, config: RecordConfig, clock: Clock, rng: random.Random) -> ListingDesk:
    """Return the desk that asks for a venue's exchange information."""
    rest, ns_per_ms = config.rest, NS_PER_MS * max(1.0, clock.speed)
    backoff = Backoff(rng, int(rest.retry_min_ms * ns_per_ms), int(rest.retry_max_ms * ns_per_ms))
    settings = ListingSettings(
        every_ns=int(rest.exchange_info_minutes * 60_000 * ns_per_ms),
        soon_ns=int(rest.exchange_info_soon_ms * ns_per_ms),
    )
    return ListingDesk(target.dialect, target.symbols, settings, backoff, clock.now_ns())


def core_settings(config: RecordConfig, speed: float, venue: str) -> CoreSettings:
    """Return a venue's durations on a clock of `speed`: real ms are stretched, so that hiccups stay hiccups."""

    def ns(real_ms: int) -> int:
        return int(real_ms * NS_PER_MS * max(1.0, speed))

    watch, rest = config.watch, config.rest
    return CoreSettings(
        lines=LinesSettings(
            limits=LinkLimits(
                connect_ns=ns(watch.connect_ms),
                first_message_ns=ns(watch.first_message_ms),
                stale_ns=ns(watch.stale_ms),
                stale_ns_by_symbol={
                    name.partition(":")[2]: ns(limit_ms)
                    for name, limit_ms in watch.stale_ms_by_instrument.items()
                    if name.partition(":")[0] == venue
                },
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
