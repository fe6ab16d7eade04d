"""What a backtest is asked for, and the document of each of its lanes: one trader with a venue, made from settings."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np

from native.config import NS_PER_MS, GridConfig, JsonObject, trading_document
from streaming.backtest.kpi import Ints
from streaming.errors import RefusedError, SettingsError, UsageError
from streaming.settings import Settings, settings_path
from streaming.trader_document import strategy_names

Queue = Literal["pessimistic", "proportional", "front"]
QUEUES: tuple[Queue, ...] = get_args(Queue)
OnGap = Literal["mask", "refuse"]

SENSITIVITY_FACTORS = (0.2, 1.0, 4.0, 10.0)
"""Latencies that a sensitivity table has a column for, as multiples of the one asked for."""
LATENCY_FORM = "N (ms) or lognormal:MEDIAN_MS:SIGMA:SEED"


@dataclass(frozen=True, slots=True)
class LatencyModel:
    """How long an order is under way, and as long its reply: constant, or drawn from a seeded lognormal."""

    median_ns: int
    sigma: float = 0.0
    """Of the logarithm; 0 is constant."""
    seed: int = 0

    @property
    def text(self) -> str:
        """The model in words."""
        ms = f"{self.median_ns / NS_PER_MS:g} ms"
        return (
            f"constant {ms}" if self.sigma == 0.0 else f"lognormal, median {ms}, sigma {self.sigma:g}, seed {self.seed}"
        )

    @property
    def document(self) -> JsonObject:
        """The model as a lane's `latency` says it."""
        if self.sigma == 0.0:
            return {"kind": "constant"}
        return {"kind": "lognormal", "median_ns": self.median_ns, "sigma": self.sigma, "seed": self.seed}

    def scaled(self, factor: float) -> "LatencyModel":
        """Return the model with its median multiplied."""
        return replace(self, median_ns=round(self.median_ns * factor))

    def delays_ns(self, median_ns: int, count: int, random: np.random.Generator) -> Ints:
        """Return delays of the next `count` forecasts around a median of their own, spread as orders' are."""
        if self.sigma == 0.0:
            return np.full(count, median_ns, dtype=np.int64)
        return np.rint(random.lognormal(np.log(max(median_ns, 1)), self.sigma, count)).astype(np.int64)


def latency_of(text: str) -> LatencyModel:
    """Read `--latency`; UsageError says how it is written."""
    words = text.split(":")
    try:
        if len(words) == 1:
            return LatencyModel(_whole_ns(words[0]))
        kind, median_ms, sigma, seed = words
        if kind != "lognormal" or not 0.0 < float(sigma) <= 5.0 or int(seed) < 0:
            raise ValueError(text)
        return LatencyModel(_whole_ns(median_ms), float(sigma), int(seed))
    except ValueError:
        raise UsageError(f"--latency: expected {LATENCY_FORM}, sigma from 0 to 5, found {text!r}") from None


def _whole_ns(ms: str) -> int:
    value = float(ms)
    if not 0.0 <= value <= 60_000.0:
        raise ValueError(ms)
    return round(value * NS_PER_MS)


@dataclass(frozen=True, slots=True, kw_only=True)
class BacktestRequest:
    """What to run. `model` is a bundle's hash or its beginning, `champion`, or None to trade without forecasts."""

    grid: str
    model: str | None = "champion"
    ts_from_ns: int | None = None
    ts_to_ns: int | None = None
    strategies: tuple[str, ...] = ()
    """Names among the settings' strategies; none given: all."""
    queue: Queue | None = None
    """None: the settings'."""
    latency: LatencyModel | None = None
    """None: the settings' `native.order_latency_ms`."""
    on_gap: OnGap = "mask"
    is_sensitivity: bool = False


@dataclass(frozen=True, slots=True)
class Lane:
    """One trader with a simulated venue of its own."""

    queue: Queue
    latency: LatencyModel
    document: JsonObject


def latency_in(settings: Settings, request: BacktestRequest) -> LatencyModel:
    """Return the latency that was asked for, else that of the settings' requests."""
    if request.latency is not None:
        return request.latency
    told, usual_ns = settings.native.matching.latency, settings.native.order_latency_ms * NS_PER_MS
    if told is None:
        return LatencyModel(usual_ns)
    median_ns = usual_ns if told.median_ms is None else round(told.median_ms * NS_PER_MS)
    return LatencyModel(median_ns, told.sigma or 0.0, told.seed or 0)


def lanes_of(settings: Settings, grid: GridConfig, request: BacktestRequest) -> tuple[Lane, ...]:
    """Return the lane asked for and, where sensitivity is wanted, one for each other queue model and latency.

    RefusedError when a limit has no value, UsageError for a strategy that the settings do not have.
    """
    document = _trader_document(settings, grid, request.strategies)
    latency = latency_in(settings, request)
    queue = request.queue or settings.native.matching.queue
    first = lane(document, queue, latency, is_whole=True)
    if not request.is_sensitivity:
        return (first,)
    beside = [(model, latency.scaled(factor)) for model in QUEUES for factor in SENSITIVITY_FACTORS]
    others = [pair for pair in dict.fromkeys(beside) if pair != (queue, latency)]
    return (first, *(lane(document, model, other, is_whole=False) for model, other in others))


def lane(document: JsonObject, queue: Queue, latency: LatencyModel, *, is_whole: bool) -> Lane:
    """Return the lane whose trader `document` describes; `is_whole`: it keeps records and not sums alone."""
    matching = document["matching"]
    assert isinstance(matching, dict), "a trader's document has its matching"
    told: JsonObject = {
        **{name: part for name, part in matching.items() if name != "reply_latency"},
        "order_latency_ns": latency.median_ns,
        "latency": latency.document,
        "queue": queue,
    }
    return Lane(
        queue,
        latency,
        {**document, "matching": told, "timers": True, "record": "all" if is_whole else "summary"},
    )


def external_strategies(document: JsonObject) -> tuple[str, ...]:
    """Return the strategies whose wishes come from outside the core."""
    listed = document.get("strategies")
    sections = listed if isinstance(listed, list) else []
    return tuple(str(item["name"]) for item in sections if isinstance(item, dict) and item.get("kind") == "external")


def _trader_document(settings: Settings, grid: GridConfig, names: Sequence[str]) -> JsonObject:
    try:
        document = trading_document({}, grid, settings.native, run_tag=0)
    except ValueError as error:
        raise RefusedError(f"settings {settings_path()}: {error}; set it before a backtest") from error
    known = strategy_names(document)
    unknown = [name for name in names if name not in known]
    if unknown:
        raise UsageError(f"--strategy: no strategy is called {unknown[0]!r}; the settings have: {', '.join(known)}")
    listed = document.get("strategies")
    if not names or not isinstance(listed, list):
        return document
    return {**document, "strategies": [item for item in listed if isinstance(item, dict) and item["name"] in names]}


def check_delay(settings: Settings, grid: GridConfig) -> int:
    """Return how long after its step a forecast comes, in ns; SettingsError when that is a step or more."""
    delay_ms = settings.streaming.replay.forecast_delay_ms
    if delay_ms >= grid.step_ms:
        problem = f"expected less than the grid's step {grid.step_ms}, found {delay_ms}"
        raise SettingsError(str(settings_path()), "streaming.replay.forecast_delay_ms", problem)
    return delay_ms * NS_PER_MS
