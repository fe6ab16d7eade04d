"""One pass over a span of the lake: frames decoded once, every lane a trader with a simulated venue of its own.

Per hour of the feed: its grid rows, the forecasts of them, then its frames in slices, forecasts handed over before the
slice in which they come. Nothing here decides and nothing happens per event.
"""

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import orjson
from numpy.typing import NDArray
from pydantic import JsonValue

import native
from native.config import EngineSettings, GridConfig, JsonObject, engine_document, slot_ids
from streaming.backtest import gaps
from streaming.backtest.asking import Asking, Stretches, python_names
from streaming.backtest.forecasts import BatchForecasting, Delivery, ForecastMaker, Timing
from streaming.backtest.kpi import Floats, Ints
from streaming.backtest.market import GridSteps, Market, document_text, market_of, slices
from streaming.backtest.records import LaneRecords
from streaming.backtest.request import (
    BacktestRequest,
    Lane,
    check_delay,
    lanes_of,
    latency_in,
)
from streaming.errors import SettingsError, UsageError
from streaming.segments import KIND_COMMAND, InstrumentEntry, SegmentHeader
from streaming.settings import Settings, settings_path
from streaming.shell.feed import Feed, FeedHour, open_feed
from streaming.trader_document import horizon_step_of, strategy_names
from streaming.trading_run import bundle_hash, load_forecaster
from warehouse.lake import Lake

SLICE_BYTES = 4 << 20
"""Records handed over at once: bounds what waits to be drained, and how long progress is silent."""
MODEL_ID_DIGITS = 8

Progress = Callable[[str], None]
Load = Callable[[Settings, GridConfig, str, int], BatchForecasting]


@dataclass(slots=True)
class BacktestCounts:
    """What a pass heard and did."""

    frames: int = 0
    steps: int = 0
    forecasts: int = 0
    withheld: int = 0
    """Forecasts not given since their context touches a gap."""
    ts_first_ns: int = 0
    """Of the first frame that counts: warming up is before."""
    ts_last_ns: int = 0
    wall_s: float = 0.0
    """Of the machine's work, forecasts not counted."""


@dataclass(frozen=True, slots=True)
class Forecasted:
    """Forecast mid moves at the signal's horizon, in bps: [N, V] at N steps."""

    ts_step_ns: Ints
    mid_bps: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class BacktestRun:
    """A finished pass."""

    run: str
    grid: GridConfig
    request: BacktestRequest
    bundle: str | None
    document: JsonObject
    """The engine's, without what belongs to a lane."""
    lanes: tuple[Lane, ...]
    entries: tuple[InstrumentEntry | None, ...]
    """By slot of the grid; None where the lake does not hold it."""
    settings_hash: str
    horizon_step: int
    delay_ms: int
    """Between a step and its forecast; the median where delays are drawn."""
    ts_from_ns: int
    ts_to_ns: int
    fitted_until_ns: int
    """Last moment of the data that the model was fitted on, 0 without one."""
    counts: BacktestCounts
    records: LaneRecords
    """Of the first lane."""
    summary: NDArray[np.void]
    """Of every lane."""
    ts_step_ns: Ints
    mid_x2_ticks: Ints
    """[T, V]: best bid + best ask, 0 where not valid."""
    forecasted: Forecasted
    masked: tuple[gaps.MaskedSpan, ...]
    left_out: tuple[str, ...]
    asked: tuple[str, ...] = ()
    """Strategies in Python."""


