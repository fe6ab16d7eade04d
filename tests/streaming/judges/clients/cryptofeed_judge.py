"""cryptofeed against the public data of all three emulated venues, and Binance's orders over REST."""

import asyncio
import logging
import re
import warnings
from decimal import Decimal

import websockets
from cryptofeed.defines import BUY, GOOD_TIL_CANCELED, L2_BOOK, LIMIT, MARKET, ORDER_INFO, TRADES
from cryptofeed.exchanges import Binance, BinanceFutures, Bybit
from judging import NONE, SIZE, Judging, check, keep, until

HOST = re.compile(r"^(http|ws)s?://[^/]+")
FEEDS = {
    "binance_usdm": (BinanceFutures, "BTC-USDT-PERP"),
    "binance_spot": (Binance, "BTC-USDT"),
    "bybit_spot": (Bybit, "BTC-USDT"),
}
NO_ROUTE = "streams without a route: since 2026-04-23 they carry books alone"
NO_KEY = "listen keys of spot: gone since 2026-02-20 (HTTP 410)"
NO_SYMBOL = "asks for an order without its symbol, which the venue requires"
FIXED_HOST = "its address cannot be set: written into the method"
OLD_PATH = "/realtime_private of the version before v5"


def to_emulator(judging):
    """Replace the hosts of the classes' endpoints; websockets must be encrypted ones."""
    for venue, (feed, _) in FEEDS.items():
        given = judging.given["venues"][venue]
        for endpoint in feed.websocket_endpoints:
            endpoint.address = HOST.sub(f"wss://{given['encrypted']}", endpoint.address)
        for endpoint in feed.rest_endpoints:
            endpoint.address = HOST.sub(f"http://{given['address']}", endpoint.address)
        if hasattr(feed, "api"):
            feed.api = HOST.sub(f"http://{given['address']}", feed.api)


def made(judging, venue, channels, callbacks, secret=None):
    """A feed with our key."""
    feed, symbol = FEEDS[venue]
    given = judging.given["venues"][venue]
    keys = {"key_id": given["key"], "key_secret": secret or given["secret"]}
    keys = {feed.id.lower(): keys, "log": {"disabled": True}}
    return feed(symbols=[symbol], channels=channels, callbacks=callbacks, config=keys)


async def public(judging, venue, name):
    """The book as cryptofeed keeps it, and trades."""
    built, trades = {}, []

    async def on_book(book, received_s):
        keep(built, book.sequence_number, book.book.bids.to_list()[:10], book.book.asks.to_list()[:10])

    async def on_trade(trade, received_s):
        trades.append(trade)

    feed = made(judging, venue, [L2_BOOK, TRADES], {L2_BOOK: on_book, TRADES: on_trade})
    feed.start(asyncio.get_running_loop())
    known_by = "" if venue == "bybit_spot" else "last_id"  # its topic of 200 levels counts for itself
    await judging.step(name, "book", lambda: judging.same_book(venue, built, known_by))
    if venue == "binance_usdm":
        await judging.stale(name, "trades", lambda: until(lambda: trades, 1.0), NO_ROUTE)
    else:
        await judging.step(name, "trades", lambda: until(lambda: trades))
    feed.stop()
    await feed.shutdown()


async def binance_orders(judging, venue, name):
    """Orders of Binance's two markets by the REST methods."""
    api, symbol = made(judging, venue, [L2_BOOK], {}), FEEDS[venue][1]
    price = Decimal(judging.passive(venue))

    def limit(size, at):
        return api.place_order(symbol, BUY, LIMIT, size, price=at, time_in_force=GOOD_TIL_CANCELED)

    async def place():
        order = await limit(SIZE, price)
        check(order["status"] == "NEW", order)
        return order["orderId"]

    order_id = await judging.step(name, "place", place)
    await judging.stale(name, "query", lambda: api.order_status(order_id), NO_SYMBOL)

    async def listed():
        found = [order["orderId"] for order in await api.orders(symbol)]
        check(found == [order_id], found)

    await judging.step(name, "open orders", listed)

    async def cancel():
        check((await api.cancel_order(order_id, symbol))["status"] == "CANCELED", "not cancelled")

    await judging.step(name, "cancel", cancel)

    async def fill():
        order = await api.place_order(symbol, BUY, MARKET, SIZE)
        check(order["status"] == "FILLED" or venue == "binance_usdm", order)

    await judging.step(name, "fill", fill)
    cheap = Decimal("0.001") if venue == "binance_usdm" else Decimal("0.0001")
    await judging.refused(name, "order refused", lambda: limit(cheap, Decimal(int(price) // 2)), "400", "Bad Request")
    await judging.refused(name, "order unknown", lambda: api.cancel_order("1", symbol), "400", "Bad Request")
    wrong = made(judging, venue, [L2_BOOK], {}, "x" * 64)
    await judging.refused(name, "signature refused", lambda: wrong.orders(symbol), "400", "Bad Request")
    await wrong.shutdown()
    if venue == "binance_usdm":
        await judging.stale(name, "balances", lambda: asyncio.wait_for(api.balances(), 2), FIXED_HOST)
    else:
        await judging.step(name, "balances", api.balances)
    await api.shutdown()


async def user_events(judging, venue, name):
    """The account's events: all three ways that it knows are gone."""
    if venue == "binance_spot":
        feed = made(judging, venue, [L2_BOOK], {})
        await judging.stale(name, "user events", lambda: feed._generate_token(), NO_KEY)
        await feed.shutdown()
    elif venue == "bybit_spot":

        async def old_path():
            async with websockets.connect(Bybit.websocket_endpoints[2].address):
                pass

        await judging.stale(name, "user events", old_path, OLD_PATH)
    else:
        await judging.stale(name, "user events", lambda: unrouted_events(judging, venue), NO_ROUTE)


async def unrouted_events(judging, venue):
    """Wait for an event of an order on the address without a route."""
    events = []

    async def on_order(order, received_s):
        events.append(order)

    feed = made(judging, venue, [ORDER_INFO], {ORDER_INFO: on_order})
    feed.start(asyncio.get_running_loop())
    try:
        await asyncio.sleep(0.5)
        await feed.place_order(FEEDS[venue][1], BUY, MARKET, SIZE)
        await until(lambda: events, 1.0)
    finally:
        feed.stop()
        await feed.shutdown()


async def judge(judging, venue):
    """Judge one venue."""
    feed, symbol = FEEDS[venue]
    name = f"cryptofeed {feed.__name__}"

    def information():
        check(symbol in feed.symbols(refresh=True), feed.symbols())

    await judging.step(name, "exchange information", information)
    await public(judging, venue, name)
    await user_events(judging, venue, name)
    if venue != "bybit_spot":
        await binance_orders(judging, venue, name)
    offered = {row["operation"] for row in judging.rows if row["client"] == name}
    for operation in judging.given["operations"]:
        if operation not in offered:
            judging.note(name, operation, NONE)


async def main():
    """Judge all venues, one after the other: the classes keep what they know for all."""
    judging = Judging()
    to_emulator(judging)
    for venue in FEEDS:
        await judge(judging, venue)
    judging.finish()


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    asyncio.run(main())
