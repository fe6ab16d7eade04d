"""The probation of a promoted model: every cell of its table, what it remembers, and real models on fresh markets."""

import itertools
import shutil
from functools import cache

import numpy as np
import pytest
from live_bundles import changed_copy, market_grid, mistake_units, seal_bundle, turn_signs
from paper_market import GRID, NAMES

from ml.runtime import Forecaster, feature_schema_hash
from streaming.trader.probation import (
    TRANSITIONS,
    Named,
    Phase,
    Probation,
    ProbationRecord,
    Trigger,
)
from streaming.trader.probation_config import ProbationSettings
from streaming.trader.scorecard import Scoreboard
from streaming.trader.truth import Truth

A, B, C = "a" * 64, "b" * 64, "c" * 64
HORIZON = 5
STEPS = 1_500
SHORT = ProbationSettings(steps=1_200, forecasts_min=300, check_every_steps=300)


def begun(settings=SHORT):
    """A probation of B, promoted as generation 2 from A."""
    probation = Probation(settings, HORIZON, ProbationRecord(champion=A, generation=1))
    probation.promoted(B, 2, A)
    return probation


def act(probation, trigger):
    """Do to the machine what the trigger stands for."""
    match trigger:
        case Trigger.promoted:
            probation.promoted(C, 9, B)
        case Trigger.replaced:
            probation.replaced(C, 9)
        case Trigger.moved_back:
            probation.moved_back(A, 9)
        case Trigger.passed:
            pass_by(probation)
        case Trigger.failed:
            fail(probation)


def card_of(**delivery):
    """A live record of 400 scored steps, all of them perfect, or as `delivery` says."""
    board = Scoreboard(Truth((0,), 1, HORIZON), (HORIZON,), HORIZON)
    card = board.begin("m")
    random = np.random.default_rng(1)
    for number in range(400):
        move = random.standard_normal(1)
        card._scored.append((number, move, move))
    for name, value in delivery.items():
        setattr(card.delivery, name, value)
    return card


def pass_by(probation):
    if probation.is_on:
        probation.record.steps = probation.settings.steps - 1
    probation.step(card_of(), None)


def fail(probation):
    if probation.is_on:
        probation.record.steps = probation.settings.check_every_steps - 1
    return probation.step(card_of(windows=1_000, late=500), None)


@pytest.mark.parametrize(("phase", "trigger"), list(itertools.product(Phase, Trigger)))
def test_every_cell_of_the_table(phase, trigger):
    probation = begun()
    probation.record.phase = phase
    wanted = TRANSITIONS.get((phase, trigger))
    if wanted is None and trigger is Trigger.moved_back:
        with pytest.raises(KeyError):
            act(probation, trigger)
        return

    act(probation, trigger)

    assert probation.record.phase is (phase if wanted is None else wanted)  # judging is for who is on probation alone


def test_a_model_that_failed_is_refused_until_a_person_promotes_it_again():
    probation = begun()

    failure = fail(probation)

    assert failure is not None and failure.rule == "lost" and "500 late" in failure.words
    record = probation.record
    assert (record.phase, record.failed[-1].hash) == (Phase.rolling_back, B)
    assert "failed its probation" in record.objection(Named(B, 2, "ann", False))
    assert record.objection(Named(B, 5, "dagster", False)) and record.objection(Named(B, 5, "trader", False))
    assert record.objection(Named(B, 5, "ann", False)) == "" == record.objection(Named(A, 3, "trader", True))


def test_what_it_remembers_survives_as_json_and_nonsense_is_an_error():
    probation = begun()
    fail(probation)

    assert ProbationRecord.from_json(probation.record.to_json()) == probation.record
    for wrong in ({}, {**probation.record.to_json(), "phase": "lost"}, {**probation.record.to_json(), "failed": 1}):
        with pytest.raises((KeyError, TypeError, ValueError)):
            ProbationRecord.from_json(wrong)


def test_a_broken_off_probation_goes_on_after_a_restart():
    probation = begun()
    probation.record.steps = 700

    choice = Probation(SHORT, HORIZON, probation.record).first(Named(B, 2, "ann", False))

    assert (choice.model, choice.previous, choice.record.steps) == (B, A, 700)
    assert choice.record.phase is Phase.on_probation and not choice.is_going_back


def test_a_model_that_failed_is_not_taken_at_the_next_start_though_the_pointer_names_it_still():
    probation = begun()
    fail(probation)

    choice = Probation(SHORT, HORIZON, probation.record).first(Named(B, 2, "ann", False))

    assert (choice.model, choice.is_going_back) == (A, True)


def test_a_person_that_promotes_it_again_begins_another_probation_at_the_next_start():
    probation = begun()
    fail(probation)

    choice = Probation(SHORT, HORIZON, probation.record).first(Named(B, 3, "ann", False))

    assert (choice.model, choice.previous, choice.record.phase) == (B, A, Phase.on_probation)


