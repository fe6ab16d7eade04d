"""Asks the live model about once a second where it looks, and keeps the newest answer. Use on the event loop alone.

The question goes to the shadow's lane, whose thread gives way to all others: no forecast that is traded on waits.
While an answer is owed none is asked again, so a slow model is asked as often as it can answer.
"""

from collections.abc import Callable, Sequence

from ml.runtime import AttentionMap
from streaming.bus_view import AttentionView
from streaming.shell.inference import Window
from streaming.trader.attention import attention_view, no_attention

INTERVAL_S = 1.0
HASH_SIGNS = 12


class AttentionWatch:
    """`newest` is what was found last; None before, and once another model trades."""

    def __init__(self, instruments: Sequence[str], ask: Callable[[Window], None], now_s: Callable[[], float]) -> None:
        """`instruments` are the grid's slots in order, `now_s` tells real seconds."""
        self._instruments = instruments
        self._ask = ask
        self._now_s = now_s
        self._asked_s: float | None = None
        self._is_owed = False
        self.newest: AttentionView | None = None

    def on_window(self, window: Window) -> None:
        """A window of the live model: ask of it when it is time."""
        now_s = self._now_s()
        if self.newest is not None and self.newest.model != _short(window):
            self.newest = None
        if self._is_owed or (self._asked_s is not None and now_s - self._asked_s < INTERVAL_S):
            return
        self._asked_s, self._is_owed = now_s, True
        self._ask(window)

    def on_looked(self, window: Window, found: AttentionMap | str) -> None:
        """An answer, or why there is none."""
        self._is_owed = False
        if isinstance(found, str):
            self.newest = no_attention(_short(window), window.ts_step_ns, found)
        else:
            self.newest = attention_view(_short(window), window.ts_step_ns, found, self._instruments)


def _short(window: Window) -> str:
    return window.model.hash[:HASH_SIGNS]
