"""What the gateways of Binance's two markets have in common: calls under way, answers, errors, the life of sockets.

Theory of operation. A call leaves as bytes with a number. What comes back is an `Outcome`: accepted, with replies for
the engine or a document; or an error, of which the market's table says what it asks of us. Replies follow the action:

    refuse, halt, halt_instrument   the order is dead (`rejected`), or as it was (`amend_rejected`, `cancel_rejected`)
    resolve                         nobody knows (`unanswered`)
    settle                          of a cancel `cancel_rejected`, of a change `unanswered`: a query says what it is
    retry, wait, resync_clock       none: it was not executed and may be sent again; who gives it up tells the engine

An answer that comes after its call was given up is read all the same: it may be what resolves an unknown order.
"""

from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from streaming.venues.binance_errors import Codes, Verdict, verdict_of
from streaming.venues.binance_failures import Failed, code_of, failed_of, is_error, retry_at_ns
from streaming.venues.binance_orders_events import EventReader
from streaming.venues.binance_orders_fields import NS_PER_MS, Fields, json_of, shown
from streaming.venues.binance_orders_replies import OrderReplies
from streaming.venues.binance_orders_wire import BinanceWire, Endpoint, Params
from streaming.venues.client_ids import ClientIds
from streaming.venues.gateway import (
    Action,
    Call,
    CallKind,
    Document,
    FrameError,
    Heard,
    HttpReply,
    LimitUse,
    OrderSpec,
    Outcome,
    Refused,
    StreamEvent,
    Told,
    Way,
)
from streaming.venues.instruments import Instruments
from streaming.venues.limits import binance_header_uses, binance_stated_uses, retry_after_ns
from streaming.venues.order_rules import Breach, OrderRules, order_rules, refused
from streaming.venues.signing import Signer
from streaming.venues.venue_reply import Origin, ReplyKind, VenueReason, VenueReply

GIVEN_UP_MAX: Final = 1_000
TEXT_SIGNS_MAX: Final = 200
NEVER_SENT: Final = "never sent"
"""How `why` begins of a call that did not leave: nothing follows from it."""
REJECTIONS: Final[Mapping[CallKind, ReplyKind]] = {
    CallKind.place: ReplyKind.rejected,
    CallKind.amend: ReplyKind.amend_rejected,
    CallKind.cancel: ReplyKind.cancel_rejected,
}
FINAL: Final = frozenset({Action.refuse, Action.halt, Action.halt_instrument, Action.done, Action.renew})
Answer = tuple[tuple[VenueReply, ...], Document]
Limits = tuple[LimitUse, ...]
_NOTHING: Final[Answer] = ((), None)


