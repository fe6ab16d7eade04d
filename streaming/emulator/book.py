"""The book of one generated instrument: five levels that move with the mid, and resting levels far from it.

The five best levels of a side are the model's; wherever they go, the levels on a fixed lattice of round prices behind
them appear and disappear. Sizes on the lattice change now and then, most often near the mid. So a jump moves ten levels
and a few of the lattice, as on a real book, and each change of a level is one that the frames must tell.

Sides are kept mirrored: keys are prices on the bid side and negated prices on the ask side, so that the
best key is the largest on both and one piece of code serves both.
"""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from streaming.emulator import parameters as p
from streaming.emulator.instruments import GeneratedInstrument
from streaming.emulator.market_model import LEVELS, MarketBlock

Change = tuple[int, int]
"""Key and new size in lots, 0 when the level is gone."""

FAR_RING = 2048
"""Sizes of lattice levels are kept for this many neighbours; more than either side ever shows at once."""


class BookSide:
    """One side; keys as the module says."""

    def __init__(self, far_sizes: Sequence[int], pitch: int, far_levels: int) -> None:
        """Show `far_levels` of the lattice `pitch * i`, whose first sizes are `far_sizes`, FAR_RING of them."""
        self.levels: dict[int, int] = {}
        self._near: list[int] = []
        self._far_sizes = list(far_sizes)
        self._pitch = pitch
        self._far_levels = far_levels
        self._far = range(0)

    def change_far(self, changes: Iterable[Change]) -> list[Change]:
        """Set sizes of lattice levels, given by their place behind the near levels; return what became visible."""
        visible: dict[int, int] = {}
        for place, size in changes:
            index = self._far.stop - place
            self._far_sizes[index % FAR_RING] = size
            if index in self._far:
                visible[index * self._pitch] = size
        return self._apply(visible)

    def move_near(self, keys: list[int], sizes: list[int]) -> list[Change]:
        """Put the near levels, best first, at `keys`; return all changes, those of the lattice included."""
        wanted: dict[int, int] = {}
        if keys != self._near:
            wanted = dict.fromkeys(self._near, 0)
            self._near = keys
            self._move_far((keys[-1] - 1) // self._pitch + 1, wanted)
        wanted.update(zip(keys, sizes, strict=True))
        return self._apply(wanted)

    def sorted_levels(self) -> list[Change]:
        """Return all levels, best first."""
        return sorted(self.levels.items(), reverse=True)

    def _move_far(self, stop: int, wanted: dict[int, int]) -> None:
        old, new = self._far, range(stop - self._far_levels, stop)
        if old == new:
            return
        for index in (*range(old.start, min(old.stop, new.start)), *range(max(old.start, new.stop), old.stop)):
            wanted[index * self._pitch] = 0
        for index in (*range(new.start, min(new.stop, old.start)), *range(max(new.start, old.stop), new.stop)):
            wanted[index * self._pitch] = self._far_sizes[index % FAR_RING]
        self._far = new

    def _apply(self, wanted: dict[int, int]) -> list[Change]:
        levels = self.levels
        changes = [(key, size) for key, size in wanted.items() if levels.get(key, 0) != size]
        for key, size in changes:
            if size:
                levels[key] = size
            else:
                del levels[key]
        return changes


def near_keys(instrument: GeneratedInstrument, block: MarketBlock) -> NDArray[np.int64]:
    """Return the keys [T, 10] of the five best levels of both sides, in the instrument's own ticks."""
    slot = instrument.slot
    floor = block.mid_ticks[:, slot] * instrument.ticks_per_model_tick
    back = block.is_wide.astype(np.int64) if block.step_back_ticks is None else block.step_back_ticks
    bids, asks = floor - back[:, slot], floor + 1 + back[:, slot]
    gaps = block.gap_ticks[:, slot].reshape(-1, 2, LEVELS - 1)
    depths = np.concatenate([np.zeros((len(block), 2, 1), dtype=np.int64), np.cumsum(gaps, axis=2)], axis=2)
    return np.concatenate([bids[:, None] - depths[:, 0], -asks[:, None] - depths[:, 1]], axis=1)


class FarChanges:
    """Draws the changes of lattice sizes of one instrument."""

    def __init__(self, seed: int, instrument: GeneratedInstrument) -> None:
        self._rng = np.random.default_rng(np.random.SeedSequence([seed, 2, instrument.slot]))
        self._median_lots = p.VENUES[instrument.slot].size_median_lots * p.FAR_SIZE_RATIO

    def sizes(self, count: int) -> NDArray[np.int64]:
        """Return `count` sizes in lots, at least one."""
        logs = p.SIZE_SD * self._rng.standard_normal(count)
        return np.maximum(np.rint(self._median_lots * np.exp(logs)), 1).astype(np.int64)

    def draw(self, steps: int) -> list[tuple[list[Change], list[Change]]]:
        """Return for each step the changes of both sides: place behind the near levels, 1 first, and size."""
        counts = self._rng.poisson(p.FAR_CHANGES, steps)
        total = int(counts.sum())
        places = self._rng.geometric(1 / p.FAR_PLACE_MEAN, total).tolist()
        is_bid = (self._rng.random(total) < 0.5).tolist()
        sizes = self.sizes(total).tolist()
        out: list[tuple[list[Change], list[Change]]] = []
        first = 0
        for count in counts.tolist():
            sides: tuple[list[Change], list[Change]] = ([], [])
            for k in range(first, first + count):
                sides[0 if is_bid[k] else 1].append((places[k], sizes[k]))
            out.append(sides)
            first += count
        return out
