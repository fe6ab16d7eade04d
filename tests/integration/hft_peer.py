"""The same quotes in hftbacktest, run by an interpreter of its own: `python hft_peer.py FOLDER`.

FOLDER holds `events.npy` and `job.json`; `fills.npy`, `orders.npy` and `result.json` are put beside them. The rule is
that of `market_making` without forecast, risk aversion and volatility (docs/strategies.md): once a step both quotes
stand half a width from the mid, rounded outward and behind the touch; one that stands elsewhere is cancelled, and
placed anew a step later. Compiled code only between the first and the last event.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from hftbacktest import BacktestAsset, ROIVectorMarketDepthBacktest
from hftbacktest.data.utils import binancefutures
from hftbacktest.order import FILLED, GTX, LIMIT
from hftbacktest.types import event_dtype
from numba import njit

ASSET = 0
ROWS_MAX = 200_000
CONVERT_ROWS = 4_000_000

FILL = np.dtype([("ts_ns", "i8"), ("ts_sent_ns", "i8"), ("price_ticks", "i8"), ("size_lots", "i8"), ("side", "i8")])
ORDER = np.dtype([("ts_sent_ns", "i8"), ("price_ticks", "i8"), ("size_lots", "i8"), ("side", "i8")])


@njit
def quote_prices(best_bid: int, best_ask: int, half_width: float) -> tuple[int, int]:
    """Return both quotes in ticks."""
    mid = 0.5 * (best_bid + best_ask)
    bid = min(int(np.floor(mid * (1.0 - half_width))), best_ask - 1)
    ask = max(int(np.ceil(mid * (1.0 + half_width))), best_bid + 1)
    if ask <= bid:
        bid = ask - 1
    return bid, ask


@njit
def note_fills(hbt: Any, lot: float, fills: Any, count: int) -> int:
    """Write what was filled since the last step, forget orders that are done, and return the number of all fills."""
    values = hbt.orders(ASSET).values()
    while values.has_next():
        order = values.get()
        if order.status == FILLED:
            row = fills[count]
            row["ts_ns"] = order.exch_timestamp
            row["ts_sent_ns"] = order.order_id // 2
            row["price_ticks"] = order.exec_price_tick
            row["size_lots"] = round(order.exec_qty / lot)
            row["side"] = 0 if order.side == 1 else 1
            count += 1
    hbt.clear_inactive_orders(ASSET)
    return count


@njit
def work_side(hbt: Any, side: int, wanted_tick: int, wanted_lots: int, tick: float, lot: float) -> bool:
    """Cancel this side's quote where it stands wrongly, or place it where there is none; tell whether it was placed."""
    values = hbt.orders(ASSET).values()
    while values.has_next():
        order = values.get()
        if (order.side == 1) != (side == 0):
            continue
        is_kept = order.price_tick == wanted_tick and round(order.leaves_qty / lot) <= wanted_lots
        if not is_kept and order.cancellable:
            hbt.cancel(ASSET, order.order_id, False)
        return False
    if wanted_lots <= 0:
        return False
    order_id = hbt.current_timestamp * 2 + side  # the time of sending stands in it
    if side == 0:
        hbt.submit_buy_order(ASSET, order_id, wanted_tick * tick, wanted_lots * lot, GTX, LIMIT, False)
    else:
        hbt.submit_sell_order(ASSET, order_id, wanted_tick * tick, wanted_lots * lot, GTX, LIMIT, False)
    return True


