"""What a session believes of one venue's account, in the words of reconciliation."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

import native
from streaming.live.venue import LiveVenue
from streaming.reconcile.words import AccountSnapshot, LocalOrder, LocalState
from streaming.trader.session import TradingSession

UNKNOWN: Final = native.enums["OrderState"].index("unknown")
LATE_NS: Final = 2_000_000_000
"""By how much the answers of a venue's machines may lag behind its events."""


def local_state(
    session: TradingSession, venue: LiveVenue, snapshot: AccountSnapshot, since_ns: int, balances: Mapping[str, Decimal]
) -> LocalState:
    """Return what is to be compared with `snapshot`; every reply that came before it is booked by now."""
    instruments = {instrument.id: instrument for instrument in venue.instruments.all}
    standing, begun_ns = session.machine.standing, snapshot.ts_asked_ns - LATE_NS
    orders = [
        LocalOrder(
            client_order_id=number,
            instrument=order.instrument,
            symbol=instruments[order.instrument].symbol,
            side=order.side,
            price_ticks=order.price_ticks,
            size_units=order.size_units,
            filled_units=order.filled_units,
            is_unknown=order.state == UNKNOWN,
            ts_asked_ns=venue.desk.tracks.asked_ns(number),
        )
        for number, order in standing.working()
        if order.instrument in instruments
    ]
    return LocalState(
        venue=snapshot.venue,
        orders=tuple(orders),
        ended=standing.ended_since(begun_ns),
        trades=standing.trades.of(session.plan.instruments_of(snapshot.venue)),
        since_ns=since_ns,
        moved=standing.trades.moved_since(begun_ns),
        positions={number: standing.held[number].position_units for number in instruments},
        balances=balances,
        marks={number: mark for number in instruments if (mark := _mark(session, number))},
    )


def _mark(session: TradingSession, instrument: int) -> int:
    """Return the middle of a book in ticks, 0 where it has none."""
    bids, asks = session.book(instrument, 1)
    return (bids[0][0] + asks[0][0]) // 2 if bids and asks else 0
