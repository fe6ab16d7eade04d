"""The market maker of the comparison: our backtest of it, and the job that tells another backtester the same."""

import statistics
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from market_span import STEP_MS, Ints, MarketSpan, Structured, grid_of, ready_events
from peer_environment import run_peer

import native
from native.config import (
    NS_PER_MS,
    EngineSettings,
    FeeSettings,
    InstrumentLimits,
    RiskSettings,
    engine_document,
    trading_document,
)
from native.strategy_settings import MarketMakingStrategy
from warehouse.schema import BOOK_LEVELS

PEER = Path(__file__).with_name("hft_peer.py")
LATENCY_MS = 5
MAKER_BPS, TAKER_BPS = "0.02", "5"
ORDER_LOTS, LIMIT_LOTS = 1, 20
HALF_WIDTH_BPS = 0.05
ROI_SHARE = 0.05
"""The peer's book holds prices this far around the trades."""
FILL = np.dtype([("ts_ns", "i8"), ("ts_sent_ns", "i8"), ("price_ticks", "i8"), ("size_lots", "i8"), ("side", "i8")])
ORDER = np.dtype([("ts_sent_ns", "i8"), ("price_ticks", "i8"), ("size_lots", "i8"), ("side", "i8")])
"""Fills by the venue's time, and orders; side 0 buys. The peer writes the same."""


@dataclass(frozen=True, slots=True)
class QuotingResult:
    """What a run of one lane gave."""

    seconds: float
    fills: Structured
    orders: Structured
    pnl: float


def settings_of(span: MarketSpan, half_width_bps: float) -> EngineSettings:
    """Return settings under which nothing but the quotes, their latency and the inventory limit has an effect."""
    lot = float(span.instrument.lot)
    quote = MarketMakingStrategy(
        name="quotes",
        kind="market_making",
        risk_aversion=0.0,
        volatility_weight=0.0,
        min_half_width_bps=half_width_bps,
    )
    size, limit = f"{ORDER_LOTS * lot:.8f}", f"{LIMIT_LOTS * lot:.8f}"
    return EngineSettings(
        stale_ms=60_000,
        order_latency_ms=LATENCY_MS,
        strategies=(quote,),
        risk=RiskSettings(price_deviation_bps=1_000.0, max_exposure_quote="100000000", forecast_age_max_ms=1_000),
        limits={span.instrument.name: InstrumentLimits(order_size=size, max_order_size=size, max_position=limit)},
        fees={span.instrument.venue: FeeSettings(maker_bps=MAKER_BPS, taker_bps=TAKER_BPS)},
    )


def lane_of(span: MarketSpan, half_width_bps: float = HALF_WIDTH_BPS, record: str = "all") -> str:
    """Return a lane that quotes `half_width_bps` from the mid."""
    document = trading_document({}, grid_of(span.instrument), settings_of(span, half_width_bps), run_tag=1)
    return orjson.dumps({**document, "timers": True, "record": record}).decode()


def idle_lane(span: MarketSpan) -> str:
    """Return a lane that never wants anything: what is left is decoding, books, grid and the clock."""
    document = orjson.loads(lane_of(span, record="summary"))
    silent = {"name": "nothing", "kind": "external", "max_age_ns": NS_PER_MS}
    return orjson.dumps({**document, "strategies": [silent]}).decode()


def run_lanes(span: MarketSpan, lanes: Sequence[str], *, keeps_grid: bool = False) -> tuple[float, native.Backtest]:
    """Run the span once; return the processor's seconds from frames to the end, and the machine."""
    settings = settings_of(span, HALF_WIDTH_BPS)
    instruments, sources = [asdict(entry) for entry in span.instruments], [asdict(entry) for entry in span.sources]
    document = engine_document(instruments, sources, settings, grid_of(span.instrument))
    document["emit"] = {"book_updates": False, "trades": False, "quotes": False, "grid": keeps_grid}
    config = orjson.dumps(document).decode()
    begin = time.process_time()
    machine = native.Backtest(config, list(lanes))
    machine.process(span.block)
    machine.finish(span.ends_ns[1])
    return time.process_time() - begin, machine