@njit
def trade(
    hbt: Any,
    wait_ns: int,
    step_ns: int,
    steps: int,
    half_width: float,
    order_lots: int,
    limit_lots: int,
    fills: Any,
    orders: Any,
) -> tuple[int, int, int, int]:
    """Quote for `steps` steps; return the status of the last call, steps done, fills and orders."""
    status = hbt.elapse(wait_ns)
    depth = hbt.depth(ASSET)
    tick, lot = depth.tick_size, depth.lot_size
    fill_count, order_count, done = 0, 0, 0
    wanted = np.zeros(2, np.int64)
    lots = np.zeros(2, np.int64)
    while status == 0 and done < steps:
        fill_count = note_fills(hbt, lot, fills, fill_count)
        held = round(hbt.position(ASSET) / lot)
        wanted[0], wanted[1] = quote_prices(depth.best_bid_tick, depth.best_ask_tick, half_width)
        lots[0], lots[1] = min(order_lots, limit_lots - held), min(order_lots, limit_lots + held)
        for side in range(2):
            if work_side(hbt, side, wanted[side], lots[side], tick, lot):
                row = orders[order_count]
                row["ts_sent_ns"] = hbt.current_timestamp
                row["price_ticks"] = wanted[side]
                row["size_lots"] = lots[side]
                row["side"] = side
                order_count += 1
        done += 1
        status = hbt.elapse(step_ns)
    return status, done, note_fills(hbt, lot, fills, fill_count), order_count


def new_backtest(job: dict[str, Any], events: Any) -> Any:
    """Return a backtest at the first event; queue as in our pessimistic model: trades alone move it forward."""
    asset = (
        BacktestAsset()
        .data([events])
        .linear_asset(1.0)
        .constant_order_latency(job["latency_ns"], job["latency_ns"])
        .risk_adverse_queue_model()
        .no_partial_fill_exchange()
        .trading_value_fee_model(job["maker_fee"], job["taker_fee"])
        .tick_size(job["tick"])
        .lot_size(job["lot"])
        .roi_lb(job["roi_low"])
        .roi_ub(job["roi_high"])
        .last_trades_capacity(0)
    )
    return ROIVectorMarketDepthBacktest([asset])


def run(job: dict[str, Any], events: Any) -> tuple[float, dict[str, Any], Any, Any]:
    """Run once; return seconds, what it came to, fills and orders."""
    fills, orders = np.zeros(ROWS_MAX, FILL), np.zeros(ROWS_MAX, ORDER)
    begin = time.process_time()
    hbt = new_backtest(job, events)
    status, steps, fill_count, order_count = trade(
        hbt,
        job["ts_from_ns"] - int(events["local_ts"][0]),
        job["step_ns"],
        job["steps"],
        job["half_width"],
        job["order_lots"],
        job["limit_lots"],
        fills,
        orders,
    )
    seconds = time.process_time() - begin
    state, depth = hbt.state_values(ASSET), hbt.depth(ASSET)
    mid = 0.5 * (depth.best_bid + depth.best_ask)
    told = {
        "status": int(status),
        "steps": int(steps),
        "pnl": float(state.balance - state.fee + state.position * mid),
        "position_lots": round(state.position / job["lot"]),
    }
    hbt.close()
    return seconds, told, fills[:fill_count], orders[:order_count]


def convert_s(files: list[str]) -> float | None:
    """Return how long its own converter takes for the recordings; None where there are none."""
    begin = time.process_time()
    for file in files:
        binancefutures.convert(file, buffer_size=CONVERT_ROWS)
    return time.process_time() - begin if files else None


def main(folder: Path) -> None:
    """Run the job in `folder`."""
    job = json.loads((folder / "job.json").read_text())
    loaded = np.load(folder / "events.npy")
    events = np.zeros(len(loaded), event_dtype)  # its own layout, aligned as it wants it
    for name in event_dtype.names:
        events[name] = loaded[name]
    run(job, events[: min(len(events), 2_000)])  # compiles
    rounds = [run(job, events) for _ in range(job["rounds"])]
    _, told, fills, orders = rounds[-1]
    np.save(folder / "fills.npy", fills)
    np.save(folder / "orders.npy", orders)
    result = {**told, "seconds": [seconds for seconds, *_ in rounds], "convert_s": convert_s(job["raw_files"])}
    (folder / "result.json").write_text(json.dumps(result))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
