"""Samples of a generated market, made by the core without a lake; from any step on under another regime."""

from functools import cache

import orjson
import polars as pl

import native
from native.config import EngineSettings, GridConfig, engine_document, slot_ids
from orchestration.defs.drift.samples import Sample, sample_of
from streaming.emulator.generator import segment_header
from streaming.emulator.market_frames import MarketFrames
from streaming.emulator.market_model import MarketModel
from streaming.emulator.regime import Regime, RegimePlan
from warehouse.records import grid_table

START_NS = 1_767_571_200_000_000_000
BLOCK_STEPS = 50
NAMES = ("binance_usdm:BTCUSDT", "binance_spot:BTCUSDT", "bybit_spot:BTCUSDT")
GRID = GridConfig(name="main", instruments=NAMES, reference=NAMES[0])


@cache
def market_sample(steps: int, seed: int, regime: Regime | None = None) -> Sample:
    """Return `steps` steps of the market of `seed`, all of them in `regime`."""
    header = segment_header("market", START_NS)
    document = engine_document(header.instrument_rows(), header.source_rows(), EngineSettings(), GRID)
    document["emit"] = {"grid": True}
    engine = native.Engine(orjson.dumps(document).decode())
    model, frames, plan = MarketModel(seed, 1.0), MarketFrames(seed, START_NS, new_fields=False), RegimePlan(seed)
    plan.begin(regime or Regime(), 0)
    for _ in range(steps // BLOCK_STEPS):
        for frame in frames.frames(plan.alter(model.advance(BLOCK_STEPS))):
            if not frame.is_request:
                engine.frame(frame.seq, frame.source, frame.ts_recv_ns, frame.payload)
    names = [(entry.venue, entry.symbol) for entry in header.instruments]
    rows = grid_table(engine.drain()["grid"], names, slot_ids(GRID, header.instrument_rows()))
    return sample_of(pl.LazyFrame(pl.from_arrow(rows)), "nothing")
