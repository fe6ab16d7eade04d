"""When the live model is asked where it looks, and what is kept of its answers."""

import numpy as np

from ml.runtime import AttentionMap, Token
from streaming.shell.attention_watch import AttentionWatch
from streaming.shell.inference import LoadedModel, Window

FOUND = AttentionMap((0,), (Token(0, "bid", 1, "price"),), np.ones((1, 1, 1), dtype=np.float32))


class Asked:
    """A watch whose questions are kept, at a time that a test tells."""

    def __init__(self):
        self.now_s = 100.0
        self.windows = []
        self.watch = AttentionWatch(["a:X"], self.windows.append, lambda: self.now_s)


def window(step, bundle="c" * 64):
    return Window(LoadedModel(bundle, None), step, np.zeros((2, 1, 58)), np.ones((2, 1)), step)


def test_it_asks_at_once_and_then_once_a_second():
    asked = Asked()
    for step in range(25):
        asked.watch.on_window(window(step))
        asked.watch.on_looked(window(step), FOUND)
        asked.now_s += 0.125

    assert [item.ts_step_ns for item in asked.windows] == [0, 8, 16, 24]


def test_while_an_answer_is_owed_nothing_is_asked():
    asked = Asked()
    asked.watch.on_window(window(1))
    asked.now_s += 60.0
    asked.watch.on_window(window(2))
    assert len(asked.windows) == 1

    asked.watch.on_looked(window(1), FOUND)
    asked.watch.on_window(window(3))

    assert [item.ts_step_ns for item in asked.windows] == [1, 3]


def test_the_newest_answer_is_kept_until_another_model_trades():
    asked = Asked()
    asked.watch.on_window(window(1))
    asked.watch.on_looked(window(1), FOUND)
    assert (asked.watch.newest.ts_step_ns, asked.watch.newest.venues) == (1, {"a:X": 1.0})

    asked.watch.on_window(window(2, "d" * 64))

    assert asked.watch.newest is None


def test_why_there_is_no_answer_is_kept_as_well():
    asked = Asked()
    asked.watch.on_window(window(1))
    asked.watch.on_looked(window(1), "this model has no attention to tell")

    assert asked.watch.newest.note == "this model has no attention to tell"
