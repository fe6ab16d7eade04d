"""From what stands in a session to one `View`. Sans I/O, no clock; the same object live and over a journal.

A view is made on the thread that trades, a few times a second, so it is made cheaply: integers become text here and are
not checked again (a test checks that what is made is a valid message).
"""

from collections import deque
from collections.abc import Iterable, Sequence
from decimal import Decimal

import native
from streaming.bus_view import AttentionView, Level, MarketView, OwnOrder, PublicTrade, View
from streaming.segments import InstrumentEntry, SegmentHeader
from streaming.trader.machine import Machine, grid_of
from streaming.trader.scorecard import Scoreboard
from streaming.trader.standing import NO_STRATEGY, SIDES, SYNCED, OrderStanding, text_of
from streaming.trader_document import strategy_names
from streaming.view.config import ViewSettings
from streaming.view.decimal_text import DecimalText
from streaming.view.forecast import ForecastViews
from streaming.view.queue import Depth, Print, QueueEstimate, Resting
from streaming.view.wire import HeardFrame, WireNews, WireReader

DEPTH_LEVELS = 1_000
"""Levels a side that are looked through for an order of ours that stands deeper than a view shows."""
STATES = native.enums["OrderState"]
PURPOSES = native.enums["OrderPurpose"]
RESTING_STATES = tuple(STATES.index(name) for name in ("open", "partially_filled", "pending_cancel", "pending_amend"))
SYNCED_WORD = native.enums["FeedState"][SYNCED]

Side = list[list[int]]
"""Levels of a book's side, best first: [price_ticks, size_units]."""


class ViewBuilder:
    """Makes the views of one session, in order. Give every call the frames since the one before."""

    def __init__(self, header: SegmentHeader, settings: ViewSettings, mode: str) -> None:
        self._header = header
        self._mode = mode
        self._wire = WireReader(header)
        self._forecasts = ForecastViews(header)
        strategies = strategy_names(header.engine or {})
        self._markets = [_Market(entry, settings, strategies) for entry in header.instruments]
        slots = grid_of(header)["slots"]
        assert isinstance(slots, list), "a trader's engine has slots"
        self._slot_of = {number: slot for slot, number in enumerate(slots) if number is not None}
        self._number = 0

    def build(
        self,
        machine: Machine,
        ts_ns: int,
        frames: Iterable[HeardFrame],
        board: Scoreboard | None = None,
        attention: AttentionView | None = None,
    ) -> View:
        """Return the view at `ts_ns`, on the session's clock; `board` holds the live records of models."""
        self._number += 1
        news = self._wire.read(frames)
        ts_step_ns, valid = _newest_step(machine)
        working = machine.standing.working()
        move, money, counts = machine.standing.move, machine.standing.rules.money, machine.counts
        markets = tuple(
            market.view(
                machine,
                news.get(market.entry.id),
                [item for item in working if item[1].instrument == market.entry.id],
                is_valid=self._is_valid(market.entry.id, valid, machine),
            )
            for market in self._markets
        )
        return View.model_construct(
            run=self._header.run,
            mode=self._mode,
            ts_ns=ts_ns,
            number=self._number,
            state=move.state,
            since_ns=move.ts_ns,
            trigger=move.trigger,
            reason=move.reason,
            open_orders=len(working),
            pnl=text_of(sum((Decimal(market.pnl) for market in markets), Decimal(0))),
            equity=str(money[0]["equity"]) if len(money) == 1 else None,
            steps=counts.steps,
            frames=counts.frames,
            orders=counts.orders,
            fills=counts.fills,
            ts_step_ns=ts_step_ns,
            markets=markets,
            forecast=self._forecasts.view(machine, board),
            attention=attention,
        )

    def _is_valid(self, instrument: int, valid: Sequence[int], machine: Machine) -> bool:
        """Tell whether a book was valid in the newest step; one that the grid does not hold, whether it is synced."""
        slot = self._slot_of.get(instrument)
        if slot is None:
            return machine.engine.feed_state(instrument) == SYNCED_WORD
        return slot < len(valid) and bool(valid[slot])


