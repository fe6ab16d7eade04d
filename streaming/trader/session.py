"""A live trading session without its sockets: frames, time, forecasts and commands in; a journal and orders out.

One engine, one way for orders (simulated or live, see `order_venue`), one journal, one seq. Live and replay meet here
in four rules:

- Time never goes back: an input that is earlier than the last one counts as of the same moment.
- A venue's replies are inputs of their own, each at the moment at which it reaches us, before any later input. The
  simulated venue's clock is moved from one of its events to the next, never past one that may cause an order.
- After each input during which grid steps closed, the journal takes the hash of all outputs so far.
- Before an order request reaches its venue, the journal up to its cause has been handed to the operating
  system: what a killed process had ordered, the next one finds again.
"""

from collections import deque
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import orjson
from numpy.typing import NDArray

import native
from native.config import JsonObject
from streaming.errors import RefusedError
from streaming.journal import Outputs
from streaming.live_journal import LiveJournal
from streaming.performance.engine_times import EngineTimes
from streaming.recorder.tape import FrameTape
from streaming.segments import (
    KIND_COMMAND,
    KIND_FORECAST,
    KIND_FRAME,
    KIND_OUTPUT_HASH,
    KIND_REQUEST,
    KIND_TIMER,
    KIND_WISHES,
)
from streaming.trader.machine import Machine, TakenForecast, grid_of, number_of
from streaming.trader.order_venue import OrderVenue, ReplySources
from streaming.trader.plan import TraderPlan
from streaming.trader.standing import SYNCED, SessionEvent, text_at
from streaming.trader.status import SessionStatus, session_status
from streaming.trader.tape import VenueTape
from streaming.trading_records import FORECAST_PREFIX

NEVER_NS = 2**63 - 1
GRIDS_MAX = 64
"""Drains with rows of the grid that wait for `take_grid`; the oldest are gone."""
OPERATOR = "operator"
"""Who sends a command that does not say by whom."""

Window = tuple[int, NDArray[np.float32], NDArray[np.uint8]]
"""Step's ts_ns, features [L, V, 58], valid [L, V]."""


