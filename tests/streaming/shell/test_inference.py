"""The inference thread: newest window wins, and whatever ails a model, the loop is told and not held up."""

import asyncio
import os
import threading

import numpy as np
import pytest

from streaming.errors import RefusedError
from streaming.shell.clock import Clock
from streaming.shell.inference import InferenceEars, InferenceThread, LoadedModel, Window


class GatedModel:
    """Forecasts when its gate is open; tells when it has begun."""

    context_steps = 2

    def __init__(self):
        self.gate, self.begun = threading.Event(), threading.Event()

    def forecast(self, features, valid):
        self.begun.set()
        assert self.gate.wait(10)
        return np.full((1, 20), features[0, 0, 0], dtype=np.float64)


class BrokenModel:
    context_steps = 2

    def forecast(self, features, valid):
        raise ZeroDivisionError("weights are rotten\nsecond line")


def window(model, step):
    features = np.full((2, 1, 58), step, dtype=np.float32)
    return Window(LoadedModel("c" * 64, model), step, features, np.ones((2, 1), dtype=np.uint8), step)


def play(load, act):
    """Run `act(thread, heard)` on a loop with a thread; return what was heard as (kind, words)."""

    async def run():
        heard = asyncio.Queue()

        def ear(kind):
            return lambda *words: heard.put_nowait((kind, *words))

        ears = InferenceEars(
            on_forecast=ear("forecast"),
            on_forecast_failed=ear("failed"),
            on_loaded=ear("loaded"),
            on_load_failed=ear("refused"),
            on_looked=ear("looked"),
        )
        thread = InferenceThread(asyncio.get_running_loop(), Clock.wall(), load, ears)
        thread.start()
        try:
            async with asyncio.timeout(10):
                return await act(thread, heard)
        finally:
            await asyncio.to_thread(thread.stop)

    return asyncio.run(run())


def nothing(bundle):
    raise AssertionError(bundle)


def test_of_the_windows_that_come_while_it_works_only_the_newest_is_forecast():
    model = GatedModel()

    async def act(thread, heard):
        thread.offer(window(model, 1))
        await asyncio.to_thread(model.begun.wait, 10)
        for step in (2, 3, 4):
            thread.offer(window(model, step))
        model.gate.set()
        return [await heard.get() for _ in range(2)], thread.counts

    heard, counts = play(nothing, act)

    assert [(kind, forecast.window.ts_step_ns) for kind, forecast in heard] == [("forecast", 1), ("forecast", 4)]
    assert (counts.windows, counts.windows_skipped) == (4, 2)
    assert heard[1][1].values.dtype == np.float32 and heard[1][1].values[0, 0] == 4


def test_a_model_that_breaks_is_told_in_one_line_and_the_next_window_is_taken():
    good = GatedModel()
    good.gate.set()

    async def act(thread, heard):
        thread.offer(window(BrokenModel(), 1))
        first = await heard.get()
        thread.offer(window(good, 2))
        return first, await heard.get()

    first, second = play(nothing, act)

    assert first[0] == "failed" and first[2] == "ZeroDivisionError: weights are rotten"
    assert second[0] == "forecast"


@pytest.mark.parametrize("error", [RefusedError("altered since it was sealed"), KeyError("weights")])
def test_a_bundle_that_cannot_be_opened_is_told(error):
    def load(bundle):
        raise error

    async def act(thread, heard):
        thread.load("d" * 64)
        return await heard.get()

    kind, bundle, problem = play(load, act)

    assert (kind, bundle) == ("refused", "d" * 64)
    assert str(error) in problem


def test_a_bundle_is_loaded_even_where_windows_never_cease():
    slow = GatedModel()

    async def act(thread, heard):
        thread.offer(window(slow, 1))
        await asyncio.to_thread(slow.begun.wait, 10)
        thread.load("e" * 64)
        thread.offer(window(slow, 2))
        slow.gate.set()
        return [(await heard.get())[0] for _ in range(3)]

    assert play(lambda bundle: slow, act) == ["forecast", "loaded", "forecast"]


