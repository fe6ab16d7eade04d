"""Answers about orders on Binance spot, read for the engine: placements, changes, cancels, queries.

Sources: spot "New order", "Cancel an Existing Order and Send a New Order", "Order Amend Keep Priority", "Query order".
What a replaced order is to the engine, and why an old revision proves nothing for a while: see `binance_orders_known`.
"""

from dataclasses import dataclass, replace

from streaming.venues.binance_errors import SPOT, Verdict, verdict_of
from streaming.venues.binance_failures import code_of
from streaming.venues.binance_orders import Answer
from streaming.venues.binance_orders_fields import Fields, shown
from streaming.venues.binance_orders_known import PROOF_NS, KnownOrder
from streaming.venues.binance_orders_replies import ANSWER_FILL, ENDS, LISTED_FILL, OrderReplies, count_of, status_of
from streaming.venues.gateway import Action, Call, CallKind, OrderSpec, Outcome, VenueTrade
from streaming.venues.venue_reply import Origin, ReplyKind, VenueReply

DONE, NOT_ATTEMPTED = "SUCCESS", "NOT_ATTEMPTED"
BAD_REQUEST = 400


@dataclass(frozen=True, slots=True)
class Half:
    """What became of one half of a cancel-replace."""

    is_done: bool
    fields: Fields
    """The order's report, or the error."""

    @property
    def code(self) -> int:
        """The error's number; 0 of a half that was done, or not tried."""
        return 0 if self.is_done else code_of(self.fields.row.get("code"))

    @property
    def text(self) -> str:
        """The error's words."""
        return "" if self.is_done else self.fields.text_or("msg")


@dataclass(frozen=True, slots=True)
class Halves:
    """A cancel-replace of which not both halves were done."""

    cancel: Half
    new: Half

    @property
    def told(self) -> Half:
        """The half that says what went wrong: the first one that was tried in vain."""
        return self.new if self.cancel.is_done else self.cancel


def halves_of(data: object) -> Halves | None:
    """Return the halves in an error's data, None for other errors."""
    if not isinstance(data, dict) or "cancelResult" not in data:
        return None
    frame = repr(data).encode()
    fields = Fields(data, frame)
    cancel, new = (
        Half(fields.text(f"{name}Result") == DONE, Fields(fields.row.get(f"{name}Response") or {}, frame))
        for name in ("cancel", "newOrder")
    )
    return Halves(cancel, new)


