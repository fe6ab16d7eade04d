"""Whether a model that was just promoted may go on trading: judged by its live record, as a table of states.

Sans I/O. A promotion puts the new champion on probation beside the model before, which forecasts the same steps in the
shadow. At every look each rule is asked; the first that is broken ends it: the model before takes over between two
steps, and the champion pointer is to be moved back (`rolling_back`, until the pointer says so). Who was rolled back
is remembered and not taken again by the word of a machine, only by that of a person.

    calibration  upper bound of the slope < slope_min, or its lower bound > slope_max
    skill        upper bound of (skill - skill of the model before, same steps) < -skill_loss_max
    skew         a feature outside its training's range in more than clipped_share_max of the rows
    lost         (late + failed + skipped) / windows > lost_share_max
    latency      99th percentile of step to forecast > p99_ms_max

Bounds are those of `block_bounds` at the confidence of one look, 1 - (1 - confidence) / looks: over all looks together
a sound model breaks a rule with a chance of 1 - confidence at most.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Final

import numpy as np

import native
from native.config import JsonObject
from streaming.trader.block_bounds import mean_bounds, ratio_bounds
from streaming.trader.probation_config import ProbationSettings
from streaming.trader.scorecard import Scorecard, Scored
from streaming.trader.truth import Doubles

MACHINES: Final = frozenset(("dagster", "trader"))
"""Who moves pointers without being a person: the conductor's promotion, and a trader's own rollback."""
FAILED_MAX = 32
NS_PER_MS = 1e6


class Phase(StrEnum):
    """Where the champion stands."""

    settled = "settled"
    on_probation = "on_probation"
    rolling_back = "rolling_back"
    """The model before trades again; the pointer still names the one that failed."""


class Trigger(StrEnum):
    """What moves it."""

    promoted = "promoted"
    """Another model took over by a promotion."""
    replaced = "replaced"
    """Another model took over by somebody's rollback."""
    passed = "passed"
    failed = "failed"
    moved_back = "moved_back"
    """The pointer names the model that trades."""


TRANSITIONS: Final[Mapping[tuple[Phase, Trigger], Phase]] = {
    (Phase.settled, Trigger.promoted): Phase.on_probation,
    (Phase.settled, Trigger.replaced): Phase.settled,
    (Phase.on_probation, Trigger.promoted): Phase.on_probation,
    (Phase.on_probation, Trigger.replaced): Phase.settled,
    (Phase.on_probation, Trigger.passed): Phase.settled,
    (Phase.on_probation, Trigger.failed): Phase.rolling_back,
    (Phase.rolling_back, Trigger.promoted): Phase.on_probation,
    (Phase.rolling_back, Trigger.replaced): Phase.settled,
    (Phase.rolling_back, Trigger.moved_back): Phase.settled,
}
"""What is not in it cannot happen."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A rule that was broken."""

    rule: str
    value: float
    limit: float
    words: str


@dataclass(frozen=True, slots=True)
class Named:
    """What a champion pointer says."""

    hash: str
    generation: int
    by: str
    is_rollback: bool


@dataclass(frozen=True, slots=True)
class FirstChoice:
    """With what a trader that starts goes on."""

    model: str
    previous: str
    """To keep loaded for a way back; empty for none."""
    record: "ProbationRecord"
    is_going_back: bool
    """The pointer is yet to be moved back."""


@dataclass(frozen=True, slots=True)
class FailedModel:
    """A bundle that was rolled back, and the generation of the pointer that had named it."""

    hash: str
    generation: int
    why: str


@dataclass(slots=True)
class ProbationRecord:
    """What a trader must know after a restart. Every field is plain, so that it is one JSON object."""

    phase: Phase = Phase.settled
    champion: str = ""
    """The model on probation, or the one that is rolled back; in `settled` the one that trades."""
    generation: int = 0
    """Of the pointer that named it."""
    previous: str = ""
    """The model to go back to; empty when there is none."""
    steps: int = 0
    """Steps closed on probation so far."""
    failed: list[FailedModel] = field(default_factory=list)
    """The newest last; the oldest are forgotten."""

    def to_json(self) -> JsonObject:
        """Return it as one JSON object."""
        return asdict(self)

    @classmethod
    def from_json(cls, document: JsonObject) -> "ProbationRecord":
        """Read what `to_json` wrote; ValueError, KeyError or TypeError when it is something else."""
        words = dict(document)
        failed = words.pop("failed")
        if not isinstance(failed, list):
            raise TypeError(f"failed: expected a list, found {failed!r}")
        models = [FailedModel(**item) for item in failed]  # type: ignore[arg-type]  # a wrong field is a TypeError
        record = cls(**words, failed=models)  # type: ignore[arg-type]  # as above
        record.phase = Phase(record.phase)
        return record

    def objection(self, named: Named) -> str:
        """Return why a pointer is not to be followed; empty when it may be."""
        for failed in reversed(self.failed):
            if failed.hash == named.hash and (named.generation <= failed.generation or named.by in MACHINES):
                return f"it failed its probation as generation {failed.generation} ({failed.why}); a person may promote"
        return ""


