"""Orders of a running session as documents: the newest ones, and where the time of each went."""

from collections.abc import Iterable
from itertools import islice

import native
from native.config import JsonObject
from streaming.errors import RefusedError
from streaming.performance.order_times import SentOrder
from streaming.performance.waterfalls import waterfall
from streaming.shell.trading_loop import TradingLoop
from streaming.trader.modes import mode_of
from streaming.trader.standing import SIDES

ORDERS_TOLD = 25
WAYS_TOLD = 20


def newest_orders(trading: TradingLoop) -> list[JsonObject]:
    """Return the newest orders, newest first, each with the strategy that sent it; None where that is not known."""
    performance = trading.session.machine.performance
    mode = mode_of(trading.session.plan.header.run)
    found: list[JsonObject] = []
    for document in trading.session.orders(ORDERS_TOLD):
        sent = performance.orders.orders.get(int(str(document["client_order_id"])))
        strategy = None if sent is None else performance.strategy_name(sent.strategy)
        found.append({**document, "mode": mode, "strategy": strategy})
    return found


def newest_ways(trading: TradingLoop) -> list[JsonObject]:
    """Return where the time of the newest orders that were sent went, newest first; see `performance.waterfalls`."""
    orders = trading.session.machine.performance.orders.orders.values()
    return _ways(trading, islice(reversed(orders), WAYS_TOLD))


def way_of(trading: TradingLoop, client_order_id: str) -> JsonObject:
    """Return where the time of one order went; RefusedError when it was not sent, or too long ago."""
    performance = trading.session.machine.performance
    performance.catch_up()
    order = performance.orders.orders.get(int(client_order_id)) if client_order_id.isdigit() else None
    if order is None:
        raise RefusedError(f"order {client_order_id!r} is not among the last that were sent; next: trader orders")
    return _ways(trading, [order])[0]


def _ways(trading: TradingLoop, orders: Iterable[SentOrder]) -> list[JsonObject]:
    way = trading.way
    return [
        {**_words(trading, order), **waterfall(order, way.trails.of(order.ts_sent_ns), way.speed)} for order in orders
    ]


def _words(trading: TradingLoop, order: SentOrder) -> JsonObject:
    machine, instruments = trading.session.machine, trading.session.plan.header.instruments
    standing = machine.standing
    return {
        "client_order_id": str(order.client_order_id),
        "instrument": instruments[order.instrument].name,
        "strategy": machine.performance.strategy_name(order.strategy),
        "purpose": native.enums["OrderPurpose"][order.purpose],
        "side": SIDES[order.side],
        "price": standing.price(order.instrument, order.price_ticks),
        "size": standing.size(order.instrument, order.size_units),
        "state": native.enums["OrderState"][order.state],
        "bundle": standing.bundle(order.model_id),
        "ts_step_ns": order.ts_step_ns,
        "ts_sent_ns": order.ts_sent_ns,
    }