class SpotAnswers:
    """Reads them; see the head of the file."""

    def __init__(self, replies: OrderReplies) -> None:
        self._replies = replies
        self._ids, self._instruments = replies.ids, replies.instruments

    def changed(self, call: Call, fields: Fields) -> tuple[VenueReply, ...]:
        """Read the answer to a placement or a change, by its form: cancel-replace, change in place, placement."""
        assert call.spec is not None, "calls about orders have one"
        known = self._replies.known_or_new(call.spec)
        if "newOrderResponse" in fields.row:
            new = fields.fields("newOrderResponse")
            gone = self._replaced(known, call.spec, fields.fields("cancelResponse"))
            return (*gone, *self._placed(known, call.spec, new, ReplyKind.amended if not gone else ReplyKind.ack))
        if "amendedOrder" in fields.row:
            return (self._lessened(known, fields.fields("amendedOrder"), fields.ns("transactTime")),)
        return self._placed(known, call.spec, fields, ReplyKind.ack)

    def _replaced(self, new: KnownOrder, spec: OrderSpec, cancel: Fields) -> tuple[VenueReply, ...]:
        """Return the end of an order that another one replaced; nothing where the two are one to the engine."""
        if not spec.replaces_client_order_id:
            self._replies.known.name(new, cancel.integer("orderId"))  # fills of it may be told later
            return ()
        old = self._replies.known.find(spec.replaces_client_order_id)
        return () if old is None else (self._ended(old, cancel),)

    def _placed(self, known: KnownOrder, spec: OrderSpec, fields: Fields, first: ReplyKind) -> tuple[VenueReply, ...]:
        """Read an order that was placed: acknowledged, then its fills, then its end if it has ended."""
        self._replies.known.name(known, fields.integer("orderId"))
        known.seen(self._ids.revision(fields.text("clientOrderId")))
        known.settle()
        known.price_ticks, known.size_units = spec.price_ticks, spec.size_units
        ts_ns = fields.ns("transactTime")
        ack = self._replies.state(known, first, ts_venue_ns=ts_ns, origin=Origin.answer)
        if "status" not in fields.row:
            return (ack,)
        kind, reason = status_of(fields, "status")
        filled = count_of(self._instruments.of_id(known.instrument).size_unit, fields, "executedQty")
        last = self._replies.state(
            known, kind, ts_venue_ns=ts_ns, origin=Origin.answer, cumulative_units=filled, reason=reason
        )
        return (ack, *self._fills(known, fields, ts_ns), *((last,) if kind in ENDS else ()))

    def _fills(self, known: KnownOrder, fields: Fields, ts_ns: int) -> tuple[VenueReply, ...]:
        """Return the fills of an answer; a placement takes, it has no maker's fills yet."""
        instrument = self._instruments.of_id(known.instrument)
        found, cumulative = [], 0
        for row in fields.each("fills") if "fills" in fields.row else ():
            cumulative += count_of(instrument.size_unit, row, "qty")
            found.append(
                self._replies.fill(
                    instrument,
                    row,
                    ANSWER_FILL,
                    client_order_id=known.client_order_id,
                    side=known.side,
                    ts_venue_ns=ts_ns,
                    origin=Origin.answer,
                    is_maker=False,
                    cumulative_units=cumulative,
                )
            )
        return tuple(found)

    def _lessened(self, known: KnownOrder, order: Fields, ts_ns: int) -> VenueReply:
        instrument = self._instruments.of_id(known.instrument)
        kind, reason = status_of(order, "status")
        known.size_units = count_of(instrument.size_unit, order, "qty")
        known.is_change_unknown = False
        return self._replies.state(
            known,
            ReplyKind.amended if kind is ReplyKind.ack else kind,
            ts_venue_ns=ts_ns,
            origin=Origin.answer,
            cumulative_units=count_of(instrument.size_unit, order, "executedQty"),
            reason=reason,
        )

    def cancelled(self, call: Call, fields: Fields) -> VenueReply:
        """Read the answer to a cancel."""
        assert call.spec is not None, "calls about orders have one"
        return self._ended(self._replies.known_or_new(call.spec), fields)

    def _ended(self, known: KnownOrder, fields: Fields) -> VenueReply:
        self._replies.known.name(known, fields.integer("orderId"))
        kind, reason = status_of(fields, "status")
        return self._replies.state(
            known,
            kind,
            ts_venue_ns=fields.ns("transactTime"),
            origin=Origin.answer,
            cumulative_units=count_of(self._instruments.of_id(known.instrument).size_unit, fields, "executedQty"),
            reason=reason,
        )

    def trade(self, row: Fields) -> VenueTrade:
        """Read one of the account's list of trades."""
        side, is_maker = int(not row.flag("isBuyer")), row.flag("isMaker")
        return self._replies.trade(row, LISTED_FILL, side=side, is_maker=is_maker, is_paid=False)

    def queried(self, call: Call, fields: Fields) -> Answer:
        """Read what stands of one order; of two revisions that may rest, the old one proves nothing for a while."""
        assert call.spec is not None, "calls about orders have one"
        known = self._replies.known.find(call.spec.client_order_id)
        asked = None if known is None else known.asked_revision
        is_denied = known is not None and known.is_asked_revision_denied
        order = self._replies.order(fields)
        known = self._replies.known.find(call.spec.client_order_id)
        if order is None or known is None:
            return (), None
        revision = self._ids.revision(fields.text("clientOrderId"))
        if asked is not None and revision < asked and not is_denied:
            return (), (order,)  # asked before the change was, or told by a copy of the tables that lags
        if revision < known.revision:
            return (), (order,)
        known.seen(revision)
        if asked is not None:
            known.settle()
            known.is_change_unknown = True  # so that the reply tells price and size
        return (self._replies.queried(known, order),), (order,)

    # --- errors ---

    def unfound(self, spec: OrderSpec, outcome: Outcome, ts_ns: int) -> Outcome:
        """Read that the venue does not know an order, or has archived it: it ended long ago without a fill."""
        known = self._replies.known.find(spec.client_order_id)
        if known is not None and known.asked_revision is not None and outcome.action is Action.settle:
            if ts_ns < known.ts_asked_ns + PROOF_NS:
                return replace(outcome, action=Action.retry, retry_at_ns=ts_ns)
            known.is_asked_revision_denied = not known.is_asked_revision_denied
            return outcome
        if outcome.action is not Action.done:
            return outcome
        known = self._replies.known_or_new(spec)
        reply = self._replies.state(
            known, ReplyKind.cancelled, ts_venue_ns=0, origin=Origin.query, cumulative_units=0, code=outcome.code
        )
        return replace(outcome, replies=(reply,))

    def halved(self, outcome: Outcome, spec: OrderSpec, halves: Halves) -> Outcome:
        """Read a cancel-replace of which not both halves were done."""
        half, is_change = halves.told, outcome.call.kind is CallKind.amend
        kind = outcome.call.kind if halves.cancel.is_done else CallKind.cancel
        verdict = verdict_of(SPOT, kind, BAD_REQUEST, half.code, half.text)
        return replace(
            outcome,
            action=verdict.action,
            code=half.code or outcome.code,
            text=shown(half.text) or outcome.text,
            reason=verdict.reason,
            replies=(self._change_halved if is_change else self._place_halved)(spec, halves, verdict),
        )

    def _change_halved(self, spec: OrderSpec, halves: Halves, verdict: Verdict) -> tuple[VenueReply, ...]:
        """One order to the engine: gone where the old one was cancelled and no other came, else as it was."""
        known = self._replies.known_or_new(spec)
        if verdict.action is Action.resolve or (halves.new.is_done and not halves.cancel.is_done):
            return (self._told(known, ReplyKind.unanswered, halves.told, verdict),)
        known.asked_revision = None
        if halves.cancel.is_done:
            return (replace(self._ended(known, halves.cancel.fields), reason=verdict.reason, code=halves.told.code),)
        if verdict.action is Action.settle:
            return (self._told(known, ReplyKind.unanswered, halves.told, verdict),)
        return (self._told(known, ReplyKind.amend_rejected, halves.told, verdict),)

    def _place_halved(self, spec: OrderSpec, halves: Halves, verdict: Verdict) -> tuple[VenueReply, ...]:
        """Two orders to the engine, each with its own end."""
        found = []
        old = self._replies.known.find(spec.replaces_client_order_id)
        new = self._replies.known_or_new(spec)
        if old is not None and halves.cancel.is_done:
            found.append(self._ended(old, halves.cancel.fields))
        elif old is not None:
            found.append(self._told(old, ReplyKind.cancel_rejected, halves.cancel, verdict))
        if halves.new.is_done:
            return (*found, *self._placed(new, spec, halves.new.fields, ReplyKind.ack))
        is_unknown = halves.cancel.is_done and verdict.action is Action.resolve
        kind = ReplyKind.unanswered if is_unknown else ReplyKind.rejected
        return (*found, self._told(new, kind, halves.told, verdict))

    def _told(self, known: KnownOrder, kind: ReplyKind, half: Half, verdict: Verdict) -> VenueReply:
        known.is_change_unknown = kind is ReplyKind.unanswered
        return self._replies.state(
            known, kind, ts_venue_ns=0, origin=Origin.answer, reason=verdict.reason, code=half.code
        )