def run_backtest(
    settings: Settings, request: BacktestRequest, progress: Progress, load: Load | None = None
) -> BacktestRun:
    """Run the span through every lane; `load` opens a bundle at an engine time, by itself as trading does.

    UsageError when the lake holds nothing of the grid or a strategy is unknown or cannot be asked, RefusedError when
    the bundle may not be used, a limit has no value or a gap is not to be masked, SettingsError for a value that the
    core refuses.
    """
    grid = settings.grid_named(request.grid)
    lake = Lake(settings.warehouse.lake_dir)
    feed = open_feed(lake, grid.instruments, request.ts_from_ns, request.ts_to_ns)
    lanes = lanes_of(settings, grid, request)
    bundle = None if request.model is None else bundle_hash(settings, request.model)
    forecaster = None if bundle is None else (load or load_forecaster)(settings, grid, bundle, feed.ts_from_ns)
    header = SegmentHeader(run="", instruments=feed.instruments, sources=feed.sources, bundle=bundle)
    document = engine_document(header.instrument_rows(), header.source_rows(), settings.native, grid)
    document["emit"] = {"book_updates": False, "trades": False, "quotes": False, "grid": False}
    traders = _traders(settings, lanes)
    decided_by: list[object] = [document, [lane.document for lane in lanes], bundle, _span(feed), request.on_gap]
    decided_by += [settings.streaming.replay.model_dump(), _classes(traders)]
    digest = hashlib.sha256(orjson.dumps([*decided_by, _segment_names(feed)])).hexdigest()
    lanes = tuple(replace(lane, document={**lane.document, "run_tag": int(digest[:7], 16)}) for lane in lanes)
    market = market_of(lake, grid, feed, document)
    asking = Asking(document, feed.instruments, traders) if python_names(traders) else None
    plan = _Pass(settings, grid, request, feed, lanes, document, bundle, forecaster, market, asking)
    plan.run(progress)
    return plan.finished(
        f"backtest-{digest[:12]}", _settings_hash(settings, grid.instruments, document, lanes, traders)
    )


def _span(feed: Feed) -> list[int]:
    return [feed.ts_from_ns, feed.ts_to_ns]


def _segment_names(feed: Feed) -> list[str]:
    return [ref.path.name for refs in feed.hours for ref in refs]


def _traders(settings: Settings, lanes: Sequence[Lane]) -> EngineSettings:
    """Return the core's settings with the strategies of the lanes alone; UsageError where they cannot be asked."""
    names = strategy_names(lanes[0].document)
    chosen = tuple(item for item in settings.native.strategies if item.name in names)
    traders = settings.native.model_copy(update={"strategies": chosen})
    asked = python_names(traders)
    if asked and len(lanes) > 1:
        raise UsageError(
            f"--sensitivity: a strategy in Python is asked by one lane alone, found {', '.join(asked)}; leave it out "
            "by --strategy, or run each queue model and latency by itself"
        )
    return traders


def _classes(traders: EngineSettings) -> list[JsonValue]:
    """Return what the lanes' documents do not hold of strategies in Python."""
    names = python_names(traders)
    return [item.model_dump(mode="json") for item in traders.strategies if item.name in names]


def _settings_hash(
    settings: Settings, names: Sequence[str], document: JsonObject, lanes: Sequence[Lane], traders: EngineSettings
) -> str:
    """Return a hash of all settings that bear on the figures, fees and delays too: who compares runs relies on it.

    What the span decides, which runs are heard and what else they hold, is left out.
    """
    listed = document["instruments"]
    assert isinstance(listed, list), "an engine's document lists instruments"
    fees = [
        [item["venue"], item["symbol"], item["maker_fee_bps"], item["taker_fee_bps"]]
        for item in listed
        if isinstance(item, dict) and f"{item['venue']}:{item['symbol']}" in names
    ]
    market = {name: part for name, part in document.items() if name not in ("instruments", "sources")}
    traded = [{**lane.document, "run_tag": 0} for lane in lanes]
    decided = [market, fees, traded, _classes(traders), settings.streaming.replay.model_dump()]
    return hashlib.sha256(orjson.dumps(decided, option=orjson.OPT_SORT_KEYS)).hexdigest()[:12]


