"""Frames a second from bytes to book and features, beside what a Python user would otherwise write."""

import heapq
import importlib.util
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest
from recorded_frames import ETHUSDT_PERP, ETHUSDT_SPOT, document_for, recorded_lines

import native

ROUNDS = 5

Frames = list[tuple[int, int, bytes]]


def depth_frames(files: list[Path]) -> Frames:
    """(source, ts_recv_ns, payload) of snapshots and depth updates."""
    lines = recorded_lines(files)
    return [
        (1 if payload.startswith(b'{"lastUpdateId"') else 0, ts_recv_ns, payload)
        for ts_recv_ns, payload in lines
        if payload.startswith(b'{"lastUpdateId"') or b"@depth" in payload[:40]
    ]


def play_core(frames: Frames, instrument: tuple[str, str, str, str, str]) -> None:
    document = document_for(*instrument)
    document["emit"] = {}
    document["grid"] = {
        "step_ns": 100_000_000,
        "slots": [0],
        "reference": 0,
        "stale_ns": 2_000_000_000,
        "window_steps": 60,
        "max_catchup_steps": 600,
    }
    engine = native.Engine(json.dumps(document))
    frame = engine.frame
    for seq, (source, ts_recv_ns, payload) in enumerate(frames, start=1):
        frame(seq, source, ts_recv_ns, payload)


def levels_of(message: dict[str, object]) -> tuple[list[list[str]], list[list[str]]]:
    data = message.get("data", message)
    assert isinstance(data, dict)
    return data.get("b", data.get("bids")), data.get("a", data.get("asks"))  # type: ignore[return-value]


def play_dict(frames: Frames, _: tuple[str, str, str, str, str]) -> None:
    """orjson, two dicts of floats (inexact, but kinder to this contender than Decimal), best five by heap."""
    bids: dict[float, float] = {}
    asks: dict[float, float] = {}
    for _source, _ts, payload in frames:
        for side, levels in zip((bids, asks), levels_of(orjson.loads(payload)), strict=True):
            for price, size in levels:
                if (amount := float(size)) == 0:
                    side.pop(float(price), None)
                else:
                    side[float(price)] = amount
        heapq.nlargest(5, bids)
        heapq.nsmallest(5, asks)


def play_order_book(frames: Frames, _: tuple[str, str, str, str, str]) -> None:
    """The package order-book (C extension) over orjson, with float keys, as lean as it can be fed."""
    from order_book import OrderBook

    book = OrderBook()
    for _source, _ts, payload in frames:
        for side, levels in zip((book.bids, book.asks), levels_of(orjson.loads(payload)), strict=True):
            for price, size in levels:
                if (amount := float(size)) == 0:
                    if (key := float(price)) in side:
                        del side[key]
                else:
                    side[float(price)] = amount
        for side in (book.bids, book.asks):
            for level in range(min(5, len(side))):
                side.index(level)


def contenders() -> dict[str, Callable[[Frames, tuple[str, str, str, str, str]], None]]:
    found: dict[str, Callable[[Frames, tuple[str, str, str, str, str]], None]] = {
        "this core (decode, book, features)": play_core,
        "orjson + dict of float": play_dict,
    }
    if importlib.util.find_spec("order_book"):
        found["orjson + order-book"] = play_order_book
    return found


@pytest.mark.bench
@pytest.mark.parametrize(
    ("instrument", "files"),
    [(ETHUSDT_PERP, ["usdm/ethusdt_20240808.gz"]), (ETHUSDT_SPOT, ["spot/ethusdt_20240808.gz"])],
    ids=["usdm ETHUSDT", "spot ETHUSDT"],
)
def test_frames_a_second(recordings: Path, instrument: tuple[str, str, str, str, str], files: list[str]) -> None:
    frames = depth_frames([recordings / "binance-raw" / name for name in files])
    seconds: dict[str, list[float]] = {name: [] for name in contenders()}

    for _ in range(ROUNDS):
        for name, play in contenders().items():
            start = time.perf_counter()
            play(frames, instrument)
            seconds[name].append(time.perf_counter() - start)

    ours = statistics.median(seconds["this core (decode, book, features)"])
    print(f"\n{len(frames)} frames, {sum(len(p) for _, _, p in frames) / len(frames):.0f} bytes each on average")
    for name, times in seconds.items():
        median = statistics.median(times)
        print(f"  {name:38} {len(frames) / median:12,.0f} frames/s   {median / ours:6.1f} x our time")
