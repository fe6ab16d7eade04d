"""Run by each judge's own Python: a venue's official client reads the emulator, unmodified but for the address.

    python official_clients.py usdm '{"binance_usdm": "127.0.0.1:1", "binance_spot": "127.0.0.1:2", ...}'

The first word names the judge: usdm, spot or pybit. Prints one JSON document of what it read.
"""

import asyncio
import json
import sys
import time

SYMBOL = "BTCUSDT"
MESSAGES = 20


def plain(value):
    """A client's model as plain data."""
    return value.to_dict() if hasattr(value, "to_dict") else value


def usdm_rest(address):
    from binance_common.configuration import ConfigurationRestAPI
    from binance_sdk_derivatives_trading_usds_futures.derivatives_trading_usds_futures import (
        DerivativesTradingUsdsFutures,
    )

    api = DerivativesTradingUsdsFutures(config_rest_api=ConfigurationRestAPI(base_path=f"http://{address}")).rest_api
    reply = api.order_book(symbol=SYMBOL, limit=5)
    information = plain(api.exchange_information().data())
    return {
        "trades": [plain(row) for row in api.recent_trades_list(symbol=SYMBOL, limit=5).data()],
        "aggregates": [plain(row) for row in api.compressed_aggregate_trades_list(symbol=SYMBOL, limit=5).data()],
        "best": plain(api.symbol_order_book_ticker(symbol=SYMBOL).data()),
        "mark": plain(api.mark_price(symbol=SYMBOL).data()),
        "depth": plain(reply.data()),
        "symbols": [row["symbol"] for row in information["symbols"]],
        "time": plain(api.check_server_time().data()),
        "weights": [limit.count for limit in reply.rate_limits or []],
    }


def spot_rest(address):
    from binance_common.configuration import ConfigurationRestAPI
    from binance_sdk_spot.spot import Spot

    api = Spot(config_rest_api=ConfigurationRestAPI(base_path=f"http://{address}")).rest_api
    reply = api.depth(symbol=SYMBOL, limit=5)
    return {
        "trades": [plain(row) for row in api.get_trades(symbol=SYMBOL, limit=5).data()],
        "aggregates": [plain(row) for row in api.agg_trades(symbol=SYMBOL, limit=5).data()],
        "best": plain(api.ticker_book_ticker(symbol=SYMBOL).data()),
        "depth": plain(reply.data()),
        "symbols": [row["symbol"] for row in plain(api.exchange_info(symbol=SYMBOL).data())["symbols"]],
        "time": plain(api.time().data()),
        "weights": [limit.count for limit in reply.rate_limits or []],
    }


async def heard(streams):
    """Messages of each stream until each has enough."""
    out = {name: [] for name in streams}
    for name, stream in streams.items():
        stream.on("message", lambda message, name=name: out[name].append(plain(message)))
    async with asyncio.timeout(10):
        while any(len(messages) < MESSAGES for messages in out.values()):
            await asyncio.sleep(0.05)
    return {name: messages[:MESSAGES] for name, messages in out.items()}


async def usdm_streams(address):
    from binance_common.configuration import ConfigurationWebSocketStreams
    from binance_sdk_derivatives_trading_usds_futures.derivatives_trading_usds_futures import (
        DerivativesTradingUsdsFutures,
    )
    from binance_sdk_derivatives_trading_usds_futures.websocket_streams.models import (
        DiffBookDepthStreamsUpdateSpeedEnum,
    )

    config = ConfigurationWebSocketStreams(stream_url=f"ws://{address}/stream")
    client = DerivativesTradingUsdsFutures(config_ws_streams=config).websocket_streams
    connection = await client.create_connection()
    depth = await connection.diff_book_depth_streams(
        symbol=SYMBOL.lower(), update_speed=DiffBookDepthStreamsUpdateSpeedEnum["UPDATE_SPEED_100ms"].value
    )
    quote = await connection.individual_symbol_book_ticker_streams(symbol=SYMBOL.lower())
    trade = await connection.aggregate_trade_streams(symbol=SYMBOL.lower())
    best = await connection.partial_book_depth_streams(symbol=SYMBOL.lower(), levels="5")
    mark = await connection.mark_price_stream(symbol=SYMBOL.lower(), update_speed="1s")
    candle = await connection.kline_candlestick_streams(symbol=SYMBOL.lower(), interval="1m")
    streams = {"depth": depth, "quote": quote, "trade": trade, "best": best, "mark": mark, "candle": candle}
    try:
        return await heard(streams)
    finally:
        await connection.close_connection(close_session=True)