@dataclass(slots=True)
class _Pass:
    """The pass itself; `run`, then `finished`."""

    settings: Settings
    grid: GridConfig
    request: BacktestRequest
    feed: Feed
    lanes: tuple[Lane, ...]
    document: JsonObject
    bundle: str | None
    forecaster: BatchForecasting | None
    market: Market
    asking: Asking | None = None
    """Where a strategy is written in Python."""
    counts: BacktestCounts = field(default_factory=BacktestCounts)
    records: LaneRecords = field(default_factory=LaneRecords)
    steps: list[tuple[Ints, Ints]] = field(default_factory=list)
    forecasted: list[tuple[Ints, Floats]] = field(default_factory=list)
    summary: NDArray[np.void] | None = None
    is_held: bool = False
    stretches: Stretches = field(init=False)

    def __post_init__(self) -> None:
        """Begin counting steps with the span."""
        catchup_steps = self.settings.native.max_catchup_steps
        self.stretches = Stretches((self.feed.ts_from_ns, self.feed.ts_to_ns), self.grid.step_ns, catchup_steps)

    @property
    def horizon_step(self) -> int:
        return horizon_step_of(self.lanes[0].document)

    def run(self, progress: Progress) -> None:
        self._check_gaps()
        backtest = self._backtest()
        maker = self._maker()
        for number, hour in enumerate(self.feed.read()):
            place = f"hour {number + 1} of {len(self.feed.hours)}"
            progress(f"backtest: {place}: grid")
            steps = self.market.steps_of(hour)
            self._check_gaps()
            self._keep(steps)
            delivery = None if maker is None else self._forecast(maker, steps, place, progress)
            self._feed(backtest, hour, delivery, place, progress)
        if self.counts.ts_last_ns < self.feed.ts_from_ns:
            raise UsageError("the span holds no frame: --from and --to leave nothing; next: trader instruments")
        backtest.finish(self.counts.ts_last_ns)
        self._take(backtest)
        self.summary = backtest.summary()
        self.counts.withheld = 0 if maker is None else maker.withheld

    def _backtest(self) -> native.Backtest:
        try:
            return native.Backtest(document_text(self.document), [document_text(lane.document) for lane in self.lanes])
        except ValueError as error:
            raise SettingsError(str(settings_path()), "native", str(error)) from error

    def _maker(self) -> ForecastMaker | None:
        if self.forecaster is None:
            return None
        timing = Timing(
            step_ns=self.grid.step_ns,
            delay_ns=check_delay(self.settings, self.grid),
            latency=latency_in(self.settings, self.request),
            ts_from_ns=self.feed.ts_from_ns,
            ts_to_ns=self.feed.ts_to_ns,
        )
        return ForecastMaker(self.forecaster, timing, len(self.grid.instruments))

    def _check_gaps(self) -> None:
        if self.request.on_gap == "refuse":
            gaps.refuse(self._masked())

    def _masked(self) -> tuple[gaps.MaskedSpan, ...]:
        begin, end = self.feed.ts_from_ns, self.feed.ts_to_ns
        spans = (span for span in self.market.masked() if span.ts_to_ns > begin and span.ts_from_ns < end)
        return tuple(replace(span, ts_from_ns=max(span.ts_from_ns, begin)) for span in spans)

    def _keep(self, steps: GridSteps) -> None:
        inside = (steps.ts_step_ns >= self.feed.ts_from_ns) & (steps.ts_step_ns < self.feed.ts_to_ns)
        self.counts.steps += int(inside.sum())
        self.steps.append((steps.ts_step_ns[inside], steps.mid_x2_ticks[inside]))

    def _forecast(self, maker: ForecastMaker, steps: GridSteps, place: str, progress: Progress) -> Delivery:
        def tell(done: int, total: int) -> None:
            progress(f"backtest: {place}: {done} of {total} forecasts")

        delivery = maker.forecasts(steps, self.market.masked(), tell)
        self.counts.forecasts += len(delivery.ts_ns)
        self.forecasted.append((delivery.ts_step_ns, delivery.mid_bps(self.horizon_step)))
        return delivery

    def _feed(
        self, backtest: native.Backtest, hour: FeedHour, delivery: Delivery | None, place: str, progress: Progress
    ) -> None:
        if len(hour.records) == 0:
            return
        begun_s = time.perf_counter()
        if delivery is not None and len(delivery.ts_ns):
            assert self.bundle is not None, "only a model delivers"
            ids = np.full(len(delivery.ts_ns), int(self.bundle[:MODEL_ID_DIGITS], 16), dtype=np.uint32)
            backtest.forecasts(delivery.ts_ns, delivery.ts_step_ns, ids, delivery.values)
        first_ns, begin_ns = int(hour.records["ts_ns"][0]), self.feed.ts_from_ns
        self.counts.ts_first_ns = self.counts.ts_first_ns or max(first_ns, begin_ns)
        if self.counts.frames == 0 and first_ns < begin_ns:
            self._command(backtest, "halt", first_ns)
        self._slices(backtest, hour, (0, begin_ns), place, progress)
        if self.is_held and int(hour.records["ts_ns"][-1]) >= begin_ns:
            self._command(backtest, "resume", begin_ns)
        if self.asking is None:
            self._slices(backtest, hour, (begin_ns, self.feed.ts_to_ns), place, progress)
        else:
            self._steps(backtest, hour, self.asking)
        self.counts.wall_s += time.perf_counter() - begun_s

    def _slices(
        self, backtest: native.Backtest, hour: FeedHour, span: tuple[int, int], place: str, progress: Progress
    ) -> None:
        for part, count, ts_last_ns in slices(hour.block, *span, SLICE_BYTES):
            backtest.process(part)
            if self.asking is not None:
                self.asking.hear(part)
            self._take(backtest)
            self.counts.frames += count
            self.counts.ts_last_ns = ts_last_ns
            progress(f"backtest: {place}: {self.counts.frames} frames")

    def _steps(self, backtest: native.Backtest, hour: FeedHour, asking: Asking) -> None:
        """Feed the span's part of an hour step by step, and ask at each."""
        for stretch in self.stretches.of(hour):
            if stretch.count:
                backtest.process(stretch.part)
                asking.hear(stretch.part)
                self.counts.frames += stretch.count
                self.counts.ts_last_ns = stretch.ts_last_ns
                continue
            backtest.finish(stretch.step_ns + 1)
            self._take(backtest)
            asking.close(stretch.step_ns)
            for wishes in asking.wishes(stretch.step_ns):
                backtest.process(wishes)
        self._take(backtest)

    def _command(self, backtest: native.Backtest, op: str, ts_ns: int) -> None:
        """Halt while books warm up before the span, and resume at its begin: some strategies need no forecast."""
        words = orjson.dumps({"op": op, "reason": "books warm up before the span"})
        backtest.process(native.encode_record(KIND_COMMAND, 0, 0, ts_ns, words))
        self.is_held = op == "halt"

    def _take(self, backtest: native.Backtest) -> None:
        """Empty every lane, so that none grows; the first one's records are kept."""
        for number in range(len(self.lanes)):
            outputs = backtest.drain(number)
            if number == 0:
                self.records.add(outputs)
                if self.asking is not None:
                    self.asking.note(outputs)

    def finished(self, run: str, settings_hash: str) -> BacktestRun:
        header_ids = slot_ids(
            self.grid, SegmentHeader(run="", instruments=self.feed.instruments, sources=()).instrument_rows()
        )
        assert self.summary is not None, "run first"
        slots = len(self.grid.instruments)
        masked = [span for span in self._masked() if span.ts_from_ns < self.counts.ts_last_ns]
        return BacktestRun(
            run=run,
            grid=self.grid,
            request=self.request,
            bundle=self.bundle,
            document=self.document,
            lanes=self.lanes,
            entries=tuple(None if number is None else self.feed.instruments[number] for number in header_ids),
            settings_hash=settings_hash,
            horizon_step=self.horizon_step,
            delay_ms=self.settings.streaming.replay.forecast_delay_ms,
            ts_from_ns=self.counts.ts_first_ns,
            ts_to_ns=self.counts.ts_last_ns,
            fitted_until_ns=0 if self.forecaster is None else self.forecaster.fitted_until_ns,
            counts=self.counts,
            records=self.records,
            summary=self.summary,
            ts_step_ns=np.concatenate([part for part, _ in self.steps]),
            mid_x2_ticks=np.concatenate([part for _, part in self.steps]),
            forecasted=_joined(self.forecasted, slots),
            masked=tuple(replace(span, ts_to_ns=min(span.ts_to_ns, self.counts.ts_last_ns)) for span in masked),
            left_out=tuple(self.feed.left_out),
            asked=() if self.asking is None else self.asking.names,
        )


def _joined(parts: Sequence[tuple[Ints, Floats]], slots: int) -> Forecasted:
    nothing = (np.zeros(0, np.int64), np.zeros((0, slots)))
    steps, moves = zip(*(parts or [nothing]), strict=True)
    return Forecasted(np.concatenate(steps), np.concatenate(moves))
