"""One venue's private side, driven without I/O: requests of the engine in, replies for it out.

Theory of operation. The parts: `links` (private sockets; `socket_keeper` drives them), `flight` (calls under way),
`order_desk` (requests about orders and what is known of them), `reconcile_keeper` (when the account is compared, and
whether it is trusted), `listen_key`, `clock_keeper`, `setup`. This class joins them: an input comes with its time,
calls go out as commands, and what the gateway reads becomes replies and events.

Whoever drives this takes a whole round's snapshot once every reply before it is with the engine, compares, hands on
what follows, and calls `on_reconciled`: see `desk`.
"""

import random
from dataclasses import asdict
from typing import Final

from native.config import JsonObject
from streaming.live.clock_keeper import ClockKeeper
from streaming.live.commands import Command
from streaming.live.flight import Flight, Purpose
from streaming.live.links import NEVER_NS, Links, PrivateSocket, SocketEvent
from streaming.live.order_desk import OrderDesk
from streaming.live.outcomes import Outcomes
from streaming.live.reconcile_keeper import ReconcileKeeper
from streaming.live.rounds import Rounds
from streaming.live.setup import Setup
from streaming.live.socket_keeper import SocketKeeper
from streaming.live.ways import WAYS
from streaming.live.wire import Question, Wire
from streaming.live.words import LiveEvent, LiveLimits, OrderRequest, RequestKind, Told
from streaming.reconcile.words import AccountSnapshot
from streaming.venues import gateway as words
from streaming.venues.client_ids import ClientIds
from streaming.venues.gateway import (
    CallKind,
    FrameError,
    Gateway,
    Heard,
    HttpReply,
    LimitUse,
    OrderSpec,
    Outcome,
    Way,
)
from streaming.venues.instruments import Instruments
from streaming.venues.rate_budget import Budget
from streaming.venues.venue_reply import VenueReply

NS_PER_S: Final = 1_000_000_000


