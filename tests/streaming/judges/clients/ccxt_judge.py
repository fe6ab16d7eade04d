"""ccxt, REST and pro, against all three emulated venues by its unified words."""

import asyncio
import logging
import re

import ccxt.pro
from judging import LESS, SIZE, Judging, check, enough, keep, until

PAIRS = {
    "binance_usdm": ("binanceusdm", "BTC/USDT:USDT", "linear"),
    "binance_spot": ("binance", "BTC/USDT", "spot"),
    "bybit_spot": ("bybit", "BTC/USDT", "spot"),
}
HOST = re.compile(r"^(http|ws)s?://[^/]+")
TOO_SMALL = {"binance_usdm": (0.001, "-4164"), "binance_spot": (0.0001, "NOTIONAL"), "bybit_spot": (0.0001, "170140")}
"""Worth too little at half the price, and what the venue says of it."""
POST_ONLY = {"postOnly": True}


def moved(urls, address):
    """The same addresses at another host, without encryption."""
    if isinstance(urls, str):
        return HOST.sub(rf"\1://{address}", urls)
    return {name: moved(each, address) for name, each in urls.items()}


def client(judging, venue, **other):
    """The exchange's class as it is, its hosts replaced."""
    given, (name, _, market) = judging.given["venues"][venue], PAIRS[venue]
    config = {"apiKey": given["key"], "secret": given["secret"], "enableRateLimit": False}
    config["options"] = {"fetchMarkets": {"types": [market]}, "fetchMargins": False}
    config["has"] = {"fetchCurrencies": venue == "bybit_spot"}
    exchange = getattr(ccxt.pro, name)({**config, **other})
    exchange.urls["api"] = moved(exchange.urls["api"], given["address"])
    return exchange


async def book(judging, venue, exchange, pair):
    """The book as ccxt keeps it; of Bybit's it keeps the time and no number."""
    number, known_by = ("timestamp", "ts_event_ms") if venue == "bybit_spot" else ("nonce", "last_id")
    built = {}

    async def watch():
        while True:
            found = await exchange.watch_order_book(pair, 50 if venue == "bybit_spot" else None)
            keep(built, found[number], found["bids"][:10], found["asks"][:10])

    watching = asyncio.create_task(watch())
    try:
        await judging.same_book(venue, built, known_by)
    finally:
        if watching.done():
            watching.result()  # what ended it says more than that no book came
        watching.cancel()


