"""A run's figures as one JSON document, as a row of lake table `backtests`, and where its files stand."""

import math
from dataclasses import asdict
from pathlib import Path

import orjson
import pyarrow as pa
from pydantic import JsonValue

from native.config import NS_PER_MS, JsonObject
from streaming.backtest.evaluate import SAMPLE_NS, Evaluation
from streaming.backtest.interval import Interval
from streaming.backtest.request import Lane
from streaming.backtest.run import BacktestRun
from streaming.settings import Settings
from streaming.trader_document import strategy_names
from warehouse.files import write_atomically
from warehouse.lake import Lake
from warehouse.schema import table_schema

TABLE = "backtests"
FOLDER = "backtest"
"""Under the reports."""


def page_path(settings: Settings, run: BacktestRun) -> Path:
    """Return where the page of a run stands."""
    return settings.warehouse.reports_dir / FOLDER / f"{run.run}.html"


def document_path(settings: Settings, run: BacktestRun) -> Path:
    """Return where the newest document of a run's bundle stands; without a model it bears the run's name."""
    return settings.warehouse.reports_dir / FOLDER / f"{run.bundle or run.run}.json"


def fees_text(run: BacktestRun) -> str:
    """Return every instrument's fees in words, maker and taker in bps."""
    listed = run.document["instruments"]
    assert isinstance(listed, list), "an engine's document lists instruments"
    heard = {entry.name for entry in run.entries if entry is not None}
    words = [
        f"{item['venue']}:{item['symbol']} {item['maker_fee_bps']} / {item['taker_fee_bps']}"
        for item in listed
        if isinstance(item, dict) and f"{item['venue']}:{item['symbol']}" in heard
    ]
    return ", ".join(words)


def document_of(run: BacktestRun, evaluation: Evaluation) -> JsonObject:
    """Return everything of a run that is not a record; what is not defined is null, an endless factor "inf"."""
    execution, earnings, counts = evaluation.execution, evaluation.earnings, run.counts
    return {
        "run": run.run,
        "bundle": run.bundle,
        "grid": run.grid.name,
        "span": {"ts_from_ns": run.ts_from_ns, "ts_to_ns": run.ts_to_ns},
        "queue": run.lanes[0].queue,
        "latency": run.lanes[0].latency.text,
        "fees_bps": fees_text(run),
        "strategies": list(strategy_names(run.lanes[0].document)),
        "settings_hash": run.settings_hash,
        "on_gap": run.request.on_gap,
        "fitted_until_ns": run.fitted_until_ns,
        "masked": [asdict(span) for span in run.masked],
        "masked_ns": evaluation.masked_ns,
        "masked_share": evaluation.masked_share,
        "unheard": list(evaluation.unheard),
        "other_quotes": list(evaluation.other_quotes),
        "left_out": list(run.left_out),
        "counts": {**_plain(asdict(counts)), "frames_per_s": _rate(run)},
        "prediction": {"horizon_steps": run.horizon_step, **_plain(asdict(evaluation.prediction))},
        "leak": _plain(asdict(evaluation.leak)),
        "execution": _plain(asdict(execution)),
        "earnings": {**_plain(asdict(earnings)), **_surely(earnings.pnl_interval)},
        "sensitivity": [lane_row(lane, run, number) for number, lane in enumerate(run.lanes)],
        "max_drawdown_e8": earnings.max_drawdown_e8,
        "gross_exposure_max_e8": earnings.max_gross_exposure_e8,
        "sample_ns": SAMPLE_NS,
        "equity_e8": {
            str(ts_ns): equity
            for ts_ns, equity in zip(
                evaluation.samples.ts_ns.tolist(), evaluation.samples.equity_e8.tolist(), strict=True
            )
        },
    }


