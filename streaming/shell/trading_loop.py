"""A trading session on the event loop: frames and time go in, closed steps go to inference, forecasts come back.

Everything here happens on the loop's one thread, so the session needs no lock. Two rules stand here and nowhere else:
the journal is handed to the operating system after every closed step, and one alarm is set to the session's next
deadline, moved earlier by any input that brings one nearer. What fails inside a callback ends the process through
`on_failure`: the loop would only log it, and trade on.

The end has three parts, so that the session knows of every fill that the venue knows of: after `rest` nothing new is
ordered, `settled` waits for the orders under way, after `end` nothing happens any more.
"""

import asyncio
from collections.abc import Callable, Sequence

from streaming.errors import RefusedError, TraderError
from streaming.recorder.tape import FrameTape, News
from streaming.shell.clock import Clock
from streaming.shell.inference import Forecast, Window, first_line
from streaming.shell.latency import Latencies
from streaming.shell.order_way import OrderWay
from streaming.trader.session import TradingSession
from streaming.view.heard import HeardFrames

SETTLE_POLL_S = 0.005
NO_TIME = 2**63 - 1
ALARM_S_MAX = 1.0
"""An alarm rings at least this often: a session that has heard nothing yet has no deadline."""


StepAsker = Callable[[TradingSession], bytes | None]
"""A strategy outside of the core: returns its encoded wishes for the step that has just closed, None when it has none
to tell. It does no I/O and is quick: the loop waits for it."""