def run_quotes(span: MarketSpan) -> QuotingResult:
    """Run the one lane of the comparison and return what it did."""
    seconds, machine = run_lanes(span, [lane_of(span)])
    records, summary = machine.drain(0), machine.summary()
    assert len(records["rejects"]) == 0, "a span that the core takes whole"
    return QuotingResult(
        seconds=seconds,
        fills=_fills(span, records["fills"], records["order_requests"]),
        orders=_orders(span, records["order_requests"]),
        pnl=float(summary["equity_e8"][0]) / 1e8,
    )


def mids_x2(span: MarketSpan) -> tuple[Ints, Ints]:
    """Return the grid's steps and best bid + best ask at each, where the book was valid."""
    _, machine = run_lanes(span, [idle_lane(span)], keeps_grid=True)
    rows = machine.grid()
    rows = rows[rows["is_valid"] == 1]
    return rows["ts_step_ns"], rows["price_ticks"][:, 0] + rows["price_ticks"][:, BOOK_LEVELS]


def _orders(span: MarketSpan, requests: Structured) -> Structured:
    placed = requests[requests["kind"] == 0]
    out = np.zeros(len(placed), ORDER)
    out["ts_sent_ns"], out["price_ticks"], out["side"] = placed["ts_ns"], placed["price_ticks"], placed["side"]
    out["size_lots"] = placed["size_units"] // span.lot_units
    return out


def _fills(span: MarketSpan, fills: Structured, requests: Structured) -> Structured:
    placed = requests[requests["kind"] == 0]
    sent_ns = dict(zip(placed["client_order_id"].tolist(), placed["ts_ns"].tolist(), strict=True))
    out = np.zeros(len(fills), FILL)
    out["ts_ns"] = fills["ts_ns"] - LATENCY_MS * NS_PER_MS
    out["ts_sent_ns"] = [sent_ns[order] for order in fills["client_order_id"].tolist()]
    out["price_ticks"], out["side"] = fills["price_ticks"], fills["side"]
    out["size_lots"] = fills["size_units"] // span.lot_units
    assert bool(fills["is_maker"].all()), "quotes never take"
    return out


def job_of(span: MarketSpan, ours: QuotingResult, rounds: int) -> dict[str, Any]:
    """Return what the peer needs to quote alike: from the step of our first order to the span's end."""
    from_ns, step_ns = int(ours.orders["ts_sent_ns"][0]), STEP_MS * NS_PER_MS
    prices: Ints = span.trades["price_ticks"]
    return {
        "ts_from_ns": from_ns,
        "step_ns": step_ns,
        "steps": (span.ends_ns[1] - from_ns) // step_ns,
        "half_width": HALF_WIDTH_BPS / 1e4,
        "order_lots": ORDER_LOTS,
        "limit_lots": LIMIT_LOTS,
        "latency_ns": LATENCY_MS * NS_PER_MS,
        "maker_fee": float(MAKER_BPS) / 1e4,
        "taker_fee": float(TAKER_BPS) / 1e4,
        "tick": span.tick,
        "lot": span.lot,
        "roi_low": float(prices.min()) * span.tick * (1 - ROI_SHARE),
        "roi_high": float(prices.max()) * span.tick * (1 + ROI_SHARE),
        "raw_files": [str(file) for file in span.raw_files],
        "rounds": rounds,
    }


def run_peer_quotes(
    span: MarketSpan, ours: QuotingResult, folder: Path, rounds: int
) -> tuple[QuotingResult, float | None]:
    """Run the same quotes in hftbacktest; return what they did and its converter's seconds for the raw files."""
    folder.mkdir()
    np.save(folder / "events.npy", ready_events(span))
    (folder / "job.json").write_bytes(orjson.dumps(job_of(span, ours, rounds)))
    run_peer(PEER, folder)
    told = orjson.loads((folder / "result.json").read_bytes())
    assert told["status"] == 0, f"hftbacktest ended with {told['status']} after {told['steps']} steps"
    fills, orders = np.load(folder / "fills.npy"), np.load(folder / "orders.npy")
    return QuotingResult(statistics.median(told["seconds"]), fills, orders, told["pnl"]), told["convert_s"]
