"""A running trader's numbers: the status document that control and bus tell, and the line of progress."""

import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal

from pydantic import JsonValue

from native.config import EngineSettings, JsonObject
from streaming.limits import limit_rows
from streaming.shell.clock import Clock
from streaming.shell.inference import first_line
from streaming.shell.latency import Latencies
from streaming.shell.live_side import LiveSide
from streaming.shell.metrics_writer import MetricsWriter
from streaming.shell.model_life import ModelLife
from streaming.shell.order_documents import newest_orders, newest_ways
from streaming.shell.own_facts import OwnFacts
from streaming.shell.stage_keeper import StageKeeper
from streaming.shell.trader_bus import TraderBus
from streaming.shell.trader_names import PROCESS, STARTING
from streaming.shell.trader_venue import TraderVenue
from streaming.shell.trading_loop import TradingLoop
from streaming.shell.view_publisher import ViewPublisher
from streaming.trader.modes import Mode
from streaming.trader.standing import text_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """What a trader's numbers are read from."""

    mode: Mode
    clock: Clock
    engine: EngineSettings
    """For the limits, as read at the start."""
    trading: TradingLoop | None
    """None while it starts."""
    facts: OwnFacts | None
    """As `trading`."""
    venues: Sequence[TraderVenue]
    life: ModelLife | None
    """None without a model."""
    latencies: Latencies
    bus: TraderBus
    metrics: MetricsWriter
    views: ViewPublisher | None = None
    """None while nobody is told any."""
    stages: StageKeeper | None = None
    live: LiveSide | None = None
    """Of a live trader."""


def status_document(sources: Sources) -> JsonObject:
    """Return all of it as one JSON object; prices, sizes and money as decimal text, times as ns."""
    document: JsonObject = {
        "process": PROCESS,
        "mode": sources.mode,
        "pid": os.getpid(),
        "ts_ns": sources.clock.now_ns(),
        "clock_speed": sources.clock.speed,
        "state": STARTING,
        "venues": [venue.to_json() for venue in sources.venues],
        "bus": sources.bus.to_json(),
        "metrics": sources.metrics.to_json(),
        "views": None if sources.views is None else sources.views.to_json(),
        "live": None if sources.live is None else sources.live.to_json(),
    }
    trading = sources.trading
    if trading is None:
        return document
    session, life = trading.session, sources.life
    counts: JsonObject = {
        **asdict(session.counts),
        "windows": 0 if life is None else life.lane.counts.windows,
        "windows_skipped": 0 if life is None else life.lane.counts.windows_skipped,
        "forecast_failures": trading.forecast_failures,
        "strategy_failures": trading.strategy_failures,
    }
    told: JsonObject = {} if life is None else life.to_json()
    facts: JsonObject = {} if sources.facts is None else sources.facts.to_json()
    model_facts = told.get("facts", {})
    assert isinstance(model_facts, dict), "made here"
    money: list[Decimal] = [Decimal(str(item["pnl"])) for item in session.positions()]
    found: JsonObject = {
        **document,
        **session.status().to_json(),
        "model": None,
        **told,
        "facts": {**facts, **model_facts},
        "last_forecast_problem": trading.last_forecast_problem,
        "last_strategy_problem": trading.last_strategy_problem,
        "counts": counts,
        "pnl": text_of(sum(money, Decimal(0))),
        "latency": sources.latencies.to_json(),
        "stages": None if sources.stages is None else sources.stages.to_json(),
    }
    return {**found, **_for_windows(sources, trading, found)}


def _for_windows(sources: Sources, trading: TradingLoop, status: JsonObject) -> JsonObject:
    """Return the parts that windows alone need: one that cannot be told is left out, and `untold` says why."""
    makers: dict[str, Callable[[], JsonValue]] = {
        "latency_bars": sources.latencies.bars,
        "performance": trading.session.performance,
        "waterfalls": lambda: [*newest_ways(trading)],
        "orders": lambda: [*newest_orders(trading)],
        "limits": lambda: [*limit_rows(sources.engine, status)],
    }
    told: JsonObject = {}
    untold: JsonObject = {}
    for name, make in makers.items():
        try:
            told[name] = make()
        except Exception as error:  # a window must not end what it looks at
            untold[name] = first_line(error)
    return {**told, "untold": untold}


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
    if document["last_strategy_problem"]:
        found.append("A STRATEGY FAILS")
    return found


def _names(value: JsonValue) -> list[JsonValue]:
    return value if isinstance(value, list) else []
