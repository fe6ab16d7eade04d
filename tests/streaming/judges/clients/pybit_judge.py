"""pybit against the emulated Bybit: REST, the book that its socket keeps, the trade socket and private topics."""

import asyncio
import logging
import time

from judging import LESS, SIZE, Judging, check, enough, keep, until
from pybit import _websocket_trading, unified_trading

CLIENT, VENUE = "pybit", "bybit_spot"
SPOT = {"category": "spot"}
SOCKET = {"testnet": False, "ping_interval": 5, "ping_timeout": None}


def http(judging, **other):
    """A REST session; its address is an attribute."""
    venue = judging.given["venues"][VENUE]
    session = unified_trading.HTTP(**{"api_key": venue["key"], "api_secret": venue["secret"], **other})
    session.endpoint = f"http://{venue['address']}"
    return session


def to_emulator(judging):
    """Point the sockets at the emulator: their addresses are constants of modules."""
    address = f"ws://{judging.given['venues'][VENUE]['address']}"
    unified_trading.PUBLIC_WSS = f"{address}/v5/public/{{CHANNEL_TYPE}}"
    unified_trading.PRIVATE_WSS = f"{address}/v5/private"
    _websocket_trading.TRADE_WSS = f"{address}/v5/trade"


def keys(judging):
    """What sockets are opened with."""
    venue = judging.given["venues"][VENUE]
    return {**SOCKET, "api_key": venue["key"], "api_secret": venue["secret"], "private_auth_expire": 5}


async def book(judging):
    """The book as pybit keeps it from snapshot and deltas."""
    socket = unified_trading.WebSocket(channel_type="spot", **SOCKET)
    built = {}

    def on_book(message):
        state = message["data"]
        bids = sorted(state["b"], key=lambda level: -float(level[0]))
        keep(built, state["u"], bids, sorted(state["a"], key=lambda level: float(level[0])))

    socket.orderbook_stream(50, judging.symbol, on_book)
    try:
        await judging.same_book(VENUE, built)
    finally:
        socket.exit()


async def rest_orders(judging, session):
    """Place, ask, amend, cancel, fill and be refused over REST."""
    price = str(judging.passive(VENUE))
    limit = {**SPOT, "symbol": judging.symbol, "side": "Buy", "orderType": "Limit", "price": price}

    def state(named):
        return session.get_open_orders(**named)["result"]["list"][0]

    def place():
        sent = {"qty": str(SIZE), "timeInForce": "PostOnly", "orderLinkId": "judge-1"}
        found = session.place_order(**limit, **sent)["result"]
        check(found["orderLinkId"] == "judge-1" and found["orderId"].isdecimal(), found)
        return {**SPOT, "symbol": judging.symbol, "orderId": found["orderId"]}

    named = await judging.step(CLIENT, "place", place)
    await judging.step(CLIENT, "query", lambda: check(state(named)["orderStatus"] == "New", state(named)))

    def listed():
        rows = session.get_open_orders(**SPOT, symbol=judging.symbol)["result"]["list"]
        check([row["orderId"] for row in rows] == [named["orderId"]], rows)

    await judging.step(CLIENT, "open orders", listed)

    def amend():
        session.amend_order(**named, qty=str(LESS))
        check(float(state(named)["qty"]) == float(LESS), state(named))

    await judging.step(CLIENT, "amend", amend)

    def cancel():
        session.cancel_order(**named)
        check(state(named)["orderStatus"] == "Cancelled", state(named))

    await judging.step(CLIENT, "cancel", cancel)

    def fill():
        sent = {"side": "Buy", "orderType": "Market", "qty": str(SIZE), "marketUnit": "baseCoin"}
        found = session.place_order(**SPOT, symbol=judging.symbol, **sent)["result"]
        rows = session.get_executions(**SPOT, orderId=found["orderId"])["result"]["list"]
        check(abs(sum(float(row["execQty"]) for row in rows) - float(SIZE)) < 1e-12, rows)
        check({row["feeCurrency"] for row in rows} == {"BTC"}, rows)

    await judging.step(CLIENT, "fill", fill)
    small = {**limit, "qty": "0.000020"}
    await judging.refused(CLIENT, "order refused", lambda: session.place_order(**small), "170140")
    unknown = {**SPOT, "symbol": judging.symbol, "orderId": "1"}
    await judging.refused(CLIENT, "order unknown", lambda: session.cancel_order(**unknown), "170213")
    wrong = http(judging, api_secret="x" * 36)
    await judging.refused(CLIENT, "signature refused", lambda: wrong.get_open_orders(**SPOT), "10004")