class LiveVenue:
    """See the head of the file. Times are int64 ns of the shared clock and never go back."""

    def __init__(
        self,
        gateway: Gateway,
        instruments: Instruments,
        ids: ClientIds,
        limits: LiveLimits,
        budget: Budget,
        rng: random.Random,
        now_ns: int,
        *,
        has_order_socket: bool = True,
    ) -> None:
        """`has_order_socket` False: orders go over REST alone."""
        ways = WAYS[gateway.venue]
        ping_s = gateway.ping_every_s
        sockets = tuple(
            way for way in ways.sockets if has_order_socket or way is not Way.order_socket or way is ways.events
        )
        links = Links(sockets, limits, rng, None if ping_s is None else int(ping_s * NS_PER_S))
        self.gateway = gateway
        self.instruments = instruments
        self._wire = Wire(gateway, limits, budget, links)
        self._links = links
        self.desk = OrderDesk(self._wire, instruments, ids, now_ns)
        self._rounds = Rounds(gateway.venue, instruments, by_time=ways.lists_trades_by_time, since_ns=now_ns)
        self._account = ReconcileKeeper(self._wire, self._rounds)
        self._sockets = SocketKeeper(self._wire, ways, self.desk, self._account, self._give_up)
        self._clock = ClockKeeper(self._wire)
        self._setup = Setup(self._wire, tuple(each.symbol for each in instruments.all))
        self._outcomes = Outcomes(self._wire, self.desk, self._account, self._sockets, self._clock, self._setup)
        self._held_by = ""
        self._is_stopped = True

    # --- inputs: the engine's ---

    def submit(self, request: OrderRequest, ts_ns: int) -> None:
        """Let a request leave; what cannot is answered by a reply."""
        self.desk.submit(request, ts_ns)

    # --- inputs: the shell's ---

    def list_trades_from(self, ts_ns: int) -> None:
        """List our trades from then on in the first round, where the venue lists them by time; before `start`.

        An order of an earlier process may have traded since then too.
        """
        self._rounds.begin_at(ts_ns)
        self.desk.tracks.past_ns = ts_ns

    def start(self, ts_ns: int) -> None:
        """Begin: clock, listen key, sockets, then the first round. Nothing is opened before it is judged."""
        self._is_stopped = False
        self.on_deadline(ts_ns)

    def on_open(self, number: int, ts_ns: int) -> None:
        """Take an open socket: it is sent what a fresh one must be sent."""
        socket = self._links.socket(number)
        if socket is None:
            return
        self._sockets.opened(socket, ts_ns)

    def on_text(self, number: int, data: bytes, ts_ns: int) -> None:
        """Take a message of a private socket."""
        socket = self._links.socket(number)
        if socket is None:
            return
        self._links.heard(socket, ts_ns)
        try:
            heard = self.gateway.on_text(socket.way, data, ts_ns)
        except FrameError as error:
            self._outcomes.strange(f"{socket.way}: {error}", ts_ns)
            self.reconcile(ts_ns)  # what it said is found there
            return
        for item in heard:
            self._take(socket, item, ts_ns)
        self._look(ts_ns)

    def on_pong(self, number: int, ts_ns: int) -> None:
        """Take a pong."""
        socket = self._links.socket(number)
        if socket is not None:
            self._links.heard(socket, ts_ns)

    def on_lost(self, number: int, reason: str, ts_ns: int) -> None:
        """Take the end of a socket that nobody here asked for."""
        socket = self._links.socket(number)
        if socket is not None:
            self._wire.counts.lost += 1
            self._sockets.end(socket, SocketEvent.lost, reason, ts_ns)
            self._look(ts_ns)

    def on_http(self, number: int, reply: HttpReply, ts_ns: int) -> None:
        """Take a reply over REST; one that came after its time was over is not heard."""
        flight = self._wire.flights.pop(number)
        if flight is None:
            return
        try:
            outcome = self.gateway.on_http(flight.call, reply, ts_ns)
        except FrameError as error:
            self._outcomes.strange(f"rest: {error}", ts_ns)
            outcome = self.gateway.on_unanswered(flight.call, ts_ns, "an answer that cannot be read")
        self._outcomes.ended(flight, outcome, ts_ns)
        self._look(ts_ns)

    def on_http_failed(self, number: int, reason: str, ts_ns: int) -> None:
        """Take a REST call that broke off: whether it arrived is not known."""
        flight = self._wire.flights.pop(number)
        if flight is not None:
            self._give_up(flight, reason, ts_ns)
            self._look(ts_ns)

    def on_deadline(self, ts_ns: int) -> None:
        """Do what is due; call at `next_deadline_ns`, or often."""
        if self._is_stopped:
            return
        for flight in self._wire.flights.overdue(ts_ns):
            self._wire.flights.pop(flight.call.number)
            why = f"no answer within {(flight.deadline_ns - flight.call.ts_ns) // 1_000_000} ms"
            self._give_up(flight, why, ts_ns)
        self.desk.on_deadline(ts_ns)
        self._clock.on_deadline(ts_ns)
        if self._clock.is_known:  # what is signed needs the venue's time first
            self._setup.on_deadline(ts_ns)
            self._sockets.on_deadline(ts_ns)
        self._look(ts_ns)

    def next_deadline_ns(self) -> int:
        """Return when `on_deadline` has something to do; `NEVER_NS` when nothing."""
        if self._is_stopped:
            return NEVER_NS
        return min(
            self._wire.flights.next_ns(),
            self.desk.next_ns(),
            self._clock.next_ns(),
            self._sockets.next_ns() if self._clock.is_known else NEVER_NS,
            self.desk.tracks.next_echo_ns(),
            self._account.next_ns(),
            self._setup.next_ns() if self._clock.is_known else NEVER_NS,
        )

    def reconcile(self, ts_ns: int) -> None:
        """Begin a round as soon as the one under way, if any, has ended."""
        self._account.want(ts_ns)

    def query(self, client_order_id: int, instrument: int, ts_ns: int) -> None:
        """Ask about one order, as reconciliation wants it."""
        spec = OrderSpec(client_order_id=client_order_id, instrument=instrument)
        track = self.desk.tracks.track(client_order_id)
        self.desk.submit(OrderRequest(RequestKind.query, spec if track is None else track.spec), ts_ns)

    def ask(self, kind: CallKind, ts_ns: int, *, symbol: str = "", since: int = 0, value: int = 0) -> int | None:
        """Ask a question of one's own and return its number; its end is in `take_answers`. None: no budget."""
        call, wait_ns = self._wire.ask(kind, Purpose.ask, ts_ns, Question(symbol, since, value))
        return None if wait_ns else call.number

    def leave(self, ts_ns: int) -> int | None:
        """Ask the venue to end what it keeps for a running session alone, the listen key; as `ask`. None: nothing."""
        return self.ask(CallKind.end_listen_key, ts_ns) if self._sockets.retire_listen_key() else None

    def stop(self, ts_ns: int) -> None:
        """Close the sockets and give up what is under way; orders stay as they are at the venue."""
        self._sockets.stop(ts_ns)
        self._is_stopped = True

    def hold(self, why: str, ts_ns: int) -> None:
        """Open nothing while `why` says so, for a reason of the driver's own; empty: go on."""
        self._held_by = why
        self._judge_trust(ts_ns)

    def halt(self, why: str, ts_ns: int) -> None:
        """Open nothing at this venue any more, until `resume`."""
        self._account.halt(why, ts_ns)
        self._judge_trust(ts_ns)

    def tell(self, told: Told, text: str, ts_ns: int, instrument: int | None = None, client_order_id: int = 0) -> None:
        """Tell people something of this venue."""
        self._wire.say(told, text, ts_ns, instrument=instrument, client_order_id=client_order_id)

    def resume(self, ts_ns: int) -> None:
        """Take back a halt, as a person asked for."""
        self._account.halted_by = ""
        self._judge_trust(ts_ns)

    # --- outputs, taken by the driver after every input ---

    def take_commands(self) -> list[Command]:
        """Take what the shell is to do, in order."""
        taken, self._wire.commands = self._wire.commands, []
        return taken

    def take_replies(self) -> list[tuple[int, VenueReply]]:
        """Take (time at which it reached us, reply), oldest first."""
        taken, self.desk.replies = self.desk.replies, []
        return taken

    def take_answers(self) -> list[tuple[int, Outcome]]:
        """Take (call's number, outcome) of `ask`."""
        return self._outcomes.take_answers()

    def take_snapshot(self) -> AccountSnapshot | None:
        """Take the account as a whole round found it, to be judged when all earlier replies are with the engine."""
        return self._account.take_snapshot()

    def on_reconciled(self, snapshot: AccountSnapshot, ts_ns: int, *, is_settled: bool) -> None:
        """Hear that a snapshot was judged; not `is_settled`: another round soon shows whether it converges."""
        self.desk.tracks.judged(snapshot.trades)
        self._account.judged(snapshot, ts_ns, is_settled=is_settled)
        self._judge_trust(ts_ns)

    def take_events(self) -> list[LiveEvent]:
        """Take what happened, oldest first."""
        taken = list(self._wire.events)
        self._wire.events.clear()
        return taken

    # --- what stands ---

    @property
    def events_way(self) -> Way:
        """Over which the account's own events come."""
        return self._sockets.events_way

    def serving(self, way: Way) -> int | None:
        """Return the socket that serves a way, None where there is none."""
        socket = self._links.serving(way)
        return None if socket is None else socket.number

    def sockets(self) -> list[PrivateSocket]:
        """Return the sockets that have not ended."""
        return list(self._links.all())

    @property
    def is_trusted(self) -> bool:
        """Whether orders that open risk may leave."""
        return not self.desk.blocked_by

    @property
    def is_set_up(self) -> bool:
        """Whether the venue's clock, rules and fees are known."""
        return self._clock.is_known and self._setup.is_done

    def heard_ns(self, ts_ns: int) -> int:
        """Return when the account's events were last known to be whole; 0 before they ever were."""
        serving = self._links.serving(self._sockets.events_way)
        if serving is None or not self._account.is_reconciled:
            return 0
        return min(ts_ns, serving.heard_ns)

    def to_json(self, ts_ns: int) -> JsonObject:
        """Return how things stand, for status documents."""
        clock, heard_ns = self._clock.clock, self.heard_ns(ts_ns)
        uses = () if self._is_stopped else self._wire.budget.left(ts_ns)  # a shared budget is closed then
        return {
            "venue": self.gateway.venue,
            "is_trusted": self.is_trusted,
            "blocked_by": self.desk.blocked_by,
            "halted_by": self._account.halted_by,
            "sockets": [{"way": item.way.value, "state": item.state.value} for item in self._links.all()],
            "private_heard_ns": heard_ns,
            "private_age_s": round((ts_ns - heard_ns) / NS_PER_S, 3) if heard_ns else None,
            "budget": [_use_json(use) for use in uses],
            "rounds": self._account.count,
            "reconciled_ns": self._account.judged_ns,
            "clock_offset_ns": clock.offset_ns(ts_ns) if clock.is_known else None,
            "clock_uncertainty_ns": clock.uncertainty_ns(ts_ns),
            "in_flight": len(self._wire.flights),
            "counts": asdict(self._wire.counts),
            "last_problem": self._outcomes.last_problem or self._sockets.last_problem,
        }

    # --- what is heard ---

    def _take(self, socket: PrivateSocket, heard: Heard, ts_ns: int) -> None:
        if isinstance(heard, Outcome):
            flight = self._wire.flights.pop(heard.call.number)
            if flight is not None:
                self._outcomes.ended(flight, heard, ts_ns)
            else:
                self.desk.on_late_outcome(heard, ts_ns)
            return
        if heard.replies:
            self._sockets.told()
        for reply in heard.replies:
            self.desk.reply(reply, ts_ns)
        match heard.told:
            case words.Told.unknown:
                self._outcomes.strange(heard.text, ts_ns)
            case words.Told.ended:
                self._sockets.stream_ended(socket, heard.text, ts_ns)
            case words.Told.closing:
                self._sockets.want(socket.way, ts_ns)
            case _:
                pass

    # --- what follows from all of it ---

    def _look(self, ts_ns: int) -> None:
        """Do what an input may have made due: a deaf stream, a round, drained sockets."""
        if self._is_stopped:
            return
        self._sockets.look(ts_ns)
        self._account.on_deadline(ts_ns)
        self._judge_trust(ts_ns)

    def _give_up(self, flight: Flight, why: str, ts_ns: int) -> None:
        self._outcomes.give_up(flight, why, ts_ns)

    def _judge_trust(self, ts_ns: int) -> None:
        unknown = "" if self._setup.is_done else "the venue's rules and fees are not known yet"
        self.desk.blocked_by = self._account.distrust(ts_ns) or unknown or self._held_by


def _use_json(use: LimitUse) -> JsonObject:
    return {"name": use.name, "used": use.used, "limit": use.limit}
