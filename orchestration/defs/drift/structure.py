"""What no single feature shows: how venues move together, whether each is there, and on which prices it stands.

Four measures of a stretch of books and features, each held against the reference's as features are (see `effects`):
blocks of the reference, each against the rest, teach how far the measure goes by chance.

- correlation of a pair of instruments: atanh of the rank correlation of their mid returns by the second (Fisher's
  transformation, whose spread does not depend on the correlation itself; of ranks, since a few large jumps would decide
  the correlation of returns); effect = the difference;
- size of an instrument's moves: log2 of the mean |mid return by the second| over the seconds in which the mid moved;
  effect = the difference, so that 1 is a volatility twice as large or half as large. The distance of distributions that
  features are judged by sees it late: most seconds have no move, whatever the volatility;
- presence of an instrument: the share of steps at which its row was usable; effect = the difference;
- price increment of an instrument: log2 of the step between prices in bps of the mid, where the step is the greatest
  common divisor of all prices; effect = the difference, so that 1 is a tick twice as large or half as large. A tick is
  a state and not a distribution: of newer data the newest quarter says which one is in force.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import combinations

import numpy as np
import polars as pl

from orchestration.defs.drift.books import Books
from orchestration.defs.drift.effects import FeatureEffect, Values, beyond_chance, block_starts
from orchestration.defs.drift.samples import Sample

RETURNS = "mid_return_bps_1s"
CORRELATION_MAX = 0.9999
"""Beyond it Fisher's transformation has no bound."""
CORRELATION_MIN = 0.4
"""Least threshold of a correlation: a handful of blocks that happen to agree would else teach that nothing varies."""
MOVED_MIN = 1e-6
"""A sum of returns over a second that is smaller, in bps, is the last bits of a rolling sum and no move."""
MOVES_MIN = 0.5
"""Least threshold of the size of moves in powers of two: half of a doubling, which is a variance twice as large."""
PRESENCE_MIN = 0.1
"""Least threshold of presence: a reference without a hole would else make a drift of every lost second."""
INCREMENT_MIN = 0.5
"""Least threshold of the increment in powers of two; a price that moved by less than 41 % leaves it unflagged."""
IN_FORCE = 4
"""The newest one in so many parts of newer data says which price increment is in force."""
BOOK_PARTS = 16
"""Blocks of the reference that teach presence and increment at most."""

Measure = Callable[[slice], float]


def structure_effects(before: Sample, now: Sample, block_steps: int, margin: float) -> list[FeatureEffect]:
    """Return the effect of every pair and instrument that the reference has, the largest ratio first.

    Returns are judged where both samples hold them; presence and increment where both samples have books.
    """
    found = [*_returns(before, now, block_steps, margin), *_books(before, now, margin)]
    return sorted(found, key=lambda item: (-item.ratio, item.name))


def _returns(before: Sample, now: Sample, block_steps: int, margin: float) -> Iterator[FeatureEffect]:
    names = [name for name in before.names if name.endswith(RETURNS) and name in now.names]
    old, new = before.values, now.values
    blocks = [slice(at, at + block_steps) for at in block_starts(before.table.height, block_steps)[1]]
    if not blocks:
        return
    for first, second in combinations(names, 2):
        words = f"{first.partition(' ')[0]} {second.partition(' ')[0]} correlation"
        yield _compared(words, _fisher, (old[first], old[second]), (new[first], new[second]), blocks, margin)
    for name in names:
        words = f"{name.partition(' ')[0]} move_size"
        yield _compared(words, _move_size, (old[name],), (new[name],), blocks, margin)


def _compared(
    name: str,
    measure: Callable[..., float],
    old: tuple[Values, ...],
    new: tuple[Values, ...],
    blocks: Sequence[slice],
    margin: float,
) -> FeatureEffect:
    """Hold a measure of newer columns against that of the reference's; each block of these against the rest."""
    found = [
        abs(measure(*(values[rows] for values in old)) - measure(*(_without(values, rows) for values in old)))
        for rows in blocks
    ]
    least = CORRELATION_MIN if measure is _fisher else MOVES_MIN
    return FeatureEffect(name, abs(measure(*new) - measure(*old)), max(least, beyond_chance(found, margin)))


def _without(values: Values, rows: slice) -> Values:
    return np.concatenate([values[: rows.start], values[rows.stop :]])


def _fisher(x: Values, y: Values) -> float:
    """Return atanh of Spearman's rank correlation; 0 where one of them does not move."""
    if np.ptp(x) == 0.0 or np.ptp(y) == 0.0:
        return 0.0
    ranks = [pl.Series(values).rank("average").to_numpy() for values in (x, y)]
    return float(np.arctanh(np.clip(np.corrcoef(ranks)[0, 1], -CORRELATION_MAX, CORRELATION_MAX)))


def _move_size(returns: Values) -> float:
    """Return log2 of the mean size of the moves; 0 where nothing moved, as if each were of one bp."""
    moved = np.abs(returns[np.abs(returns) > MOVED_MIN])
    return float(np.log2(moved.mean())) if len(moved) else 0.0


def _books(before: Sample, now: Sample, margin: float) -> Iterator[FeatureEffect]:
    old, new = before.books, now.books
    if not len(old.ts_step_ns) or not len(new.ts_step_ns):
        return
    judged = {name.partition(" ")[0] for name in before.names}
    blocks = _parts(len(old.ts_step_ns), min(len(new.ts_step_ns), len(old.ts_step_ns) // BOOK_PARTS))
    for place, name in enumerate(old.names):
        if name not in judged:
            continue
        presence = _presence(old, place)
        share = _presence(new, new.names.index(name))(slice(None)) if name in new.names else 0.0
        yield _held(f"{name} presence", presence, share, blocks, margin, PRESENCE_MIN)
        step = _in_force(new, name)
        if step is not None:
            yield _held(f"{name} price_increment", _increment(old, place), step, blocks, margin, INCREMENT_MIN)


def _held(
    name: str, measure: Measure, found: float, blocks: Sequence[slice], margin: float, least: float
) -> FeatureEffect:
    """Hold what newer data gave against the reference, the whole of which stands for the rest of a block."""
    whole = measure(slice(None))
    learned = [abs(value - whole) for value in map(measure, blocks) if np.isfinite(value)]
    threshold = max(least, beyond_chance(learned, margin)) if len(learned) > 1 else least
    return FeatureEffect(name, abs(found - whole), threshold)


def _parts(rows: int, length: int) -> list[slice]:
    return [slice(at, at + length) for at in range(0, rows - length + 1, length)] if length else []


def _presence(books: Books, place: int) -> Measure:
    return lambda rows: float(books.is_usable[rows, place].mean())


def _increment(books: Books, place: int) -> Measure:
    """Return log2 of the price increment in bps over some rows; NaN where none of them is usable."""

    def measure(rows: slice) -> float:
        step_ticks, usable = np.gcd.reduce(books.divisor_ticks[rows, place]), books.is_usable[rows, place]
        if not usable.any():
            return float("nan")
        return float(np.log2(1e4 * step_ticks / np.median(books.mid_ticks[rows, place][usable])))

    return measure


def _in_force(books: Books, name: str) -> float | None:
    if name not in books.names:
        return None
    place = books.names.index(name)
    usable = np.flatnonzero(books.is_usable[:, place])
    if not len(usable):
        return None
    newest = usable[-max(1, len(usable) // IN_FORCE) :]
    return _increment(books, place)(slice(int(newest[0]), None))