def lane_row(lane: Lane, run: BacktestRun, number: int) -> JsonObject:
    """Return what one lane gave, from the core's own sums."""
    row = run.summary[run.summary["lane"] == number][0]
    names = ("orders", "fills", "maker_fills", "submitted_lots", "filled_lots", "turnover_e8", "fees_e8", "funding_e8")
    figures: JsonObject = {name: int(row[name]) for name in (*names, "equity_e8", "max_drawdown_e8")}
    submitted = int(row["submitted_lots"])
    return {
        "queue": lane.queue,
        "latency": lane.latency.text,
        "latency_ms": lane.latency.median_ns / NS_PER_MS,
        **figures,
        "fill_rate": int(row["filled_lots"]) / submitted if submitted else None,
    }


def _surely(interval: Interval | None) -> JsonObject:
    return {"pnl_interval_includes_zero": None if interval is None else interval.includes_zero}


def _rate(run: BacktestRun) -> int:
    return round(run.counts.frames / run.counts.wall_s) if run.counts.wall_s else 0


def _plain(value: object) -> JsonObject:
    """Return a dataclass's dictionary with what JSON has no word for said otherwise."""
    assert isinstance(value, dict), "of a dataclass"
    return {str(name): _json(part) for name, part in value.items()}


def _json(value: object) -> JsonValue:
    if isinstance(value, dict):
        return _plain(value)
    if isinstance(value, float) and not math.isfinite(value):
        return "inf" if value > 0 else None
    if value is None or isinstance(value, str | int | float | bool):
        return value
    raise TypeError(f"expected a plain value, found {type(value).__name__}")


def write_document(settings: Settings, run: BacktestRun, document: JsonObject) -> Path:
    """Write the document where promotion looks for it."""
    path = document_path(settings, run)
    write_atomically(path, orjson.dumps(document))
    return path


def write_row(settings: Settings, run: BacktestRun, evaluation: Evaluation) -> None:
    """Write the run's row of lake table `backtests`; a figure that is not defined is NaN."""
    execution, earnings, prediction = evaluation.execution, evaluation.earnings, evaluation.prediction
    interval, sharpe = earnings.pnl_interval, earnings.sharpe_interval
    costs = asdict(earnings.costs)
    row: dict[str, object] = {
        "grid": run.grid.name,
        "model": run.bundle or "",
        "strategies": ",".join(strategy_names(run.lanes[0].document)),
        "queue": run.lanes[0].queue,
        "latency": run.lanes[0].latency.text,
        "on_gap": run.request.on_gap,
        "quote": earnings.quote,
        "settings_hash": run.settings_hash,
        "leak_warning": evaluation.leak.warning,
        "ts_from_ns": run.ts_from_ns,
        "ts_to_ns": run.ts_to_ns,
        "masked_ns": evaluation.masked_ns,
        **{name: getattr(run.counts, name) for name in ("steps", "frames", "forecasts", "withheld")},
        **{name: getattr(execution, name) for name in ("orders", "refused", "fills", "maker_fills")},
        **{name: costs[name] for name in costs if name != "net_e8"},
        **{
            name: getattr(earnings, name)
            for name in ("trades", "pnl_e8", "max_drawdown_e8", "capital_e8", "turnover_e8", "max_gross_exposure_e8")
        },
        **{
            f"{name}_p50_ns": getattr(execution, name).p50_ns or 0
            for name in ("signal_to_request", "step_to_request", "request_to_answer")
        },
        **{
            name: getattr(prediction, name)
            for name in ("mse_bps2", "mae_bps", "persistence_mse_bps2", "persistence_mae_bps")
        },
        **{name: getattr(execution, name) for name in ("submitted_lots", "filled_lots", "fill_rate")},
        **{
            name: getattr(earnings, name)
            for name in ("sharpe", "drawdown_share", "profit_factor", "hit_rate", "exposure_time")
        },
        "pnl_low_e8": None if interval is None else interval.low,
        "pnl_high_e8": None if interval is None else interval.high,
        "sharpe_low": None if sharpe is None else sharpe.low,
        "sharpe_high": None if sharpe is None else sharpe.high,
    }
    schema = table_schema(TABLE).columns
    columns = {name: [math.nan if row[name] is None else row[name]] for name in schema.names}
    Lake(settings.warehouse.lake_dir).write_table(TABLE, {"run": run.run}, pa.table(columns, schema=schema))