class Probation:
    """The machine. `record` is its whole state; whoever owns it keeps that across restarts."""

    def __init__(self, settings: ProbationSettings, judged_horizon: int, record: ProbationRecord) -> None:
        self.settings = settings
        self.record = record
        self._block = max(settings.block_steps, judged_horizon)
        self._confidence = 1.0 - (1.0 - settings.confidence) / settings.looks

    @property
    def is_on(self) -> bool:
        """Whether a model is being watched."""
        return self.record.phase is Phase.on_probation

    def promoted(self, model: str, generation: int, previous: str) -> None:
        """Another model took over from `previous` by a promotion; with probation off it is settled at once."""
        self._move(Trigger.promoted if self.settings.is_on else Trigger.replaced, model, generation)
        self.record.previous = previous

    def replaced(self, model: str, generation: int) -> None:
        """Another model took over by a rollback: it had been champion before and is not watched again."""
        self._move(Trigger.replaced, model, generation)

    def moved_back(self, model: str, generation: int) -> None:
        """The pointer names the model before, which trades already."""
        self._move(Trigger.moved_back, model, generation)

    def first(self, named: Named) -> FirstChoice:
        """Return what a trader that starts under this pointer trades with, and move to where that leads.

        A model that was promoted while no trader ran is watched against the one that traded last; a probation that was
        broken off goes on; a model that failed is not taken, though the pointer was not moved back in time.
        """
        record = self.record
        if record.objection(named):
            model = record.previous if record.phase is Phase.rolling_back else record.champion
            is_going_back = record.phase is Phase.rolling_back and record.champion == named.hash
            if model and model != named.hash:
                return FirstChoice(model, "", record, is_going_back)
        if record.champion == named.hash and record.phase is Phase.on_probation:
            record.generation = named.generation
            return FirstChoice(named.hash, record.previous, record, is_going_back=False)
        before = record.previous if record.phase is Phase.rolling_back else record.champion
        if before and before != named.hash and not named.is_rollback:
            self.promoted(named.hash, named.generation, before)
        else:
            self.replaced(named.hash, named.generation)
        return FirstChoice(named.hash, self.record.previous, self.record, is_going_back=False)

    def step(self, card: Scorecard, before: Scorecard | None) -> Failure | None:
        """Count a closed step; at a look judge the live record, and return the rule that is broken.

        `before` is the record of the model before on the same steps. Nothing else ends a probation than this and a
        model that takes over: after it `record.phase` says whether it goes on, has passed or has failed.
        """
        record, settings = self.record, self.settings
        if record.phase is not Phase.on_probation:
            return None
        record.steps += 1
        if record.steps % settings.check_every_steps:
            return None
        failures = judge(settings, card, before, self._block, self._confidence)
        if failures:
            self._fail(failures[0])
            return failures[0]
        if record.steps >= settings.steps and card.scored_steps >= settings.forecasts_min:
            record.phase = TRANSITIONS[record.phase, Trigger.passed]
            record.previous = ""
            record.failed = [item for item in record.failed if item.hash != record.champion]
        return None

    def to_json(self) -> JsonObject:
        """Return how it stands, for status and telemetry."""
        record, settings = self.record, self.settings
        failed: list[JsonObject] = [asdict(item) for item in record.failed]
        return {
            "phase": record.phase.value,
            "champion": record.champion,
            "generation": record.generation,
            "previous": record.previous,
            "steps": record.steps,
            "of_steps": settings.steps,
            "failed": [*failed],
        }

    def _fail(self, failure: Failure) -> None:
        record = self.record
        record.phase = TRANSITIONS[record.phase, Trigger.failed]
        record.failed = [item for item in record.failed if item.hash != record.champion]
        record.failed.append(FailedModel(record.champion, record.generation, failure.words))
        del record.failed[:-FAILED_MAX]

    def _move(self, trigger: Trigger, model: str, generation: int) -> None:
        record = self.record
        phase = TRANSITIONS[record.phase, trigger]
        self.record = ProbationRecord(phase, model, generation, failed=record.failed)


