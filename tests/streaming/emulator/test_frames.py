"""The generated frames speak as the recorded ones do: the same keys in the same order, with the same types."""

from collections.abc import Iterable

import orjson
import pytest
from emulator.shapes import raw_lines, shapes, zstd_lines

from streaming.emulator.exchange_info import bybit_exchange_info, spot_exchange_info, usdm_exchange_info
from streaming.emulator.instruments import BYBIT_SOCKET, SPOT_DEPTH, SPOT_SOCKET, USDM_DEPTH, USDM_SOCKET
from streaming.emulator.market_frames import MarketFrames
from streaming.emulator.market_model import MarketModel

START_NS = 1_767_571_200_000_000_000


def generated(source, new_fields=False):
    block = MarketModel(5, 1.0).advance(300)
    frames = MarketFrames(5, START_NS, new_fields=new_fields).frames(block)
    return [orjson.loads(frame.payload) for frame in frames if frame.source == source.id and not frame.is_request]


def events(messages: Iterable[dict], kind: str) -> list[dict]:
    data = [message["data"] for message in messages if "stream" in message]
    return [each for each in data if each.get("e") == kind]


def tickers(messages: Iterable[dict]) -> list[dict]:
    return [message["data"] for message in messages if message.get("stream", "").endswith("@bookTicker")]


@pytest.mark.parametrize("recording", ["ethusdt_20240808.gz", "btcusdt_20240718.gz"])
def test_usdm_depth_snapshot_and_book_ticker_have_the_recorded_shape(recordings, recording):
    recorded = list(raw_lines(recordings / "binance-raw/usdm" / recording))

    ours = generated(USDM_SOCKET)

    assert shapes(events(ours, "depthUpdate")) == shapes(events(recorded, "depthUpdate"))
    assert shapes(tickers(ours)) == shapes(tickers(recorded))
    assert shapes(generated(USDM_DEPTH)) == shapes(each for each in recorded if "lastUpdateId" in each)


def test_spot_depth_snapshot_trade_and_book_ticker_have_the_recorded_shape(recordings):
    recorded = list(raw_lines(recordings / "binance-raw/spot/ethusdt_20240808.gz"))

    ours = generated(SPOT_SOCKET)

    assert shapes(events(ours, "depthUpdate")) == shapes(events(recorded, "depthUpdate"))
    assert shapes(events(ours, "trade")) == shapes(events(recorded, "trade"))
    assert shapes(tickers(ours)) == shapes(tickers(recorded))
    assert shapes(generated(SPOT_DEPTH)) == shapes(each for each in recorded if "lastUpdateId" in each)


def test_usdm_aggregate_trade_has_the_recorded_shape(recordings):
    lines = zstd_lines(recordings / "cryptofeed/BINANCE_FUTURES.jsonl.zst")
    recorded = [orjson.loads(line["data"]) for line in lines if line["t"] == "recv"]

    assert shapes(events(generated(USDM_SOCKET), "aggTrade")) == shapes(events(recorded, "aggTrade"))


@pytest.mark.parametrize(
    ("topic", "kind"), [("orderbook", "snapshot"), ("orderbook", "delta"), ("publicTrade", "snapshot")]
)
def test_bybit_book_and_trades_have_the_recorded_shape(recordings, topic, kind):
    lines = zstd_lines(recordings / "bybit-raw/bybit_20260809_dev.jsonl.zst")
    recorded = [orjson.loads(line["raw"]) for line in lines if line["market"] == "spot"]

    def chosen(messages):
        return [each for each in messages if each.get("topic", "").startswith(topic) and each["type"] == kind]

    assert shapes(chosen(generated(BYBIT_SOCKET))) == shapes(chosen(recorded))


def test_prices_and_sizes_are_printed_with_the_recorded_decimals(recordings):
    def decimals(messages):
        cells = [cell for each in events(messages, "depthUpdate") for level in each["b"] for cell in level]
        return {len(cell.partition(".")[2]) for cell in cells}

    for folder, name, source in (
        ("usdm", "btcusdt_20240718.gz", USDM_SOCKET),
        ("spot", "ethusdt_20240808.gz", SPOT_SOCKET),
    ):
        recorded = raw_lines(recordings / "binance-raw" / folder / name)
        assert decimals(generated(source)) == decimals(recorded)


@pytest.mark.parametrize(
    ("kind", "added"),
    [("depthUpdate", ["ps", "st"]), ("bookTicker", ["ps", "st"]), ("aggTrade", ["nq", "st"])],
)
def test_new_fields_add_exactly_the_documented_keys_to_usdm(kind, added):
    plain = events(generated(USDM_SOCKET), kind)
    extended = events(generated(USDM_SOCKET, new_fields=True), kind)

    assert len(plain) == len(extended) > 0
    for old, new in zip(plain, extended, strict=True):
        assert [key for key in new if key not in old] == added
        assert {key: new[key] for key in old} == old


def test_new_fields_change_nothing_on_the_spot_venues():
    for source in (SPOT_SOCKET, SPOT_DEPTH, BYBIT_SOCKET):
        assert generated(source) == generated(source, new_fields=True)


@pytest.mark.parametrize(
    ("name", "reply"),
    [("BINANCE_FUTURES", usdm_exchange_info), ("BINANCE", spot_exchange_info)],
)
def test_binance_exchange_information_has_the_recorded_types_where_keys_are_shared(recordings, name, reply):
    lines = zstd_lines(recordings / f"cryptofeed/{name}.jsonl.zst")
    recorded = next(orjson.loads(line["data"]) for line in lines if line.get("url", "").endswith("exchangeInfo"))
    theirs = next(each for each in recorded["symbols"] if each["symbol"] == "BTCUSDT")

    ours = orjson.loads(reply(1_767_571_200_000))

    (symbol,) = ours["symbols"]
    shared = set(symbol) & set(theirs)
    assert {"symbol", "status", "baseAsset", "quoteAsset", "filters", "orderTypes"} <= shared
    assert all(type(symbol[key]) is type(theirs[key]) for key in shared)
    for kind in ("PRICE_FILTER", "LOT_SIZE"):
        mine, other = (next(f for f in each["filters"] if f["filterType"] == kind) for each in (symbol, theirs))
        assert {key: type(mine[key]) for key in mine} == {key: type(other[key]) for key in other}


def test_bybit_exchange_information_has_the_documented_form():
    reply = orjson.loads(bybit_exchange_info(1_767_571_200_000))

    (entry,) = reply["result"]["list"]
    assert list(reply) == ["retCode", "retMsg", "result", "retExtInfo", "time"]
    assert entry["lotSizeFilter"]["basePrecision"] == "0.000001"
    assert entry["priceFilter"] == {"tickSize": "0.1"}
