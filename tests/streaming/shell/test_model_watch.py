"""Following the champion pointer: what takes over, what is kept, what changes nothing."""

import pytest

from streaming.shell.inference import LoadedModel
from streaming.shell.model_watch import ModelWatch

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
