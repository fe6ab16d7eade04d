"""The life of models in a running trader: champion and shadow on the same steps, what they are worth, and the way back.

Two lanes forecast: the champion's, whose forecasts are traded on, and the shadow's, where the challenger and, during a
probation, the model before forecast the same steps. All are scored by what the mid did afterwards. A champion that
fails its probation gives way to the model before between two steps, without loading anything; moving the pointer back
is then the registry's, in a process of its own, and the watch hears of it as of any other move.

Everything here happens on the event loop; see `trader.scorecard` and `trader.probation` for what is decided.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from ml.runtime import ROLLBACK, Pointer
from native.config import JsonObject
from streaming.bus import Outcome
from streaming.errors import RefusedError
from streaming.settings import Settings
from streaming.shell.attention_watch import AttentionWatch
from streaming.shell.clock import Clock
from streaming.shell.drift_watch import DriftWatch
from streaming.shell.inference import (
    SHADOW_NICENESS,
    Forecast,
    InferenceEars,
    InferenceThread,
    Load,
    LoadedModel,
    Window,
)
from streaming.shell.latency import Latencies
from streaming.shell.model_watch import ChallengerWatch, ModelWatch
from streaming.shell.move_back import MoveBack
from streaming.shell.probation_file import ProbationFile
from streaming.shell.shadow_file import ShadowFile
from streaming.shell.trader_bus import TraderBus
from streaming.shell.trader_model import FirstModel, named
from streaming.shell.trading_loop import TradingLoop
from streaming.trader.machine import grid_of, number_of
from streaming.trader.probation import Failure, Phase, Probation
from streaming.trader.scorecard import Scoreboard
from streaming.trader.shadow import shadow_path
from streaming.trader.truth import Truth
from warehouse.schema import FORECAST_HORIZONS

BY = "model"
NEVER_NS = 0
"""What the engine is told of a model that does not expire."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LifeSurroundings:
    """What models live in."""

    loop: asyncio.AbstractEventLoop
    clock: Clock
    settings: Settings
    trading: TradingLoop
    latencies: Latencies
    bus: TraderBus
    load: Load
    say: Callable[[str], None]