class BinanceOrders(ABC):
    """The part of a `Gateway` that is the same on spot and USD-M."""

    venue: str
    order_path: str
    ping_every_s: float | None = None
    """None: the venue pings."""
    codes: Codes
    endpoints: Mapping[CallKind, Endpoint]
    events: type[EventReader]

    def __init__(
        self,
        api_key: str,
        signer: Signer,
        instruments: Instruments,
        ids: ClientIds,
        *,
        recv_window_ms: int = 5_000,
        key_base: str = "",
    ) -> None:
        """`key_base`: base address of the key's permissions where the venue's own address does not tell them."""
        self._wire = BinanceWire(api_key, signer, recv_window_ms)
        self._replies = OrderReplies(instruments, ids)
        self._instruments, self._ids, self._key_base = instruments, ids, key_base
        self._calls: dict[int, Call] = {}
        self._given_up: OrderedDict[int, Call] = OrderedDict()
        self.rules: dict[int, OrderRules] = {}
        """Filters by the engine's instrument id, once asked for."""
        self._events = self.events(self._replies)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(key not shown)"

    @property
    def user_path(self) -> str | None:
        """Path of the user socket; None where there is none, or not yet."""
        return None

    @property
    def unknown(self) -> Mapping[str, int]:
        """Kinds of messages and fields that this gateway does not know, by how often they came."""
        return self._events.unknown

    def set_clock_offset(self, offset_ns: int) -> None:
        """Take the venue's clock as ours plus this."""
        self._wire.offset_ns = offset_ns

    def ping(self, way: Way, number: int) -> bytes | None:
        """Return None: a websocket ping asks."""
        return None

    # --- what is asked ---

    def order(self, kind: CallKind, spec: OrderSpec, way: Way, ts_ns: int) -> Call | Refused:
        """Return the call that places, amends, cancels or queries an order."""
        match kind:
            case CallKind.place:
                return self._ruled(kind, spec, lambda rounded: self._place(rounded, way, ts_ns))
            case CallKind.amend:
                return self._ruled(kind, spec, lambda rounded: self._amend(rounded, way, ts_ns))
            case CallKind.cancel | CallKind.query:
                return self._about(kind, spec, way, ts_ns)
            case _:
                raise ValueError(f"expected a request about an order, found {kind.value!r}")

    def ask(
        self, kind: CallKind, ts_ns: int, *, symbol: str = "", since: int = 0, value: int = 0, way: Way | None = None
    ) -> Call:
        """Return any other call. `since`: first trade id of `trades`; `value`: ms of `countdown`, 0 ends it. Over the
        order socket where that is asked for and has such a method, else over REST."""
        if kind not in self.endpoints:
            raise ValueError(f"{self.venue} has no call {kind.value!r}")
        params, weight = self._question(kind, symbol, since, value)
        call = self._send(kind, params, way or Way.rest, ts_ns, symbol=symbol, weight=weight)
        return replace(call, base=self._key_base) if kind is CallKind.permissions else call

    @abstractmethod
    def _question(self, kind: CallKind, symbol: str, since: int, value: int) -> tuple[Params, int | None]:
        """Return parameters of a question, and its weight where it is not the endpoint's."""

    @abstractmethod
    def _place(self, spec: OrderSpec, way: Way, ts_ns: int) -> Call | Breach:
        """Return the call that places an order within the rules, or the rule that is against it."""

    @abstractmethod
    def _amend(self, spec: OrderSpec, way: Way, ts_ns: int) -> Call | Breach:
        """Return the call that changes an order within the rules, or the rule that is against it."""

    def _about(self, kind: CallKind, spec: OrderSpec, way: Way, ts_ns: int) -> Call:
        symbol = self._instruments.of_id(spec.instrument).symbol
        params: Params = {"symbol": symbol, "origClientOrderId": self._text_of(spec, kind)}
        return self._send(kind, params, way, ts_ns, spec=spec, symbol=symbol)

    def _text_of(self, spec: OrderSpec, kind: CallKind) -> str:
        return self._ids.text(spec.client_order_id)

    def _ruled(self, kind: CallKind, spec: OrderSpec, call: Callable[[OrderSpec], Call | Breach]) -> Call | Refused:
        """Round by the venue's rules, and refuse what it would refuse."""
        rules = self.rules.get(spec.instrument)
        if rules is None:
            symbol = self._instruments.of_id(spec.instrument).symbol
            return refused(kind, spec, Breach("RULES", VenueReason.never_sent, f"rules of {symbol} are not known yet"))
        rounded = rules.rounded(spec)
        found = rules.check(rounded) or call(rounded)
        return refused(kind, rounded, found) if isinstance(found, Breach) else found

    def _send(
        self,
        kind: CallKind,
        params: Params,
        way: Way,
        ts_ns: int,
        *,
        spec: OrderSpec | None = None,
        symbol: str = "",
        weight: int | None = None,
        endpoint: Endpoint | None = None,
    ) -> Call:
        made = endpoint or self.endpoints[kind]
        call = self._wire.call(kind, made, params, way, ts_ns, spec=spec, symbol=symbol, weight=weight)
        if call.way is not Way.rest:
            self._calls[call.number] = call
        return call

    # --- what comes back ---

    def on_http(self, call: Call, reply: HttpReply, ts_ns: int) -> Outcome:
        """Read what came over REST; FrameError when a success cannot be read."""
        limits = binance_header_uses(reply.headers)
        if 200 <= reply.status < 300:
            document = json_of(reply.body)
            if not is_error(document):
                return self._success(call, document, reply.body, ts_ns, limits)
        wait_ns = retry_after_ns(reply.headers)
        until_ns = ts_ns + wait_ns if wait_ns else 0
        return self._failure(call, failed_of(reply.status, reply.body, until_ns), ts_ns, limits)

    def on_text(self, way: Way, data: bytes, ts_ns: int) -> Sequence[Heard]:
        """Read a message of a private socket; answers find their call by its number."""
        message = Fields(json_of(data), data)
        if "event" in message.row:
            return self._heard(message.fields("event"))
        if "status" in message.row and "id" in message.row:
            return self._answered(message, data, ts_ns)
        if "stream" in message.row and "data" in message.row:
            return self._heard(message.fields("data"))
        return self._heard(message) if "e" in message.row else [self._events.strange("message", shown(data))]

    def on_unanswered(self, call: Call, ts_ns: int, why: str) -> Outcome:
        """Give a call up: nothing came in time, or its connection ended. An order's outcome is then unknown.

        Of a call that never left (`why` begins with "never sent") nothing is unknown.
        """
        self._calls.pop(call.number, None)
        if why.startswith(NEVER_SENT):
            self._forget(call)
            return Outcome(call=call, action=Action.retry, text=why, reason=VenueReason.never_sent, retry_at_ns=ts_ns)
        self._given_up[call.number] = call
        if len(self._given_up) > GIVEN_UP_MAX:
            self._given_up.popitem(last=False)
        is_change = call.kind in REJECTIONS or call.kind is CallKind.cancel_all
        replies = self._replies_to(call, Action.resolve, 0, VenueReason.none, Origin.shell) if is_change else ()
        action = Action.resolve if is_change else Action.retry
        return Outcome(call=call, action=action, text=why[:TEXT_SIGNS_MAX], replies=replies, retry_at_ns=ts_ns)

    def on_open(self, way: Way, ts_ns: int) -> Sequence[Call]:
        """Return what a fresh private socket must be sent."""
        if way is not Way.order_socket:
            return []
        self._wire.is_logged_on = False
        return [self._send(CallKind.logon, {}, way, ts_ns)] if self._wire.may_log_on else []

    def on_lost(self, way: Way) -> Sequence[Call]:
        """Forget a socket; return the calls under way on it."""
        if way is not Way.order_socket:
            return []
        self._wire.is_logged_on = False
        return [*self._calls.values()]

    # --- answers ---

    def _answered(self, message: Fields, data: bytes, ts_ns: int) -> Sequence[Heard]:
        number, status = message.row["id"], message.integer("status")
        call = self._calls.pop(number, None) or self._given_up.pop(number, None) if isinstance(number, int) else None
        limits = binance_stated_uses(message.row.get("rateLimits"))
        if call is None:
            if number is None and status == 401:
                return [StreamEvent(told=Told.ended, text=f"the session's key was revoked: {shown(data)}")]
            return [self._events.strange("answer to no call of ours", shown(data))]
        if status == 200:
            outcome = self._success(call, message.row.get("result"), data, ts_ns, limits)
            return [outcome, *self._entered(outcome)]
        error = message.fields("error")
        info = error.row.get("data")
        until_ms = info.get("retryAfter") if isinstance(info, dict) else None
        until_ns = until_ms * NS_PER_MS - self._wire.offset_ns if isinstance(until_ms, int) else 0
        code = code_of(error.row.get("code"))
        failed = Failed(status=status, code=code, text=error.text_or("msg"), data=info, until_ns=until_ns)
        outcome = self._failure(call, failed, ts_ns, limits)
        return [outcome, *self._entered(outcome)] if outcome.action is Action.done else [outcome]

    def _entered(self, outcome: Outcome) -> Sequence[Heard]:
        """Return what an answer that brought what was asked says of its socket."""
        if outcome.call.kind is CallKind.logon:
            self._wire.is_logged_on = True
        return [StreamEvent(told=Told.ready)] if outcome.call.kind is CallKind.subscribe else []

    def _success(self, call: Call, document: object, data: bytes, ts_ns: int, limits: Limits) -> Outcome:
        replies, told = self._accepted(call, document, data, ts_ns)
        if call.kind is CallKind.rules and isinstance(document, dict):
            limits += binance_stated_uses(document.get("rateLimits"))
        return Outcome(call=call, is_accepted=True, replies=replies, document=told, limits=limits)

    @abstractmethod
    def _accepted(self, call: Call, document: object, data: bytes, ts_ns: int) -> Answer:
        """Return replies and document of an accepted call."""

    def _rules_of(self, data: bytes) -> Answer:
        """Keep the filters of our instruments; one that is not listed any more loses its own."""
        for instrument in self._instruments.all:
            try:
                found = order_rules(self.venue, instrument, data)
            except ValueError as error:
                raise FrameError(f"{error}: {shown(data)}") from None
            if found is None:
                self.rules.pop(instrument.id, None)
            else:
                self.rules[instrument.id] = found
        return _NOTHING

    # --- errors ---

    def _failure(self, call: Call, failed: Failed, ts_ns: int, limits: Limits) -> Outcome:
        verdict = self._verdict(call, failed)
        return Outcome(
            call=call,
            action=verdict.action,
            code=failed.code or failed.status,
            text=shown(failed.text)[:TEXT_SIGNS_MAX],
            reason=verdict.reason,
            replies=self._replies_to(call, verdict.action, failed.code, verdict.reason, Origin.answer),
            retry_at_ns=retry_at_ns(verdict.action, failed, ts_ns),
            limits=limits,
        )

    def _verdict(self, call: Call, failed: Failed) -> Verdict:
        return verdict_of(self.codes, call.kind, failed.status, failed.code, failed.text)

    def _replies_to(
        self, call: Call, action: Action, code: int, reason: VenueReason, origin: Origin
    ) -> tuple[VenueReply, ...]:
        """Return what the engine is told of an order call that was not accepted; see the head of the file."""
        kind = self._told_of(call.kind, action)
        if kind is None or call.spec is None:
            self._forget(call)
            return ()
        known = self._replies.known_or_new(call.spec)
        if kind is ReplyKind.unanswered and call.kind is CallKind.amend:
            known.is_change_unknown = True
        elif call.kind is CallKind.amend:
            known.settle()
        return (self._replies.state(known, kind, ts_venue_ns=0, origin=origin, reason=reason, code=code),)

    def _told_of(self, kind: CallKind, action: Action) -> ReplyKind | None:
        if kind not in REJECTIONS:
            return None
        if action is Action.resolve or (action is Action.settle and kind is not CallKind.cancel):
            return ReplyKind.unanswered
        return REJECTIONS[kind] if action in FINAL or action is Action.settle else None

    def _forget(self, call: Call) -> None:
        """Take back what was noted of a call that was not executed; one that is tried again is noted again."""
        known = None if call.spec is None else self._replies.known.find(call.spec.client_order_id)
        if known is not None and call.kind is CallKind.place:
            self._replies.known.end(known.client_order_id)
        elif known is not None and call.kind is CallKind.amend:
            known.settle()

    # --- events ---

    def _heard(self, event: Fields) -> Sequence[Heard]:
        """Read one event of the account."""
        return self._events.heard(event)
