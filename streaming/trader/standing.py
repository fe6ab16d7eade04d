"""What stands after all that the engine put out so far: trading state, orders, positions, and what just happened.

Bounded: of orders that ended, and of events that nobody took, the oldest are forgotten.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

import native
from native.config import JsonObject
from streaming.journal import Outputs
from streaming.segments import InstrumentEntry
from streaming.trader.rule_standing import RuleStanding
from streaming.trader.trade_memory import TradeMemory
from streaming.trading_records import TERMINAL_STATES

Structured = NDArray[np.void]

ORDERS_MAX = 10_000
EVENTS_MAX = 1_000
SIDES = ("buy", "sell")
SYNCED = native.enums["FeedState"].index("synced")
BUNDLE_SIGNS = 12
"""Of a bundle's hash, by which people know it."""
REFUSED = native.enums["OrderState"].index("refused")
ERRORS = frozenset(native.enums["OrderState"].index(name) for name in ("rejected", "unknown"))
NO_STRATEGY = 255
"""Of an order that closes for the account: a flattening, or a watch rule."""


@dataclass(slots=True)
class SessionCounts:
    """What a session did, in numbers; after a recovery from the journal's beginning on."""

    frames: int = 0
    steps: int = 0
    forecasts: int = 0
    forecasts_late: int = 0
    """Dropped before they became an input: they leave no trace in the journal, and count from the last start on."""
    orders: int = 0
    fills: int = 0
    refused: int = 0
    """Orders that risk refused."""
    order_errors: int = 0
    """Orders that a venue rejected, and those of which nobody knows what became of them."""
    replies: int = 0
    rejects: int = 0
    """Inputs that the engine refused."""
    gaps_opened: int = 0
    gaps_closed: int = 0


@dataclass(frozen=True, slots=True)
class SessionEvent:
    """Something to tell the world: `fill`, `order_refused`, `state`, `gap`."""

    kind: str
    ts_ns: int
    seq: int
    body: JsonObject


@dataclass(slots=True)
class OrderStanding:
    """One order, in fields of the core's records."""

    instrument: int
    side: int
    state: int
    price_ticks: int
    size_units: int
    filled_units: int
    reason: int
    ts_sent_ns: int
    ts_ns: int
    model_id: int
    strategy: int
    purpose: int


@dataclass(slots=True)
class Held:
    """One instrument's position, in fields of the core's record. Money counts quote units (tick x size unit)."""

    position_units: int = 0
    cost_quote_units: int = 0
    realised_quote_units: int = 0
    unrealised_quote_units: int = 0
    fees_quote_units: int = 0
    funding_quote_units: int = 0
    """Paid; negative received."""

    @property
    def pnl_quote_units(self) -> int:
        """What it earned after fees and funding."""
        paid = self.fees_quote_units + self.funding_quote_units
        return self.realised_quote_units + self.unrealised_quote_units - paid


HELD_FIELDS = [item.name for item in fields(Held)]


@dataclass(frozen=True, slots=True)
class TradingMove:
    """The last transition of the trading state."""

    state: str
    trigger: str
    reason: str
    ts_ns: int


