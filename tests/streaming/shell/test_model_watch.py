"""Following the champion pointer: what takes over, what is kept, what changes nothing."""

import pytest

from streaming.shell.inference import LoadedModel
from streaming.shell.model_watch import ChallengerWatch, ModelWatch

FIRST, SECOND, THIRD = (letter * 64 for letter in "abc")


class Watched:
    """A watch, what it wished for and what it said."""

    def __init__(self, folder, generation=1):
        self.folder, self.wishes, self.said = folder, [], []
        self.watch = ModelWatch(folder, LoadedModel(FIRST, object()), generation, self.wishes.append, self.said.append)

    def point(self, bundle, generation):
        text = f'{{"hash": "{bundle}", "generation": {generation}, "reason": "r", "by": "b", "ts_ns": 1}}'
        (self.folder / "champion.json").write_text(text)
        self.watch.look()

    def names(self):
        previous = self.watch.previous
        return self.watch.current.hash[0], None if previous is None else previous.hash[0]


@pytest.fixture
def watched(tmp_path):
    return Watched(tmp_path)


def test_a_new_champion_is_loaded_once_and_takes_over_when_ready(watched):
    watched.point(SECOND, 2)
    watched.watch.look()
    assert watched.wishes == [SECOND] and watched.names() == ("a", None)

    watched.watch.on_loaded(LoadedModel(SECOND, object()))

    assert watched.names() == ("b", "a") and watched.watch.generation == 2
    assert watched.watch.counts.swaps == 1 and "took over (generation 2" in watched.said[-1]


def test_a_rollback_takes_the_kept_model_without_loading(watched):
    watched.point(SECOND, 2)
    watched.watch.on_loaded(LoadedModel(SECOND, object()))
    first = watched.watch.previous

    watched.point(FIRST, 3)

    assert watched.wishes == [SECOND]
    assert watched.watch.current is first and watched.names() == ("a", "b")
    assert watched.watch.generation == 3


def test_a_bundle_that_cannot_be_used_keeps_the_old_and_is_not_tried_again(watched):
    watched.point(SECOND, 2)
    watched.watch.on_refused(SECOND, "altered since it was sealed")
    watched.watch.look()

    assert watched.wishes == [SECOND] and watched.names() == ("a", None)
    assert watched.watch.counts.refused == 1
    assert "altered" in watched.watch.last_problem and "aaaaaaaaaaaa stays" in watched.said[-1]
    assert watched.watch.to_json()["loading"] is None

    watched.point(SECOND, 3)  # restored and promoted again

    assert watched.wishes == [SECOND, SECOND]


def test_a_bundle_that_is_ready_after_the_pointer_moved_on_does_not_take_over(watched):
    watched.point(SECOND, 2)
    watched.point(THIRD, 3)
    watched.watch.on_loaded(LoadedModel(SECOND, object()))
    assert watched.names() == ("a", None)

    watched.watch.on_loaded(LoadedModel(THIRD, object()))

    assert watched.names() == ("c", "a")


def test_a_pointer_back_to_the_present_model_calls_a_loading_one_off(watched):
    watched.point(SECOND, 2)
    watched.point(FIRST, 3)
    watched.watch.on_loaded(LoadedModel(SECOND, object()))

    assert watched.names() == ("a", None) and watched.watch.counts.swaps == 0
    assert watched.watch.generation == 3


def test_an_unreadable_pointer_is_told_once_and_followed_when_it_is_readable(watched):
    (watched.folder / "champion.json").write_text("{")
    watched.watch.look()
    watched.watch.look()
    assert watched.watch.counts.refused == 1 and "pointer unreadable" in watched.watch.last_problem

    watched.point(SECOND, 2)

    assert watched.wishes == [SECOND]


def test_a_model_named_by_hand_follows_no_pointer(tmp_path):
    watched = Watched(tmp_path, generation=None)

    watched.point(SECOND, 2)

    assert watched.wishes == []


