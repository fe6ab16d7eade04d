"""binance-sdk-derivatives-trading-usds-futures against the emulated perpetual: REST, WS API and user data stream."""

import asyncio
import logging

from binance_common.configuration import (
    ConfigurationRestAPI,
    ConfigurationWebSocketAPI,
    ConfigurationWebSocketStreams,
)
from binance_sdk_derivatives_trading_usds_futures.derivatives_trading_usds_futures import DerivativesTradingUsdsFutures
from judging import LESS, NONE, SIZE, Judging, check, data, enough, until

CLIENT, VENUE = "binance-sdk-derivatives-trading-usds-futures", "binance_usdm"


def clients(judging):
    """REST with the right key and with a wrong secret, the WS API's client and that of streams."""
    venue = judging.given["venues"][VENUE]
    base, socket = f"http://{venue['address']}", f"ws://{venue['address']}"
    keys = {"api_key": venue["key"], "api_secret": venue["secret"]}
    wrong = {**keys, "api_secret": "x" * 64}
    return (
        DerivativesTradingUsdsFutures(config_rest_api=ConfigurationRestAPI(**keys, base_path=base)).rest_api,
        DerivativesTradingUsdsFutures(config_rest_api=ConfigurationRestAPI(**wrong, base_path=base)).rest_api,
        DerivativesTradingUsdsFutures(
            config_ws_api=ConfigurationWebSocketAPI(**keys, stream_url=f"{socket}/ws-fapi/v1")
        ).websocket_api,
        DerivativesTradingUsdsFutures(
            config_ws_streams=ConfigurationWebSocketStreams(stream_url=f"{socket}/stream")
        ).websocket_streams,
    )


async def rest_orders(judging, api, wrong):
    """Place, ask, amend, cancel, fill and be refused over REST."""
    symbol, price = judging.symbol, float(judging.passive(VENUE))
    limit = {"symbol": symbol, "side": "BUY", "type": "LIMIT", "price": price}

    def place():
        order = data(api.new_order(**limit, time_in_force="GTX", quantity=float(SIZE)))
        check(order["status"] == "NEW", order)
        return order["orderId"]

    order_id = await judging.step(CLIENT, "place", place)

    def ask():
        order = data(api.query_order(symbol=symbol, order_id=order_id))
        check(order["status"] == "NEW" and order["orderId"] == order_id, order)

    await judging.step(CLIENT, "query", ask)

    def listed():
        found = [order["orderId"] for order in data(api.current_all_open_orders(symbol=symbol))]
        check(found == [order_id], found)

    await judging.step(CLIENT, "open orders", listed)

    def amend():
        changed = {"order_id": order_id, "quantity": float(LESS), "price": price - 1}
        order = data(api.modify_order(symbol=symbol, side="BUY", **changed))
        check(float(order["origQty"]) == float(LESS) and float(order["price"]) == price - 1, order)

    await judging.step(CLIENT, "amend", amend)

    def cancel():
        check(data(api.cancel_order(symbol=symbol, order_id=order_id))["status"] == "CANCELED", "not cancelled")

    await judging.step(CLIENT, "cancel", cancel)

    def fill():
        sent = {"symbol": symbol, "side": "BUY", "type": "MARKET", "quantity": float(SIZE)}
        order = data(api.new_order(**sent, new_order_resp_type="RESULT"))
        check(order["status"] == "FILLED", order)
        trades = data(api.account_trade_list(symbol=symbol, order_id=order["orderId"]))
        check(sum(float(row["qty"]) for row in trades) == float(SIZE), trades)
        position = data(api.position_information_v3(symbol=symbol))[0]
        check(float(position["positionAmt"]) == float(SIZE), position)

    await judging.step(CLIENT, "fill", fill)
    cheap = {**limit, "time_in_force": "GTC", "price": float(int(price) // 2)}
    await judging.refused(CLIENT, "order refused", lambda: api.new_order(**cheap, quantity=0.001), "-4164", "notional")
    await judging.refused(CLIENT, "order unknown", lambda: api.cancel_order(symbol=symbol, order_id=1), "Unknown order")
    await judging.refused(CLIENT, "signature refused", lambda: wrong.futures_account_balance_v3(), "Signature")


async def account(judging, api):
    """What the account holds and pays."""

    def balances():
        held = {row["asset"]: float(row["balance"]) for row in data(api.futures_account_balance_v3())}
        check(held["USDT"] > 0, held)

    await judging.step(CLIENT, "balances", balances)

    def fees():
        check(float(data(api.user_commission_rate(symbol=judging.symbol))["takerCommissionRate"]) > 0, "no rate")

    await judging.step(CLIENT, "fees", fees)

    def countdown():
        reply = data(api.auto_cancel_all_open_orders(symbol=judging.symbol, countdown_time=60_000))
        check(reply["symbol"] == judging.symbol, reply)
        api.auto_cancel_all_open_orders(symbol=judging.symbol, countdown_time=0)

    await judging.step(CLIENT, "countdown", countdown)


async def socket_orders(judging, api):
    """Orders over the WS API."""
    price = float(judging.passive(VENUE))

    async def orders():
        connection = await api.create_connection()
        order = {"symbol": judging.symbol, "side": "BUY", "type": "LIMIT", "time_in_force": "GTX", "price": price}
        placed = data(await connection.new_order(**order, quantity=float(SIZE)))["result"]
        cancelled = await connection.cancel_order(symbol=judging.symbol, order_id=placed["orderId"])
        check(data(cancelled)["result"]["status"] == "CANCELED", "not cancelled")
        await connection.close_connection(close_session=True)

    await judging.step(CLIENT, "socket orders", orders)


def named_event(event):
    """The client's own model of an event, and of an order's event what happened."""
    order = getattr(event.actual_instance, "o", None)
    return type(event.actual_instance).__name__, getattr(order, "x", None)


async def listening(api, streams, events):
    """Have the account's events told to `events`; return the connection."""
    key = data(await asyncio.to_thread(api.start_user_data_stream))["listenKey"]
    connection = await streams.create_connection()
    stream = await connection.user_data(key)
    stream.on("message", lambda event: events.append(named_event(event)))
    await asyncio.to_thread(api.keepalive_user_data_stream)
    return connection


async def main():
    """Judge all of it."""
    judging = Judging()
    api, wrong, socket, streams = clients(judging)

    def information():
        rows = data(api.exchange_information())["symbols"]
        check(rows[0]["symbol"] == judging.symbol and rows[0]["filters"], rows)

    await judging.step(CLIENT, "exchange information", information)
    judging.note(CLIENT, "book", NONE)

    async def trades():
        rows = await enough(lambda: data(api.recent_trades_list(symbol=judging.symbol, limit=5)))
        check(float(rows[0]["price"]) > 0, rows)

    await judging.step(CLIENT, "trades", trades)
    events = []

    async def user_events():
        connection = await listening(api, streams, events)
        await socket_orders(judging, socket)
        await asyncio.to_thread(lambda: asyncio.run(rest_orders(judging, api, wrong)))
        await asyncio.to_thread(lambda: asyncio.run(account(judging, api)))

        wanted = {("OrderTradeUpdate", word) for word in ("NEW", "CANCELED", "AMENDMENT", "TRADE")}
        wanted |= {("TradeLite", None), ("AccountUpdate", None)}
        try:
            await until(lambda: wanted <= {*events})
        except TimeoutError:
            raise AssertionError(events) from None
        await connection.close_connection(close_session=True)

    await judging.step(CLIENT, "user events", user_events)
    judging.finish()


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    asyncio.run(main())
