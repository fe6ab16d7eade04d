"""What is believed of an account and what its venue says, for comparisons."""

from dataclasses import replace
from decimal import Decimal

from streaming.reconcile.compare import reconcile
from streaming.reconcile.rules import ReconcileRules
from streaming.reconcile.words import AccountSnapshot, LocalOrder, LocalState
from streaming.venues.client_ids import ClientIds
from streaming.venues.gateway import VenueOrder, VenueTrade
from streaming.venues.instruments import Instrument, Instruments, Step
from streaming.venues.venue_reply import ReplyKind, VenueReply

IDS = ClientIds("lob")
PERP = Instrument(
    id=0,
    symbol="BTCUSDT",
    tick=Step.of("0.1"),
    size_unit=Step.of("0.001"),
    base="BTC",
    quote="USDT",
    market_type="perpetual",
)
RULES = ReconcileRules(ids=IDS, instruments=Instruments([PERP]), dust={"USDT": Decimal(1)})
ASKED_NS, NOW_NS = 1_000_000, 2_000_000
ENDS = (ReplyKind.cancelled, ReplyKind.rejected, ReplyKind.expired, ReplyKind.absent)


def local(**more):
    return LocalState(venue="binance_usdm", **more)


def snapshot(**more):
    return AccountSnapshot(venue="binance_usdm", ts_asked_ns=ASKED_NS, ts_ns=NOW_NS, **more)


def ours(number, **more):
    words = {"side": 0, "price_ticks": 600_000, "size_units": 10, "filled_units": 0}
    return LocalOrder(client_order_id=number, instrument=0, symbol="BTCUSDT", **{**words, **more})


def there(number, *, text=None, status="NEW", filled_units=0, **more):
    words = {"side": 0, "price_ticks": 600_000, "size_units": 10, "ts_venue_ns": 5}
    return VenueOrder(
        symbol="BTCUSDT",
        client_text=IDS.text(number) if text is None else text,
        venue_id=f"v{number}",
        filled_units=filled_units,
        is_open=status in ("NEW", "PARTIALLY_FILLED"),
        status=status,
        **{**words, **more},
    )


def trade(trade_id, number, size_units, *, is_named=True, side=0, ts_venue_ns=5):
    reply = VenueReply(
        kind=ReplyKind.fill,
        client_order_id=0,
        instrument=0,
        side=side,
        ts_venue_ns=ts_venue_ns,
        trade_id=trade_id,
        price_ticks=600_000,
        size_units=size_units,
    )
    return VenueTrade(
        symbol="BTCUSDT", client_text=IDS.text(number) if is_named else "", venue_id=f"v{number}", reply=reply
    )


def booked(state, replies, cancelled=()):
    """What an engine believes after it has booked `replies`: the model that the comparison is held against."""
    orders = {order.client_order_id: order for order in state.orders}
    trades, positions = set(state.trades), dict(state.positions)
    for reply in replies:
        order = orders.get(reply.client_order_id)
        if reply.kind is ReplyKind.fill:
            assert (reply.instrument, reply.trade_id) not in trades, "a fill is booked once"
            trades.add((reply.instrument, reply.trade_id))
            signed = -reply.size_units if reply.side else reply.size_units
            positions[reply.instrument] = positions.get(reply.instrument, 0) + signed
            if order is not None:
                order = replace(order, filled_units=order.filled_units + reply.size_units)
                orders[order.client_order_id] = order
                if order.filled_units >= order.size_units:
                    del orders[order.client_order_id]
        elif reply.kind in ENDS:
            orders.pop(reply.client_order_id)
        elif order is not None:
            changed = replace(order, is_unknown=False)
            if reply.kind is ReplyKind.amended:
                changed = replace(changed, price_ticks=reply.price_ticks, size_units=reply.size_units)
            orders[order.client_order_id] = changed
    return replace(state, orders=tuple(orders.values()), trades=frozenset(trades), positions=positions)


def kinds(found):
    return [difference.kind for difference in found.differences]


def confirmed(state, venue):
    """Compare twice, as two rounds that find the same."""
    first = reconcile(state, venue, RULES)
    return reconcile(state, venue, RULES, first.ids)
