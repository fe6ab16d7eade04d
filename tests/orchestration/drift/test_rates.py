"""How often the verdict is wrong: alarms on markets that go on as they were, and planted shifts that it misses.

Every span is a market of its own: no seed is used twice, neither for a training span nor for what is judged.
"""

from collections.abc import Iterator
from itertools import count
from math import sqrt

import pytest
from cheap_market import NOTHING, Shift, cheap_market

from orchestration.config import DriftConfig
from orchestration.defs.drift.verdict import DriftVerdict, judge

TRAINING_STEPS, NEWER_STEPS = 9_000, 1_800
"""A quarter of an hour, and three minutes."""
CONFIG = DriftConfig()
SHIFTS = {
    "mean: sizes of one venue twice as large": Shift(size_factor=2.0),
    "variance: moves of all mids twice as large": Shift(volatility_factor=2.0),
    "correlation: one venue follows a market of its own": Shift(is_apart=True),
    "missing venue: from the beginning": Shift(missing_from=0.0),
    "missing venue: from three fifths of the span on": Shift(missing_from=0.6),
    "tick size: one venue's prices on every second tick": Shift(tick_factor=2),
    "tick size: one venue's prices on every fifth tick": Shift(tick_factor=5),
}
SEEDS_OF_RATES = 100_000


def verdicts(seeds: Iterator[int], spans: int, shift: Shift) -> list[DriftVerdict]:
    found = [
        judge("rates", cheap_market(TRAINING_STEPS, next(seeds)), cheap_market(NEWER_STEPS, next(seeds), shift), CONFIG)
        for _ in range(spans)
    ]
    assert not [verdict.not_judged for verdict in found if verdict.not_judged]
    return found


def wilson(hits: int, trials: int) -> tuple[float, float]:
    """Return the 95 % interval of a share (Wilson 1927)."""
    z, share = 1.96, hits / trials
    middle, half = share + z * z / (2 * trials), z * sqrt(share * (1 - share) / trials + z * z / (4 * trials**2))
    return (middle - half) / (1 + z * z / trials), (middle + half) / (1 + z * z / trials)


def row(name: str, found: list[DriftVerdict]) -> str:
    flagged = sum(verdict.level >= 1 for verdict in found)
    lower, upper = wilson(flagged, len(found))
    levels = " ".join(f"{sum(verdict.level == level for verdict in found):>4}" for level in range(4))
    return f"{name:<52}{flagged:>4} of {len(found):<4}{flagged / len(found):>6.1%} [{lower:.1%}, {upper:.1%}]  {levels}"


def test_calm_spans_pass_and_every_planted_shift_is_found() -> None:
    seeds = count(1_000)

    calm = verdicts(seeds, 4, NOTHING)
    shifted = {name: verdicts(seeds, 1, shift)[0] for name, shift in SHIFTS.items()}

    assert [verdict.level for verdict in calm] == [0] * 4
    assert [name for name, verdict in shifted.items() if verdict.level == 0] == []


@pytest.mark.torture
def test_false_alarms_are_rare_and_planted_shifts_are_found(capsys: pytest.CaptureFixture[str]) -> None:
    seeds = count(SEEDS_OF_RATES)

    calm = verdicts(seeds, 400, NOTHING)
    shifted = {name: verdicts(seeds, 100, shift) for name, shift in SHIFTS.items()}

    with capsys.disabled():
        print(f"\n{'drift':<52}{'flagged':<13}  share [95 % interval]    level 0    1    2    3")
        print(row("nothing planted: false alarms", calm))
        print("\n".join(row(name, found) for name, found in shifted.items()))
    assert sum(verdict.level >= 1 for verdict in calm) <= 0.05 * len(calm)
    missed = {name: sum(verdict.level == 0 for verdict in found) for name, found in shifted.items()}
    assert all(misses <= 0.05 * 100 for misses in missed.values()), missed