async def account(judging, session):
    """What the account holds and pays, and what the key may do."""

    def balances():
        coins = session.get_wallet_balance(accountType="UNIFIED")["result"]["list"][0]["coin"]
        held = {row["coin"]: float(row["walletBalance"]) for row in coins}
        check(held["BTC"] > 0 and held["USDT"] > 0, held)

    await judging.step(CLIENT, "balances", balances)

    def fees():
        row = session.get_fee_rates(**SPOT, symbol=judging.symbol)["result"]["list"][0]
        check(float(row["takerFeeRate"]) > 0, row)

    await judging.step(CLIENT, "fees", fees)

    def permissions():
        found = session.get_api_key_information()["result"]
        check(found["permissions"]["Spot"] == ["SpotTrade"] and "Withdraw" not in found["permissions"]["Wallet"], found)

    await judging.step(CLIENT, "key's permissions", permissions)

    def batch():
        price = str(judging.passive(VENUE))
        order = {"symbol": judging.symbol, "side": "Buy", "orderType": "Limit", "price": price}
        sent = [{**order, "qty": str(SIZE)}, {**order, "qty": "0.000020"}]
        reply = session.place_batch_order(**SPOT, request=sent)
        check([row["code"] for row in reply["retExtInfo"]["list"]] == [0, 170140], reply)
        check(len(session.cancel_all_orders(**SPOT)["result"]["list"]) == 1, "expected one order cancelled")

    await judging.step(CLIENT, "batch and cancel all", batch)


async def socket_orders(judging, session):
    """Orders over the trade socket, until an answer to each kind of request was read.

    pybit sends before it notes who waits for the answer: one that is fast enough is dropped. So what became of the
    order is asked over REST, and the next round may be luckier.
    """
    socket, answered = unified_trading.WebSocketTrading(**keys(judging)), {}
    try:
        await until(lambda: socket.auth)
        for number in range(20):
            await socket_round(judging, session, socket, f"judge-socket-{number}", answered)
            if len(answered) == 3:
                return
        raise AssertionError(f"answers to {[*answered]} alone")
    finally:
        socket.exit()


async def socket_round(judging, session, socket, link, answered):
    """Place, change and cancel one order over the trade socket."""
    named = {**SPOT, "symbol": judging.symbol, "orderLinkId": link}
    order = {"side": "Buy", "orderType": "Limit", "price": str(judging.passive(VENUE)), "timeInForce": "PostOnly"}

    def note(answer):
        check(answer["data"]["orderLinkId"] == link and answer["header"]["X-Bapi-Limit"], answer)
        answered[answer["op"]] = answer

    async def became(field, word):
        def state():
            rows = session.get_open_orders(**named)["result"]["list"]
            return bool(rows) and rows[0][field] == word

        await until(state, every_s=0.1)

    socket.place_order(note, **named, **order, qty=str(SIZE))
    await became("orderStatus", "New")
    socket.amend_order(note, **named, qty=str(LESS))
    await became("qty", str(LESS))
    socket.cancel_order(note, **named)
    await became("orderStatus", "Cancelled")


async def main():
    """Judge all of it."""
    judging = Judging()
    to_emulator(judging)
    session, events = http(judging), []

    def information():
        row = session.get_instruments_info(**SPOT, symbol=judging.symbol)["result"]["list"][0]
        check(row["symbol"] == judging.symbol and row["priceFilter"]["tickSize"], row)

    await judging.step(CLIENT, "exchange information", information)
    await judging.step(CLIENT, "book", lambda: book(judging))

    async def trades():
        named = {**SPOT, "symbol": judging.symbol}
        rows = await enough(lambda: session.get_public_trade_history(**named, limit=5)["result"]["list"])
        check(rows[0]["symbol"] == judging.symbol, rows)

    await judging.step(CLIENT, "trades", trades)

    async def user_events():
        private = unified_trading.WebSocket(channel_type="private", **keys(judging))
        await until(lambda: private.auth)
        private.order_stream(lambda message: events.extend(("order", row["orderStatus"]) for row in message["data"]))
        private.execution_stream(lambda message: events.extend(("execution", row["side"]) for row in message["data"]))
        private.wallet_stream(lambda message: events.extend(("wallet", row["accountType"]) for row in message["data"]))
        time.sleep(0.2)
        await judging.step(CLIENT, "socket orders", lambda: socket_orders(judging, session))
        await rest_orders(judging, session)
        await account(judging, session)
        wanted = {("order", state) for state in ("New", "Cancelled", "Filled")}
        wanted |= {("execution", "Buy"), ("wallet", "UNIFIED")}
        try:
            await until(lambda: wanted <= {*events})
        except TimeoutError:
            raise AssertionError(events) from None
        finally:
            private.exit()

    await judging.step(CLIENT, "user events", user_events)
    judging.finish()


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    asyncio.run(main())
