"""The order side of a live trader on the event loop: venues' private sockets, the dead-man's switch, facts, events.

What a venue says is an input at the moment at which it came: replies are handed to the session at once, and what the
session then orders leaves within the same call. Every `tick` does what is due.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Final

from native.config import NS_PER_MS, JsonObject
from streaming.live.config import LiveConfig
from streaming.live.dead_man import DeadMan
from streaming.live.desk import LiveDesk
from streaming.live.venue import LiveVenue
from streaming.live.words import LiveEvent, Told
from streaming.shell.clock import Clock
from streaming.shell.order_link import OrderLink
from streaming.shell.trading_loop import TradingLoop
from streaming.venues.gateway import CallKind, Outcome, Way

COUNTDOWN_VENUE: Final = "binance_usdm"
"""The venue that keeps a dead-man's switch for us."""
FACTS_EVERY_NS: Final = 250 * NS_PER_MS
"""How often the engine is told at most when an account's events were last heard."""
NOT_GUARDED: Final = "the watchdog could not cancel there"
NEVER_HEARD_NS: Final = 1
NOT_ARMED: Final = "the venue's dead-man's switch is not armed"
SAID: Final = frozenset({Told.lost, Told.halt, Told.difference, Told.limited, Told.clock, Told.connected})
"""Events that a person at the screen is told of."""

Answered = Callable[[Outcome], None]


