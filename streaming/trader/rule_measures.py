"""What some risk rules measure over time, told by the records: equity's marks, and counts within a window.

The core keeps the same by itself and decides by its own; this is for showing how much of a limit is in use.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from typing import Final

import native
from native.config import NS_PER_MS, JsonObject
from native.risk_settings import COUNT_MAX, RiskSettings
from streaming.journal import Outputs

E8: Final = Decimal("1e-8")
DAY_NS: Final = 86_400_000 * NS_PER_MS
TIMES_MAX: Final = COUNT_MAX + 1
"""Moments kept of one kind and instrument, as many as the core keeps."""
PENDING_NEW: Final = native.enums["OrderState"].index("pending_new")
ACTIVE: Final = native.enums["TradingState"].index("active")
WINDOW_KEYS: Final = {"orders": "order_rate_window_ms", "gaps": "data_quality_window_ms"}

Times = dict[int, deque[int]]
"""Moments by instrument, oldest first."""


@dataclass(slots=True)
class EquityMark:
    """Of one quote currency, in 10^-8 of it."""

    equity_e8: int
    peak_e8: int
    """Highest since the start or the last resume."""
    day_first_e8: int
    """At the first step of the UTC day of `ts_ns`."""
    ts_ns: int

    def to_json(self) -> JsonObject:
        """Return the marks as decimal text."""
        return {
            "peak_equity": format(self.peak_e8 * E8, "f"),
            "day_first_equity": format(self.day_first_e8 * E8, "f"),
            "ts_ns": self.ts_ns,
        }


class RuleMeasures:
    """Give it each drain once, in order."""

    def __init__(self) -> None:
        self._marks: dict[int, EquityMark] = {}
        self._rearm: set[int] = set()
        """Quote currencies whose peak begins anew: a person resumed."""
        self._ts_rearm_ns = 0
        """The first step after that resume; 0 until it has closed."""
        self._was_moved = False
        self._orders: Times = {}
        self._gaps: Times = {}
        self._now_ns = 0

    def add(self, outputs: Outputs) -> None:
        """Take in one drain."""
        events, states = outputs["order_events"], outputs["state_events"]
        if len(events):
            placed = events[(events["state_to"] == PENDING_NEW) & (events["state_from"] == PENDING_NEW)]
            for event in placed:
                self._note(self._orders, int(event["instrument"]), int(event["ts_ns"]))
        if len(outputs["gaps"]):
            for gap in outputs["gaps"][outputs["gaps"]["is_closed"] == 0]:
                self._note(self._gaps, int(gap["instrument"]), max(self._now_ns, int(gap["ts_from_ns"])))
        steps = outputs["grid"]["ts_step_ns"]
        if len(steps):
            self._now_ns = max(self._now_ns, int(steps[-1]))
            if self._rearm and not self._ts_rearm_ns:
                self._ts_rearm_ns = int(steps[0])
        if len(outputs["equity"]):
            for row in outputs["equity"]:
                self._mark(int(row["quote_group"]), int(row["equity_e8"]), int(row["ts_step_ns"]))
        for state in states["state_to"].tolist() if len(states) else ():
            if state == ACTIVE and self._was_moved:
                self._rearm, self._ts_rearm_ns = set(self._marks), 0
            self._was_moved = state != ACTIVE

    def marks(self) -> list[JsonObject]:
        """Return peak and the day's first equity of each quote currency, in the order of the money."""
        return [self._shown(group).to_json() for group in sorted(self._marks)]

    def recent(self, windows_ns: Mapping[str, int]) -> dict[str, dict[int, int]]:
        """Return `orders` placed and `gaps` opened by instrument, within each kind's window before the newest step."""
        kinds = {"orders": self._orders, "gaps": self._gaps}
        return {
            kind: {instrument: _within(times, self._now_ns - windows_ns[kind]) for instrument, times in found.items()}
            for kind, found in kinds.items()
        }

    def _shown(self, group: int) -> EquityMark:
        mark = self._marks[group]
        if group not in self._rearm:  # resumed, and its equity has not changed since: that is its peak
            return mark
        return EquityMark(mark.equity_e8, mark.equity_e8, mark.day_first_e8, mark.ts_ns)

    def _note(self, times: Times, instrument: int, ts_ns: int) -> None:
        times.setdefault(instrument, deque(maxlen=TIMES_MAX)).append(ts_ns)
        self._now_ns = max(self._now_ns, ts_ns)

    def _mark(self, group: int, equity_e8: int, ts_step_ns: int) -> None:
        """Take one equity; the core tells it only where it changed."""
        self._now_ns = max(self._now_ns, ts_step_ns)
        mark = self._marks.get(group)
        if mark is None:
            self._marks[group] = EquityMark(equity_e8, equity_e8, equity_e8, ts_step_ns)
            return
        if group in self._rearm:
            self._rearm.discard(group)
            # Equity that is told later than that step was, at it, as it was told last.
            mark.peak_e8 = equity_e8 if ts_step_ns == self._ts_rearm_ns else mark.equity_e8
        if ts_step_ns // DAY_NS != mark.ts_ns // DAY_NS:
            mark.day_first_e8 = equity_e8 if ts_step_ns % DAY_NS == 0 else mark.equity_e8
        mark.equity_e8, mark.peak_e8, mark.ts_ns = equity_e8, max(mark.peak_e8, equity_e8), ts_step_ns


def windows_ns(document: JsonObject) -> dict[str, int]:
    """Return the length of each kind's window in an engine's document; keys that it leaves out have their default."""
    risk = document.get("risk")
    given = risk if isinstance(risk, dict) else {}
    found = {}
    for kind, key in WINDOW_KEYS.items():
        length = given.get(f"{key.removesuffix('_ms')}_ns", RiskSettings.model_fields[key].default * NS_PER_MS)
        assert isinstance(length, int), "checked by the settings"
        found[kind] = length
    return found


def _within(times: deque[int], after_ns: int) -> int:
    """Count the moments after a time, from the newest on."""
    return next(
        (count for count, ts_ns in enumerate(islice(reversed(times), TIMES_MAX)) if ts_ns <= after_ns), len(times)
    )