async def orders(judging, venue, name, exchange, pair):
    """Place, ask, amend, cancel, fill and be refused over REST."""
    price = float(judging.passive(venue))

    async def place():
        order = await exchange.create_order(pair, "limit", "buy", float(SIZE), price, POST_ONLY)
        check(order["id"], order)
        return order["id"]

    order_id = await judging.step(name, "place", place)

    async def asked(number):
        if venue == "bybit_spot":
            return await exchange.fetch_order(number, pair, {"acknowledged": True})
        return await exchange.fetch_order(number, pair)

    async def ask():
        order = await asked(order_id)
        check((order["status"], order["price"], order["amount"]) == ("open", price, float(SIZE)), order)

    await judging.step(name, "query", ask)

    async def listed():
        found = [order["id"] for order in await exchange.fetch_open_orders(pair)]
        check(found == [order_id], found)

    await judging.step(name, "open orders", listed)

    async def amend():
        changed = await exchange.edit_order(order_id, pair, "limit", "buy", float(LESS), price - 1)
        order = await asked(changed["id"])
        check((order["status"], order["price"], order["amount"]) == ("open", price - 1, float(LESS)), order)
        return changed["id"]

    order_id = await judging.step(name, "amend", amend)

    async def cancel():
        await exchange.cancel_order(order_id, pair)
        order = await asked(order_id)
        check(order["status"] == "canceled", order)

    await judging.step(name, "cancel", cancel)

    async def fill():
        sent = {"marketUnit": "baseCoin"} if venue == "bybit_spot" else {}
        order = await exchange.create_order(pair, "market", "buy", float(SIZE), None, sent)
        trades = [row for row in await exchange.fetch_my_trades(pair) if row["order"] == order["id"]]
        check(abs(sum(row["amount"] for row in trades) - float(SIZE)) < 1e-9, trades)
        check(all(row["fee"]["cost"] > 0 for row in trades), trades)
        order = await asked(order["id"])
        check((order["status"], order["filled"]) == ("closed", float(SIZE)), order)

    await judging.step(name, "fill", fill)
    small, code = TOO_SMALL[venue]
    too_small = (pair, "limit", "buy", small, price // 2)
    await judging.refused(name, "order refused", lambda: exchange.create_order(*too_small), code)
    await judging.refused(name, "order unknown", lambda: exchange.cancel_order("1", pair), "OrderNotFound")
    wrong = client(judging, venue, secret="x" * 64)
    wrong.markets, wrong.markets_by_id = exchange.markets, exchange.markets_by_id
    await judging.refused(name, "signature refused", wrong.fetch_balance, "Signature", "10004")
    await wrong.close()


async def account(judging, venue, name, exchange, pair):
    """What the account holds and pays."""

    async def balances():
        held = await exchange.fetch_balance()
        check(held["USDT"]["total"] > 0 and (venue == "binance_usdm" or held["BTC"]["total"] > 0), held)

    await judging.step(name, "balances", balances)

    async def fees():
        check((await exchange.fetch_trading_fee(pair))["taker"] > 0, "no rate")

    await judging.step(name, "fees", fees)


async def socket_orders(judging, venue, exchange, pair):
    """Orders over the venue's socket."""
    price = float(judging.passive(venue))
    # on Binance's socket ccxt hands `postOnly` on as it is, which the venue does not know
    force = POST_ONLY if venue == "bybit_spot" else {}
    order = await exchange.create_order_ws(pair, "limit", "buy", float(SIZE), price, force)
    await exchange.cancel_order_ws(order["id"], pair)


async def hear(exchange, pair, events):
    """Keep hearing the account's orders, fills and balances; return the tasks."""

    async def heard(watch, kind, word):
        while True:
            found = await watch()
            events.extend((kind, each[word]) for each in found) if isinstance(found, list) else events.append(
                (kind, "")
            )

    return [
        asyncio.create_task(heard(lambda: exchange.watch_orders(pair), "order", "status")),
        asyncio.create_task(heard(lambda: exchange.watch_my_trades(pair), "trade", "side")),
        asyncio.create_task(heard(exchange.watch_balance, "balance", "")),
    ]


async def judge(judging, venue):
    """Judge one venue."""
    name, pair, _ = PAIRS[venue]
    exchange, events, name = client(judging, venue), [], f"ccxt {name}"

    async def information():
        await exchange.load_markets()
        market = exchange.market(pair)
        check(market["precision"]["price"] > 0 and market["active"], market)

    await judging.step(name, "exchange information", information)
    await judging.step(name, "book", lambda: book(judging, venue, exchange, pair))

    async def trades():
        rows = await enough(lambda: exchange.fetch_trades(pair, limit=5))
        check(rows[0]["price"] > 0, rows)

    await judging.step(name, "trades", trades)

    async def user_events():
        tasks = await hear(exchange, pair, events)
        await asyncio.sleep(0.5)
        await judging.step(name, "socket orders", lambda: socket_orders(judging, venue, exchange, pair))
        await orders(judging, venue, name, exchange, pair)
        await account(judging, venue, name, exchange, pair)
        wanted = {("order", "open"), ("order", "canceled"), ("order", "closed"), ("trade", "buy"), ("balance", "")}
        try:
            await until(lambda: any(task.done() for task in tasks) or wanted <= {*events})
            check(wanted <= {*events}, [task.exception() for task in tasks if task.done()])
        except TimeoutError:
            raise AssertionError(events) from None
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    await judging.step(name, "user events", user_events)
    await exchange.close()


async def main():
    """Judge all venues side by side."""
    judging = Judging()
    await asyncio.gather(*(judge(judging, venue) for venue in PAIRS))
    judging.finish()


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    asyncio.run(main())