class LiveOrders:
    """See the head of the file. `begin` it, `tick` it, and `stop` it when nothing of ours is left to see to."""

    def __init__(
        self,
        desk: LiveDesk,
        live: LiveConfig,
        clock: Clock,
        say: Callable[[str], None],
        on_failure: Callable[[Exception], None],
    ) -> None:
        self.desk = desk
        self._live = live
        self._clock = clock
        self._say = say
        self._links = [self._link(venue, on_failure) for venue in desk.venues.values()]
        self._trading: TradingLoop | None = None
        self._answers: dict[tuple[str, int], Answered] = {}
        self._told_ns: dict[str, int] = {}
        self._facts_ns = 0
        usdm = desk.venues.get(COUNTDOWN_VENUE)
        symbols = [] if usdm is None or not desk.is_sending else [each.symbol for each in usdm.instruments.all]
        self.unguarded: frozenset[str] = frozenset()
        """Venues at which the watchdog could not cancel."""
        self._dead_man = DeadMan(symbols, live.dead_man_s)
        self._is_disarming = False
        self.events: list[LiveEvent] = []
        """What happened since somebody last took them; at most `EVENTS_MAX` of each venue a tick."""

    def begin(self, trading: TradingLoop) -> None:
        """Connect, and reconcile; nothing is opened before that is done."""
        self._trading = trading
        self.desk.on_submitted = self._obey
        ts_ns = self._clock.now_ns()
        self._note_dead_man(ts_ns)
        self._tell_facts(ts_ns)
        self.desk.start(ts_ns)
        self._moved(ts_ns)

    def tick(self) -> None:
        """Do what is due; call every few tens of ms."""
        ts_ns = self._clock.now_ns()
        if ts_ns >= self.desk.next_deadline_ns():
            self.desk.on_deadline(ts_ns)
        self._keep_dead_man(ts_ns)
        self._tell_facts(ts_ns)
        self._moved(ts_ns)
        self._take_events()

    def ask(self, venue: str, kind: CallKind, on_answer: Answered, *, symbol: str = "", value: int = 0) -> bool:
        """Ask a venue something; False when there is no budget for it now."""
        number = self.desk.venues[venue].ask(kind, self._clock.now_ns(), symbol=symbol, value=value)
        if number is None:
            return False
        self._answers[venue, number] = on_answer
        self._obey()
        return True

    def disarm(self) -> None:
        """End the venue's countdown: nothing of ours rests there any more."""
        self._is_disarming = True
        for symbol in self._symbols():
            self.ask(COUNTDOWN_VENUE, CallKind.countdown, lambda _: None, symbol=symbol, value=0)

    def leave(self) -> None:
        """End what venues keep for a running session alone: listen keys."""
        for name, venue in self.desk.venues.items():
            number = venue.leave(self._clock.now_ns())
            if number is not None:
                self._answers[name, number] = lambda _: None
        self._obey()

    @property
    def is_quiet(self) -> bool:
        """Whether every question of `ask` has its answer."""
        return not self._answers

    async def stop(self) -> None:
        """Close every connection."""
        self.desk.stop(self._clock.now_ns())
        await asyncio.gather(*(link.stop() for link in self._links))

    def take_events(self) -> list[LiveEvent]:
        """Take what happened since the last time."""
        taken, self.events = self.events, []
        return taken

    def to_json(self) -> JsonObject:
        """Return how things stand, for the status."""
        ts_ns = self._clock.now_ns()
        is_kept = bool(self._symbols()) and not self._is_disarming
        dead_man = self._dead_man.to_json(ts_ns) if is_kept else None
        return {**self.desk.to_json(ts_ns), "account": self._live.account, "dead_man": dead_man}

    # --- inside ---

    def _link(self, venue: LiveVenue, on_failure: Callable[[Exception], None]) -> OrderLink:
        live, account = self._live, self._live.account_of(venue.gateway.venue)
        bases: Mapping[Way, str] = {
            Way.rest: account.rest,
            Way.order_socket: account.order_socket,
            Way.user_socket: account.user_socket,
        }
        connect_s, timeout_s = live.connect_ms / 1_000, live.ask_ms / 1_000
        return OrderLink(venue, bases, self._clock, self._moved, on_failure, connect_s, timeout_s)

    def _obey(self) -> None:
        for link in self._links:
            link.obey()

    def _moved(self, ts_ns: int) -> None:
        """Hand on what an input brought."""
        assert self._trading is not None, "begin first"
        self.desk.settle(self._trading.session, ts_ns)
        self._obey()
        self._take_answers()
        self._trading.after_input(ts_ns)

    def _take_answers(self) -> None:
        for name, venue in self.desk.venues.items():
            for number, outcome in venue.take_answers():
                answered = self._answers.pop((name, number), None)
                if answered is not None:
                    answered(outcome)

    def _take_events(self) -> None:
        for event in self.desk.take_events():
            self.events.append(event)
            if event.told in SAID:
                self._say(f"{event.venue}: {event.told}: {event.text}")

    def _tell_facts(self, ts_ns: int) -> None:
        """Tell the engine when each account's events were last known to be whole."""
        if ts_ns < self._facts_ns:
            return
        self._facts_ns = ts_ns + FACTS_EVERY_NS
        assert self._trading is not None, "begin first"
        for name, venue in self.desk.venues.items():
            # An account that is not trusted counts as never heard: the engine's own rule then opens nothing there.
            heard_ns = venue.heard_ns(ts_ns) if venue.is_trusted else 0
            told_ns = max(heard_ns, NEVER_HEARD_NS)
            before_ns = self._told_ns.get(name, 0)
            if told_ns > before_ns or told_ns == NEVER_HEARD_NS != before_ns:
                self._told_ns[name] = told_ns
                self._trading.observe(f"private_{name}_ns", told_ns)

    # --- the dead-man's switch ---

    def _symbols(self) -> tuple[str, ...]:
        venue = self.desk.venues.get(COUNTDOWN_VENUE)
        return () if venue is None or not self.desk.is_sending else tuple(each.symbol for each in venue.instruments.all)

    def _keep_dead_man(self, ts_ns: int) -> None:
        venue = self.desk.venues.get(COUNTDOWN_VENUE)
        if venue is None or self._is_disarming or not venue.is_set_up:
            self._note_dead_man(ts_ns)
            return
        for symbol in self._dead_man.due(ts_ns):
            self._dead_man.sent(symbol, ts_ns)
            if not self.ask(
                COUNTDOWN_VENUE, CallKind.countdown, _armer(self, symbol), symbol=symbol, value=self._dead_man.span_ms
            ):
                self._dead_man.failed(symbol, ts_ns, "no budget")
        self._note_dead_man(ts_ns)

    def on_countdown(self, symbol: str, outcome: Outcome) -> None:
        """Take what became of a countdown that was to begin anew."""
        ts_ns = self._clock.now_ns()
        if outcome.is_accepted:
            self._dead_man.armed(symbol)
        else:
            self._dead_man.failed(symbol, ts_ns, f"{outcome.code} {outcome.text}".strip())
        self._note_dead_man(ts_ns)

    def _note_dead_man(self, ts_ns: int) -> None:
        if not self.desk.is_sending:
            return
        for name, venue in self.desk.venues.items():
            is_armed = name != COUNTDOWN_VENUE or self._dead_man.is_armed(ts_ns)
            venue.hold(NOT_GUARDED if name in self.unguarded else "" if is_armed else NOT_ARMED, ts_ns)


def _armer(orders: LiveOrders, symbol: str) -> Answered:
    return lambda outcome: orders.on_countdown(symbol, outcome)
