"""One pass over a window of the market with many traders beside each other: what a worker does again and again.

The feed begins where its runs begin, so that books are whole when the window opens; until then the traders are halted,
so each begins flat. What a lane shows depends on its own values and the window alone, never on the lanes beside it.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import orjson
from numpy.typing import NDArray

import native
from native.config import EngineSettings, GridConfig, engine_document
from streaming.backtest.market import slices
from streaming.optimize.folds import Window
from streaming.optimize.forecasts import Material, read_forecasts
from streaming.optimize.results import LaneResult
from streaming.segments import KIND_COMMAND
from streaming.shell.feed import Feed, open_feed
from warehouse.lake import Lake

SLICE_BYTES = 16 << 20
"""What the core is handed at once; bounds how long a worker cannot be stopped."""
WARM_UP = "books warm up before the window"


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """What a worker process needs to know to run a pass."""

    lake_dir: Path
    grid: GridConfig
    native_settings: EngineSettings
    forecasts_dir: Path
    material: Material


def run_window(course: Course, window: Window, lanes: Sequence[str]) -> list[LaneResult]:
    """Run `lanes` over one window and return what each of them did inside it, in their order.

    ValueError names the lane and key that the core refuses, BadDataError a damaged segment.
    """
    feed = open_feed(Lake(course.lake_dir), course.grid.instruments, window.from_ns, window.to_ns)
    machine = native.Backtest(market_text(course, feed), list(lanes))
    samples_before = _run(machine, feed, course, window)
    summary = machine.summary()
    return [
        LaneResult(
            _returns(machine.equity(lane), samples_before), int(summary["orders"][lane]), int(summary["fills"][lane])
        )
        for lane in range(len(lanes))
    ]


def market_text(course: Course, feed: Feed) -> str:
    """Return the document of the market that all lanes share."""
    instruments = [asdict(entry) for entry in feed.instruments]
    sources = [asdict(entry) for entry in feed.sources]
    document = engine_document(instruments, sources, course.native_settings, course.grid)
    document["emit"] = {"book_updates": False, "trades": False, "quotes": False, "grid": False}
    return orjson.dumps(document).decode()


def _run(machine: native.Backtest, feed: Feed, course: Course, window: Window) -> int:
    """Feed everything up to the window's end; return how often equity was sampled before it began."""
    if course.material.forecasts:
        ts_ns, ts_step_ns, values = read_forecasts(course.forecasts_dir, course.material, window)
        machine.forecasts(ts_ns, ts_step_ns, np.full(len(ts_ns), course.material.model_id, dtype=np.uint32), values)
    is_halted, samples_before = False, 0
    for hour in feed.read():
        if len(hour.records) == 0:
            continue
        first_ns, last_ns = int(hour.records["ts_ns"][0]), int(hour.records["ts_ns"][-1])
        if not is_halted and samples_before == 0 and first_ns < window.from_ns:
            is_halted = _command(machine, "halt", first_ns)
        for part, _, _ in slices(hour.block, 0, window.from_ns, SLICE_BYTES):
            machine.process(part)
        if is_halted and last_ns >= window.from_ns:
            samples_before = len(machine.equity(0))
            is_halted = _command(machine, "resume", window.from_ns)
        for part, _, _ in slices(hour.block, window.from_ns, window.to_ns, SLICE_BYTES):
            machine.process(part)
    machine.finish(window.to_ns)
    return samples_before


def _command(machine: native.Backtest, op: str, ts_ns: int) -> bool:
    """Give all traders one command and return whether they are halted then."""
    words = orjson.dumps({"op": op, "reason": WARM_UP})
    machine.process(native.encode_record(KIND_COMMAND, 0, 0, ts_ns, words))
    return op == "halt"


def _returns(equity_e8: NDArray[np.int64], samples_before: int) -> NDArray[np.int64]:
    """Return the changes of equity inside the window; it was 0 when the window began."""
    return np.diff(equity_e8[samples_before:], prepend=0)
