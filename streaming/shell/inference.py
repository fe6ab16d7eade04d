"""Forecasts off the event loop: one thread that has the model, and newest window wins.

Rule when busy: one window may wait. A newer one takes its place and the older is counted as skipped: a forecast of a
step that has passed is worth nothing, and the loop that trades never waits for the model. Loading a bundle is this
thread's work too, so a window that is forecast while one loads waits or is skipped by the same rule.

Results are handed to the event loop by `call_soon_threadsafe`; each carries the model that made it, so the owner may
change models between two windows without asking what is still under way.
"""

import threading
from asyncio import AbstractEventLoop
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streaming.errors import TraderError
from streaming.shell.clock import Clock
from streaming.shell.runner import Forecasting

STOP_S_MAX = 10.0
"""A model that hangs is left to the end of the process."""


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A bundle's model, ready to forecast."""

    hash: str
    forecaster: Forecasting

    @property
    def model_id(self) -> int:
        """Return the number that the engine writes on every decision: the hash's first 32 bits."""
        return int(self.hash[:8], 16)


@dataclass(frozen=True, slots=True)
class Window:
    """A closed step's window and the model that is to forecast from it."""

    model: LoadedModel
    ts_step_ns: int
    features: NDArray[np.float32]
    valid: NDArray[np.uint8]
    ts_closed_ns: int
    """Time of the input that closed the step, on the shared clock."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a model made of a window."""

    window: Window
    values: NDArray[np.float32]
    took_ns: int
    """Real ns of the model alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InferenceEars:
    """Who hears of results; all are called on the event loop."""

    on_forecast: Callable[[Forecast], None]
    on_forecast_failed: Callable[[Window, str], None]
    on_loaded: Callable[[LoadedModel], None]
    on_load_failed: Callable[[str, str], None]
    """The hash and what is wrong with it, in one line."""


@dataclass(slots=True)
class InferenceCounts:
    """Written by the event loop alone."""

    windows: int = 0
    windows_skipped: int = 0


Load = Callable[[str], Forecasting]
"""Opens, verifies and warms the bundle of a hash; a TraderError says why it may not be used."""


class InferenceThread:
    """See the head of the file. `start`, then `offer` and `load` from the event loop, then `stop`."""

    def __init__(self, loop: AbstractEventLoop, clock: Clock, load: Load, ears: InferenceEars) -> None:
        self._loop = loop
        self._clock = clock
        self._load = load
        self._ears = ears
        self._changed = threading.Condition()
        self._window: Window | None = None
        self._wish: str | None = None
        self._is_ending = False
        self._thread = threading.Thread(target=self._run, name="inference", daemon=True)
        self.counts = InferenceCounts()

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()

    def stop(self) -> None:
        """End after what is under way, which is waited for `STOP_S_MAX` at most. Nothing is told any more."""
        with self._changed:
            self._is_ending = True
            self._changed.notify()
        if self._thread.is_alive():
            self._thread.join(STOP_S_MAX)

    def offer(self, window: Window) -> None:
        """Have a window forecast; the one that waits is skipped."""
        with self._changed:
            self.counts.windows += 1
            self.counts.windows_skipped += self._window is not None
            self._window = window
            self._changed.notify()

    def load(self, bundle: str) -> None:
        """Have a bundle loaded; the newest wish wins."""
        with self._changed:
            self._wish = bundle
            self._changed.notify()

    # --- the thread ---

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._is_ending or self._window is not None or self._wish is not None)
                if self._is_ending:
                    return
                # A wish goes first: behind a model that is slower than a step there is always a window.
                wish, self._wish = self._wish, None
                window = None
                if wish is None:
                    window, self._window = self._window, None
            if wish is not None:
                self._load_bundle(wish)
            elif window is not None:
                self._forecast(window)

    def _forecast(self, window: Window) -> None:
        begin_ns = self._clock.now_ns()
        try:
            values = np.ascontiguousarray(
                window.model.forecaster.forecast(window.features, window.valid), dtype=np.float32
            )
        except Exception as error:  # a model is data that came from outside: whatever ails it, trading goes on
            self._tell(self._ears.on_forecast_failed, window, _line(error))
            return
        took_ns = int((self._clock.now_ns() - begin_ns) / self._clock.speed)
        self._tell(self._ears.on_forecast, Forecast(window, values, took_ns))

    def _load_bundle(self, bundle: str) -> None:
        try:
            model = LoadedModel(bundle, self._load(bundle))
        except TraderError as error:
            self._tell(self._ears.on_load_failed, bundle, str(error))
        except Exception as error:  # as above: a bundle that breaks its reader is refused, not fatal
            self._tell(self._ears.on_load_failed, bundle, _line(error))
        else:
            self._tell(self._ears.on_loaded, model)

    def _tell(self, ear: Callable[..., None], *words: object) -> None:
        with self._changed:
            if self._is_ending:
                return
            self._loop.call_soon_threadsafe(ear, *words)


def _line(error: Exception) -> str:
    first = next(iter(str(error).splitlines()), "")
    return f"{type(error).__name__}: {first}" if first else type(error).__name__
