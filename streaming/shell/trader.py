"""`trader start --mode paper | shadow | live`: venues, engine, inference and orders on one loop, until told to end.

The order at start: the model (a trader that may not use it does not start), the venues' exchange information (asked for
until `start_timeout_ms` is over: tick and size unit stand in the journal's header), the session (a new one, or the one
that a killed trader left), then sockets. From then on nothing but the disk and the process itself is needed: Redis,
Dagster and any venue may go and come.

The end is clean by SIGINT, SIGTERM, SIGHUP, `trader stop` or a span that is over: nothing new is ordered,
connections are closed, orders under way come home, the journal is sealed, replayed and landed. After a failure the
journal stays as it is, `.part`, and the next start goes on with it. All of it happens under `data/run/trader.lock`.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from native.config import NS_PER_MS, JsonObject
from streaming.errors import TraderError
from streaming.live.words import LiveEvent
from streaming.lock import held
from streaming.performance.stage_file import stage_path
from streaming.recorder.plan import check_speed, venue_targets
from streaming.shell.control import ControlServer
from streaming.shell.every import Every
from streaming.shell.gather import all_unless_stopped
from streaming.shell.heart import Heart
from streaming.shell.latency import Latencies
from streaming.shell.live_side import LiveSide
from streaming.shell.metrics_writer import MetricsWriter
from streaming.shell.model_life import ModelLife
from streaming.shell.own_facts import OwnFacts
from streaming.shell.stage_keeper import StageKeeper
from streaming.shell.stop_signals import ended_by_signals
from streaming.shell.trader_bus import TraderBus
from streaming.shell.trader_desk import TraderDesk
from streaming.shell.trader_meters import Sources, progress_text, status_document
from streaming.shell.trader_names import LOCK_NAME, PROCESS, SOCKET_NAME
from streaming.shell.trader_parts import begin_forecasts, begin_views, make_live_side, venue_plans
from streaming.shell.trader_request import PaperRequest, PaperSummary
from streaming.shell.trader_session import begin_as_latched, land, land_left_sessions, open_session
from streaming.shell.trader_venue import TraderVenue
from streaming.shell.trading_loop import TradingLoop
from streaming.shell.venue_client import VenueClient
from streaming.shell.view_publisher import ViewPublisher
from streaming.trader.modes import Mode
from streaming.trader.order_venue import OrderVenue
from streaming.trader.plan import TraderPlan, trader_plan
from streaming.trader.python_strategies import PythonStrategies
from streaming.trader.session import TradingSession
from streaming.watchdog.latch import clear_latch

TICK_S = 0.02
SETTLE_S_MAX = 1.0
"""For the replies to orders that are under way at the end."""
HALTED = "halted"

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class _Ended:
    """A session whose journal is sealed."""

    journal: Path
    status: JsonObject
    ending: "_Ending"


@dataclass(frozen=True, slots=True)
class _Ending:
    """How a live session's orders ended; a paper one's end with it."""

    exit_code: int = 0
    unconfirmed: tuple[str, ...] = ()


def run_paper(request: PaperRequest, progress: Progress) -> PaperSummary | None:
    """Trade until told to end, write the session's tables and return what it did; None without a session.

    Raises RefusedError when another trader holds the lock, the clock is not the world's at a real venue, or a session
    was left that these settings do not fit; UsageError for an unknown instrument; TraderError when a venue cannot be
    reached, or a second signal came while tables were written; OSError when the disk fails; BadDataError when the
    session does not replay.
    """
    check_speed(venue_targets(request.config, request.grid.instruments), request.clock.speed)
    with held(request.settings.warehouse.run_dir / LOCK_NAME):
        # The standard loop: closing uvloop's was seen to wait for ever at a session's end on a busy machine, and a
        # trader must end. Its frames are a thousand a second at most, where the two loops do not differ.
        with asyncio.Runner() as runner:
            ended = runner.run(_run(request, progress))
        if ended is None:
            return None
        try:
            landed = land(request.settings, ended.journal, progress)
            land_left_sessions(request.settings, progress, but=ended.journal)
        except KeyboardInterrupt as stop:
            raise TraderError(
                f"stopped by {str(stop) or 'Ctrl-C'} while tables were written; {ended.journal} is sealed, the next "
                "trader that ends writes them"
            ) from stop
    return PaperSummary(
        journal=ended.journal,
        landed=landed,
        status=ended.status,
        exit_code=ended.ending.exit_code,
        unconfirmed=ended.ending.unconfirmed,
    )


async def _run(request: PaperRequest, progress: Progress) -> _Ended | None:
    return await _Trader(request, progress).run()


class _Trader:
    """One process; lives inside the loop."""

    def __init__(self, request: PaperRequest, progress: Progress) -> None:
        loop, settings = asyncio.get_running_loop(), request.settings
        self._request = request
        self._progress = progress
        self._loop = loop
        self._stop = asyncio.Event()
        self._failure: Exception | None = None
        self._latencies = Latencies.on(request.clock)
        run_dir = settings.warehouse.run_dir
        self._desk = TraderDesk(self._reading, self._end, self._on_resumed)
        self._heart = Heart(run_dir, request.watchdog, progress, is_live=request.mode is Mode.live)
        self._control = ControlServer(run_dir / SOCKET_NAME, self._desk.answer)
        self._metrics = MetricsWriter(settings.streaming.metrics, run_dir, PROCESS)
        self._bus = TraderBus(
            settings.streaming.redis, run_dir, loop, self._desk.answer, self._look, self._metrics.tell
        )
        self._venues = [
            TraderVenue(
                VenueClient(target, request.config, request.clock, self._fail, run_dir=run_dir),
                progress,
                self._on_rules_changed,
            )
            for target in venue_targets(request.config, request.grid.instruments)
        ]
        self._trading: TradingLoop | None = None
        self._live: LiveSide | None = None
        self._ending = _Ending()
        self._life: ModelLife | None = None
        self._facts: OwnFacts | None = None
        self._views: ViewPublisher | None = None
        self._stages: StageKeeper | None = None
        self._syncing: asyncio.Future[None] | None = None

    # --- life ---

    async def run(self) -> _Ended | None:
        """Trade until the end; see `run_paper`."""
        journal: Path | None = None
        with ended_by_signals(self._end):
            try:
                self._heart.start()
                await self._control.start()
                self._bus.start()
                self._metrics.start()
                await self._trade()
                await self._end_live()
            except Exception as error:
                self._fail(error)
            finally:
                journal = await self._close()
                self._heart.stop(is_in_order=self._failure is None or self._trading is None)
        if self._failure is not None:
            raise self._failure
        return None if journal is None else _Ended(journal, self._reading(), self._ending)

    async def _trade(self) -> None:
        infos = await all_unless_stopped([venue.client.learn(self._progress) for venue in self._venues], self._stop)
        if infos is None:
            return
        request, now_ns = self._request, self._request.clock.now_ns()
        plans = venue_plans(request, self._venues, infos, now_ns)
        bundle = None if request.model is None else request.model.loaded.hash
        plan = trader_plan(request.settings, request.grid, plans, bundle, now_ns, request.mode)
        if request.mode is not Mode.paper:
            self._live = make_live_side(request, plan, self._progress, self._fail, self._hear_account)
        orders = None if self._live is None else self._live.orders
        session = await asyncio.to_thread(self._open_session, plan, orders)
        trading = self._trading = TradingLoop(session, self._request.clock, self._latencies, self._fail)
        begin_as_latched(trading, request.settings.warehouse.run_dir, self._progress)
        path = stage_path(request.settings.warehouse.journal_dir, session.plan.header.run)
        self._stages = StageKeeper(self._loop, request.clock, self._latencies, path)
        self._begin_facts(trading)
        if request.model is not None:
            self._life = begin_forecasts(request, trading, self._latencies, self._bus, self._progress)
        askers = PythonStrategies.of(session.plan, request.settings.native).askers()
        trading.begin(None if self._life is None else self._life.on_closed, askers)
        self._desk.trading = trading
        self._views = begin_views(request, trading, self._life, self._bus, self._progress)
        for venue, venue_plan, info in zip(self._venues, plans, infos, strict=True):
            venue.start(venue_plan, trading.tape(venue_plan.dialect.venue), info)
        if self._live is not None:
            self._live.begin(trading)
        await self._turn(trading)

    async def _end_live(self) -> None:
        """See to it that nothing of ours rests at a venue any more, before anything is closed."""
        if self._live is None or self._trading is None or self._failure is not None:
            return
        self._ending = _Ending(*await self._live.end(self._trading, self._tick_venues))

    async def _close(self) -> Path | None:
        """Close what was opened; the journal is sealed unless something failed."""
        if self._trading is not None:
            self._trading.rest()
        ends = await asyncio.gather(*(venue.client.stop() for venue in self._venues), return_exceptions=True)
        for error in ends:
            if isinstance(error, Exception):
                self._fail(error)
        if self._live is not None:
            await self._live.stop()
        if self._life is not None:
            await self._life.stop()
        if self._syncing is not None:
            await asyncio.wait([self._syncing])
            self._note_synced(self._syncing)
        if self._stages is not None:
            await self._stages.close()
        await self._control.close()
        journal = None if self._trading is None else await self._seal(self._trading)
        if self._trading is not None:
            self._tell(self._trading, self._reading())
        if self._views is not None:
            self._views.stop()
        await asyncio.gather(asyncio.to_thread(self._bus.stop), asyncio.to_thread(self._metrics.stop))
        return journal

    async def _seal(self, trading: TradingLoop) -> Path | None:
        left = 0 if self._failure is not None else await trading.settled(SETTLE_S_MAX)
        if left:
            self._progress(f"{left} orders had no end after {SETTLE_S_MAX:g} s: the journal leaves them open")
        trading.end()
        try:
            if self._failure is None:
                return trading.session.close()
            trading.session.abandon()
        except Exception as error:
            self._fail(error)
        return None

    # --- the start ---

    def _open_session(self, plan: TraderPlan, orders: OrderVenue | None) -> TradingSession:
        """Return the session to trade in. Runs in a thread: going on with a long one takes a while."""
        request = self._request
        return open_session(request.settings, plan, self._progress, is_new=request.is_new_session, orders=orders)

    def _begin_facts(self, trading: TradingLoop) -> None:
        risk = self._request.settings.native.risk
        self._facts = OwnFacts(trading, None if risk is None else risk.watch.heartbeat_age_max_ms)
        self._facts.begin(self._request.clock.now_ns(), is_watched=self._heart.is_watched)

    # --- turning ---

    async def _turn(self, trading: TradingLoop) -> None:
        """Tick, sync, watch, tell and show until told to end."""
        request, paper = self._request, self._request.settings.streaming.paper
        clock, loop = request.clock, self._loop
        end_ns = None if request.span_ns is None else clock.now_ns() + request.span_ns
        sync = Every(loop, paper.fsync_ms / 1_000)
        watch = Every(loop, paper.model_watch_ms / 1_000)
        tell = Every(loop, paper.telemetry_ms / 1_000)
        show = Every(loop, request.progress_s)
        while not self._stop.is_set() and (end_ns is None or clock.now_ns() < end_ns):
            self._tick_venues()
            if self._live is not None:
                self._live.tick()
            if sync.is_due():
                self._begin_sync(trading)
                if self._life is not None:
                    self._life.flush()
            if watch.is_due():
                self._look()
            if self._facts is not None:
                self._facts.note_watched(clock.now_ns(), is_watched=self._heart.is_watched)
            self._bus.tell_events(trading.session.plan.header.run, trading.session.take_events())
            if self._stages is not None:
                self._stages.tick()
            is_told, is_shown = tell.is_due(), show.is_due()
            if is_told or is_shown:  # a reading takes milliseconds of the loop: one for both
                reading = self._reading()
                if is_told:
                    self._tell(trading, reading)
                if is_shown:
                    self._progress(progress_text(reading))
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), TICK_S)

    def _begin_sync(self, trading: TradingLoop) -> None:
        """Force the journal to the disk in a thread, one at a time."""
        if self._syncing is not None:
            if not self._syncing.done():
                return
            self._note_synced(self._syncing)
        self._syncing = self._loop.run_in_executor(None, trading.session.fsync)

    def _note_synced(self, syncing: "asyncio.Future[None]") -> None:
        error = syncing.exception()
        if isinstance(error, Exception):
            self._fail(error)

    def _tick_venues(self) -> None:
        for venue in self._venues:
            venue.client.tick()

    # --- what happens ---

    def _on_resumed(self) -> None:
        clear_latch(self._request.settings.warehouse.run_dir)
        if self._live is not None:
            self._live.resume()

    def _look(self) -> None:
        """Look at what others say of models, and at the venues' clocks."""
        if self._facts is None or self._trading is None or self._trading.is_resting:
            return
        if self._life is not None:
            self._life.look()
        lags_ms = [venue.client.lag_ms() for venue in self._venues if venue.client.core is not None]
        # A frame that is here before it was sent: our clock is behind by that much at least.
        ahead_ms = min((lag_ms for lag_ms in lags_ms if lag_ms is not None), default=0.0)
        self._facts.note_clock(int(min(ahead_ms, 0.0) * NS_PER_MS))

    def _tell(self, trading: TradingLoop, reading: JsonObject) -> None:
        """Tell the bus what happened and how things stand."""
        run, session = trading.session.plan.header.run, trading.session
        self._bus.tell_events(run, session.take_events())
        self._bus.tell_status(run, self._request.clock.now_ns(), reading)
        self._metrics.tell(reading)

    def _hear_account(self, event: LiveEvent) -> None:
        """Tell others something about our account at a venue."""
        if self._trading is not None:
            header = self._trading.session.plan.header
            instrument = "" if event.instrument is None else header.instruments[event.instrument].name
            self._bus.tell_account(header.run, event, instrument)

    def _on_rules_changed(self, text: str) -> None:
        """Halt: the session counts in the old ticks and units."""
        self._progress(f"{text}; trading is halted; next: trader stop, then trader start --new-session")
        trading = self._trading
        if trading is not None and not trading.is_resting and trading.session.status().state != HALTED:
            trading.command("halt", text)

    def _reading(self) -> JsonObject:
        return status_document(
            Sources(
                mode=self._request.mode,
                clock=self._request.clock,
                engine=self._request.settings.native,
                trading=self._trading,
                facts=self._facts,
                venues=self._venues,
                life=self._life,
                latencies=self._latencies,
                bus=self._bus,
                metrics=self._metrics,
                views=self._views,
                stages=self._stages,
                live=self._live,
            )
        )

    def _end(self, reason: str) -> None:
        self._stop.set()
        self._progress(f"ending: {reason or 'no reason was given'}")

    def _fail(self, error: Exception) -> None:
        self._failure = self._failure or error
        self._stop.set()
