"""What was asked about orders, and what their venue said: enough to tell a deaf stream, and to prove an absence.

A venue that says "no such order" may only be late itself: its copies lag by seconds. Absence is proven when the order
is old enough, a query does not know it, and neither the open orders nor the trades asked for after that query name it.
An order of which this process does not know when it was sent counts as sent when the process began.
"""

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from streaming.live.links import NEVER_NS
from streaming.venues.client_ids import ClientIds
from streaming.venues.gateway import Call, CallKind, OrderSpec, VenueOrder, VenueTrade
from streaming.venues.venue_reply import Origin, ReplyKind, VenueReply

TRACKS_MAX: Final = 20_000
"""Orders that are remembered; the oldest are forgotten."""
TRADES_MAX: Final = 100_000
ENDS: Final = frozenset({ReplyKind.cancelled, ReplyKind.rejected, ReplyKind.expired, ReplyKind.absent})


@dataclass(slots=True)
class OrderTrack:
    """One order."""

    spec: OrderSpec
    ts_sent_ns: int
    """Of the placement, or since when we know of it."""
    ts_asked_ns: int
    """Of the last request about it."""
    ts_trades_ns: int
    """From when on it may have traded."""
    last_change: int = 0
    """Number of the newest call that was to place, change or end it; a query of before says nothing of now."""
    echo_ns: int = NEVER_NS
    """By when the user stream must have told of it."""
    is_told: bool = False
    """The user stream has told of it."""
    has_ended: bool = False


@dataclass(slots=True)
class Proof:
    """That an order does not exist, under way."""

    client_order_id: int
    waiting: set[CallKind] = field(default_factory=lambda: {CallKind.open_orders, CallKind.trades})


class OrderTracks:
    """See the head of the file."""

    def __init__(self, begun_ns: int) -> None:
        self._begun_ns = self.past_ns = begun_ns
        self._tracks: OrderedDict[int, OrderTrack] = OrderedDict()
        self._trades: OrderedDict[tuple[int, int], None] = OrderedDict()
        self._echoes: dict[int, OrderTrack] = {}
        self.proofs: dict[int, Proof] = {}

    # --- requests and replies ---

    def asked(self, spec: OrderSpec, ts_ns: int, *, is_new: bool) -> OrderTrack:
        """Take note of a request about an order."""
        number = spec.client_order_id
        track = self._tracks.get(number)
        if track is None:
            sent_ns, trades_ns = (ts_ns, ts_ns) if is_new else (self._begun_ns, self.past_ns)
            track = OrderTrack(spec, sent_ns, ts_ns, trades_ns)
            self._tracks[number] = track
            if len(self._tracks) > TRACKS_MAX:
                gone, _ = self._tracks.popitem(last=False)
                self._echoes.pop(gone, None)
        track.ts_asked_ns = ts_ns
        return track

    def left(self, call: Call) -> None:
        """Take note of a request about an order that went out."""
        track = None if call.spec is None else self._tracks.get(call.spec.client_order_id)
        if track is not None and call.kind is not CallKind.query:
            track.last_change = call.number

    def is_outdated(self, call: Call) -> bool:
        """Tell whether an answer is a query's, and something was asked of its order after that query had left."""
        track = None if call.spec is None else self._tracks.get(call.spec.client_order_id)
        return call.kind is CallKind.query and track is not None and call.number < track.last_change

    def told(self, reply: VenueReply, echo_by_ns: int) -> None:
        """Take note of a reply; an acknowledged order must be told of by the stream until `echo_by_ns`."""
        if reply.kind is ReplyKind.fill:
            self._note_trade(reply)
        track = self._tracks.get(reply.client_order_id)
        if track is None:
            return
        if reply.origin is Origin.stream:
            track.is_told = True
            self._echoes.pop(reply.client_order_id, None)
        elif reply.kind is ReplyKind.ack and reply.origin is Origin.answer and not track.is_told:
            track.echo_ns = echo_by_ns
            self._echoes[reply.client_order_id] = track
        track.has_ended = track.has_ended or reply.kind in ENDS

    def judged(self, trades: Iterable[VenueTrade]) -> None:
        """Take note of trades that reconciliation has compared with what is booked."""
        for trade in trades:
            self._note_trade(trade.reply)

    def track(self, client_order_id: int) -> OrderTrack | None:
        """Return what is known of an order."""
        return self._tracks.get(client_order_id)

    def asked_ns(self, client_order_id: int) -> int:
        """Return when the last request about an order was made, 0 when this process made none."""
        track = self._tracks.get(client_order_id)
        return 0 if track is None else track.ts_asked_ns

    # --- a deaf stream ---

    def missed_echo(self, ts_ns: int) -> int | None:
        """Return an order of which the stream should have told by now, None when there is none."""
        late = (number for number, track in self._echoes.items() if ts_ns >= track.echo_ns)
        return next(late, None)

    def next_echo_ns(self) -> int:
        """Return when the first of them is due."""
        return min((track.echo_ns for track in self._echoes.values()), default=NEVER_NS)

    def forget_echoes(self) -> None:
        """Expect nothing of a stream that ended: what it did not tell is found by reconciliation."""
        self._echoes.clear()

    # --- absence ---

    def may_be_late(self, client_order_id: int, ts_ns: int, absent_after_ns: int) -> bool:
        """Tell whether an order is so young that a venue may not know it yet."""
        track = self._tracks.get(client_order_id)
        sent_ns = self._begun_ns if track is None else track.ts_sent_ns
        return ts_ns < sent_ns + absent_after_ns

    def is_named_by(self, number: int, ids: ClientIds, found: Iterable[VenueOrder | VenueTrade]) -> bool:
        """Tell whether open orders or trades name an order, or hold a trade that may be its: one not heard of yet."""
        track = self._tracks.get(number)
        return any(ids.number(item.client_text) == number or self._may_be_of(track, item) for item in found)

    def _may_be_of(self, track: OrderTrack | None, item: VenueOrder | VenueTrade) -> bool:
        if isinstance(item, VenueOrder) or item.client_text or track is None:
            return False
        reply, spec = item.reply, track.spec
        if reply.client_order_id:
            return reply.client_order_id == spec.client_order_id
        is_heard = (reply.instrument, reply.trade_id) in self._trades
        return not is_heard and (reply.side, reply.instrument) == (spec.side, spec.instrument)

    def _note_trade(self, reply: VenueReply) -> None:
        self._trades[reply.instrument, reply.trade_id] = None
        if len(self._trades) > TRADES_MAX:
            self._trades.popitem(last=False)
