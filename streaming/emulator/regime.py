"""A change of the generated market on purpose, so that what a drift detector looks at moves by a stated factor.

It begins with a block of the market, never within one, and alters what the block says before frames are made of it: so
streams stay continuous and books stay valid, and the same changes from the same times give the same frames again.
"""

from dataclasses import dataclass, replace

import numpy as np

from streaming.emulator import parameters as p
from streaming.emulator.market_model import VENUE_COUNT, Ints, MarketBlock

TRADE_RATE_FACTOR_MAX = 2.5
"""The busiest venue trades in 0.4 of the steps, at most once in each: more cannot be true of all of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Regime:
    """What is altered; a factor of 1 alters nothing. ValueError for a strength that no market of ours can have."""

    volatility_factor: float = 1.0
    """Of the moves of all mids, those that the planted effect foretells included."""
    size_factor: float = 1.0
    """Of the sizes of the five best levels, and with them of trades."""
    spread_factor: int = 1
    """Of the spread in ticks; odd, since a book's two sides step back alike."""
    is_wide: bool | None = None
    """All spreads wide, all tight, or as the model has them."""
    trade_rate_factor: float = 1.0
    """Of the number of trades; trades that are added foretell nothing."""

    def __post_init__(self) -> None:
        checks = (
            ("volatility_factor", 0.0 < self.volatility_factor <= 20.0, "above 0, at most 20"),
            ("size_factor", 0.0 < self.size_factor <= 100.0, "above 0, at most 100"),
            ("spread_factor", self.spread_factor in (1, 3, 5, 7, 9), "1, 3, 5, 7 or 9"),
            ("trade_rate_factor", 0.0 < self.trade_rate_factor <= TRADE_RATE_FACTOR_MAX, "above 0, at most 2.5"),
        )
        for name, is_good, expected in checks:
            if not is_good:
                raise ValueError(f"regime: {name}: expected {expected}, found {getattr(self, name)}")


NORMAL = Regime()
STRESS = Regime(volatility_factor=3.0, size_factor=0.4, spread_factor=3, trade_rate_factor=2.0)
"""What `regime` means where nothing else is said: a nervous market."""


class RegimePlan:
    """Which regime holds from which block on, and the market altered by it; give it each block once, in order."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._changes: dict[int, Regime] = {}
        self._regime = NORMAL
        self._blocks = 0
        self._last = np.full(VENUE_COUNT, p.START_TICKS, dtype=np.int64)
        """Mids of the last step as the model has them."""
        self._last_shown = self._last
        self._anchor, self._anchor_shown = self._last, self._last
        """The same where the regime began."""

    def begin(self, regime: Regime, block: int) -> int:
        """Let `regime` hold from `block` on, or from the first that is not made yet; return from which."""
        first = max(block, self._blocks)
        self._changes[first] = regime
        return first

    def alter(self, block: MarketBlock) -> MarketBlock:
        """Return the next block as the regime has it."""
        regime = self._changes.pop(self._blocks, self._regime)
        if regime != self._regime:
            self._regime = regime
            self._anchor, self._anchor_shown = self._last, self._last_shown
        number, self._blocks = self._blocks, self._blocks + 1
        shown = self._shown_mids(block, regime.volatility_factor)
        self._last, self._last_shown = block.mid_ticks[-1], shown[-1]
        if regime == NORMAL:
            return replace(block, mid_ticks=shown)
        return replace(
            block,
            mid_ticks=shown,
            size_lots=np.maximum(np.rint(block.size_lots * regime.size_factor), 1).astype(np.int64),
            step_back_ticks=_step_back_ticks(block, regime),
            trade_sign=self._trade_sign(block, regime.trade_rate_factor, number),
        )

    def _shown_mids(self, block: MarketBlock, factor: float) -> Ints:
        moved = block.mid_ticks - self._anchor
        scaled = moved if factor == 1.0 else np.rint(factor * moved).astype(np.int64)
        shown: Ints = self._anchor_shown + scaled
        return shown

    def _trade_sign(self, block: MarketBlock, factor: float, number: int) -> Ints:
        """Return trades at `factor` times the rate; drawn from the seed and the block's number alone."""
        if factor == 1.0:
            return block.trade_sign
        rng = np.random.default_rng(np.random.SeedSequence([self._seed, 5, number]))
        uniform, signs = rng.random(block.trade_sign.shape), rng.choice((-1, 1), block.trade_sign.shape)
        if factor < 1.0:
            return np.where(uniform < factor, block.trade_sign, 0)
        rates = np.array([venue.trade_rate for venue in p.VENUES])
        is_added = (block.trade_sign == 0) & (uniform < rates * (factor - 1) / (1 - rates))
        return np.where(is_added, signs, block.trade_sign).astype(np.int64)


def _step_back_ticks(block: MarketBlock, regime: Regime) -> Ints:
    is_wide = block.is_wide if regime.is_wide is None else np.full_like(block.is_wide, regime.is_wide)
    spreads: Ints = regime.spread_factor * (1 + 2 * is_wide.astype(np.int64))
    return (spreads - 1) // 2