def test_nothing_is_told_after_the_end():
    model = GatedModel()

    async def act(thread, heard):
        thread.offer(window(model, 1))
        await asyncio.to_thread(model.begun.wait, 10)
        stopping = asyncio.ensure_future(asyncio.to_thread(thread.stop))
        while not thread._is_ending:
            await asyncio.sleep(0)
        model.gate.set()
        await stopping
        await asyncio.sleep(0)
        return heard.qsize()

    assert play(nothing, act) == 0


def test_the_windows_of_one_step_are_forecast_together_and_those_of_an_older_one_are_given_back():
    slow = GatedModel()

    async def act(thread, heard):
        thread.offer(window(slow, 1))
        await asyncio.to_thread(slow.begun.wait, 10)
        assert thread.offer(window(slow, 2), window(slow, 2)) == ()
        skipped = thread.offer(window(slow, 3), window(slow, 3))
        slow.gate.set()
        return [item.ts_step_ns for item in skipped], [(await heard.get())[1].window.ts_step_ns for _ in range(3)]

    (skipped, forecast), counts = play(nothing, lambda *words: counted(act, *words))

    assert skipped == [2, 2] and forecast == [1, 3, 3]
    assert (counts.windows, counts.windows_skipped) == (5, 2)


async def counted(act, thread, heard):
    return await act(thread, heard), thread.counts


def test_a_model_of_a_bundle_tells_when_it_expires_and_what_lies_outside_of_its_training():
    class Sealed(GatedModel):
        expires_ns = 77

        def outside_training(self, features, valid):
            return features > 1.5

    model = Sealed()
    model.gate.set()

    async def act(thread, heard):
        thread.offer(window(model, 2))
        return (await heard.get())[1]

    forecast = play(nothing, act)

    assert forecast.outside.shape == (1, 58) and forecast.outside.all()
    assert (forecast.window.model.expires_ns, LoadedModel("d" * 64, GatedModel()).expires_ns) == (77, None)


def test_a_lane_in_the_shadow_gives_way_to_the_others():
    found = []

    class Looking(GatedModel):
        def forecast(self, features, valid):
            found.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
            return super().forecast(features, valid)

    async def run():
        heard = asyncio.Queue()
        ears = InferenceEars(
            on_forecast=heard.put_nowait, on_forecast_failed=nothing, on_loaded=nothing, on_load_failed=nothing
        )
        thread = InferenceThread(asyncio.get_running_loop(), Clock.wall(), nothing, ears, name="shadow", niceness=3)
        thread.start()
        model = Looking()
        model.gate.set()
        thread.offer(window(model, 1))
        async with asyncio.timeout(10):
            await heard.get()
        await asyncio.to_thread(thread.stop)

    asyncio.run(run())

    assert found == [min(os.getpriority(os.PRIO_PROCESS, 0) + 3, 19)] or found == [3]


def test_where_a_model_looks_is_told_after_the_forecasts_and_of_the_newest_window_only():
    class Looking(GatedModel):
        def attention(self, features, valid):
            return f"looked at {features[0, 0, 0]:g}"

    model = Looking()

    async def act(thread, heard):
        thread.offer(window(model, 1))
        await asyncio.to_thread(model.begun.wait, 10)
        for step in (1, 2, 3):
            thread.look(window(model, step))
        thread.offer(window(model, 4))
        model.gate.set()
        return [await heard.get() for _ in range(3)]

    heard = play(nothing, act)

    assert [kind for kind, *_ in heard] == ["forecast", "forecast", "looked"]
    assert (heard[2][1].ts_step_ns, heard[2][2]) == (3, "looked at 3")


def test_a_model_that_cannot_say_where_it_looks_or_breaks_over_it_says_why():
    class Broken(GatedModel):
        def attention(self, features, valid):
            raise ZeroDivisionError("weights are rotten\nsecond line")

    async def act(thread, heard):
        thread.look(window(GatedModel(), 1))
        first = await heard.get()
        thread.look(window(Broken(), 2))
        return first[2], (await heard.get())[2]

    assert play(nothing, act) == (
        "this model has no attention to tell",
        "ZeroDivisionError: weights are rotten",
    )