class _Market:
    """One instrument, and what is remembered of it from view to view."""

    def __init__(self, entry: InstrumentEntry, settings: ViewSettings, strategies: Sequence[str]) -> None:
        self.entry = entry
        self._levels = settings.levels
        self._strategies = strategies
        self._price = DecimalText(entry.tick)
        self._size = DecimalText(entry.size_unit)
        self._wire = WireNews()
        self._prints: deque[PublicTrade] = deque(maxlen=settings.prints)
        self._queue = QueueEstimate()

    def view(
        self, machine: Machine, news: WireNews | None, working: Sequence[tuple[int, OrderStanding]], *, is_valid: bool
    ) -> MarketView:
        """Return how this market stands; `working` are our orders here that have not ended."""
        prints = self._take(news)
        number = self.entry.id
        bids, asks = (side.tolist() for side in machine.engine.book(number, self._levels))
        feed = machine.engine.feed_state(number)
        ahead = self._queue.look(_resting(working), self._depth(machine, working, feed, bids, asks), prints)
        held = machine.standing.position(number)
        average = held["average_price"]
        return MarketView.model_construct(
            instrument=self.entry.name,
            feed=feed,
            is_valid=is_valid,
            ts_book_ns=self._wire.ts_book_ns,
            lag_ms=self._wire.lag_ms,
            update_id=self._wire.update_id,
            bids=self._texts(bids),
            asks=self._texts(asks),
            tick=self.entry.tick,
            position=str(held["position"]),
            average_price=None if average is None else str(average),
            pnl=str(held["pnl"]),
            realised=str(held["realised"]),
            unrealised=str(held["unrealised"]),
            fees=str(held["fees"]),
            funding=str(held["funding"]),
            orders=tuple(self._order(own, order, ahead.get(own)) for own, order in working),
            trades=tuple(self._prints),
        )

    def _take(self, news: WireNews | None) -> Sequence[Print]:
        """Remember what the frames told; return the prints among it."""
        if news is None:
            return ()
        if news.ts_book_ns:
            self._wire = news
        for trade in news.prints[-(self._prints.maxlen or 0) :]:
            side = SIDES[0] if trade.is_taker_buy else SIDES[1]
            price, size = self._price.text(trade.price_ticks), self._size.text(trade.size_units)
            self._prints.appendleft(PublicTrade.model_construct(ts_ns=trade.ts_ns, price=price, size=size, side=side))
        return news.prints

    def _depth(
        self, machine: Machine, working: Sequence[tuple[int, OrderStanding]], feed: str, bids: Side, asks: Side
    ) -> Depth | None:
        """Return the book as deep as our orders stand; None while it is not whole, or where none is asked for."""
        if feed != SYNCED_WORD or not working:
            return None
        deepest_bid, deepest_ask = _last_price(bids), _last_price(asks)
        is_shown = all(
            (deepest_bid is not None and order.price_ticks >= deepest_bid)
            if order.side == 0
            else (deepest_ask is not None and order.price_ticks <= deepest_ask)
            for _, order in working
        )
        if is_shown:
            return Depth(bids, asks)
        deep_bids, deep_asks = machine.engine.book(self.entry.id, DEPTH_LEVELS)
        return Depth(deep_bids.tolist(), deep_asks.tolist())

    def _texts(self, levels: Side) -> tuple[Level, ...]:
        price, size = self._price.text, self._size.text
        return tuple((price(ticks), size(units)) for ticks, units in levels)

    def _order(self, number: int, order: OrderStanding, ahead_units: int | None) -> OwnOrder:
        return OwnOrder.model_construct(
            client_order_id=str(number),
            side=SIDES[order.side],
            price=self._price.text(order.price_ticks),
            size=self._size.text(order.size_units),
            filled=self._size.text(order.filled_units),
            state=STATES[order.state],
            purpose=PURPOSES[order.purpose],
            strategy="" if order.strategy == NO_STRATEGY else self._strategies[order.strategy],
            ts_sent_ns=order.ts_sent_ns,
            queue_ahead=None if ahead_units is None else self._size.text(ahead_units),
        )


def _resting(working: Sequence[tuple[int, OrderStanding]]) -> list[Resting]:
    """Return the orders that the venue holds: not those that are on their way."""
    return [
        Resting(number, order.side == 0, order.price_ticks, order.filled_units)
        for number, order in working
        if order.state in RESTING_STATES
    ]


def _last_price(side: Side) -> int | None:
    return side[-1][0] if side else None


def _newest_step(machine: Machine) -> tuple[int, Sequence[int]]:
    """Return the step that closed last and which slots were valid in it; 0 and none before the first."""
    if machine.counts.steps == 0:
        return 0, ()
    try:
        ts_step_ns, _, valid = machine.engine.window(1)
    except ValueError:  # none since the start, or since a hole over which the engine jumped
        return 0, ()
    return ts_step_ns, valid[-1].tolist()
