"""Forecasts off the event loop: lanes, each one thread that has its models, and newest window wins.

Rule when busy: the windows of one step may wait. Those of a newer one take their place and the older are counted as
skipped: a forecast of a step that has passed is worth nothing, and the loop that trades never waits for a model.
Loading a bundle is this thread's work too: a window that comes meanwhile waits or is skipped by the same rule. So is
telling where a model looks, after what is to be forecast; of windows that wait to be looked into, the newest stays.

The champion has a lane of its own. What only forecasts in the shadow has another one, whose thread gives way to all
others of the machine.

Results are handed to the event loop by `call_soon_threadsafe`; each carries the model that made it, so the owner may
change models between two windows without asking what is still under way.
"""

import os
import threading
from asyncio import AbstractEventLoop
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from ml.runtime import AttentionMap
from streaming.errors import TraderError
from streaming.shell.clock import Clock
from streaming.shell.runner import Forecasting

STOP_S_MAX = 10.0
"""A model that hangs is left to the end of the process."""
SHADOW_NICENESS = 10


@runtime_checkable
class FromBundle(Protocol):
    """What a model of a sealed bundle knows besides forecasting: `ml.runtime.Forecaster`."""

    @property
    def expires_ns(self) -> int:
        """UTC ns after which the bundle is refused."""

    def outside_training(self, features_VF: NDArray[np.float32], valid_V: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """Return which features [V, F] of a row lie outside of what training could have shown."""


@runtime_checkable
class Looking(Protocol):
    """A model that can say where it looks: `ml.runtime.Forecaster`."""

    def attention(self, features: NDArray[np.float32], valid: NDArray[np.uint8]) -> AttentionMap:
        """Return where it looks as it forecasts a window."""


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A bundle's model, ready to forecast."""

    hash: str
    forecaster: Forecasting

    @property
    def model_id(self) -> int:
        """Return the number that the engine writes on every decision: the hash's first 32 bits."""
        return int(self.hash[:8], 16)

    @property
    def expires_ns(self) -> int | None:
        """Return the UTC ns after which it is refused; None for a model of no bundle."""
        return self.forecaster.expires_ns if isinstance(self.forecaster, FromBundle) else None


@dataclass(frozen=True, slots=True)
class Window:
    """A closed step's window and the model that is to forecast from it."""

    model: LoadedModel
    ts_step_ns: int
    features: NDArray[np.float32]
    valid: NDArray[np.uint8]
    ts_closed_ns: int
    """Time of the input that closed the step, on the shared clock."""
    ts_offered_ns: int = 0
    """When it was ready for the model."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a model made of a window."""

    window: Window
    values: NDArray[np.float32]
    took_ns: int
    """Real ns of the model alone."""
    outside: NDArray[np.bool_] | None = None
    """Features [V, F] of the last row that lie outside of the model's training; None for a model of no bundle."""
    ts_begun_ns: int = 0
    """When the model began."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InferenceEars:
    """Who hears of results; all are called on the event loop."""

    on_forecast: Callable[[Forecast], None]
    on_forecast_failed: Callable[[Window, str], None]
    on_loaded: Callable[[LoadedModel], None]
    on_load_failed: Callable[[str, str], None]
    """The hash and what is wrong with it, in one line."""
    on_looked: Callable[[Window, AttentionMap | str], None] = lambda _window, _found: None
    """Where a window's model looked, or why that is not known."""


@dataclass(slots=True)
class InferenceCounts:
    """Written by the event loop alone."""

    windows: int = 0
    windows_skipped: int = 0


Load = Callable[[str], Forecasting]
"""Opens, verifies and warms the bundle of a hash; a TraderError says why it may not be used."""


class InferenceThread:
    """See the head of the file. `start`, then `offer` and `load` from the event loop, then `stop`."""

    def __init__(
        self,
        loop: AbstractEventLoop,
        clock: Clock,
        load: Load,
        ears: InferenceEars,
        *,
        name: str = "inference",
        niceness: int = 0,
    ) -> None:
        """`niceness` above 0 makes its thread give way to the others, as `nice` does for processes."""
        self._loop = loop
        self._clock = clock
        self._load = load
        self._ears = ears
        self._changed = threading.Condition()
        self._windows: tuple[Window, ...] = ()
        self._wish: str | None = None
        self._asked: Window | None = None
        self._is_ending = False
        self._niceness = niceness
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
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

    def offer(self, *windows: Window) -> tuple[Window, ...]:
        """Have a step's windows forecast; return those that waited and are skipped."""
        with self._changed:
            skipped, self._windows = self._windows, windows
            self.counts.windows += len(windows)
            self.counts.windows_skipped += len(skipped)
            self._changed.notify()
        return skipped

    def load(self, bundle: str) -> None:
        """Have a bundle loaded; the newest wish wins."""
        with self._changed:
            self._wish = bundle
            self._changed.notify()

    def look(self, window: Window) -> None:
        """Have it found out where a window's model looks; the newest window wins."""
        with self._changed:
            self._asked = window
            self._changed.notify()

    # --- the thread ---

    def _run(self) -> None:
        if self._niceness:
            with suppress(OSError):  # a machine that does not let it runs it as any other
                os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), self._niceness)
        while True:
            with self._changed:
                self._changed.wait_for(self._has_work)
                if self._is_ending:
                    return
                # A wish goes first: behind a model that is slower than a step there are always windows.
                wish, self._wish = self._wish, None
                windows: tuple[Window, ...] = ()
                asked: Window | None = None
                if wish is None:
                    windows, self._windows = self._windows, ()
                    asked, self._asked = self._asked, None
            if wish is not None:
                self._load_bundle(wish)
            for window in windows:
                self._forecast(window)
            if asked is not None:
                self._look(asked)

    def _has_work(self) -> bool:
        return bool(self._is_ending or self._windows or self._wish is not None or self._asked is not None)

    def _forecast(self, window: Window) -> None:
        begin_ns = self._clock.now_ns()
        try:
            forecaster = window.model.forecaster
            values = np.ascontiguousarray(forecaster.forecast(window.features, window.valid), dtype=np.float32)
            took_ns = int((self._clock.now_ns() - begin_ns) / self._clock.speed)
            outside = None
            if isinstance(forecaster, FromBundle):
                outside = forecaster.outside_training(window.features[-1], window.valid[-1])
        except Exception as error:  # a model is data that came from outside: whatever ails it, trading goes on
            self._tell(self._ears.on_forecast_failed, window, first_line(error))
            return
        self._tell(self._ears.on_forecast, Forecast(window, values, took_ns, outside, begin_ns))

    def _look(self, window: Window) -> None:
        found: AttentionMap | str
        forecaster = window.model.forecaster
        try:
            if isinstance(forecaster, Looking):
                found = forecaster.attention(window.features, window.valid)
            else:
                found = "this model has no attention to tell"
        except Exception as error:  # as in `_forecast`
            found = first_line(error)
        self._tell(self._ears.on_looked, window, found)

    def _load_bundle(self, bundle: str) -> None:
        try:
            model = LoadedModel(bundle, self._load(bundle))
        except TraderError as error:
            self._tell(self._ears.on_load_failed, bundle, str(error))
        except Exception as error:  # as above: a bundle that breaks its reader is refused, not fatal
            self._tell(self._ears.on_load_failed, bundle, first_line(error))
        else:
            self._tell(self._ears.on_loaded, model)

    def _tell(self, ear: Callable[..., None], *words: object) -> None:
        with self._changed:
            if self._is_ending:
                return
            self._loop.call_soon_threadsafe(ear, *words)


def first_line(error: Exception) -> str:
    """Return an error of code that came from outside in one line."""
    first = next(iter(str(error).splitlines()), "")
    return f"{type(error).__name__}: {first}" if first else type(error).__name__
