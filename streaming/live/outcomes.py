"""What becomes of calls: each ends once, goes to the part that asked, and its failure is heeded. Sans I/O."""

from streaming.live.clock_keeper import ClockKeeper
from streaming.live.flight import Flight, Purpose
from streaming.live.order_desk import OrderDesk
from streaming.live.reconcile_keeper import ReconcileKeeper
from streaming.live.setup import Setup
from streaming.live.socket_keeper import SocketKeeper
from streaming.live.wire import Wire
from streaming.live.words import Told
from streaming.venues.gateway import Action, Outcome


class Outcomes:
    """See the head of the file."""

    def __init__(
        self,
        wire: Wire,
        desk: OrderDesk,
        account: ReconcileKeeper,
        sockets: SocketKeeper,
        clock: ClockKeeper,
        setup: Setup,
    ) -> None:
        self._wire, self._desk, self._account = wire, desk, account
        self._sockets, self._clock, self._setup = sockets, clock, setup
        self._answers: list[tuple[int, Outcome]] = []
        self.last_problem = ""

    def take_answers(self) -> list[tuple[int, Outcome]]:
        """Take (call's number, outcome) of questions of somebody else's."""
        taken, self._answers = self._answers, []
        return taken

    def ended(self, flight: Flight, outcome: Outcome, ts_ns: int) -> None:
        """Take what became of a call."""
        counts = self._wire.counts
        counts.accepted += outcome.is_accepted
        counts.rejected += not outcome.is_accepted
        self._wire.budget.on_outcome(outcome, ts_ns)
        if not outcome.is_accepted:
            self.last_problem = f"{flight.call.kind}: {outcome.code} {outcome.text}".rstrip()
            self._heed(flight, outcome, ts_ns)
        match flight.purpose:
            case Purpose.order:
                self._desk.on_outcome(flight, outcome, ts_ns)
            case Purpose.proof:
                self._desk.on_proof(flight, outcome, ts_ns)
            case Purpose.entry:
                self._sockets.on_entry(flight, outcome, ts_ns)
            case Purpose.round:
                self._account.on_outcome(flight, outcome, ts_ns)
            case Purpose.listen_key:
                self._sockets.on_listen_key(flight.call, outcome, ts_ns)
            case Purpose.clock:
                self._clock.on_outcome(flight.call, outcome, ts_ns)
            case Purpose.setup:
                self._setup.on_outcome(flight.call, outcome, ts_ns)
            case Purpose.ask:
                self._answers.append((flight.call.number, outcome))

    def give_up(self, flight: Flight, why: str, ts_ns: int) -> None:
        """Take that a call has no answer and will have none."""
        self.ended(flight, self._wire.gateway.on_unanswered(flight.call, ts_ns, why), ts_ns)

    def strange(self, text: str, ts_ns: int) -> None:
        """Count what the gateway does not know; the 1st, 2nd, 4th, 8th ... is told."""
        self._wire.counts.strange += 1
        if self._wire.counts.strange & (self._wire.counts.strange - 1) == 0:
            self._wire.say(Told.strange, text, ts_ns)

    def _heed(self, flight: Flight, outcome: Outcome, ts_ns: int) -> None:
        """Do what any call's failure asks of the whole venue."""
        match outcome.action:
            case Action.resync_clock:
                self._clock.clock.on_refused()
            case Action.renew if flight.purpose is not Purpose.listen_key:
                self._sockets.renew(flight.call.way, ts_ns)
            case Action.halt_instrument if outcome.call.spec is not None:
                self._desk.rest(outcome.call.spec.instrument, ts_ns, self.last_problem)
            case Action.halt | Action.halt_instrument:
                self._account.halt(self.last_problem, ts_ns)
            case _:
                pass
        if outcome.action is Action.wait:
            self._wire.say(Told.limited, self.last_problem, ts_ns)
