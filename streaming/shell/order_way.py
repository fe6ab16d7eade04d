"""The way of orders through this process, noted as it is gone: what `Trails` keeps of it.

receive    from the reading of what closed the step to the engine being given it
engine     the engine's call: decode, book, features of all slots, strategies that decide on a step
journal    hash of the outputs, what stands, the journal handed to the operating system
window     the model's window made ready
queue      waiting for the model's thread
inference  the model
hand_back  from the model's thread to the event loop
strategy   a strategy outside of the core being asked
decision   forecast or wishes through engine and risk, until the venue has the orders
"""

from collections import OrderedDict

from streaming.performance.engine_times import EngineTimes
from streaming.performance.waterfalls import Trail, Trails
from streaming.shell.clock import Clock, stopwatch_ns
from streaming.shell.inference import Forecast

STEPS_MAX = 64
"""Closed steps whose way is kept for the forecasts and wishes of them."""


class OrderWay:
    """See the head of the file; use it on the event loop, each call right after what it tells of."""

    def __init__(self, clock: Clock, times: EngineTimes) -> None:
        self._clock = clock
        self._times = times
        self._steps: OrderedDict[int, Trail] = OrderedDict()
        self._newest_ns = 0
        self._asked_ns = 0
        self.trails = Trails()

    @property
    def speed(self) -> float:
        """Of the clock that all is told by."""
        return self._clock.speed

    def on_step(self, ts_ns: int, ts_input_ns: int, settled_ns: int) -> None:
        """Take the input of `ts_ns` (for the engine `ts_input_ns`), settled at `settled_ns`, synced now."""
        times, now_ns, speed = self._times, self._clock.now_ns(), self._clock.speed
        # The engine's call was timed by another watch: what lies since then is taken off now.
        begin_ns = max(ts_ns, now_ns - int((stopwatch_ns() - times.closing_begin_ns) * speed))
        end_ns = min(begin_ns + int(times.closing[-1] * speed), settled_ns) if times.closing else begin_ns
        trail = (("receive", ts_ns, begin_ns), ("engine", begin_ns, end_ns), ("journal", end_ns, now_ns))
        self._steps[ts_ns] = trail
        if len(self._steps) > STEPS_MAX:
            self._steps.popitem(last=False)
        self._newest_ns = ts_ns
        # Orders of that input itself left before the journal was synced, and after it was handed over for them.
        self.trails.note(ts_input_ns, (trail[0], trail[1], ("journal", end_ns, settled_ns)))

    def on_forecast(self, forecast: Forecast, ts_input_ns: int, taken_ns: int) -> None:
        """Take a forecast that was given to the engine at `taken_ns`, as the input of `ts_input_ns`."""
        window = forecast.window
        step = self._steps.get(window.ts_closed_ns, ())
        ended_ns = forecast.ts_begun_ns + int(forecast.took_ns * self._clock.speed)
        trail = (
            *step,
            ("window", step[-1][2] if step else window.ts_closed_ns, window.ts_offered_ns),
            ("queue", window.ts_offered_ns, forecast.ts_begun_ns),
            ("inference", forecast.ts_begun_ns, ended_ns),
            ("hand_back", ended_ns, taken_ns),
            ("decision", taken_ns, self._clock.now_ns()),
        )
        self.trails.note(ts_input_ns, trail)

    def on_asked(self) -> None:
        """Take the moment at which a strategy outside of the core is asked."""
        self._asked_ns = self._clock.now_ns()

    def on_wishes(self, ts_input_ns: int, taken_ns: int) -> None:
        """Take wishes that were given to the engine at `taken_ns`, as the input of `ts_input_ns`."""
        step = self._steps.get(self._newest_ns, ())
        spans = (("strategy", self._asked_ns, taken_ns), ("decision", taken_ns, self._clock.now_ns()))
        self.trails.note(ts_input_ns, (*step, *spans))