def test_a_model_that_was_promoted_while_no_trader_ran_is_watched_from_the_start():
    record = ProbationRecord(champion=A, generation=1)

    promoted = Probation(SHORT, HORIZON, record).first(Named(B, 2, "dagster", False))
    back = Probation(SHORT, HORIZON, record).first(Named(B, 2, "ann", True))
    fresh = Probation(SHORT, HORIZON, ProbationRecord()).first(Named(B, 2, "dagster", False))

    assert (promoted.record.phase, promoted.previous) == (Phase.on_probation, A)
    assert back.record.phase is fresh.record.phase is Phase.settled


def test_with_probation_off_a_promotion_is_settled_at_once():
    assert begun(ProbationSettings(is_on=False)).record.phase is Phase.settled


def test_what_failed_longest_ago_is_forgotten_first():
    probation = begun()
    for number in range(40):
        probation.promoted(f"{number:064d}", number, A)
        fail(probation)
        probation.moved_back(A, number)

    assert len(probation.record.failed) == 32 and probation.record.failed[-1].hash == f"{39:064d}"


def test_a_slow_model_fails_by_its_latency_and_one_within_the_bound_does_not():
    slow, quick = card_of(windows=400), card_of(windows=400)
    for _ in range(400):
        slow.latency.add(300_000_000)
        quick.latency.add(200_000_000)

    def judged(card):
        probation = begun()
        probation.record.steps = 299
        return probation.step(card, None)

    assert judged(slow).rule == "latency" and judged(quick) is None


# --- real models on markets that they have not seen -----------------------------------------------------------------


@pytest.fixture(scope="module")
def sealed(tmp_path_factory):
    """A trained bundle, its sign-flipped copy, and one that mistakes a feature's units."""
    source, good = seal_bundle(tmp_path_factory.getbasetemp() / "live-bundles")
    models = shutil.copytree(source, tmp_path_factory.mktemp("sealed") / "models")
    return {
        "models": models,
        "good": good,
        "turned": changed_copy(models, good, "turned", turn_signs),
        "mistaken": changed_copy(models, good, "mistaken", mistake_units),
    }


@pytest.fixture(scope="module")
def market(tmp_path_factory):
    """Grids of generated markets, by seed."""
    folder = tmp_path_factory.mktemp("markets")
    return cache(lambda seed: market_grid(folder / str(seed), STEPS, seed)[0])


def loaded(sealed, name):
    schema = feature_schema_hash(NAMES, GRID.step_ns)
    return Forecaster.load(sealed["models"], sealed[name], schema, 0, instruments=NAMES)


@pytest.fixture(scope="module")
def forecasts(sealed, market):
    """What a model forecasts of a market at every step from the tenth on, and what lies outside of its training."""

    @cache
    def made(name, seed):
        model, rows = loaded(sealed, name), market(seed)
        steps = len(rows) // len(NAMES)
        features = np.ascontiguousarray(rows["features"].reshape(steps, len(NAMES), -1))
        valid = np.ascontiguousarray(rows["is_valid"].reshape(steps, len(NAMES)))
        anchors = np.arange(9, steps)
        outside = [model.outside_training(features[anchor], valid[anchor]) for anchor in anchors]
        return model.forecast_batch(features, valid, anchors), outside, valid

    return made


def live(rows, forecasts, seed, new, before):
    """Let a new model and the one before forecast a market step by step; return probation and the rule it broke."""
    made = {name: forecasts(name, seed) for name in {new, before}}
    board = Scoreboard(Truth((0, 1, 2), GRID.step_ns, HORIZON), (1, HORIZON), HORIZON)
    probation = Probation(SHORT, HORIZON, ProbationRecord(champion=before, generation=1))
    probation.promoted(new, 2, before)
    board.keep(made.keys())
    for anchor in range(9, len(rows) // 3):
        closed = rows[3 * anchor : 3 * anchor + 3]
        for name, (values, outside, valid) in made.items():
            card = board.card(name)
            card.delivery.windows += 1
            card.forecast(int(closed["ts_step_ns"][0]) // GRID.step_ns, values[anchor - 9], 1_000_000)
            card.features(outside[anchor - 9], valid[anchor])
        board.step(closed)
        failure = probation.step(board.card(new), board.card(before) if new != before else None)
        if failure is not None or not probation.is_on:
            return probation, failure
    return probation, None


@pytest.mark.parametrize("seed", range(11, 15))
def test_a_good_model_passes(market, forecasts, seed):
    probation, failure = live(market(seed), forecasts, seed, "good", "good")

    assert failure is None and probation.record.phase is Phase.settled and probation.record.failed == []


@pytest.mark.parametrize("seed", range(11, 15))
def test_a_model_whose_signs_are_turned_fails_within_the_window(market, forecasts, seed):
    probation, failure = live(market(seed), forecasts, seed, "turned", "good")

    assert failure is not None and failure.rule in ("calibration", "skill")
    assert probation.record.phase is Phase.rolling_back and probation.record.steps <= SHORT.steps


@pytest.mark.parametrize("seed", (11, 12))
def test_a_good_model_after_a_bad_one_passes(market, forecasts, seed):
    assert live(market(seed), forecasts, seed, "good", "turned")[1] is None


def test_a_model_whose_features_are_not_those_of_its_training_fails_by_skew(market, forecasts):
    _, failure = live(market(11), forecasts, 11, "mistaken", "good")

    assert failure is not None and failure.rule == "skew" and "bid_log_size_1 of slot" in failure.words
