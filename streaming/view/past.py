"""A journal heard again for windows: the same views, events and scores that were told while the session ran.

The engine hears every input; views are made by the builder that the trader uses, at grid steps, since there the journal
proves what came out. What stages took is read from the file beside the journal; connections, and what was known of
models, nobody kept.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import numpy as np

from native.config import NS_PER_MS, JsonObject
from streaming.bus_view import View
from streaming.journal import Journal, JournalStep
from streaming.performance.stage_file import stage_path
from streaming.replay import hear
from streaming.segments import KIND_FORECAST, KIND_FRAME, SegmentHeader
from streaming.trader.machine import Machine, TakenForecast, grid_of, number_of
from streaming.trader.order_venue import REPLY_KINDS
from streaming.trader.scorecard import FORECAST_WIDTH, Scoreboard
from streaming.trader.standing import SessionEvent, text_of
from streaming.trader.status import session_status
from streaming.trader.truth import Truth
from streaming.trading_records import FORECAST_PREFIX
from streaming.view.builder import ViewBuilder
from streaming.view.config import ViewSettings
from streaming.view.past_stages import PastStages
from streaming.view.wire import HeardFrame
from warehouse.schema import FORECAST_HORIZONS

MODE = "replay"
STATUS_NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Moment:
    """What is told at one grid step of a journal."""

    ts_ns: int
    events: Sequence[SessionEvent]
    view: View | None
    """None between two views."""
    status: JsonObject | None
    """As the trader's own document, as far as a journal knows; None between two of them."""


class PastSession:
    """One journal, heard once from its beginning to its end. Raises as `Journal` and `Machine.fresh` do."""

    def __init__(self, path: Path, settings: ViewSettings, bundles: Iterable[str]) -> None:
        self._journal = Journal(path)
        self.header = self._journal.header
        self.steps = 0
        self.differs_ns = 0
        """Time of the first step whose outputs are not the journal's; 0: there is none so far."""
        self._machine = Machine.fresh(self.header)
        self._machine.standing.know_bundles([*bundles, *([self.header.bundle] if self.header.bundle else [])])
        self._builder = ViewBuilder(self.header, settings, MODE)
        self._board = _board(self.header)
        self._slots = self._board.truth.slot_count
        self._reply_sources = {source.id for source in self.header.sources if source.kind in REPLY_KINDS}
        self._stages = PastStages(stage_path(path.parent, self.header.run))
        self._frames: list[HeardFrame] = []
        self._interval_ns = settings.interval_ms * NS_PER_MS
        self._view_ns = self._status_ns = 0

    def moments(self) -> Iterator[Moment]:
        """Yield what is told, in order, and last how it stands after the last input. Call it once."""
        end_ns, moment = 0, None
        for step in self._journal.steps():
            if not step.ts_ns and not len(step.records):
                continue
            end_ns = step.ts_ns or int(step.records["ts_ns"][-1])
            self._hear(step, end_ns)
            moment = None
            if step.digest:
                self.steps += 1
                yield (moment := self._moment(end_ns))
        if end_ns and (moment is None or moment.view is None or moment.status is None):
            self._view_ns = self._status_ns = 0
            yield self._moment(end_ns)

    def _hear(self, step: JournalStep, ts_ns: int) -> None:
        machine = self._machine
        outputs, is_same = hear(step, machine.engine, machine.chain)
        if not is_same and not self.differs_ns:
            self.differs_ns = ts_ns
        machine.standing.add(outputs)
        machine.performance.add(outputs)
        for row in step.records:
            begin, end = int(row["offset"]), int(row["offset"]) + int(row["length"])
            if row["kind"] == KIND_FRAME and row["source"] not in self._reply_sources:
                machine.counts.frames += 1
                self._frames.append((int(row["source"]), int(row["ts_ns"]), step.block[begin:end]))
            elif row["kind"] == KIND_FORECAST:
                self._hear_forecast(int(row["seq"]), int(row["ts_ns"]), step.block[begin:end])
        machine.counts.steps = machine.engine.steps_closed()
        self._board.step(outputs["grid"])

    def _hear_forecast(self, seq: int, ts_ns: int, payload: bytes) -> None:
        machine = self._machine
        machine.performance.forecast_input(seq, ts_ns, payload)
        ts_step_ns, model_id, horizon = FORECAST_PREFIX.unpack_from(payload)
        values = np.frombuffer(payload[FORECAST_PREFIX.size :], dtype=np.float32)
        if values.size != horizon * self._slots * FORECAST_WIDTH:
            return
        values = values.reshape(horizon, -1)
        machine.counts.forecasts += 1
        machine.model_id, machine.forecast = model_id, TakenForecast(ts_step_ns, model_id, values)
        card = self._board.card_of(model_id) or self._board.begin(machine.standing.bundle(model_id))
        card.delivery.windows += 1
        card.forecast(ts_step_ns // self._board.truth.step_ns, values, ts_ns - ts_step_ns)

    def _moment(self, ts_ns: int) -> Moment:
        view = status = None
        if ts_ns >= self._view_ns:
            self._view_ns = ts_ns + self._interval_ns
            view = self._builder.build(self._machine, ts_ns, self._frames, self._board)
            self._frames.clear()
        if ts_ns >= self._status_ns:
            self._status_ns = ts_ns + STATUS_NS
            status = self._status(ts_ns)
        return Moment(ts_ns, self._machine.standing.take_events(), view, status)

    def _status(self, ts_ns: int) -> JsonObject:
        machine = self._machine
        standing = session_status(self.header, machine.engine, machine.standing, machine.model_id)
        card = self._board.card_of(machine.model_id)
        scores: JsonObject = {} if card is None else {"champion": card.to_json()}
        money = (Decimal(str(item["pnl"])) for item in standing.instruments)
        machine.performance.orders.take_answers()  # they are for the latencies of a running trader
        return {
            "process": "trader",
            "mode": MODE,
            "ts_ns": ts_ns,
            **standing.to_json(),
            "pnl": text_of(sum(money, Decimal(0))),
            "scores": scores,
            "latency": self._stages.at(ts_ns),
            "performance": machine.performance.to_json(ts_ns),
        }


def _board(header: SegmentHeader) -> Scoreboard:
    """Return empty records of models over a header's grid, at the horizons that a trader scores."""
    grid, signal = grid_of(header), (header.engine or {}).get("signal")
    slots, judged = grid["slots"], signal.get("horizon_step") if isinstance(signal, dict) else None
    assert isinstance(slots, list), "a trader's engine has slots"
    horizons = sorted({*FORECAST_HORIZONS, *([judged] if isinstance(judged, int) else [])})
    slot_ids = [slot if isinstance(slot, int) else None for slot in slots]
    truth = Truth(slot_ids, number_of(grid, "step_ns"), max(horizons))
    return Scoreboard(truth, horizons, judged if isinstance(judged, int) else horizons[0])
