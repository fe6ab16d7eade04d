"""A session of a generated market whose views are taken at every grid step, as the trader's shell would tell them."""

from dataclasses import dataclass, field
from pathlib import Path

from paper_market import NAMES, Arrival, Feeder, begin, plan_of, scripted

from native.config import NS_PER_MS
from streaming.bus_view import View
from streaming.trader.plan import TraderPlan
from streaming.trader.scorecard import Scoreboard
from streaming.trader.truth import Truth
from streaming.view.builder import ViewBuilder
from streaming.view.config import ViewSettings
from streaming.view.heard import HeardFrames
from warehouse.schema import FORECAST_HORIZONS

EVERY_STEP = ViewSettings(interval_ms=20)
MODEL_ID = 9
STEP_NS = 100 * NS_PER_MS


@dataclass(slots=True)
class WatchedFeeder(Feeder):
    """A feeder that makes a view whenever a step has closed."""

    heard: HeardFrames = field(default_factory=HeardFrames)
    views: list[View] = field(default_factory=list)
    board: Scoreboard = field(
        default_factory=lambda: Scoreboard(
            Truth(list(range(len(NAMES))), STEP_NS, max(FORECAST_HORIZONS)), FORECAST_HORIZONS, 5
        )
    )
    builder: ViewBuilder | None = None
    scored: int = 0

    def feed(self, frames: list[Arrival]) -> None:  # type: ignore[override]  # a list is all that comes
        offsets = self.session.plan.source_offsets
        for frame in frames:
            self.advance(frame.ts_ns)
            tape = self.session.tape(frame.venue)
            if tape.frame(frame.source, frame.ts_ns, frame.payload):
                tape.news()
            self.heard.note((offsets[frame.venue] + frame.source, frame.ts_ns, frame.payload))
            self.look(frame.ts_ns)

    def look(self, ts_ns: int) -> None:
        taken = self.session.machine.forecast
        if self.session.counts.forecasts != self.scored and taken is not None:
            self.scored = self.session.counts.forecasts
            card = self.board.card_of(MODEL_ID) or self.board.begin(f"{MODEL_ID:08x}")
            card.forecast(taken.ts_step_ns // STEP_NS, scripted(taken.ts_step_ns), 0)
        before = self.steps
        Feeder.look(self, ts_ns)
        if self.steps == before:
            return
        self.board.step(self.session.take_grid())
        builder = self.builder = self.builder or ViewBuilder(self.session.plan.header, EVERY_STEP, "replay")
        self.views.append(builder.build(self.session.machine, ts_ns, self.heard.take(), self.board))


def watched(folder: Path, plan: TraderPlan | None = None) -> WatchedFeeder:
    """Return the feeder of a session that has just begun."""
    return WatchedFeeder(begin(folder, plan or plan_of()))
