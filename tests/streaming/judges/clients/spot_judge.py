"""binance-sdk-spot against the emulated spot market: REST, WS API and user data stream."""

import asyncio
import logging

from binance_common.configuration import ConfigurationRestAPI, ConfigurationWebSocketAPI
from binance_sdk_spot.spot import Spot
from judging import LESS, NONE, SIZE, Judging, check, data, enough, until

CLIENT, VENUE = "binance-sdk-spot", "binance_spot"


def main_apis(judging):
    """REST clients with the right key and with a wrong secret, and the WS API's client."""
    venue = judging.given["venues"][VENUE]
    base = f"http://{venue['address']}"
    keys = {"api_key": venue["key"], "api_secret": venue["secret"]}
    right = Spot(config_rest_api=ConfigurationRestAPI(**keys, base_path=base)).rest_api
    wrong = Spot(config_rest_api=ConfigurationRestAPI(**{**keys, "api_secret": "x" * 64}, base_path=base)).rest_api
    url = f"ws://{venue['address']}/ws-api/v3"
    return right, wrong, Spot(config_ws_api=ConfigurationWebSocketAPI(**keys, stream_url=url)).websocket_api


async def rest_orders(judging, api, wrong):
    """Place, ask, amend, cancel, fill and be refused over REST."""
    symbol, price = judging.symbol, float(judging.passive(VENUE))

    def place():
        limit = {"symbol": symbol, "side": "BUY", "type": "LIMIT_MAKER", "quantity": float(SIZE), "price": price}
        order = data(api.new_order(**limit, new_order_resp_type="RESULT"))
        check(order["status"] == "NEW", order)
        return order["orderId"]

    order_id = await judging.step(CLIENT, "place", place)

    def ask():
        order = data(api.get_order(symbol=symbol, order_id=order_id))
        check(order["status"] == "NEW" and order["orderId"] == order_id, order)

    await judging.step(CLIENT, "query", ask)

    def listed():
        found = [order["orderId"] for order in data(api.get_open_orders(symbol=symbol))]
        check(found == [order_id], found)

    await judging.step(CLIENT, "open orders", listed)

    def amend():
        amended = data(api.order_amend_keep_priority(symbol=symbol, order_id=order_id, new_qty=float(LESS)))
        check(float(amended["amendedOrder"]["qty"]) == float(LESS), amended)

    await judging.step(CLIENT, "amend", amend)

    def cancel():
        check(data(api.delete_order(symbol=symbol, order_id=order_id))["status"] == "CANCELED", "not cancelled")

    await judging.step(CLIENT, "cancel", cancel)

    def fill():
        order = data(api.new_order(symbol=symbol, side="BUY", type="MARKET", quantity=float(SIZE)))
        check(order["status"] == "FILLED" and order["fills"], order)
        trades = data(api.my_trades(symbol=symbol, order_id=order["orderId"]))
        check([row["id"] for row in trades] == [row["tradeId"] for row in order["fills"]], trades)

    await judging.step(CLIENT, "fill", fill)
    cheap = {"symbol": symbol, "side": "BUY", "type": "LIMIT", "time_in_force": "GTC", "price": float(int(price) // 2)}
    await judging.refused(CLIENT, "order refused", lambda: api.new_order(**cheap, quantity=0.0001), "NOTIONAL")
    await judging.refused(CLIENT, "order unknown", lambda: api.delete_order(symbol=symbol, order_id=1), "Unknown order")
    await judging.refused(CLIENT, "signature refused", lambda: wrong.get_account(), "Signature")


async def account(judging, api):
    """What the account holds and pays."""

    def balances():
        held = {row["asset"]: float(row["free"]) for row in data(api.get_account())["balances"]}
        check(held["BTC"] > 0 and held["USDT"] > 0, held)

    await judging.step(CLIENT, "balances", balances)

    def fees():
        rates = data(api.account_commission(symbol=judging.symbol))["standardCommission"]
        check(float(rates["taker"]) > 0, rates)

    await judging.step(CLIENT, "fees", fees)


def named_event(event):
    """The client's own model of an event, and of an order's event what happened."""
    return type(event.actual_instance).__name__, getattr(event.actual_instance, "x", None)


async def socket_orders(judging, api):
    """Orders over the WS API, and the account's own events on the same connection; return both."""
    price, events = float(judging.passive(VENUE)), []
    connection = await api.create_connection()

    reply = await connection.user_data_stream_subscribe_signature()
    reply.stream.on("message", lambda event: events.append(named_event(event)))

    async def orders():
        placed = data(
            await connection.order_place(
                symbol=judging.symbol, side="BUY", type="LIMIT_MAKER", quantity=float(SIZE), price=price
            )
        )["result"]
        cancelled = await connection.order_cancel(symbol=judging.symbol, order_id=placed["orderId"])
        check(data(cancelled)["result"]["status"] == "CANCELED", "not cancelled")

    await judging.step(CLIENT, "socket orders", orders)
    return connection, events


async def main():
    """Judge all of it."""
    judging = Judging()
    api, wrong, socket = main_apis(judging)

    def information():
        rows = data(api.exchange_info(symbol=judging.symbol))["symbols"]
        check(rows[0]["symbol"] == judging.symbol and rows[0]["filters"], rows)

    await judging.step(CLIENT, "exchange information", information)
    judging.note(CLIENT, "book", NONE)

    async def trades():
        rows = await enough(lambda: data(api.get_trades(symbol=judging.symbol, limit=5)))
        check(float(rows[0]["price"]) > 0, rows)

    await judging.step(CLIENT, "trades", trades)

    async def user_events():
        connection, events = await socket_orders(judging, socket)
        await asyncio.to_thread(lambda: asyncio.run(rest_orders(judging, api, wrong)))
        await asyncio.to_thread(lambda: asyncio.run(account(judging, api)))
        wanted = {("ExecutionReport", word) for word in ("NEW", "CANCELED", "REPLACED", "TRADE")}
        wanted |= {("OutboundAccountPosition", None)}
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