class TradingLoop:
    """See the head of the file. `begin` once the session may trade; `rest` and `end` before it is closed."""

    def __init__(
        self,
        session: TradingSession,
        clock: Clock,
        latencies: Latencies,
        on_failure: Callable[[Exception], None],
    ) -> None:
        self.session = session
        self._clock = clock
        self._latencies = latencies
        self._on_failure = on_failure
        self._on_closed: Callable[[int], None] | None = None
        self._askers: Sequence[StepAsker] = ()
        self._steps = session.counts.steps
        self._alarm: asyncio.TimerHandle | None = None
        self._alarm_ns = NO_TIME
        self._is_ended = self._is_asking = False
        self.heard = HeardFrames()
        """Frames since somebody last looked, for views."""
        self.is_resting = False
        """Set by `rest`."""
        self.way = OrderWay(clock, session.times)
        """Where the time of orders went."""
        self.forecast_failures = 0
        self.last_forecast_problem = ""
        self.strategy_failures = 0
        self.last_strategy_problem = ""

    def begin(self, on_closed: Callable[[int], None] | None, askers: Sequence[StepAsker] = ()) -> None:
        """Set the first alarm; `on_closed` hears from now on of each input that closed steps, and of its time.

        After it each of `askers` is asked, in their order.
        """
        self._on_closed, self._askers = on_closed, askers
        self._latencies.listen(self.session)
        self._set_alarm()

    def rest(self) -> None:
        """Take no further forecast and no command; replies and steps go on."""
        self.is_resting = True

    async def settled(self, limit_s: float) -> int:
        """Wait until no order is under way, for `limit_s` real seconds at most; return how many still are."""
        loop = asyncio.get_running_loop()
        end_s = loop.time() + limit_s
        while self.session.open_orders() and loop.time() < end_s:
            await asyncio.sleep(SETTLE_POLL_S)
        return self.session.open_orders()

    def end(self) -> None:
        """Set no further alarm."""
        self.is_resting = self._is_ended = True
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None

    def tape(self, venue: str) -> FrameTape:
        """Return where a venue's frames go."""
        sockets = frozenset(line.source for line in self.session.plan.venue_plans[venue].lines)
        offset = self.session.plan.source_offsets[venue]
        return _TradedTape(self.session.tape(venue), sockets, (venue, offset), self, self._latencies)

    def command(self, op: str, reason: str, by: str = "operator") -> None:
        """Move the trading state; RefusedError with the engine's words, or when the trader is ending."""
        if self.is_resting:
            raise RefusedError(f"{op}: the trader is ending and takes no command; next: trader start")
        now_ns = self._clock.now_ns()
        try:
            try:
                self.session.command(now_ns, op, reason, by)
            finally:  # also a refused command was an input
                self.after_input(now_ns)
        except TraderError:
            raise
        except Exception as error:
            self._on_failure(error)
            raise

    def observe(self, fact: str, value: int) -> bool:
        """Tell the engine a fact; False when it refused it, or when nothing is taken any more."""
        if self._is_ended:
            return False
        now_ns = self._clock.now_ns()
        try:
            is_taken = self.session.observe(now_ns, fact, value)
            self.after_input(now_ns)
        except Exception as error:
            self._on_failure(error)
            return False
        return is_taken

    def after_input(self, ts_ns: int) -> None:
        """Do what an input at `ts_ns` may have made due: a step that closed, an alarm that came nearer."""
        if self.session.counts.steps != self._steps and not self._is_asking:
            self._on_step(ts_ns)
        if self.session.next_deadline_ns() < self._alarm_ns:
            self._set_alarm()

    # --- called by the loop ---

    def on_forecast(self, forecast: Forecast) -> bool:
        """Hand a forecast in; False for one that came too late, which is dropped and counted by the session."""
        if self.is_resting:
            return False
        try:
            return self._take_forecast(forecast)
        except Exception as error:
            self._on_failure(error)
            return False

    def on_forecast_failed(self, window: Window, problem: str) -> None:
        """Take note of a window that its model could not forecast: this step trades on nothing."""
        self.forecast_failures += 1
        self.last_forecast_problem = f"model {window.model.hash[:12]}: {problem}"

    def _on_alarm(self) -> None:
        self._alarm, self._alarm_ns = None, NO_TIME
        try:
            now_ns = self._clock.now_ns()
            if now_ns >= self.session.next_deadline_ns():
                self.session.timer(now_ns)
                self.after_input(now_ns)
            self._set_alarm()
        except Exception as error:
            self._on_failure(error)

    # --- inside ---

    def _take_forecast(self, forecast: Forecast) -> bool:
        window, session, latencies = forecast.window, self.session, self._latencies
        latencies.inference.add(forecast.took_ns)
        orders = session.counts.orders
        now_ns = self._clock.now_ns()
        is_taken = session.forecast(now_ns, window.ts_step_ns, window.model.model_id, forecast.values)
        if is_taken:
            latencies.decision.add(latencies.since_ns(now_ns))
            self.way.on_forecast(forecast, session.last_ns, now_ns)
            latencies.step_to_forecast.add(latencies.since_ns(window.ts_closed_ns))
            if session.counts.orders > orders:
                latencies.socket_to_order.add(latencies.since_ns(window.ts_closed_ns))
        self.after_input(now_ns)
        return is_taken

    def _on_step(self, ts_ns: int) -> None:
        self._steps = self.session.counts.steps
        settled_ns = self._clock.now_ns()
        self.session.sync()
        self.way.on_step(ts_ns, self.session.last_ns, settled_ns)
        if self.is_resting:
            return
        if self._on_closed is not None:
            self._on_closed(ts_ns)
        if self._askers:
            self._ask()

    def _ask(self) -> None:
        """Ask every strategy once; a step that wishes close is asked about with the next input, not from here.

        Otherwise strategies that are slower than a step would never let the loop go on.
        """
        self._is_asking = True
        try:
            for ask in self._askers:
                if (wishes := self._wishes_of(ask)) is not None:
                    self._take_wishes(wishes)
        finally:
            self._is_asking = False

    def _wishes_of(self, ask: StepAsker) -> bytes | None:
        self.way.on_asked()
        try:
            return ask(self.session)
        except Exception as error:  # as a model, it came from outside: what it wished before ages, and trading goes on
            self.strategy_failures += 1
            self.last_strategy_problem = first_line(error)
            return None

    def _take_wishes(self, wishes: bytes) -> None:
        now_ns = self._clock.now_ns()
        self.session.wishes(now_ns, wishes)
        self.way.on_wishes(self.session.last_ns, now_ns)
        self.after_input(now_ns)

    def _set_alarm(self) -> None:
        """Set the alarm to the next deadline; one that rings early finds nothing due and is set again."""
        if self._is_ended:
            return
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm_ns = self.session.next_deadline_ns()
        delay_s = min(self._clock.delay_s(self._alarm_ns), ALARM_S_MAX)
        self._alarm = asyncio.get_running_loop().call_later(delay_s, self._on_alarm)


class _TradedTape:
    """A venue's tape that lets the trading loop know of every frame. A `FrameTape`."""

    def __init__(
        self,
        tape: FrameTape,
        sockets: frozenset[int],
        place: tuple[str, int],
        trading: TradingLoop,
        latencies: Latencies,
    ) -> None:
        """`place`: the venue, and what its own source numbers are moved by."""
        self._tape = tape
        self._sockets = sockets
        venue, self._offset = place
        self._note = trading.heard.note
        self._note_age = latencies.heard(venue).append
        self._trading = trading
        self._latencies = latencies

    def frame(self, source: int, ts_ns: int, payload: bytes) -> bool:
        """See `FrameTape`."""
        has_news = self._tape.frame(source, ts_ns, payload)
        heard = (self._offset + source, ts_ns, payload)
        self._note(heard)
        if source in self._sockets:
            self._note_age(heard)
            self._latencies.socket_to_engine.add(self._latencies.since_ns(ts_ns))
        self._trading.after_input(ts_ns)
        return has_news

    def request(self, source: int, ts_ns: int, text: bytes) -> None:
        """See `FrameTape`."""
        self._tape.request(source, ts_ns, text)
        self._trading.after_input(ts_ns)

    def news(self) -> News:
        """See `FrameTape`."""
        return self._tape.news()

    def is_synced(self, instrument: int) -> bool:
        """See `FrameTape`."""
        return self._tape.is_synced(instrument)