async def spot_streams(address):
    from binance_common.configuration import ConfigurationWebSocketStreams
    from binance_sdk_spot.spot import Spot
    from binance_sdk_spot.websocket_streams.models import DiffBookDepthUpdateSpeedEnum

    config = ConfigurationWebSocketStreams(stream_url=f"ws://{address}/stream")
    connection = await Spot(config_ws_streams=config).websocket_streams.create_connection()
    depth = await connection.diff_book_depth(
        symbol=SYMBOL.lower(), update_speed=DiffBookDepthUpdateSpeedEnum["UPDATE_SPEED_100ms"].value
    )
    quote = await connection.book_ticker(symbol=SYMBOL.lower())
    trade = await connection.trade(symbol=SYMBOL.lower())
    best = await connection.partial_book_depth(symbol=SYMBOL.lower(), levels="5", update_speed="100ms")
    aggregate = await connection.agg_trade(symbol=SYMBOL.lower())
    candle = await connection.kline(symbol=SYMBOL.lower(), interval="1m")
    streams = {"depth": depth, "quote": quote, "trade": trade, "best": best, "aggregate": aggregate, "candle": candle}
    try:
        return await heard(streams)
    finally:
        await connection.close_connection(close_session=True)


def bybit(address):
    from pybit import unified_trading

    session = unified_trading.HTTP()
    session.endpoint = f"http://{address}"
    book = session.get_orderbook(category="spot", symbol=SYMBOL, limit=5)
    listed = session.get_instruments_info(category="spot", symbol=SYMBOL)["result"]["list"]
    stated = session.get_server_time()
    unified_trading.PUBLIC_WSS = f"ws://{address}/v5/public/{{CHANNEL_TYPE}}"
    socket = unified_trading.WebSocket(channel_type="spot", testnet=False, ping_interval=1, ping_timeout=None)
    books, trades, tickers, candles = [], [], [], []
    socket.ticker_stream(SYMBOL, lambda message: tickers.append(message["data"]))
    socket.kline_stream(1, SYMBOL, lambda message: candles.append(message["data"][0]))
    socket.orderbook_stream(50, SYMBOL, lambda message: books.append((message["type"], message["data"]["u"])))
    socket.trade_stream(SYMBOL, lambda message: trades.append(message["data"][0]))
    end = time.monotonic() + 10
    while (len(books) < MESSAGES or len(trades) < MESSAGES) and time.monotonic() < end:
        time.sleep(0.05)
    socket.exit()
    return {
        "depth": book["result"],
        "symbols": [row["symbol"] for row in listed],
        "time": stated["result"],
        "recent": session.get_public_trade_history(category="spot", symbol=SYMBOL, limit=5)["result"]["list"],
        "best": session.get_tickers(category="spot", symbol=SYMBOL)["result"]["list"],
        "tickers": tickers[:MESSAGES],
        "candles": candles[:MESSAGES],
        "books": books[:MESSAGES],
        "trades": trades[:MESSAGES],
    }


def main():
    """Ask one client and print what came."""
    judge, addresses = sys.argv[1], json.loads(sys.argv[2])
    usdm, spot = addresses["binance_usdm"], addresses["binance_spot"]
    reading = {
        "usdm": lambda: {"binance_usdm": usdm_rest(usdm), "usdm_streams": asyncio.run(usdm_streams(usdm))},
        "spot": lambda: {"binance_spot": spot_rest(spot), "spot_streams": asyncio.run(spot_streams(spot))},
        "pybit": lambda: {"bybit_spot": bybit(addresses["bybit_spot"])},
    }
    json.dump(reading[judge](), sys.stdout, default=str)


if __name__ == "__main__":
    main()
