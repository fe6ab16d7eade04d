"""The replay loop: recorded frames, the engine, inference and the simulated venue, on one made-up clock.

Nothing here decides. Inputs reach the engine in order of time: frames as they were received, a timer one ns after
each grid step (so that the step closes whether or not a frame comes), a forecast a stated delay after its step, replies
of the simulated venue when its latency has passed. Each input is journaled as it was fed, under a seq of its own.

Stretches of frames go to the engine as one block. Only while an order of ours is alive or funding falls due are they
fed one by one, since then a reply may have to come between two of them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

import native
from native.config import NS_PER_MS
from streaming.journal import JournalWriter
from streaming.segments import KIND_FORECAST, KIND_FRAME, KIND_TIMER
from streaming.shell.feed import FeedHour
from streaming.trading_records import FORECAST_PREFIX, TERMINAL_STATES, Recorded

Progress = Callable[[str], None]


class Forecasting(Protocol):
    """What the runner asks of a model: `ml.runtime.Forecaster`."""

    @property
    def context_steps(self) -> int:
        """Rows of the window that a forecast needs."""

    def forecast(
        self, features: NDArray[np.float32], valid: NDArray[np.uint8] | NDArray[np.bool_]
    ) -> NDArray[np.float32]:
        """Return float32[H, V * 20] for a window [L, V, 58] with flags [L, V]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunnerSettings:
    """The runner's own numbers; the engine's stand in its document."""

    step_ns: int
    max_catchup_steps: int
    sim_source: int
    """Id of the `sim_private` source in the engine's table."""
    forecast_delay_ns: int = 20 * NS_PER_MS
    trade_from_ns: int = 0
    """Before it the engine only hears frames: books synchronise and windows fill."""
    stop_ns: int = 2**63 - 1


@dataclass(slots=True)
class RunCounts:
    """What a run did, in numbers."""

    frames: int = 0
    steps: int = 0
    forecasts: int = 0
    orders: int = 0
    replies: int = 0
    rejects: int = 0
    ts_first_ns: int = 0
    ts_last_ns: int = 0


@dataclass(slots=True)
class _PendingForecast:
    ts_ns: int
    payload: bytes


