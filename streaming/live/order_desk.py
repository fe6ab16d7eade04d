"""Requests about orders on their way to a venue, and what their answers come to. Sans I/O.

What an answer asks of us (`Action`) is a table below. Not executed means that the same request may go again: a
placement and an amendment only while they are young, since a quote grows stale; a cancel until it goes. Not
known means that nothing goes again: the engine is told `unanswered`, counts the order in full, and asks. A query that
came to nothing is the engine's to ask again, as it does later and later.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from streaming.live.flight import Flight, Purpose
from streaming.live.orders import OrderTracks, Proof
from streaming.live.rounds import NEWEST
from streaming.live.waiting import Waiting
from streaming.live.ways import WAYS
from streaming.live.wire import Question, Wire
from streaming.live.words import OrderRequest, RequestKind, Told
from streaming.venues.client_ids import ClientIds
from streaming.venues.gateway import Action, CallKind, Outcome, Refused, VenueOrder, VenueTrade
from streaming.venues.instruments import Instruments
from streaming.venues.venue_reply import Origin, ReplyKind, VenueReason, VenueReply

NS_PER_MS: Final = 1_000_000
NS_PER_S: Final = 1_000 * NS_PER_MS
REST_NS: Final = 30 * NS_PER_S
"""After a venue has said that it does not trade an instrument now."""
RETRY_NS: Final = 50 * NS_PER_MS
"""Before a request that was not executed goes again, where the venue names no time."""
CALLS: Final[Mapping[RequestKind, CallKind]] = {
    RequestKind.place: CallKind.place,
    RequestKind.cancel: CallKind.cancel,
    RequestKind.amend: CallKind.amend,
    RequestKind.query: CallKind.query,
}
FAILURES: Final[Mapping[RequestKind, ReplyKind | None]] = {
    RequestKind.place: ReplyKind.rejected,
    RequestKind.cancel: ReplyKind.cancel_rejected,
    RequestKind.amend: ReplyKind.amend_rejected,
    RequestKind.query: None,
}
"""What a request that was not executed and does not go again is answered with; the engine asks again by itself."""
AGAIN: Final = frozenset({Action.retry, Action.wait, Action.resync_clock, Action.renew})
"""Not executed."""
AGING: Final = frozenset({RequestKind.place, RequestKind.amend})


class OrderDesk:
    """See the head of the file."""

    def __init__(self, wire: Wire, instruments: Instruments, ids: ClientIds, begun_ns: int) -> None:
        self._wire = wire
        self._instruments = instruments
        self._ids = ids
        self._by_time = WAYS[wire.venue].lists_trades_by_time
        self.tracks = OrderTracks(begun_ns)
        self.replies: list[tuple[int, VenueReply]] = []
        """(when it reached us, reply) that nobody took yet."""
        self._waiting = Waiting()
        self._resting: dict[int, int] = {}
        """Until when nothing is placed, by instrument."""
        self.blocked_by = "nothing is placed before the account is reconciled"
        """Why nothing may be opened now; empty when it may."""

    # --- requests ---

    def submit(self, request: OrderRequest, ts_ns: int) -> None:
        """Let a request leave; one that cannot is answered."""
        self.tracks.asked(request.spec, ts_ns, is_new=request.kind is RequestKind.place)
        if request.kind is RequestKind.cancel and self._overtake(request, ts_ns):
            return
        self._try(request, ts_ns, ts_ns)

    def rest(self, instrument: int, ts_ns: int, why: str) -> None:
        """Open nothing on an instrument for a while: its venue does not trade it now."""
        self._resting[instrument] = ts_ns + REST_NS
        text = f"{why}; nothing is opened there for {REST_NS // NS_PER_S} s"
        self._wire.say(Told.halt, text, ts_ns, instrument=instrument)

    def _is_held(self, request: OrderRequest, ts_ns: int) -> bool:
        """Tell whether a placement must not leave; what closes a position may, but not where nothing trades."""
        is_resting = ts_ns < self._resting.get(request.spec.instrument, 0)
        is_blocked = bool(self.blocked_by) and not request.is_closing
        return request.kind is RequestKind.place and (is_resting or is_blocked)

    def _overtake(self, cancel: OrderRequest, ts_ns: int) -> bool:
        """Give up what waits about an order that is to be cancelled; True where it so never leaves at all."""
        number = cancel.spec.client_order_id
        waiting = [self._waiting.drop(kind, number) for kind in (RequestKind.amend, RequestKind.place)]
        for request in waiting:
            if request is not None:
                self._give_up(request, ts_ns, VenueReason.never_sent)
        return waiting[-1] is not None

    def _try(self, request: OrderRequest, ts_first_ns: int, ts_ns: int) -> None:
        wire, spec = self._wire, request.spec
        if self._is_held(request, ts_ns):
            self._give_up(request, ts_ns, VenueReason.never_sent)
            return
        made = wire.gateway.order(CALLS[request.kind], spec, wire.order_way(), ts_ns)
        if isinstance(made, Refused):
            self._say(Told.refused, f"{made.rule}: {made.text}", request, ts_ns)
            self.reply(made.reply, ts_ns)
            return
        wait_ns = wire.send(
            made,
            Purpose.order,
            ts_ns,
            about=spec.client_order_id,
            request=request,
            ts_first_ns=ts_first_ns,
        )
        if not wait_ns:
            self.tracks.left(made)
            return
        if request.kind in AGING:
            self._say(
                Told.limited, f"our budget of the venue's limits is used up for {_ms(wait_ns)} ms", request, ts_ns
            )
            self._give_up(request, ts_ns, VenueReason.rate_limit)
            return
        self._waiting.put(ts_ns + wait_ns, ts_first_ns, request)

    # --- answers ---

    def on_outcome(self, flight: Flight, outcome: Outcome, ts_ns: int) -> None:
        """Take what became of a request about an order."""
        request, action = flight.request, outcome.action
        assert request is not None, "a call about an order is a request's"
        kind = request.kind
        if kind is RequestKind.query and (action in AGAIN or self.tracks.is_outdated(outcome.call)):
            return  # the engine asks again, later and later
        if action in AGAIN:
            self._again(flight, request, outcome, ts_ns)
        elif action is Action.settle and kind is RequestKind.query:
            self._maybe_absent(request, ts_ns)
        else:
            self._take(request, outcome, ts_ns)

    def on_late_outcome(self, outcome: Outcome, ts_ns: int) -> None:
        """Take an answer to a call that was given up: what it says is true all the same."""
        if not self.tracks.is_outdated(outcome.call):
            for reply in outcome.replies:
                if reply.kind is not ReplyKind.absent:  # a single answer is no proof
                    self.reply(reply, ts_ns)

    def on_proof(self, flight: Flight, outcome: Outcome, ts_ns: int) -> None:
        """Take an answer on the way to the proof that an order does not exist."""
        number, kind = flight.about, outcome.call.kind
        proof = self.tracks.proofs.get(number)
        if proof is None or kind not in proof.waiting:
            return
        document = outcome.document if isinstance(outcome.document, tuple) else ()
        found = [item for item in document if isinstance(item, VenueOrder | VenueTrade)]
        is_named = self.tracks.is_named_by(number, self._ids, found)
        if not outcome.is_accepted or is_named:  # the engine asks again
            self.tracks.proofs.pop(number)
            return
        if outcome.more is not None:  # a page that does not name it proves nothing
            if self._wire.send(outcome.more, Purpose.proof, ts_ns, about=number):
                self.tracks.proofs.pop(number)
            return
        proof.waiting.discard(kind)
        if not proof.waiting:
            self.tracks.proofs.pop(number)
            self._absent(number, ts_ns)

    def reply(self, reply: VenueReply, ts_ns: int) -> None:
        """Hand a reply to the engine."""
        self.tracks.told(reply, ts_ns + self._wire.limits.echo_ns)
        self.replies.append((ts_ns, reply))

    def name_of(self, client_order_id: int) -> str:
        """Return an order's id as it stands at the venue."""
        return self._ids.text(client_order_id)

    # --- time ---

    def on_deadline(self, ts_ns: int) -> None:
        """Send what has waited long enough."""
        for ts_first_ns, request in self._waiting.take(ts_ns):
            self._try(request, ts_first_ns, ts_ns)

    def next_ns(self) -> int:
        """Return when `on_deadline` has something to do."""
        return self._waiting.next_ns()

    # --- inside ---

    def _again(self, flight: Flight, request: OrderRequest, outcome: Outcome, ts_ns: int) -> None:
        """Let a request that was not executed go again, or give it up."""
        due_ns = max(outcome.retry_at_ns, ts_ns + RETRY_NS)
        is_young = due_ns <= flight.ts_first_ns + self._wire.limits.order_life_ns
        if request.kind in AGING and not is_young:
            if outcome.replies:
                self._take(request, outcome, ts_ns)
            else:
                self._give_up(request, ts_ns, outcome.reason or VenueReason.busy, outcome.code)
            return
        self._wire.counts.retries += 1
        self._waiting.put(due_ns, flight.ts_first_ns, request)

    def _take(self, request: OrderRequest, outcome: Outcome, ts_ns: int) -> None:
        """Hand on what an answer says."""
        if outcome.action is Action.resolve:
            self._wire.counts.unknown += 1
            self._say(Told.unknown, f"{request.kind.name}: {outcome.text or outcome.code}", request, ts_ns)
        elif not outcome.is_accepted and outcome.action is not Action.done:
            self._say(Told.refused, f"{request.kind.name}: {outcome.code} {outcome.text}".rstrip(), request, ts_ns)
        for reply in outcome.replies:
            if reply.kind is not ReplyKind.absent:  # a single answer is no proof
                self.reply(reply, ts_ns)
        if outcome.action is Action.resolve and not outcome.replies and request.kind is not RequestKind.query:
            self.reply(self._own_reply(request, ReplyKind.unanswered, VenueReason.none, outcome.code), ts_ns)

    def _give_up(self, request: OrderRequest, ts_ns: int, reason: VenueReason, code: int = 0) -> None:
        kind = FAILURES[request.kind]
        if kind is not None:
            self.reply(self._own_reply(request, kind, reason, code), ts_ns)

    def _maybe_absent(self, request: OrderRequest, ts_ns: int) -> None:
        """Begin the proof that an order does not exist, where it is old enough for one."""
        number, tracks, wire = request.spec.client_order_id, self.tracks, self._wire
        if number in tracks.proofs or tracks.may_be_late(number, ts_ns, wire.limits.absent_after_ns):
            return
        symbol = self._instruments.of_id(request.spec.instrument).symbol
        tracks.proofs[number] = Proof(number)
        since = self._proof_since_ns(number) if self._by_time else NEWEST
        for kind, question in (
            (CallKind.open_orders, Question(symbol)),
            (CallKind.trades, Question(symbol, since)),
        ):
            _, wait_ns = wire.ask(kind, Purpose.proof, ts_ns, question, about=number)
            if wait_ns:
                tracks.proofs.pop(number, None)  # the engine asks again
                return

    def _proof_since_ns(self, number: int) -> int:
        track = self.tracks.track(number)
        assert track is not None, "a query was asked about it"
        return track.ts_trades_ns - self._wire.limits.absent_after_ns

    def _absent(self, number: int, ts_ns: int) -> None:
        track = self.tracks.track(number)
        assert track is not None, "it was asked about"
        request = OrderRequest(RequestKind.query, track.spec)
        self._say(Told.refused, "the venue does not know it: not by query, open orders or trades", request, ts_ns)
        reply = self._own_reply(request, ReplyKind.absent, VenueReason.unknown_order, 0)
        self.reply(replace(reply, origin=Origin.query), ts_ns)

    def _own_reply(self, request: OrderRequest, kind: ReplyKind, reason: VenueReason, code: int) -> VenueReply:
        spec = request.spec
        return VenueReply(
            kind=kind,
            client_order_id=spec.client_order_id,
            instrument=spec.instrument,
            side=spec.side,
            reason=reason,
            code=code,
            origin=Origin.shell,
        )

    def _say(self, told: Told, text: str, request: OrderRequest, ts_ns: int) -> None:
        spec = request.spec
        self._wire.say(told, text, ts_ns, instrument=spec.instrument, client_order_id=spec.client_order_id)


def _ms(span_ns: int) -> int:
    return -(-span_ns // NS_PER_MS)