class ModelLife:
    """See the head of the file. `start`, then `on_closed` after each closed step, `look` often, `stop` at the end."""

    def __init__(self, around: LifeSurroundings, first: FirstModel) -> None:
        self._around = around
        self._session, self._trading = around.trading.session, around.trading
        folders, plan = around.settings.warehouse, around.trading.session.plan
        self._run = plan.header.run
        judged = around.settings.native.signal.horizon_step
        horizons = sorted({*FORECAST_HORIZONS, judged})
        grid = grid_of(plan.header)
        slots = grid["slots"]
        assert isinstance(slots, list), "the engine took it"
        slot_ids = [slot if isinstance(slot, int) else None for slot in slots]
        self.board = Scoreboard(Truth(slot_ids, number_of(grid, "step_ns"), max(horizons)), horizons, judged)
        self._late_ns = self._session.forecast_age_max_ns
        self.lane = InferenceThread(around.loop, around.clock, around.load, self._champion_ears())
        self.shadow_lane = InferenceThread(
            around.loop, around.clock, around.load, self._shadow_ears(), name="shadow", niceness=SHADOW_NICENESS
        )
        self.probation = Probation(around.settings.streaming.probation, judged, first.record)
        self.challenger = ChallengerWatch(folders.models_dir, self.shadow_lane.load, around.say)
        self.watch = ModelWatch(
            folders.models_dir,
            first.loaded,
            first.generation,
            self.lane.load,
            around.say,
            previous=first.previous,
            objection=lambda pointer: self.probation.record.objection(named(pointer)),
            spare=self.challenger.spare,
        )
        self.shadow_file = ShadowFile(shadow_path(folders.journal_dir, self._run))
        self.shadow_failures = 0
        names = grid["instruments"]
        assert isinstance(names, list), "the engine took it"
        self.attention = AttentionWatch([str(name) for name in names], self.shadow_lane.look, around.loop.time)
        self._is_going_back = first.is_going_back
        self._record_file = ProbationFile(folders.run_dir)
        self._move_back = MoveBack(around.settings, self._on_moved_back)
        self._drift = DriftWatch(folders.reports_dir)
        self._facts: dict[str, int] = {}
        self.refused_facts: list[str] = []

    # --- life ---

    def start(self) -> None:
        """Begin to forecast; call it before the first frame."""
        models_dir = self._around.settings.warehouse.models_dir
        self._session.know_bundles(path.parent.name for path in models_dir.glob("*/manifest.json"))
        self._know_models()
        record = self.probation.record
        if self._is_going_back:
            self._move_back.begin(record.generation, f"probation: {record.failed[-1].why}")
        elif self.probation.is_on:
            self._tell("begun", f"{record.steps} of {self.probation.settings.steps} steps are over")
        if self.watch.is_following:
            self._record_file.write(record)
        self.lane.start()
        self.shadow_lane.start()

    async def stop(self) -> None:
        """Forecast no more, and let what is under way come to its end."""
        await asyncio.gather(*(asyncio.to_thread(lane.stop) for lane in (self.lane, self.shadow_lane)))
        await self._move_back.settled()
        await asyncio.to_thread(self._record_file.close)
        self.shadow_file.close()

    def look(self) -> None:
        """Look at pointers and verdicts, and begin what follows from them."""
        self._change(ModelWatch.look)
        self.challenger.look(self.watch.current.hash)
        self._keep_cards()
        self._observe("drift_level", self._drift.level(self.watch.current.hash))

    def flush(self) -> None:
        """Hand what was forecast in the shadow to the operating system."""
        self.shadow_file.flush()

    # --- steps ---

    def on_closed(self, ts_ns: int) -> None:
        """Have the step that closed forecast, then score what it completes, and judge."""
        found = self._session.window(self.watch.current.forecaster.context_steps)
        if found is not None:
            window = Window(self.watch.current, *found, ts_ns, self._around.clock.now_ns())
            self._offer(self.lane, window)
            self.attention.on_window(window)
            shadows = [self._same_step(model, found[0], ts_ns) for model in self._shadows()]
            windows = [window for window in shadows if window is not None]
            if windows:
                self._offer(self.shadow_lane, *windows)
        self.board.step(self._session.take_grid())
        self._judge()

    def _offer(self, lane: InferenceThread, *windows: Window) -> None:
        for window in windows:
            if (card := self.board.card(window.model.hash)) is not None:
                card.delivery.windows += 1
        for window in lane.offer(*windows):
            if (card := self.board.card(window.model.hash)) is not None:
                card.delivery.skipped += 1

    def _shadows(self) -> list[LoadedModel]:
        """Return who forecasts in the shadow now, each model once."""
        models = [self.challenger.current, self.watch.previous if self.probation.is_on else None]
        found = {model.hash: model for model in models if model is not None and model is not self.watch.current}
        return list(found.values())

    def _same_step(self, model: LoadedModel, ts_step_ns: int, ts_ns: int) -> Window | None:
        found = self._session.window_again(model.forecaster.context_steps)
        return Window(model, *found, ts_ns) if found is not None and found[0] == ts_step_ns else None

    def _judge(self) -> None:
        if not self.probation.is_on:
            return
        card, previous = self.board.card(self.watch.current.hash), self.watch.previous
        assert card is not None, "the champion is scored"
        failure = self.probation.step(card, None if previous is None else self.board.card(previous.hash))
        record = self.probation.record
        if failure is not None:
            self._fail(failure)
        elif record.phase is Phase.settled:
            self._tell("passed", f"{record.steps} steps, {card.scored_steps} forecasts scored")
            self._keep_cards()
        elif record.steps % self.probation.settings.check_every_steps:
            return
        self._record_file.write(self.probation.record)

    def _fail(self, failure: Failure) -> None:
        """Let the model before take over now, and have the pointer moved back behind it."""
        record, before = self.probation.record, self.watch.current
        self._tell("failed", failure.words)
        if self.watch.go_back(f"probation failed: {failure.words}"):
            self._on_swapped(before, f"probation failed: {failure.words}")
        else:
            self._reduce(
                f"model {before.hash[:12]} failed its probation ({failure.words}) and none is kept to go back to"
            )
        self._move_back.begin(record.generation, f"probation: {failure.words}")

    def _reduce(self, reason: str) -> None:
        try:
            self._trading.command("reduce", reason, BY)
        except RefusedError as error:  # it is halted or reducing already
            self._around.say(str(error))

    # --- what lanes say ---

    def _champion_ears(self) -> InferenceEars:
        return InferenceEars(
            on_forecast=lambda forecast: self._note(forecast, is_late=not self._trading.on_forecast(forecast)),
            on_forecast_failed=self._on_champion_failed,
            on_loaded=lambda model: self._change(lambda watch: watch.on_loaded(model)),
            on_load_failed=lambda bundle, problem: self._change(lambda watch: watch.on_refused(bundle, problem)),
        )

    def _shadow_ears(self) -> InferenceEars:
        return InferenceEars(
            on_forecast=self._on_shadow,
            on_forecast_failed=self._on_shadow_failed,
            on_loaded=lambda model: self._change_challenger(lambda: self.challenger.on_loaded(model)),
            on_load_failed=lambda bundle, problem: self._change_challenger(
                lambda: self.challenger.on_refused(bundle, problem)
            ),
            on_looked=lambda window, found: self.attention.on_looked(window, found),
        )

    def _on_champion_failed(self, window: Window, problem: str) -> None:
        self._trading.on_forecast_failed(window, problem)
        self._note_failed(window)

    def _on_shadow_failed(self, window: Window, problem: str) -> None:
        self.shadow_failures += 1
        self._note_failed(window)

    def _on_shadow(self, forecast: Forecast) -> None:
        now_ns, window = self._around.clock.now_ns(), forecast.window
        self._note(forecast, is_late=now_ns - window.ts_step_ns > self._late_ns)
        self.shadow_file.add(now_ns, window.ts_step_ns, window.model.model_id, forecast.values)

    def _note(self, forecast: Forecast, *, is_late: bool) -> None:
        window = forecast.window
        card = self.board.card(window.model.hash)
        if card is None:
            return
        card.delivery.late += is_late
        number = window.ts_step_ns // self.board.truth.step_ns
        card.forecast(number, forecast.values, self._around.latencies.since_ns(window.ts_closed_ns))
        if forecast.outside is not None:
            card.features(forecast.outside, window.valid[-1])

    def _note_failed(self, window: Window) -> None:
        if (card := self.board.card(window.model.hash)) is not None:
            card.delivery.failed += 1

    # --- models come and go ---

    def _change(self, change: Callable[[ModelWatch], None]) -> None:
        """Let the watch act, and do what follows when another model trades after it, or the pointer moved."""
        watch = self.watch
        before, generation = watch.current, watch.generation
        change(watch)
        if watch.pointer is None or (watch.current is before and watch.generation == generation):
            return
        if watch.current is not before:
            self._on_taken(before, watch.pointer)
        else:
            self._on_named(watch.pointer)
        self._record_file.write(self.probation.record)

    def _on_taken(self, before: LoadedModel, pointer: Pointer) -> None:
        if pointer.reason.startswith(ROLLBACK):
            self.probation.replaced(pointer.hash, pointer.generation)
        else:
            self.probation.promoted(pointer.hash, pointer.generation, before.hash)
        self._on_swapped(before, f"generation {pointer.generation}")
        self.board.begin(pointer.hash)
        if self.probation.is_on:
            self._tell("begun", f"{self.probation.settings.steps} steps against {before.hash[:12]}")

    def _on_named(self, pointer: Pointer) -> None:
        """The pointer names the model that trades already."""
        record = self.probation.record
        if record.phase is Phase.rolling_back:
            failed = record.champion
            self.probation.moved_back(pointer.hash, pointer.generation)
            self._tell("rolled_back", f"generation {pointer.generation}: {pointer.reason}", failed)
        else:
            record.champion, record.generation = pointer.hash, pointer.generation

    def _on_swapped(self, before: LoadedModel, why: str) -> None:
        now_ns, current = self._around.clock.now_ns(), self.watch.current
        self._around.bus.tell_swap(self._run, now_ns, before.hash, current.hash, why)
        self._know_models()

    def _know_models(self) -> None:
        """Let session, engine and scores know what trades now."""
        current = self.watch.current
        self._session.know_bundles([current.hash])
        self._observe("model_expires_ns", current.expires_ns or NEVER_NS)
        self._observe("drift_level", self._drift.level(current.hash))
        self._keep_cards()

    def _change_challenger(self, change: Callable[[], None]) -> None:
        change()
        self._keep_cards()

    def _keep_cards(self) -> None:
        self.board.keep({self.watch.current.hash, *(model.hash for model in self._shadows())})

    def _on_moved_back(self, problem: str) -> None:
        if problem:
            self._around.say(f"the champion pointer was not moved back: {problem}; next: trader models rollback")
            self._tell("not_rolled_back", problem)
            return
        self.look()
        if self.watch.pointer is not None:
            self._around.bus.tell_promotion(self.watch.pointer)

    # --- telling ---

    def _observe(self, fact: str, value: int) -> None:
        """Tell the engine a fact at the start, as a session that is gone on with may remember another, and changed."""
        if self._facts.get(fact) == value:
            return
        self._facts[fact] = value
        if not self._trading.observe(fact, value) and fact not in self.refused_facts:
            self.refused_facts.append(fact)

    def _tell(self, outcome: Outcome, reason: str, model: str = "") -> None:
        bundle = model or self.probation.record.champion
        self._around.say(f"probation of {bundle[:12]} {outcome}: {reason}")
        self._around.bus.tell_probation(self._run, self._around.clock.now_ns(), bundle, outcome, reason)

    def to_json(self) -> JsonObject:
        """Return model, challenger, probation and scores, for status and telemetry."""
        roles = {"champion": self.watch.current, "challenger": self.challenger.current}
        if self.probation.is_on:
            roles["previous"] = self.watch.previous
        cards = {role: self.board.card(model.hash) for role, model in roles.items() if model is not None}
        scores: JsonObject = {role: card.to_json() for role, card in cards.items() if card is not None}
        return {
            "model": self.watch.to_json(),
            "challenger": self.challenger.to_json(),
            "probation": self.probation.to_json(),
            "scores": scores,
            "facts": {**self._facts},
            "facts_refused": [*self.refused_facts],
            "shadow": {
                "windows": self.shadow_lane.counts.windows,
                "skipped": self.shadow_lane.counts.windows_skipped,
                "failed": self.shadow_failures,
                "written": self.shadow_file.written,
                "dropped": self.shadow_file.dropped,
                "last_problem": self.shadow_file.last_problem or self._record_file.last_problem,
            },
        }