class TradingSession:
    """See the head of the file. Any input may raise OSError when the disk is full, and all do then: `abandon`, end."""

    def __init__(
        self,
        plan: TraderPlan,
        journal: LiveJournal,
        machine: Machine | None = None,
        orders: OrderVenue | None = None,
    ) -> None:
        """Begin a session, or go on with the `machine` that a recovery brought to the journal's end.

        `orders`: where the orders of a live session go; None: to the simulated venue.
        """
        machine = machine or Machine.fresh(plan.header)
        machine.venue = machine.venue if orders is None else orders
        self.plan = plan
        self.counts = machine.counts
        self._journal = journal
        self._machine = machine
        self._engine, self._venue, self._chain = machine.engine, machine.venue, machine.chain
        self._standing, self._owed = machine.standing, machine.owed
        self._performance = machine.performance
        self.times = EngineTimes()
        self._tapes = {
            venue: VenueTape(venue, plan, self._engine, self.frame, self.request) for venue in plan.venue_plans
        }
        grid, risk = grid_of(plan.header), plan.document["risk"]
        assert isinstance(risk, dict), "a trader's engine has risk"
        self._step_ns = number_of(grid, "step_ns")
        self._window_steps = number_of(grid, "window_steps")
        self.forecast_age_max_ns = number_of(risk, "forecast_age_max_ns")
        self._reply_sources = ReplySources(plan.header)
        self._seq, self._last_ns = machine.seq, machine.last_ns
        self._next_step_ns = self._step_at_or_after(machine.input_ns)
        self._given_step_ns = self._next_step_ns - self._step_ns
        """The newest step that needs no forecast any more: given out, or closed before this process began."""
        self._grids: deque[NDArray[np.void]] = deque(maxlen=GRIDS_MAX)
        self._reply_ns = NEVER_NS
        self._ask_venue()
        if machine.is_hash_due:
            self._close_chain(self._last_ns)
        for tape in self._tapes.values():
            tape.ask_again()

    # --- inputs ---

    def tape(self, venue: str) -> FrameTape:
        """Return where the frames of `venue` go, in the venue's own numbers."""
        return self._tapes[venue]

    def frame(self, source: int, ts_ns: int, payload: bytes) -> bool:
        """Take a received frame of a source of the plan; True when the engine had something to say."""
        if ts_ns < self._last_ns:
            ts_ns = self._last_ns
        if self._reply_ns <= ts_ns:
            self._deliver_replies(ts_ns)
        self._seq = seq = self._seq + 1
        self._last_ns = ts_ns
        self._journal.append(native.encode_record(KIND_FRAME, source, seq, ts_ns, payload))
        is_resting = self._venue.frame(seq, source, ts_ns, payload)
        if is_resting or self._reply_ns != NEVER_NS:
            self._ask_venue()
        self.counts.frames += 1
        times, is_closing = self.times, ts_ns > self._next_step_ns
        begin_ns = times.now_ns()
        has_news = self._engine.frame(seq, source, ts_ns, payload)
        if not is_closing:
            times.frame.append(times.now_ns() - begin_ns)
            if not has_news:
                return False
        else:
            times.close(begin_ns)
        self._settle(ts_ns)
        return True

    def request(self, source: int, ts_ns: int, text: bytes) -> None:
        """Take the moment at which a REST request left: journaled, and not heard by the engine."""
        ts_ns = max(ts_ns, self._last_ns)
        self._deliver_replies(ts_ns)
        self._append(KIND_REQUEST, source, ts_ns, text)

    def timer(self, ts_ns: int) -> None:
        """Deliver the replies and close the steps that are due at `ts_ns`; nothing is journaled where nothing is."""
        ts_ns = max(ts_ns, self._last_ns)
        self._deliver_replies(ts_ns)
        if ts_ns > self._next_step_ns:
            self._input(KIND_TIMER, 0, ts_ns, b"")

    def hear_replies(self, ts_ns: int) -> None:
        """Take what the venues have said by `ts_ns`, where they are live; else `timer`, which this does too."""
        self._ask_venue()
        self.timer(ts_ns)

    def forecast(self, ts_ns: int, step_ts_ns: int, model_id: int, values: NDArray[np.float32]) -> bool:
        """Take the forecast [H, V * 20] of a closed step; False when it is too old to be acted on and was dropped."""
        ts_ns = max(ts_ns, self._last_ns)
        if ts_ns - step_ts_ns > self.forecast_age_max_ns:
            self.counts.forecasts_late += 1
            return False
        self._deliver_replies(ts_ns)
        rows = np.ascontiguousarray(values, dtype=np.float32)
        self._machine.model_id = model_id
        self._machine.forecast = TakenForecast(step_ts_ns, model_id, rows)
        self._performance.forecast(self._seq + 1, ts_ns, step_ts_ns, rows)
        self.counts.forecasts += 1
        self._input(KIND_FORECAST, 0, ts_ns, FORECAST_PREFIX.pack(step_ts_ns, model_id, len(rows)) + rows.tobytes())
        return True

    def command(self, ts_ns: int, op: str, reason: str, by: str = OPERATOR) -> None:
        """Move the trading state: reduce, halt, flatten or resume; RefusedError with the engine's words.

        When it returns the journal is with the operating system: a halt that was answered outlives this process.
        """
        ts_ns = max(ts_ns, self._last_ns)
        self._deliver_replies(ts_ns)
        request = {"op": op, "reason": reason, **({} if by == OPERATOR else {"by": by})}
        outputs = self._input(KIND_COMMAND, 0, ts_ns, orjson.dumps(request))
        self._journal.flush()
        for reject in outputs["rejects"]:
            state = self._standing.move.state
            raise RefusedError(f"{op}: {text_at(outputs['arena'], reject)}; the trader is {state}")

    def observe(self, ts_ns: int, fact: str, value: int) -> bool:
        """Tell the engine a fact that only the shell knows, in the fact's own unit; False when the engine refused it.

        It is no operator's word: no trading state refuses it, and none is moved but by the rule that asks for the fact.
        """
        ts_ns = max(ts_ns, self._last_ns)
        self._deliver_replies(ts_ns)
        request = {"op": "observe", "fact": fact, "value": value}
        return not len(self._input(KIND_COMMAND, 0, ts_ns, orjson.dumps(request))["rejects"])

    def wishes(self, ts_ns: int, payload: bytes) -> bool:
        """Take what a strategy outside of the core wishes for a closed step, encoded; False when the engine refused it.

        See `encode_wishes` of `streaming.strategies.interface`. Wishes stand until the strategy's `max_age_ms` is over.
        """
        ts_ns = max(ts_ns, self._last_ns)
        self._deliver_replies(ts_ns)
        return not len(self._input(KIND_WISHES, 0, ts_ns, payload)["rejects"])

    # --- time and windows ---

    def next_deadline_ns(self) -> int:
        """Return when `timer` has something to do: the first ns after the open step, or the venue's next event."""
        if self._next_step_ns == 0:  # nothing was heard yet: no step is open
            return NEVER_NS
        return min(self._next_step_ns + 1, self._reply_ns)

    def window(self, context_steps: int) -> Window | None:
        """Return the last `context_steps` steps: once a step, when there are that many and the newest has a valid row.

        RefusedError when the engine keeps fewer steps than that.
        """
        if context_steps > self._window_steps:
            raise RefusedError(
                f"the model looks back {context_steps} steps, native.window_steps keeps {self._window_steps}; raise it"
            )
        if self.counts.steps == 0 or self._next_step_ns - self._step_ns <= self._given_step_ns:
            return None
        try:
            ts_step_ns, features, valid = self._engine.window(context_steps)
        except ValueError:  # not that many steps since the start, or since a hole over which the engine jumped
            return None
        if ts_step_ns <= self._given_step_ns or not valid[-1].any():
            return None
        self._given_step_ns = ts_step_ns
        return ts_step_ns, features, valid

    def window_again(self, context_steps: int) -> Window | None:
        """Return the step that `window` gave out last, seen over another context; None when that is not kept."""
        if context_steps > self._window_steps:
            return None
        try:
            found = self._engine.window(context_steps)
        except ValueError:  # as in `window`
            return None
        return found if found[0] == self._given_step_ns else None

    def take_grid(self) -> NDArray[np.void]:
        """Take the grid's rows of the steps that closed since the last time, of the last `GRIDS_MAX` drains at most."""
        rows = [*self._grids]
        self._grids.clear()
        return np.concatenate(rows) if rows else np.empty(0, dtype=native.dtypes["grid"])

    def newest_step(self) -> tuple[int, NDArray[np.uint8]] | None:
        """Return the step that closed last and which slots [V] were valid in it; None before the first."""
        if self.counts.steps == 0:
            return None
        try:
            ts_step_ns, _, valid = self._engine.window(1)
        except ValueError:  # as in `window`
            return None
        return ts_step_ns, valid[-1]

    def book(self, instrument: int, levels: int) -> tuple[list[list[int]], list[list[int]]]:
        """Return bids and asks, best first, as [price_ticks, size_units]."""
        bids, asks = self._engine.book(instrument, levels)
        return bids.tolist(), asks.tolist()

    def own(self, strategy: int, instrument: int) -> tuple[int, int, int]:
        """Return a strategy's own position, and the units of its buys and sells that have not ended."""
        return self._standing.own(strategy, instrument)

    # --- the journal ---

    def sync(self) -> None:
        """Hand the journal to the operating system."""
        self._journal.flush()

    def fsync(self) -> None:
        """Force what was handed over to the disk; may be called from another thread."""
        self._journal.fsync()

    def close(self) -> Path:
        """Write the last hash, seal the journal and return its path."""
        self._close_chain(self._last_ns)
        return self._journal.seal()

    def abandon(self) -> None:
        """Let go of the journal for a later recovery; what was not handed over is lost."""
        self._journal.abandon()

    # --- what stands ---

    @property
    def last_ns(self) -> int:
        """Time of the last input."""
        return self._last_ns

    @property
    def machine(self) -> Machine:
        """Engine and what stands after it, for those that look and change nothing."""
        return self._machine

    def know_bundles(self, hashes: Iterable[str]) -> None:
        """Take the hashes of sealed bundles, by which orders name the model that caused them."""
        self._standing.know_bundles(hashes)

    def status(self) -> SessionStatus:
        """Return the state of trading, feeds and positions."""
        return session_status(self.plan.header, self._engine, self._standing, self._machine.model_id)

    def orders(self, limit: int) -> list[JsonObject]:
        """Return the newest orders, newest first; decimals as text."""
        return self._standing.orders(limit)

    def performance(self) -> JsonObject:
        """Return what the session came to so far; see `PerformanceTracker.to_json`."""
        return self._performance.to_json(self._last_ns)

    def positions(self) -> list[JsonObject]:
        """Return every instrument's position; decimals as text."""
        return [self._standing.position(entry.id) for entry in self.plan.header.instruments]

    def open_orders(self) -> int:
        """Return how many orders have not ended."""
        return self._standing.open_count

    def take_events(self) -> list[SessionEvent]:
        """Take what happened since the last time; of more than `EVENTS_MAX` that nobody took the oldest are gone.

        Their causes have been handed to the operating system: what is told is not forgotten by a kill.
        """
        events = self._standing.take_events()
        if events:
            self._journal.flush()
        return events

    # --- inside ---

    def _input(self, kind: int, source: int, ts_ns: int, payload: bytes) -> Outputs:
        """Journal one input, let the engine take it, and return what it put out."""
        record, times = self._append(kind, source, ts_ns, payload), self.times
        begin_ns = times.now_ns()
        self._engine.process(record)
        if ts_ns > self._next_step_ns:
            times.close(begin_ns)
        return self._settle(ts_ns)

    def _append(self, kind: int, source: int, ts_ns: int, payload: bytes) -> bytes:
        """Journal one record and return it."""
        self._seq += 1
        self._last_ns = ts_ns
        record = native.encode_record(kind, source, self._seq, ts_ns, payload)
        self._journal.append(record)
        return record

    def _settle(self, ts_ns: int) -> Outputs:
        """Take what the engine put out after an input at `ts_ns`, and let its orders leave."""
        outputs = self._engine.drain()
        self._chain.add(outputs)
        self._standing.add(outputs)
        self._performance.add(outputs)
        if len(outputs["grid"]):
            self._grids.append(outputs["grid"])
        if len(outputs["feed_requests"]) or len(outputs["feed_events"]):
            self._tell_venues(outputs)
        if ts_ns > self._next_step_ns:
            self._close_steps(ts_ns)
        requests = outputs["order_requests"]
        if len(requests):
            self._journal.flush()  # before the order: its cause is found again, whatever becomes of this process
            self._venue.submit(requests, ts_ns)
            self._ask_venue()
        return outputs

    def _close_steps(self, ts_ns: int) -> None:
        """Take note of the steps that an input at `ts_ns` closed; over a long hole the engine jumps and closes none."""
        self._next_step_ns = self._step_at_or_after(ts_ns)
        steps = self._engine.steps_closed()
        if steps != self.counts.steps:
            self.counts.steps = steps
            self._close_chain(ts_ns)

    def _close_chain(self, ts_ns: int) -> None:
        self._append(KIND_OUTPUT_HASH, 0, ts_ns, self._chain.close_step())

    def _deliver_replies(self, until_ns: int) -> None:
        """Feed the venue's replies that have reached us by `until_ns`; a reply may cause the next order."""
        while self._reply_ns <= until_ns:
            self._owed += self._venue.due(self._reply_ns)
            while self._owed:
                due_ns, payload = self._owed.popleft()
                self.counts.replies += 1
                self._input(KIND_FRAME, self._reply_sources.of(payload), max(due_ns, self._last_ns), payload)
            self._ask_venue()

    def _ask_venue(self) -> None:
        """Take note of when the venue has something to do or to say."""
        next_ns = self._owed[0][0] if self._owed else self._venue.next_ts_ns()
        self._reply_ns = NEVER_NS if next_ns is None else next_ns

    def _tell_venues(self, outputs: Outputs) -> None:
        events = outputs["feed_events"]
        wanted = outputs["feed_requests"]["instrument"].tolist()
        synced = events["instrument"][events["state_to"] == SYNCED].tolist()
        for tape in self._tapes.values():
            tape.tell(wanted, synced)

    def _step_at_or_after(self, ts_ns: int) -> int:
        return -(-ts_ns // self._step_ns) * self._step_ns