class ReplayRunner:
    """Feeds one engine from recorded hours; `run` each hour in order, then `finish`."""

    def __init__(
        self,
        engine: native.Engine,
        journal: JournalWriter,
        settings: RunnerSettings,
        venue: native.SimVenue | None = None,
        forecaster: Forecasting | None = None,
        model_id: int = 0,
    ) -> None:
        assert venue is not None or forecaster is None, "a simulated venue is needed where a model trades"
        self._engine = engine
        self._journal = journal
        self._settings = settings
        self._venue = venue
        self._forecaster = forecaster
        self._model_id = model_id
        self._steps_between_lines = 2_000 if forecaster is None else 250
        self._seq = 0
        self._last_ns = 0
        self._group = -1
        self._pending: _PendingForecast | None = None
        self._open_orders: set[int] = set()
        self._encoded: list[bytes] = []
        self.counts = RunCounts()
        self.recorded = Recorded()

    def run(self, hour: FeedHour, progress: Progress | None = None) -> None:
        """Feed one hour's frames, closing grid steps as their time comes."""
        frames = hour.records[hour.records["kind"] == KIND_FRAME]
        frames = frames[frames["ts_ns"] < self._settings.stop_ns]
        if len(frames) == 0:
            return
        self._note_span(frames)
        groups = -(-frames["ts_ns"] // self._settings.step_ns)
        begins = [*np.flatnonzero(np.diff(groups, prepend=groups[0] - 1)).tolist(), len(frames)]
        columns = _Columns(hour.block, frames)
        for number, (begin, end) in enumerate(pairwise(begins)):
            self._close_steps_before(int(groups[begin]))
            self._feed_group(columns, begin, end)
            if progress is not None and (number + 1) % self._steps_between_lines == 0:
                progress(f"replay: {self.counts.frames} frames, {self.counts.steps} steps, {self.counts.orders} orders")

    def finish(self) -> RunCounts:
        """Close the last step and write the last hash; the journal is then ready to be closed."""
        if self._group >= 0:
            self._close_steps_before(self._group + 1)
            self._deliver_pending(2**63 - 1)
        self._drain(self.counts.ts_last_ns)
        self._journal.close_step(self._next_seq(), max(self.counts.ts_last_ns, 0))
        return self.counts

    def _note_span(self, frames: NDArray[np.void]) -> None:
        self.counts.ts_first_ns = self.counts.ts_first_ns or int(frames["ts_ns"][0])
        self.counts.ts_last_ns = int(frames["ts_ns"][-1])

    # --- frames ---

    def _feed_group(self, columns: "_Columns", begin: int, end: int) -> None:
        """Feed the frames of one grid step, the pending forecast at its place among them."""
        if self._pending is not None:
            split = begin + int(np.searchsorted(columns.ts_array[begin:end], self._pending.ts_ns, side="right"))
            self._feed(columns, begin, split)
            self._deliver_pending(self._pending.ts_ns)
            begin = split
        self._feed(columns, begin, end)

    def _feed(self, columns: "_Columns", begin: int, end: int) -> None:
        if self._open_orders or self._is_charged_until(columns, end):
            self._feed_one_by_one(columns, begin, end)
            return
        encode, encoded, venue = native.encode_record, self._encoded, self._venue
        seq = self._seq
        for index in range(begin, end):
            seq += 1
            ts_ns, source, payload = columns.frame(index)
            encoded.append(encode(KIND_FRAME, source, seq, ts_ns, payload))
            if venue is not None:
                venue.frame(seq, source, ts_ns, payload)
        self._seq = seq
        self._note_fed(columns, begin, end)

    def _feed_one_by_one(self, columns: "_Columns", begin: int, end: int) -> None:
        assert self._venue is not None
        for index in range(begin, end):
            ts_ns, source, payload = columns.frame(index)
            self._deliver_replies(ts_ns)
            seq = self._next_seq()
            self._venue.frame(seq, source, ts_ns, payload)
            self._encoded.append(native.encode_record(KIND_FRAME, source, seq, ts_ns, payload))
            self._last_ns = ts_ns
        self._note_fed(columns, begin, end)

    def _is_charged_until(self, columns: "_Columns", end: int) -> bool:
        """Tell whether the venue has something to say, funding of a position, before the last of these frames."""
        next_ns = None if self._venue is None else self._venue.next_ts_ns()
        return next_ns is not None and next_ns <= int(columns.ts_array[end - 1])

    def _note_fed(self, columns: "_Columns", begin: int, end: int) -> None:
        if end > begin:
            self.counts.frames += end - begin
            self._last_ns = int(columns.ts_array[end - 1])

    # --- steps, forecasts, replies ---

    def _close_steps_before(self, group: int) -> None:
        """Close the steps from the open one up to `group`; over a longer hole than it catches up the engine jumps."""
        if self._group < 0:
            self._group = group
        if group - self._group > self._settings.max_catchup_steps:
            self._deliver_pending(group * self._settings.step_ns)
        else:
            for number in range(self._group, group):
                self._close_step(number * self._settings.step_ns)
        self._group = group

    def _close_step(self, ts_step_ns: int) -> None:
        self._deliver_pending(ts_step_ns)
        ts_ns = ts_step_ns + 1
        self._deliver_replies(ts_ns)
        self._encoded.append(native.encode_record(KIND_TIMER, 0, self._next_seq(), ts_ns, b""))
        self._drain(ts_ns)
        self._journal.close_step(self._next_seq(), ts_ns)
        self.counts.steps += 1
        if self._forecaster is not None and ts_step_ns >= self._settings.trade_from_ns:
            self._ask_forecast(ts_step_ns)

    def _ask_forecast(self, ts_step_ns: int) -> None:
        assert self._forecaster is not None
        if self._engine.steps_closed() < self._forecaster.context_steps:
            return
        window_step_ns, features, valid = self._engine.window(self._forecaster.context_steps)
        if window_step_ns != ts_step_ns or not valid[-1].any():
            return
        values = np.ascontiguousarray(self._forecaster.forecast(features, valid), dtype=np.float32)
        prefix = FORECAST_PREFIX.pack(ts_step_ns, self._model_id, len(values))
        self._pending = _PendingForecast(ts_step_ns + self._settings.forecast_delay_ns, prefix + values.tobytes())

    def _deliver_pending(self, until_ns: int) -> None:
        if self._pending is None or self._pending.ts_ns > until_ns:
            return
        forecast, self._pending = self._pending, None
        self._deliver_replies(forecast.ts_ns)
        self._encoded.append(native.encode_record(KIND_FORECAST, 0, self._next_seq(), forecast.ts_ns, forecast.payload))
        self.counts.forecasts += 1
        self._drain(forecast.ts_ns)

    def _deliver_replies(self, until_ns: int) -> None:
        """Feed the venue's replies that have reached us by `until_ns`; a reply may cause the next order."""
        if self._venue is None:
            return
        while replies := self._venue.due(until_ns):
            for due_ns, payload in replies:
                ts_ns = max(due_ns, self._last_ns)
                self._encoded.append(
                    native.encode_record(KIND_FRAME, self._settings.sim_source, self._next_seq(), ts_ns, payload)
                )
                self.counts.replies += 1
                self._drain(ts_ns)

    # --- the engine ---

    def _drain(self, ts_ns: int) -> None:
        """Let the engine take what waits, keep its outputs and send its order requests at `ts_ns`."""
        block = b"".join(self._encoded)
        self._encoded.clear()
        self._last_ns = ts_ns
        self.counts.ts_last_ns = max(self.counts.ts_last_ns, ts_ns)
        self._engine.process(block)
        self._journal.write(block)
        outputs = self._engine.drain()
        self._journal.add(outputs)
        self.recorded.add(outputs)
        self.counts.rejects += len(outputs["rejects"])
        requests = outputs["order_requests"]
        for order, state in zip(
            outputs["order_events"]["client_order_id"].tolist(),
            outputs["order_events"]["state_to"].tolist(),
            strict=True,
        ):
            if state in TERMINAL_STATES:
                self._open_orders.discard(order)
            else:
                self._open_orders.add(order)
        if len(requests) and self._venue is not None:
            self.counts.orders += len(requests)
            self._venue.submit(requests, ts_ns)

    def _next_seq(self) -> int:
        self._seq += 1
        return self._seq


class _Columns:
    """The columns of an hour's frames as Python lists: cheaper per element than numpy's."""

    def __init__(self, block: bytes, frames: NDArray[np.void]) -> None:
        self.ts_array = np.ascontiguousarray(frames["ts_ns"])
        self._block = block
        self._ts_ns = self.ts_array.tolist()
        self._source = frames["source"].tolist()
        self._begin = frames["offset"].tolist()
        self._end = (frames["offset"] + frames["length"]).tolist()

    def frame(self, index: int) -> tuple[int, int, bytes]:
        """Return (ts_ns, source, payload) of one frame."""
        payload = self._block[self._begin[index] : self._end[index]]
        return self._ts_ns[index], self._source[index], payload
