"""Bybit v5 spot, private side: order entry over the trade socket or REST, the account's events, questions. Sans I/O.

Sources: Bybit v5 "Place Order", "Amend Order", "Cancel Order", "Get Open & Closed Orders", "Get Trade History",
"Websocket Trade Guideline", "Order" and "Execution" (private topics).

Answers are asynchronous: retCode 0 says that a request was taken, and the topic `order` what became of it. So a
placement is acknowledged by its answer, while a change and a cancel are told by the topic alone; a change is known by
the price and size that it asked for. Quantities come from the topic `execution`. Open and ended orders stand in two
tables: an order that the first does not name is asked for in the second before it counts as not known.

An answer that comes after its call was given up is read all the same: it may be what resolves an unknown order.
"""

from collections import Counter, OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from streaming.venues.binance_orders_fields import Fields, json_of, shown
from streaming.venues.bybit_errors import FORBIDDEN, ORDER_KINDS, RESTARTING, Verdict, verdict_of, verdict_of_status
from streaming.venues.bybit_orders_answers import BybitAnswers, Read
from streaming.venues.bybit_orders_questions import order_question, question
from streaming.venues.bybit_orders_wire import BybitWire
from streaming.venues.bybit_orders_words import balance
from streaming.venues.client_ids import ClientIds
from streaming.venues.gateway import (
    Action,
    Call,
    CallKind,
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
from streaming.venues.limits import bybit_uses, retry_after_ns
from streaming.venues.order_rules import Breach, OrderRules, refused
from streaming.venues.signing import Signer
from streaming.venues.venue_reply import Origin, ReplyKind, VenueReason, VenueReply

NS_PER_MS: Final = 1_000_000
NS_PER_S: Final = 1_000_000_000
FORBIDDEN_NS: Final = 600 * NS_PER_S
"""After HTTP 403 every request must stop for at least ten minutes ("Rate Limit Rules")."""
LIMITED_NS: Final = 1 * NS_PER_S
"""Pools are of a second; where a reply does not say when its own begins anew."""
BUSY_NS: Final = 200 * NS_PER_MS
GIVEN_UP_MAX: Final = 1_000
TEXT_SIGNS_MAX: Final = 200
NUMBER_SIGNS_MAX: Final = 18
NEVER_SENT: Final = "never sent"
"""How `why` begins of a call that did not leave: nothing follows from it."""
REJECTIONS: Final[Mapping[CallKind, ReplyKind]] = {
    CallKind.place: ReplyKind.rejected,
    CallKind.amend: ReplyKind.amend_rejected,
    CallKind.cancel: ReplyKind.cancel_rejected,
}
FINAL: Final = frozenset({Action.refuse, Action.halt, Action.halt_instrument})
ENTRIES: Final = {"auth": CallKind.logon, "subscribe": CallKind.subscribe}
KNOWN_TOPICS: Final = frozenset({"order", "execution", "wallet"})


class BybitOrders:
    """See `Gateway`. Holds the key's secret, and never shows it."""

    venue = "bybit_spot"
    user_path = "/v5/private"
    order_path = "/v5/trade"
    ping_every_s: float | None = 20.0

    def __init__(
        self,
        api_key: str,
        signer: Signer,
        instruments: Instruments,
        ids: ClientIds,
        *,
        recv_window_ms: int = 5_000,
    ) -> None:
        self._wire = BybitWire(api_key, signer, recv_window_ms)
        self._instruments, self._ids = instruments, ids
        self._answers = BybitAnswers(instruments, ids)
        self._calls: dict[int, Call] = {}
        """Under way over a socket."""
        self._given_up: OrderedDict[int, Call] = OrderedDict()
        self.unknown: Counter[str] = Counter()
        """Kinds of messages that this gateway does not know, by how often they came."""

    def __repr__(self) -> str:
        return "BybitOrders(key not shown)"

    @property
    def rules(self) -> Mapping[int, OrderRules]:
        """Filters by the engine's instrument id, once asked for."""
        return self._answers.rules

    def set_clock_offset(self, offset_ns: int) -> None:
        """Take the venue's clock as ours plus this."""
        self._wire.offset_ns = offset_ns

    # --- what is asked ---

    def order(self, kind: CallKind, spec: OrderSpec, way: Way, ts_ns: int) -> Call | Refused:
        """Return the call that places, amends, cancels or queries; or what the venue's filters say against it."""
        sent = spec
        if kind in (CallKind.place, CallKind.amend):
            found = self._ruled(spec)
            if isinstance(found, Breach):
                return refused(kind, spec, found)
            sent = found
        instrument = self._instruments.of_id(spec.instrument)
        is_second = kind is CallKind.query and self._answers.is_ended_table_next(spec.client_order_id)
        kept = self._answers.kept_by(sent) if kind is CallKind.amend else frozenset[str]()
        endpoint, params = order_question(kind, sent, instrument, self._ids, is_second=is_second, kept=kept)
        call = self._wire.call(kind, endpoint, params, way, ts_ns, spec=sent, symbol=instrument.symbol)
        if kind is CallKind.amend:
            self._answers.amend_asked(sent, ts_ns)
        return self._noted(call)

    def ask(
        self, kind: CallKind, ts_ns: int, *, symbol: str = "", since: int = 0, value: int = 0, way: Way | None = None
    ) -> Call:
        """Return any other call; it goes over REST whatever `way` says. `since`: ns from which on trades are listed,
        at most a week back; `value`: ms of `countdown`, which the venue grants to institutions alone.

        ValueError for what this venue does not have: positions, listen keys, a list of limits.
        """
        endpoint, params = question(kind, symbol, since, value, ts_ns)
        return self._wire.call(kind, endpoint, params, Way.rest, ts_ns, symbol=symbol)

    def on_open(self, way: Way, ts_ns: int) -> Sequence[Call]:
        """Return what a fresh private socket must be sent: who we are, and on the user socket what to tell."""
        calls = [self._wire.auth(way, ts_ns)]
        if way is Way.user_socket:
            calls.append(self._wire.subscribe(way, ts_ns))
        return [self._noted(call) for call in calls]

    def ping(self, way: Way, number: int) -> bytes | None:
        """Return the ping that both sockets want at least every 20 s."""
        return self._wire.ping(way, number)

    def _ruled(self, spec: OrderSpec) -> OrderSpec | Breach:
        rules = self._answers.rules.get(spec.instrument)
        if rules is None:
            symbol = self._instruments.of_id(spec.instrument).symbol
            return Breach("RULES", VenueReason.never_sent, f"rules of {symbol} are not known yet")
        if spec.is_reduce_only:
            return Breach("reduceOnly", VenueReason.reduce_only, "spot has no reduce-only orders")
        rounded = rules.rounded(spec)
        return rules.check(rounded) or rounded

    def _noted(self, call: Call) -> Call:
        if call.way is not Way.rest:
            self._calls[call.number] = call
        return call

    # --- what comes back over REST ---

    def on_http(self, call: Call, reply: HttpReply, ts_ns: int) -> Outcome:
        """Read what came over REST; FrameError when a success cannot be read."""
        limits = self._limits(call, reply.headers)
        if reply.status != 200:
            verdict = verdict_of_status(call.kind, reply.status)
            outcome = self._failure(call, verdict, reply.status, shown(reply.body), ts_ns, limits)
            until_ns = ts_ns + retry_after_ns(reply.headers)
            return replace(outcome, retry_at_ns=max(outcome.retry_at_ns, until_ns))
        return self._outcome(call, Fields(json_of(reply.body), reply.body), ts_ns, limits)

    def on_unanswered(self, call: Call, ts_ns: int, why: str) -> Outcome:
        """Give a call up: nothing came in time, or its connection ended. An order's outcome is then unknown.

        Of a call that never left (`why` begins with "never sent") nothing is unknown.
        """
        self._calls.pop(call.number, None)
        if why.startswith(NEVER_SENT):
            self._answers.amend_refused(call.spec)
            return Outcome(call=call, action=Action.retry, text=why, reason=VenueReason.never_sent, retry_at_ns=ts_ns)
        self._given_up[call.number] = call
        if len(self._given_up) > GIVEN_UP_MAX:
            self._given_up.popitem(last=False)
        action = Action.resolve if call.kind in ORDER_KINDS else Action.retry
        replies = _replies_to(call, action, 0, VenueReason.none, Origin.shell)
        return Outcome(call=call, action=action, text=why[:TEXT_SIGNS_MAX], replies=replies, retry_at_ns=ts_ns)

    def on_lost(self, way: Way) -> Sequence[Call]:
        """Forget a socket; return the calls under way on it."""
        lost = [call for call in self._calls.values() if call.way is way]
        for call in lost:
            del self._calls[call.number]
        return lost

    # --- what comes over sockets ---

    def on_text(self, way: Way, data: bytes, ts_ns: int) -> Sequence[Heard]:
        """Read a message of a private socket; answers find their call by its number, logons by their operation."""
        message = Fields(json_of(data), data)
        topic, op = message.text_or("topic"), message.text_or("op")
        if topic:
            return [self._told(topic, message, ts_ns)]
        if op in ENTRIES:
            return self._entered(way, op, message, ts_ns)
        if op in ("ping", "pong"):
            return [StreamEvent(told=Told.alive)]
        if way is Way.order_socket and "retCode" in message.row:
            return self._answered(message, ts_ns)
        return [self._strange("message", shown(data))]

    def _answered(self, message: Fields, ts_ns: int) -> Sequence[Heard]:
        call = self._taken(message.text_or("reqId"))
        closing = [StreamEvent(told=Told.closing)] if message.integer("retCode") == RESTARTING else []
        if call is None:
            text = f"retCode {message.integer('retCode')}: {self._wire.hidden(message.text_or('retMsg'))}"
            return closing or [self._strange("answer to no call of ours", text)]
        header = message.row.get("header")
        limits = self._limits(call, header if isinstance(header, dict) else {})
        return [self._outcome(call, message, ts_ns, limits), *closing]

    def _taken(self, number: str) -> Call | None:
        if not number.isdecimal() or len(number) > NUMBER_SIGNS_MAX:
            return None
        return self._calls.pop(int(number), None) or self._given_up.pop(int(number), None)

    def _entered(self, way: Way, op: str, message: Fields, ts_ns: int) -> Sequence[Heard]:
        """Read the answer to a logon or a subscription: the venue need not repeat the request's id."""
        waiting = (call for call in self._calls.values() if call.way is way and call.kind is ENTRIES[op])
        call = next(waiting, None)
        if call is None:
            return [self._strange(f"answer to no {op} of ours", shown(message.frame))]
        del self._calls[call.number]
        code = message.integer_or("retCode")
        if message.row.get("success") is False or code:
            # The private socket names no code: a wrong key is told by the first question over REST.
            verdict = verdict_of(call.kind, code) if code else Verdict(Action.retry)
            text = message.text_or("ret_msg") or message.text_or("retMsg")
            return [self._failure(call, verdict, code, text, ts_ns, ())]
        is_ready = way is Way.user_socket and call.kind is CallKind.subscribe
        outcome = Outcome(call=call, is_accepted=True)
        return [outcome, StreamEvent(told=Told.ready)] if is_ready else [outcome]

    def _told(self, topic: str, message: Fields, ts_ns: int) -> StreamEvent:
        """Read one event of the account; one may hold several rows."""
        kind = topic.partition(".")[0]
        if kind not in KNOWN_TOPICS or topic.startswith("execution.fast"):
            return self._strange(f"topic {topic[:40]!r}", shown(message.frame))
        ts_venue_ns = message.ns("creationTime")
        if kind == "wallet":
            coins = [coin for account in message.each("data") for coin in account.each("coin")]
            held = tuple(balance(coin) for coin in coins)
            return StreamEvent(told=Told.balance, balances=held, ts_venue_ns=ts_venue_ns)
        read = self._answers.order_event if kind == "order" else self._answers.fill_event
        replies = tuple(reply for row in message.each("data") for reply in read(row, ts_ns))
        return StreamEvent(told=Told.alive, replies=replies, ts_venue_ns=ts_venue_ns)

    def _strange(self, what: str, text: str) -> StreamEvent:
        self.unknown[what] += 1
        return StreamEvent(told=Told.unknown, text=f"{what}: {text}"[:TEXT_SIGNS_MAX])

    # --- outcomes ---

    def _outcome(self, call: Call, message: Fields, ts_ns: int, limits: tuple[LimitUse, ...]) -> Outcome:
        """Read an answer in the venue's own words, of either way: `retCode`, and `result` or `data`."""
        code = message.integer("retCode")
        if code:
            verdict = verdict_of(call.kind, code)
            return self._failure(call, verdict, code, message.text_or("retMsg"), ts_ns, limits)
        read = self._answers.read(call, message, ts_ns)
        if read.is_not_found:
            return self._not_found(call, read, ts_ns, limits)
        return Outcome(
            call=call,
            is_accepted=True,
            replies=read.replies,
            document=read.document,
            more=self._wire.next_page(call, read.next_page, ts_ns) if read.next_page else None,
            limits=limits,
        )

    def _not_found(self, call: Call, read: Read, ts_ns: int, limits: tuple[LimitUse, ...]) -> Outcome:
        """Have the second table asked; what neither names, the venue does not know."""
        action = Action.settle if read.is_last_table else Action.retry
        return Outcome(
            call=call,
            action=action,
            reason=VenueReason.unknown_order,
            text="the venue does not list it",
            retry_at_ns=ts_ns,
            limits=limits,
        )

    def _failure(
        self, call: Call, verdict: Verdict, code: int, text: str, ts_ns: int, limits: tuple[LimitUse, ...]
    ) -> Outcome:
        if verdict.action in FINAL:
            self._answers.amend_refused(call.spec)
        return Outcome(
            call=call,
            action=verdict.action,
            code=code,
            text=shown(self._wire.hidden(text))[:TEXT_SIGNS_MAX],
            reason=verdict.reason,
            replies=_replies_to(call, verdict.action, code, verdict.reason, Origin.answer),
            retry_at_ns=_retry_at_ns(verdict.action, code, ts_ns, limits),
            limits=limits,
        )

    def _limits(self, call: Call, headers: Mapping[str, object]) -> tuple[LimitUse, ...]:
        """Return what a reply states of its pool, in our clock."""
        uses = bybit_uses(call.pool, ((name, str(value)) for name, value in headers.items()))
        return tuple(_ours(use, self._wire.offset_ns) for use in uses)


def _ours(use: LimitUse, offset_ns: int) -> LimitUse:
    if use.reset_ns is None:
        return use
    return LimitUse(name=use.name, used=use.used, limit=use.limit, reset_ns=use.reset_ns - offset_ns)


def _replies_to(call: Call, action: Action, code: int, reason: VenueReason, origin: Origin) -> tuple[VenueReply, ...]:
    """Return what the engine is told of an order call that was not accepted.

    refuse and the halts: it is dead, or as it was; resolve: nobody knows; settle: of a cancel that it was refused, of a
    change that nobody knows. Nothing of what was not executed and may be sent again.
    """
    if call.spec is None or call.kind not in REJECTIONS:
        return ()
    if action in FINAL or (action is Action.settle and call.kind is CallKind.cancel):
        kind = REJECTIONS[call.kind]
    elif action in (Action.resolve, Action.settle):
        kind = ReplyKind.unanswered
    else:
        return ()
    spec = call.spec
    return (
        VenueReply(
            kind=kind,
            client_order_id=spec.client_order_id,
            instrument=spec.instrument,
            side=spec.side,
            price_ticks=spec.price_ticks,
            size_units=spec.size_units,
            reason=reason,
            code=code,
            origin=origin,
        ),
    )


def _retry_at_ns(action: Action, code: int, ts_ns: int, limits: Sequence[LimitUse]) -> int:
    if action is Action.retry:
        return ts_ns + BUSY_NS
    if action is not Action.wait:
        return ts_ns
    if code == FORBIDDEN:
        return ts_ns + FORBIDDEN_NS
    return max((use.reset_ns for use in limits if use.reset_ns is not None), default=ts_ns + LIMITED_NS)