def test_going_back_lets_the_model_before_take_over_and_the_pointer_confirms_it_later(watched):
    assert not watched.watch.go_back("it has none before it")
    watched.point(SECOND, 2)
    watched.watch.on_loaded(LoadedModel(SECOND, object()))

    assert watched.watch.go_back("probation failed") and watched.names() == ("a", "b")
    watched.watch.look()
    assert watched.names() == ("a", "b") and watched.watch.generation == 2
    watched.point(FIRST, 3)

    assert watched.names() == ("a", "b") and watched.watch.generation == 3
    assert watched.watch.counts.swaps == 2 and watched.wishes == [SECOND]


def test_a_pointer_that_is_objected_to_is_refused_once_and_followed_when_it_moves_on(tmp_path):
    watched = Watched(tmp_path)
    watched.watch = ModelWatch(
        tmp_path,
        LoadedModel(FIRST, object()),
        1,
        watched.wishes.append,
        watched.said.append,
        objection=lambda pointer: "it failed" if pointer.hash == SECOND else "",
    )
    watched.point(SECOND, 2)
    watched.watch.look()
    assert watched.wishes == [] and watched.watch.counts.refused == 1 and "it failed" in watched.said[-1]

    watched.point(THIRD, 3)

    assert watched.wishes == [THIRD]


def test_a_model_that_is_loaded_elsewhere_takes_over_at_once(tmp_path):
    watched, spare = Watched(tmp_path), LoadedModel(SECOND, object())
    watched.watch = ModelWatch(
        tmp_path,
        LoadedModel(FIRST, object()),
        1,
        watched.wishes.append,
        watched.said.append,
        spare=lambda bundle: spare if bundle == SECOND else None,
    )

    watched.point(SECOND, 2)

    assert watched.watch.current is spare and watched.wishes == []


class Challenged:
    """A watch of the challenger, what it wished for and what it said."""

    def __init__(self, folder):
        self.folder, self.wishes, self.said = folder, [], []
        self.watch = ChallengerWatch(folder, self.wishes.append, self.said.append)

    def point(self, bundle, generation, champion=FIRST):
        text = f'{{"hash": "{bundle}", "generation": {generation}, "reason": "r", "by": "b", "ts_ns": 1}}'
        (self.folder / "challenger.json").write_text(text)
        self.watch.look(champion)


@pytest.fixture
def challenged(tmp_path):
    return Challenged(tmp_path)


def test_a_challenger_is_loaded_once_and_forecasts_until_another_is_named(challenged):
    challenged.watch.look(FIRST)
    challenged.point(SECOND, 2)
    challenged.watch.look(FIRST)
    challenged.watch.on_loaded(LoadedModel(SECOND, object()))
    assert challenged.wishes == [SECOND] and challenged.watch.current.hash == SECOND

    challenged.point(THIRD, 3)

    assert challenged.watch.current is None and challenged.wishes == [SECOND, THIRD]


def test_a_challenger_that_becomes_champion_leaves_the_shadow_and_comes_back_when_it_is_champion_no_more(challenged):
    challenged.point(SECOND, 2)
    challenged.watch.on_loaded(LoadedModel(SECOND, object()))
    assert challenged.watch.spare(SECOND) is challenged.watch.current and challenged.watch.spare(THIRD) is None

    challenged.watch.look(SECOND)
    assert challenged.watch.current is None
    challenged.watch.look(FIRST)

    assert challenged.wishes == [SECOND, SECOND]


def test_a_challenger_that_cannot_be_used_is_not_tried_again_until_the_pointer_moves(challenged):
    challenged.point(SECOND, 2)
    challenged.watch.on_refused(SECOND, "expired")
    challenged.watch.look(FIRST)
    assert challenged.wishes == [SECOND] and challenged.watch.to_json()["refused"] == 1

    challenged.point(SECOND, 3)

    assert challenged.wishes == [SECOND, SECOND] and "expired" in challenged.watch.last_problem


def test_a_challenger_that_is_ready_after_the_pointer_moved_on_does_not_forecast(challenged):
    challenged.point(SECOND, 2)
    challenged.point(THIRD, 3)
    challenged.watch.on_loaded(LoadedModel(SECOND, object()))

    assert challenged.watch.current is None


def test_an_unreadable_challenger_pointer_is_told_once(challenged):
    (challenged.folder / "challenger.json").write_text("{")
    challenged.watch.look(FIRST)
    challenged.watch.look(FIRST)

    assert challenged.watch.refused == 1 and challenged.said == [challenged.watch.last_problem]
