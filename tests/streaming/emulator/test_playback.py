"""Real recordings played by the emulator: who subscribes and asks as of the venue itself has the true book."""

import os
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import orjson
import pytest
from emulator.live_client import in_units
from emulator.machine import BYBIT, SPOT, USDM

import native
from streaming.emulator.market import MarketEmulator
from streaming.emulator.session import Send
from streaming.emulator.source import RecordedMarket
from streaming.errors import UsageError
from streaming.importer import import_recording
from streaming.recordings import read_recordings
from warehouse.lake import Lake

S_NS = 1_000_000_000
SYMBOL = "ETHUSDT"


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    """A lake with the recordings of ETHUSDT."""
    folder = os.environ.get("LOB_RECORDINGS")
    if not folder or not Path(folder).is_dir():
        pytest.skip("LOB_RECORDINGS names no folder of recordings")
    root = tmp_path_factory.mktemp("lake")
    for recording in read_recordings(Path(folder)):
        if recording.symbol == SYMBOL:
            import_recording(root, replace(recording, files=recording.files[:1]), lambda message: None)
    return Lake(root)


class Client:
    """One connection and an engine that hears it."""

    def __init__(self, lake, venue):
        self.emulator = MarketEmulator(RecordedMarket(lake, [f"{venue}:{SYMBOL}"]))
        self.now_ns = self.emulator.prime()
        self.venue = self.emulator.venues[venue]
        (self.entry,) = self.emulator.source.instruments
        names = ("venue", "symbol", "market_type", "tick", "size_unit", "lot", "maker_fee_bps", "taker_fee_bps")
        row = {name: getattr(self.entry, name) for name in names} | {"id": 0}
        sources = [{"id": 0, "venue": venue, "instrument": None, "kind": "websocket"}]
        sources.append({"id": 1, "venue": venue, "instrument": SYMBOL, "kind": "rest_depth"})
        self.engine = native.Engine(orjson.dumps({"instruments": [row], "sources": sources}).decode())
        self.gaps = []
        self._seq = 0

    def open(self, path, **query):
        return self.venue.open(path, query, self.emulator.next_session_id(), self.now_ns)

    def wait(self, session, seconds, *, rest_path=None):
        """Play so much market, hear it, and fetch a snapshot whenever the engine asks for one."""
        end_ns = self.now_ns + int(seconds * S_NS)
        while self.now_ns < end_ns and not self.emulator.is_over:
            self.now_ns = min(end_ns, self.now_ns + S_NS // 10)
            while not self.emulator.advance(self.now_ns):
                pass
            for item in session.data_to_send(10**6):
                if isinstance(item, Send):
                    self._hear(0, item.data)
            out = self.engine.drain()
            self.gaps += [*out["gaps"]]
            if rest_path is not None and len(out["feed_requests"]):
                reply = self.venue.rest.answer(rest_path, {"symbol": SYMBOL, "limit": "1000"}, self.now_ns)
                assert reply.status == 200
                self._hear(1, reply.body)

    def _hear(self, source, payload):
        self._seq += 1
        self.engine.frame(self._seq, source, self.now_ns, payload)

    def assert_book_is_true(self, levels=20):
        truth = self.emulator.truth_at(self.entry.name, levels)
        for own, true in zip(self.engine.book(0, levels), in_units(truth, self.entry), strict=True):
            assert np.array_equal(own, true)


@pytest.mark.parametrize(
    ("venue", "path", "rest_path"),
    [(SPOT, "/stream", "/api/v3/depth"), (USDM, "/public/stream", "/fapi/v1/depth")],
)
def test_a_recorded_binance_book_is_bridged_and_stays_true(lake, venue, path, rest_path) -> None:
    client = Client(lake, venue)
    session = client.open(path, streams="ethusdt@depth@100ms/ethusdt@bookTicker")

    client.now_ns += -client.now_ns % (S_NS // 10)  # USD-M was recorded without windows; ours are whole at their end
    client.wait(session, 30.0, rest_path=rest_path)

    assert client.engine.feed_state(0) == "synced"
    assert client.gaps == []
    client.assert_book_is_true()


@pytest.mark.parametrize("levels", [50, 200])
def test_recorded_bybit_is_heard_at_its_own_depth_and_at_another(lake, levels) -> None:
    client = Client(lake, BYBIT)
    session = client.open("/v5/public/spot")
    topics = [f"orderbook.{levels}.{SYMBOL}", f"publicTrade.{SYMBOL}", f"tickers.{SYMBOL}", f"kline.1.{SYMBOL}"]
    session.receive_text(orjson.dumps({"op": "subscribe", "args": topics}), client.now_ns)

    client.wait(session, 60.0)

    assert client.emulator.is_over
    assert client.gaps == []
    client.assert_book_is_true(50)
    assert {topic: session.sent[topic] > 0 for topic in topics} == dict.fromkeys(topics, True)


def test_exchange_information_is_made_from_the_segments_headers(lake) -> None:
    client = Client(lake, USDM)

    reply = orjson.loads(client.venue.rest.answer("/fapi/v1/exchangeInfo", {}, client.now_ns).body)

    (row,) = reply["symbols"]
    steps = {each["filterType"]: each.get("tickSize", each.get("stepSize")) for each in row["filters"]}
    assert (row["symbol"], row["baseAsset"], row["quoteAsset"]) == (SYMBOL, "ETH", "USDT")
    assert (float(steps["PRICE_FILTER"]), float(steps["LOT_SIZE"])) == (0.01, 0.001)


def test_single_trades_that_were_recorded_are_served_as_aggregates_too(lake) -> None:
    client = Client(lake, USDM)
    session = client.open("/market/stream", streams="ethusdt@aggTrade")

    client.wait(session, 20.0)

    assert session.sent["ethusdt@aggTrade"] > 10


def test_recordings_that_lie_apart_are_refused_with_what_to_do(lake) -> None:
    with pytest.raises(UsageError, match=r"without a frame lie before bybit_spot:ETHUSDT; choose"):
        RecordedMarket(lake, [f"{SPOT}:{SYMBOL}", f"{BYBIT}:{SYMBOL}"])

    together = RecordedMarket(lake, [f"{SPOT}:{SYMBOL}", f"{USDM}:{SYMBOL}"])
    assert len([*islice(together.items(), 100)]) == 100