class Standing:
    """Give it each drain once, in order."""

    def __init__(self, instruments: Sequence[InstrumentEntry], counts: SessionCounts) -> None:
        self._instruments = instruments
        self._ticks = [Decimal(entry.tick) for entry in instruments]
        self._units = [Decimal(entry.size_unit) for entry in instruments]
        self._orders: dict[int, OrderStanding] = {}
        self._open: set[int] = set()
        self._ended: deque[int] = deque()
        self._events: deque[SessionEvent] = deque(maxlen=EVENTS_MAX)
        self._bundles: dict[int, str] = {}
        self._own: dict[tuple[int, int], int] = {}
        self._account = [0] * len(instruments)
        """Sum of all fills by instrument."""
        self.counts = counts
        self.rules = RuleStanding()
        self.trades = TradeMemory()
        self.held = [Held() for _ in instruments]
        self.move = TradingMove("active", "start", "", 0)
        self.last_reject = ""

    def add(self, outputs: Outputs) -> None:
        """Take in one drain."""
        self.counts.orders += len(outputs["order_requests"])
        if len(outputs["rejects"]):
            self._add_rejects(outputs)
        if len(outputs["gaps"]):
            self._add_gaps(outputs["gaps"])
        if len(outputs["order_events"]):
            self._add_order_events(outputs["order_events"])
        if len(outputs["fills"]):
            self._add_fills(outputs["fills"])
        if len(outputs["positions"]):
            self._add_positions(outputs["positions"])
        if len(outputs["state_events"]):
            self._add_state_events(outputs["state_events"], outputs["arena"])
        self.rules.add(outputs)

    def take_events(self) -> list[SessionEvent]:
        """Take what happened since the last time, oldest first."""
        events = list(self._events)
        self._events.clear()
        return events

    def know_bundles(self, hashes: Iterable[str]) -> None:
        """Take the hashes of sealed bundles: a record names a model by the first 32 bits alone."""
        self._bundles |= {int(bundle[:8], 16): bundle[:BUNDLE_SIGNS] for bundle in hashes}

    def bundle(self, model_id: int) -> str:
        """Return the beginning of a model's hash, of a bundle that is not known 8 digits; empty for no model."""
        return self._bundles.get(model_id, f"{model_id:08x}") if model_id else ""

    @property
    def open_count(self) -> int:
        """How many orders have not ended."""
        return len(self._open)

    def open_orders(self, instrument: int) -> int:
        """Return how many orders of an instrument have not ended."""
        return sum(self._orders[number].instrument == instrument for number in self._open)

    def in_states(self, states: frozenset[int]) -> dict[int, int]:
        """Return how many orders of each instrument are in one of `states`, none of which is an end."""
        counts = dict.fromkeys(range(len(self.held)), 0)
        for number in self._open:
            order = self._orders[number]
            counts[order.instrument] += order.state in states
        return counts

    def working(self) -> list[tuple[int, OrderStanding]]:
        """Return client order id and state of the orders that have not ended, in order of their ids."""
        return [(number, self._orders[number]) for number in sorted(self._open)]

    def ended_since(self, ts_ns: int) -> frozenset[int]:
        """Return the ids of the orders that have ended since a time."""
        found = []
        for number in reversed(self._ended):
            if self._orders[number].ts_ns < ts_ns:
                break
            found.append(number)
        return frozenset(found)

    def own(self, strategy: int, instrument: int) -> tuple[int, int, int]:
        """Return a strategy's own position, and the units of its buys and sells that have not ended."""
        in_flight = [0, 0]
        for number in self._open:
            order = self._orders[number]
            if (order.strategy, order.instrument) == (strategy, instrument):
                in_flight[order.side] += order.size_units - order.filled_units
        return self._own.get((strategy, instrument), 0), in_flight[0], in_flight[1]

    # --- as documents, decimals as text ---

    def orders(self, limit: int) -> list[JsonObject]:
        """Return the newest orders, newest first."""
        newest = list(self._orders.items())[: -limit - 1 : -1]
        return [self._order_document(number, order) for number, order in newest]

    def position(self, instrument: int) -> JsonObject:
        """Return one instrument's position; money in its quote currency."""
        held, money = self.held[instrument], self._ticks[instrument] * self._units[instrument]
        units = held.position_units
        average = held.cost_quote_units * self._ticks[instrument] / units if units else None
        return {
            "instrument": self._instruments[instrument].name,
            "position": text_of(units * self._units[instrument]),
            "average_price": None if average is None else text_of(average),
            "realised": text_of(held.realised_quote_units * money),
            "unrealised": text_of(held.unrealised_quote_units * money),
            "fees": text_of(held.fees_quote_units * money),
            "funding": text_of(held.funding_quote_units * money),
            "pnl": text_of(held.pnl_quote_units * money),
            "open_orders": self.open_orders(instrument),
        }

    def price(self, instrument: int, ticks: int) -> str:
        """Return a price as decimal text."""
        return text_of(ticks * self._ticks[instrument])

    def size(self, instrument: int, units: int) -> str:
        """Return a size as decimal text."""
        return text_of(units * self._units[instrument])

    def _order_document(self, number: int, order: OrderStanding) -> JsonObject:
        return {
            "client_order_id": str(number),
            "instrument": self._instruments[order.instrument].name,
            "side": SIDES[order.side],
            "state": native.enums["OrderState"][order.state],
            "price": self.price(order.instrument, order.price_ticks),
            "size": text_of(order.size_units * self._units[order.instrument]),
            "filled": text_of(order.filled_units * self._units[order.instrument]),
            "refused_by": native.enums["RiskRule"][order.reason] if order.state == REFUSED else None,
            "bundle": self.bundle(order.model_id),
            "ts_sent_ns": order.ts_sent_ns,
            "ts_ns": order.ts_ns,
        }

    def _bundle_of(self, number: int) -> str:
        order = self._orders.get(number)
        return "" if order is None else self.bundle(order.model_id)

    # --- records ---

    def _add_rejects(self, outputs: Outputs) -> None:
        rejects = outputs["rejects"]
        self.counts.rejects += len(rejects)
        self.last_reject = text_at(outputs["arena"], rejects[-1])

    def _add_gaps(self, gaps: Structured) -> None:
        opened = int((gaps["is_closed"] == 0).sum())
        self.counts.gaps_opened += opened
        self.counts.gaps_closed += len(gaps) - opened
        for gap in gaps:
            body: JsonObject = {
                "instrument": self._instruments[int(gap["instrument"])].name,
                "cause": native.enums["GapCause"][int(gap["cause"])],
                "is_closed": bool(gap["is_closed"]),
                "ts_from_ns": int(gap["ts_from_ns"]),
            }
            # A row has no time of its own: while open it is told by the last good frame, closed by the repair.
            ts_ns = int(gap["ts_to_ns"]) or int(gap["ts_from_ns"])
            self._events.append(SessionEvent("gap", ts_ns, int(gap["seq"]), body))

    def _add_order_events(self, events: Structured) -> None:
        for event in events:
            number, state, ts_ns = int(event["client_order_id"]), int(event["state_to"]), int(event["ts_ns"])
            before = self._orders.get(number)
            self._orders[number] = order = OrderStanding(
                instrument=int(event["instrument"]),
                side=int(event["side"]),
                state=state,
                price_ticks=int(event["price_ticks"]),
                size_units=int(event["size_units"]),
                filled_units=int(event["filled_units"]),
                reason=int(event["reason"]),
                ts_sent_ns=ts_ns if before is None else before.ts_sent_ns,
                ts_ns=ts_ns,
                model_id=int(event["model_id"]),
                strategy=int(event["strategy"]),
                purpose=int(event["purpose"]),
            )
            if state == REFUSED:
                self.counts.refused += 1
                self.rules.note_refused(order.reason)
                body = self._order_document(number, order)
                self._events.append(SessionEvent("order_refused", ts_ns, int(event["seq"]), body))
            self.counts.order_errors += state in ERRORS
            if state not in TERMINAL_STATES:
                self._open.add(number)
            elif number in self._open or before is None:
                self._end_order(number)

    def _end_order(self, number: int) -> None:
        self._open.discard(number)
        self._ended.append(number)
        while len(self._ended) > ORDERS_MAX:
            self._orders.pop(self._ended.popleft(), None)

    def _add_fills(self, fills: Structured) -> None:
        self.counts.fills += len(fills)
        for fill in fills:
            instrument = int(fill["instrument"])
            self.trades.note(instrument, int(fill["trade_id"]), int(fill["ts_ns"]))
            units = int(fill["size_units"])
            self._own_fill(int(fill["strategy"]), instrument, units if fill["side"] == 0 else -units)
            money = self._ticks[instrument] * self._units[instrument]
            body: JsonObject = {
                "instrument": self._instruments[instrument].name,
                "client_order_id": str(int(fill["client_order_id"])),
                "side": SIDES[int(fill["side"])],
                "price": self.price(instrument, int(fill["price_ticks"])),
                "size": text_of(int(fill["size_units"]) * self._units[instrument]),
                "fee": text_of(int(fill["fee_quote_units"]) * money),
                "bundle": self._bundle_of(int(fill["client_order_id"])),
                "is_maker": bool(fill["is_maker"]),
            }
            self._events.append(SessionEvent("fill", int(fill["ts_ns"]), int(fill["seq"]), body))

    def _own_fill(self, strategy: int, instrument: int, signed_units: int) -> None:
        """Book a fill on its strategy; one of a closing order on those that hold the other side, as the core does."""
        self._account[instrument] += signed_units
        if strategy != NO_STRATEGY:
            self._own[strategy, instrument] = self._own.get((strategy, instrument), 0) + signed_units
            return
        left, places = signed_units, sorted(place for place in self._own if place[1] == instrument)
        for place in places:
            held = self._own[place]
            if held * left < 0:
                part = min(abs(held), abs(left)) * (1 if left > 0 else -1)
                self._own[place], left = held + part, left - part
        if places:
            self._own[places[0]] += left
        if self._account[instrument] == 0:  # flat is flat for every strategy
            self._own |= dict.fromkeys(places, 0)

    def _add_positions(self, positions: Structured) -> None:
        for row in positions:
            self.held[int(row["instrument"])] = Held(*row[HELD_FIELDS].tolist())

    def _add_state_events(self, events: Structured, arena: bytes) -> None:
        states, triggers = native.enums["TradingState"], native.enums["TradingTrigger"]
        for event in events:
            self.move = TradingMove(
                state=states[int(event["state_to"])],
                trigger=triggers[int(event["trigger"])],
                reason=text_at(arena, event),
                ts_ns=int(event["ts_ns"]),
            )
            body: JsonObject = {
                "state_before": states[int(event["state_from"])],
                "state": self.move.state,
                "trigger": self.move.trigger,
                "reason": self.move.reason,
            }
            self._events.append(SessionEvent("state", self.move.ts_ns, int(event["seq"]), body))


def text_at(arena: bytes, record: Structured) -> str:
    """Return the text of a record that stands in the arena of its drain."""
    begin = int(record["text_offset"])
    return arena[begin : begin + int(record["text_length"])].decode("utf-8", "replace")


def text_of(number: Decimal) -> str:
    """Return every digit of `number` but the zeros at its end."""
    return format(number.normalize() + 0, "f")
