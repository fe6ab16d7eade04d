"""The venues' own clients are the judges: they read exchange information, depth and streams of the emulator.

Each lives in an environment of its own, never in the project's: `make judges`.
"""

import asyncio
from itertools import pairwise
from pathlib import Path

import orjson
import pytest

from streaming.emulator.instruments import SYMBOL
from streaming.emulator.market import MarketEmulator
from streaming.emulator.serve import serving
from streaming.emulator.source import EndlessMarket

ROOT = Path(__file__).resolve().parents[3]
JUDGES = ROOT / "build" / "judges"
NAMES = ("usdm", "spot", "pybit")
SCRIPT = Path(__file__).with_name("official_clients.py")
START_NS = 1_767_571_200_000_000_000

pytestmark = pytest.mark.slow


async def read(judge, addresses):
    """Return what one judge read."""
    python = JUDGES / judge / "bin" / "python"
    if not python.exists():
        pytest.fail(f"no judge at {python}: make judges", pytrace=False)
    child = await asyncio.create_subprocess_exec(
        str(python), str(SCRIPT), judge, addresses, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    try:
        out, error = await asyncio.wait_for(child.communicate(), 90)
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    assert child.returncode == 0, error.decode()[-2_000:]
    return orjson.loads(out)


async def judged():
    emulator = MarketEmulator(EndlessMarket(1, START_NS, new_fields=True))
    async with serving(emulator, speed=20.0) as served:
        addresses = orjson.dumps(served.addresses).decode()
        read_by = await asyncio.gather(*(read(judge, addresses) for judge in NAMES))
    return {name: value for each in read_by for name, value in each.items()}


@pytest.fixture(scope="module")
def found():
    return asyncio.run(judged())


def test_binances_clients_read_rest(found) -> None:
    for venue, weight in (("binance_usdm", 2), ("binance_spot", 5)):
        read = found[venue]
        assert read["symbols"] == [SYMBOL]
        assert len(read["depth"]["bids"]) == len(read["depth"]["asks"]) == 5
        assert read["weights"] == [weight]
        assert read["time"]["serverTime"] > START_NS // 1_000_000


def test_binances_clients_read_streams(found) -> None:
    for venue, trade in (("usdm_streams", "aggTrade"), ("spot_streams", "trade")):
        read = found[venue]
        assert {message["s"] for message in read["depth"] + read["quote"] + read["trade"]} == {SYMBOL}
        assert {message["e"] for message in read["trade"]} == {trade}
    usdm, spot = found["usdm_streams"]["depth"], found["spot_streams"]["depth"]
    assert all(after["pu"] == before["u"] for before, after in pairwise(usdm))
    assert all(after["U"] == before["u"] + 1 for before, after in pairwise(spot))


def test_binances_clients_read_trades_best_prices_and_mark_price(found) -> None:
    for venue in ("binance_usdm", "binance_spot"):
        read = found[venue]
        assert len(read["trades"]) == len(read["aggregates"]) == 5
        assert float(read["best"]["bidPrice"]) < float(read["best"]["askPrice"])
        assert [row["id"] for row in read["trades"]] == sorted(row["id"] for row in read["trades"])
    assert float(found["binance_usdm"]["mark"]["markPrice"]) > 0


def test_binances_clients_read_streams_made_of_others(found) -> None:
    for venue, sides in (("usdm_streams", ("b", "a")), ("spot_streams", ("bids", "asks"))):
        read = found[venue]
        assert all(len(message[side]) == 5 for message in read["best"] for side in sides)
        assert {message["k"]["i"] for message in read["candle"]} == {"1m"}
    assert {message["e"] for message in found["usdm_streams"]["mark"]} == {"markPriceUpdate"}
    assert {message["e"] for message in found["spot_streams"]["aggregate"]} == {"aggTrade"}


def test_pybit_reads_tickers_candles_and_recent_trades(found) -> None:
    read = found["bybit_spot"]

    assert len(read["recent"]) == 5
    assert float(read["best"][0]["bid1Price"]) < float(read["best"][0]["ask1Price"])
    assert {row["symbol"] for row in read["tickers"]} == {SYMBOL}
    assert {row["interval"] for row in read["candles"]} == {"1"}


def test_pybit_reads_rest_and_streams(found) -> None:
    read = found["bybit_spot"]

    ids = [last for _, last in read["books"]]
    assert read["symbols"] == [SYMBOL]
    assert len(read["depth"]["b"]) == 5
    assert int(read["time"]["timeSecond"]) >= START_NS // 10**9
    assert ids == [*range(ids[0], ids[0] + len(ids))]
    assert len(read["trades"]) == 20