def judge(
    settings: ProbationSettings, card: Scorecard, before: Scorecard | None, block: int, confidence: float
) -> list[Failure]:
    """Return the rules that a live record breaks, in the order of the table above."""
    found = _delivery_failures(settings, card)
    if card.scored_steps < settings.forecasts_min:
        return found
    scored = card.scored()
    calibration = _calibration(settings, scored, block, confidence)
    skill = None if before is None else _skill(settings, scored, before.scored(), block, confidence)
    return [item for item in (calibration, skill) if item is not None] + found


def _delivery_failures(settings: ProbationSettings, card: Scorecard) -> list[Failure]:
    """Judge what needs no truth; each as soon as so many windows, rows or forecasts were seen."""
    found, enough = [], settings.forecasts_min
    share, slot, feature, rows = card.clipped()
    if rows >= enough and share > settings.clipped_share_max:
        name = native.FEATURE_NAMES[feature]
        words = f"skew: {name} of slot {slot} lies outside its training's range in {share:.0%} of {rows} rows"
        found.append(Failure("skew", share, settings.clipped_share_max, words))
    delivery, lost = card.delivery, card.delivery.lost_share
    if delivery.windows >= enough and lost > settings.lost_share_max:
        words = f"{delivery.late} late, {delivery.failed} failed, {delivery.skipped} skipped of {delivery.windows}"
        found.append(Failure("lost", lost, settings.lost_share_max, f"lost: {lost:.0%} of the windows ({words})"))
    p99_ms = card.latency.percentile_ns(99.0) / NS_PER_MS
    if card.latency.count >= enough and p99_ms > settings.p99_ms_max:
        words = f"latency: 99 % of its forecasts came within {p99_ms:.0f} ms, allowed are {settings.p99_ms_max:g} ms"
        found.append(Failure("latency", p99_ms, settings.p99_ms_max, words))
    return found


def _calibration(settings: ProbationSettings, scored: Scored, block: int, confidence: float) -> Failure | None:
    f, y = (_in_own_units(array, scored.move_bps) for array in (scored.forecast_bps, scored.move_bps))
    f, y = f - _means(f), y - _means(y)
    bounds = ratio_bounds(_totals(f * y), _totals(f * f), block, confidence)
    limit = settings.slope_min if bounds.upper < settings.slope_min else settings.slope_max
    if settings.slope_min <= bounds.upper and bounds.lower <= settings.slope_max:
        return None
    words = f"calibration: slope {bounds.value:+.2f} [{bounds.lower:+.2f}, {bounds.upper:+.2f}], bound {limit:+.2f}"
    return Failure("calibration", bounds.value, limit, f"{words}, {len(scored.steps)} steps")


def _skill(
    settings: ProbationSettings, scored: Scored, before: Scored, block: int, confidence: float
) -> Failure | None:
    """Compare squared errors where both models forecast the same step and slot."""
    _, ours, theirs = np.intersect1d(scored.steps, before.steps, assume_unique=True, return_indices=True)
    if len(ours) < settings.forecasts_min:
        return None
    moves = _in_own_units(scored.move_bps[ours], scored.move_bps[ours])
    f = _in_own_units(scored.forecast_bps[ours], scored.move_bps[ours])
    g = _in_own_units(before.forecast_bps[theirs], scored.move_bps[ours])
    difference, whole = _totals((moves - g) ** 2 - (moves - f) ** 2), _totals(moves**2)
    scale = float(whole.mean())
    if scale <= 0.0:
        return None
    bounds = mean_bounds(difference / scale, block, confidence)
    if bounds.upper >= -settings.skill_loss_max:
        return None
    words = f"skill: {bounds.value:+.4f} [{bounds.lower:+.4f}, {bounds.upper:+.4f}] against the model before"
    return Failure("skill", bounds.value, -settings.skill_loss_max, f"{words}, {len(ours)} same steps")


def _in_own_units(values: Doubles, moves: Doubles) -> Doubles:
    """Return values [step, slot] in units of each slot's own root-mean-square move; NaN where it never moved."""
    counts = np.isfinite(moves).sum(axis=0)
    squares = np.nansum(moves**2, axis=0)
    is_moving = (counts > 0) & (squares > 0.0)
    units = np.sqrt(np.where(is_moving, squares, 1.0) / np.maximum(counts, 1))
    return np.asarray(np.where(is_moving, values / units, np.nan), dtype=np.float64)


def _means(values: Doubles) -> Doubles:
    """Return each slot's mean over what is known; 0 where nothing is."""
    counts = np.isfinite(values).sum(axis=0)
    return np.asarray(np.nansum(values, axis=0) / np.maximum(counts, 1), dtype=np.float64)


def _totals(values: Doubles) -> Doubles:
    """Return each step's sum over what is known."""
    return np.asarray(np.nansum(values, axis=1), dtype=np.float64)
