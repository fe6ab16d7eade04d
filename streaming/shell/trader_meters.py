"""A running trader's numbers: the status document that control and bus tell, and the line of progress."""

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal

from pydantic import JsonValue

from native.config import JsonObject
from streaming.shell.clock import Clock
from streaming.shell.inference import InferenceThread
from streaming.shell.latency import Latencies
from streaming.shell.model_watch import ModelWatch
from streaming.shell.trader_bus import TraderBus
from streaming.shell.trader_names import MODE, PROCESS, STARTING
from streaming.shell.trader_venue import TraderVenue
from streaming.shell.trading_loop import TradingLoop
from streaming.trader.standing import text_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """What a trader's numbers are read from."""

    clock: Clock
    trading: TradingLoop | None
    """None while it starts."""
    venues: Sequence[TraderVenue]
    inference: InferenceThread | None
    watch: ModelWatch | None
    """None without a model, like inference."""
    latencies: Latencies
    bus: TraderBus


def status_document(sources: Sources) -> JsonObject:
    """Return all of it as one JSON object; prices, sizes and money as decimal text, times as ns."""
    document: JsonObject = {
        "process": PROCESS,
        "mode": MODE,
        "pid": os.getpid(),
        "ts_ns": sources.clock.now_ns(),
        "clock_speed": sources.clock.speed,
        "state": STARTING,
        "venues": [venue.to_json() for venue in sources.venues],
        "bus": sources.bus.to_json(),
    }
    trading = sources.trading
    if trading is None:
        return document
    session = trading.session
    counts: JsonObject = {
        **asdict(session.counts),
        "windows": 0 if sources.inference is None else sources.inference.counts.windows,
        "windows_skipped": 0 if sources.inference is None else sources.inference.counts.windows_skipped,
        "forecast_failures": trading.forecast_failures,
    }
    money: list[Decimal] = [Decimal(str(item["pnl"])) for item in session.positions()]
    return {
        **document,
        **session.status().to_json(),
        "model": None if sources.watch is None else sources.watch.to_json(),
        "last_forecast_problem": trading.last_forecast_problem,
        "counts": counts,
        "pnl": text_of(sum(money, Decimal(0))),
        "latency": sources.latencies.to_json(),
    }


def progress_text(document: JsonObject) -> str:
    """Return the progress line of a status."""
    mode, state = str(document["mode"]).upper(), str(document["state"]).upper()
    counts = document.get("counts")
    if not isinstance(counts, dict):
        return f"{mode}  {state}"
    parts = [
        f"{mode}  {state}",
        f"{counts['frames']} frames",
        f"{counts['steps']} steps",
        _forecasts(counts),
        f"{counts['orders']} orders",
        f"{counts['fills']} fills",
        f"pnl {Decimal(str(document['pnl'])):.2f}",
        f"lag {_lag(document['venues'])}",
        f"gaps {counts['gaps_opened']} ({counts['gaps_closed']} closed)",
        *_warnings(document),
    ]
    return "  ".join(part for part in parts if part)


def _forecasts(counts: dict[str, JsonValue]) -> str:
    lost = [(counts["forecasts_late"], "late"), (counts["windows_skipped"], "skipped")]
    words = ", ".join(f"{count} {word}" for count, word in lost if count)
    return f"{counts['forecasts']} forecasts{f' ({words})' if words else ''}"


def _lag(venues: JsonValue) -> str:
    assert isinstance(venues, list), "made here"
    known = [float(str(venue["lag_ms"])) for venue in venues if isinstance(venue, dict) and venue["lag_ms"] is not None]
    return f"{max(known):.0f} ms" if known else "-"


def _warnings(document: JsonObject) -> list[str]:
    venues, model = document["venues"], document["model"]
    assert isinstance(venues, list), "made here"
    lost = [str(name) for venue in venues if isinstance(venue, dict) for name in _names(venue["waiting_for"])]
    found = [f"NO BOOK {', '.join(lost)}"] if lost else []
    found += ["RULES CHANGED" for venue in venues if isinstance(venue, dict) and venue["rules_changed"]]
    if model is None:
        found.append("NO MODEL")
    elif isinstance(model, dict) and model["refused"]:
        found.append(f"MODEL REFUSED {model['refused']}x")
    if document["last_forecast_problem"]:
        found.append("FORECASTS FAIL")
    return found


def _names(value: JsonValue) -> list[JsonValue]:
    return value if isinstance(value, list) else []
