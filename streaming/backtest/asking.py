"""Strategies in Python in a pass over the lake: asked once a closed step, as the live trader asks them.

A step is asked about as soon as it is closed, 1 ns after it, once everything up to then was heard; the wishes come at
the same moment, and what they cause needs its order latency like every other order. Strategies begin with the span,
not while books warm up. An engine without a trader hears the frames beside the pass: books and validity are its.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

import native
from native.config import EngineSettings, JsonObject
from native.strategy_settings import ExternalStrategy
from streaming.journal import Outputs
from streaming.pump import build_engine
from streaming.segments import KIND_TIMER, KIND_WISHES, RECORD_HEAD_BYTES, InstrumentEntry, SegmentHeader
from streaming.shell.feed import FeedHour
from streaming.trader.python_strategies import OneAsker, PythonStrategies
from streaming.trader.standing import SessionCounts, Standing

OF_THE_MARKET = {name: np.empty(0, dtype=native.dtypes[name]) for name in ("gaps", "grid")}
"""Records that a lane does not put out: they are the market's."""


@dataclass(frozen=True, slots=True)
class _Named:
    """What the strategies' world is made of. A `Planned`."""

    header: SegmentHeader


def python_names(settings: EngineSettings) -> tuple[str, ...]:
    """Return the strategies of `settings` that name a class."""
    return tuple(
        item.name for item in settings.strategies if isinstance(item, ExternalStrategy) and item.python is not None
    )


class Asking:
    """The Python strategies of one lane and the market as they see it. An `Asked`: what a live session tells them."""

    def __init__(
        self, document: JsonObject, instruments: tuple[InstrumentEntry, ...], settings: EngineSettings
    ) -> None:
        """`settings` hold the lane's strategies and no others; UsageError when a class cannot be loaded."""
        quiet: JsonObject = {"book_updates": False, "trades": False, "quotes": False, "grid": False}
        header = SegmentHeader(run="", instruments=instruments, sources=(), engine=document)
        self.names = python_names(settings)
        self._askers: list[OneAsker] = PythonStrategies.of(_Named(header), settings).askers()
        self._engine = build_engine({**document, "emit": quiet}, "books of a backtest")
        self._standing = Standing(instruments, SessionCounts())

    def hear(self, part: bytes | memoryview) -> None:
        """Take records that no strategy is asked about."""
        self._engine.process(part)
        self._engine.drain()

    def close(self, ts_step_ns: int) -> None:
        """Close a step: everything up to it was heard."""
        self.hear(native.encode_record(KIND_TIMER, 0, 0, ts_step_ns + 1, b""))

    def note(self, outputs: Outputs) -> None:
        """Take what the lane put out, from which strategies know what they hold."""
        self._standing.add({**outputs, **OF_THE_MARKET})

    def wishes(self, ts_step_ns: int) -> Iterator[bytes]:
        """Ask all strategies about a closed step; yield records of their wishes."""
        for ask in self._askers:
            payload = ask(self)
            if payload is not None:
                yield native.encode_record(KIND_WISHES, 0, 0, ts_step_ns + 1, payload)

    # --- what a strategy's view is made of ---

    def newest_step(self) -> tuple[int, NDArray[np.uint8]] | None:
        """Return the step that closed last and which slots [V] were valid in it; None before the first."""
        try:
            ts_step_ns, _, valid = self._engine.window(1)
        except ValueError:  # none since the start, or since a hole over which the engine jumped
            return None
        return ts_step_ns, valid[-1]

    def book(self, instrument: int, levels: int) -> tuple[list[list[int]], list[list[int]]]:
        """Return bids and asks, best first, as [price_ticks, size_units]."""
        bids, asks = self._engine.book(instrument, levels)
        return bids.tolist(), asks.tolist()

    def own(self, strategy: int, instrument: int) -> tuple[int, int, int]:
        """Return a strategy's own position, and the units of its buys and sells that have not ended."""
        return self._standing.own(strategy, instrument)


@dataclass(frozen=True, slots=True)
class Stretch:
    """Whole records up to the open step, or, without any, that step when it closes."""

    part: memoryview
    count: int = 0
    ts_last_ns: int = 0
    step_ns: int = 0


class Stretches:
    """Cuts the hours of a feed, in order, where steps close; steps are counted on over all of them."""

    def __init__(self, span: tuple[int, int], step_ns: int, catchup_steps: int) -> None:
        """Over a silence of more than `catchup_steps` the core jumps, and so is it here."""
        self._span = span
        self._step_ns = step_ns
        self._catchup_ns = catchup_steps * step_ns
        self._next_ns = self._boundary(span[0])

    def of(self, hour: FeedHour) -> Iterator[Stretch]:
        """Yield the records of an hour that lie in the span and the steps that they close, in order."""
        times, ends = hour.records["ts_ns"], hour.records["offset"].astype(np.int64) - RECORD_HEAD_BYTES
        ends = np.append(ends, len(hour.block))
        view = memoryview(hour.block)
        at, stop = np.searchsorted(times, self._span).tolist()
        while at < stop:
            ts_ns = int(times[at])
            if ts_ns - self._next_ns > self._catchup_ns:
                self._next_ns = self._boundary(ts_ns)
            elif ts_ns > self._next_ns:
                yield Stretch(view[:0], step_ns=self._next_ns)
                self._next_ns += self._step_ns
            else:
                last = min(int(np.searchsorted(times, self._next_ns, side="right")), stop)
                yield Stretch(view[ends[at] : ends[last]], last - at, int(times[last - 1]))
                at = last

    def _boundary(self, ts_ns: int) -> int:
        return -(-ts_ns // self._step_ns) * self._step_ns
