"""Three correlated books on a 100 ms grid, with an effect of known size planted in them.

Theory. All randomness of a step is drawn in blocks, from one generator, so that equal arguments give equal markets.

The perpetual's mid jumps by a geometric number of ticks. At drift d the probabilities are 0.0175 + max(±d, 0), with
d = a(spread) x + 0.022 y: x is the imbalance of its best sizes (AR(1), 0.8), y the moving average of its signed trades
(0.9), a depends on whether its spread is tight or wide. The sign of d is kept with probability (1 + effect) / 2, so
that the expected jump is `effect` times d and the activity does not depend on `effect`.

A share 0.4 `effect` of these jumps reaches the spots late: each of them catches up with probability lambda a step,
which depends on its own spread. A share `effect` of their own noise goes away at the same moment, the rest stays for
ever. What a spot has yet to hear and the noise that it will lose are one number: spot = perpetual - lag + what stays.
With effect 0 the lag is 0 always and each mid is a martingale; no basis reverts, and as spreads open and close on both
sides at once, no mid bounces.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streaming.emulator import parameters as p

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

LEVELS = 5
VENUE_COUNT = len(p.VENUES)


@dataclass(frozen=True, slots=True)
class MarketBlock:
    """Consecutive steps of the market: T steps, V venues. Row t is the state when step `first_step` + t closes."""

    first_step: int
    mid_ticks: Ints
    """[T, V] ticks of the model; the mid stands half of the venue's own tick above."""
    is_wide: Bools
    """[T, V]"""
    imbalance: Floats
    """[T] of the perpetual, sd 1."""
    flow: Floats
    """[T] of the perpetual, sd 1."""
    lag: Floats
    """[T, V - 1] what each spot has yet to catch up, in ticks of the model."""
    size_lots: Ints
    """[T, V, 10]: bid 1..5, ask 1..5."""
    gap_ticks: Ints
    """[T, V, 8]: bid 1-2..4-5, ask 1-2..4-5, in the venue's own ticks."""
    trade_sign: Ints
    """[T, V] of the trade in the step that ends here: 1 the buyer took, -1 the seller, 0 none."""
    trade_share: Floats
    """[T, V] size of that trade as a share of the two best sizes before it."""
    step_back_ticks: Ints | None = None
    """[T, V] by how many own ticks each side stands back from the tightest spread; None: by 1 where it is wide."""

    def __len__(self) -> int:
        return len(self.imbalance)


class MarketModel:
    """Makes the market block by block; equal `seed`, `effect` and block lengths give equal blocks."""

    def __init__(self, seed: int, effect: float) -> None:
        if not 0.0 <= effect <= 1.0:
            raise ValueError(f"effect: expected 0 to 1, found {effect}")
        self._effect = effect
        self._rng = np.random.default_rng(np.random.SeedSequence([seed, 1]))
        self._step = 0
        self._waves = self._rng.standard_normal(_WAVES.size)
        self._waves[_FLOW] = 0.0
        self._is_wide = np.zeros(VENUE_COUNT, dtype=np.bool_)
        self._gaps = self._fresh_gaps(1)[0]
        self._perp_ticks = p.START_TICKS
        self._perp_wave = (0.0, 0.0)
        self._trails = [_SpotTrail() for _ in p.SPOTS]

    def advance(self, steps: int) -> MarketBlock:
        """Return the next `steps` steps."""
        trade_sign = self._draw_trades(steps)
        waves = self._draw_waves(steps, trade_sign[:, p.PERPETUAL])
        wide_before = self._is_wide.copy()
        is_wide = self._draw_spreads(steps)
        imbalance, flow = waves[:, 0], waves[:, _FLOW]
        wide_then = np.concatenate((wide_before[None], is_wide[:-1]))
        jumps, is_lagged = self._draw_jumps(wide_then[:, p.PERPETUAL], imbalance, flow)
        perp = self._perp_ticks + np.cumsum(jumps)
        self._perp_ticks = int(perp[-1])
        late = np.where(is_lagged, jumps, 0)
        mids, lags = [perp], []
        for trail, venue in zip(self._trails, p.SPOTS, strict=True):
            lag, stays = self._draw_spot(trail, p.VENUES[venue], wide_then[:, venue], late)
            mids.append(perp - lag + stays)
            lags.append(lag)
        block = MarketBlock(
            first_step=self._step,
            mid_ticks=np.stack(mids, axis=1),
            is_wide=is_wide,
            imbalance=imbalance,
            flow=flow,
            lag=np.stack(lags, axis=1).astype(np.float64),
            size_lots=_size_lots(waves),
            gap_ticks=self._draw_gaps(steps),
            trade_sign=trade_sign,
            trade_share=p.TRADE_SHARE * np.exp(p.TRADE_SIZE_SD * self._rng.standard_normal((steps, VENUE_COUNT))),
        )
        self._step += steps
        return block

    def _draw_trades(self, steps: int) -> Ints:
        rates = np.array([venue.trade_rate for venue in p.VENUES])
        uniform = self._rng.random((steps, VENUE_COUNT))
        return np.where(uniform < rates, np.where(uniform < rates / 2, 1, -1), 0).astype(np.int64)

    def _draw_waves(self, steps: int, perp_trades: Ints) -> Floats:
        """Return all autoregressive waves [T, W], each of variance 1."""
        shocks = self._rng.standard_normal((steps, _WAVES.size)) * np.sqrt(1 - _WAVES**2)
        shocks[:, _FLOW] = perp_trades * np.sqrt((1 - p.FLOW_PHI**2) / p.VENUES[p.PERPETUAL].trade_rate)
        state = self._waves
        for t in range(steps):
            state = _WAVES * state + shocks[t]
            shocks[t] = state
        self._waves = state
        return shocks

    def _draw_spreads(self, steps: int) -> Bools:
        to_wide = np.array([venue.to_wide for venue in p.VENUES])
        to_tight = np.array([venue.to_tight for venue in p.VENUES])
        uniform = self._rng.random((steps, VENUE_COUNT))
        opens, shuts = uniform < to_wide, uniform < to_tight
        is_wide = np.empty((steps, VENUE_COUNT), dtype=np.bool_)
        state = self._is_wide
        for t in range(steps):
            state = np.where(state, ~shuts[t], opens[t])
            is_wide[t] = state
        self._is_wide = state
        return is_wide

    def _draw_jumps(self, wide_then: Bools, imbalance: Floats, flow: Floats) -> tuple[Ints, Bools]:
        """Return the perpetual's jumps [T] and which of them reach the spots late; drift is of the step before."""
        steps = len(imbalance)
        x, y = _shifted(imbalance, self._perp_wave[0]), _shifted(flow, self._perp_wave[1])
        self._perp_wave = (float(imbalance[-1]), float(flow[-1]))
        drift = np.where(wide_then, p.IMBALANCE_DRIFT[1], p.IMBALANCE_DRIFT[0]) * x + p.FLOW_DRIFT * y
        drift = np.clip(drift, -p.DRIFT_MAX, p.DRIFT_MAX)
        drift = np.where(self._rng.random(steps) < (1 + self._effect) / 2, drift, -drift)
        up = p.JUMP_RATE + np.maximum(drift, 0)
        down = p.JUMP_RATE + np.maximum(-drift, 0)
        uniform = self._rng.random(steps)
        sign = np.where(uniform < up, 1, np.where(uniform < up + down, -1, 0))
        jumps = sign * self._rng.geometric(1 / p.JUMP_MEAN_TICKS, steps)
        return jumps.astype(np.int64), self._rng.random(steps) < p.LAGGED_SHARE * self._effect

    def _draw_spot(
        self, trail: "_SpotTrail", venue: p.VenueParameters, wide_then: Bools, late: Ints
    ) -> tuple[Ints, Ints]:
        """Return a spot's lag [T] and the noise [T] that stays for ever."""
        steps = len(late)
        uniform = self._rng.random(steps)
        sign = np.where(uniform < p.NOISE_RATE / 2, 1, np.where(uniform < p.NOISE_RATE, -1, 0))
        noise = sign * self._rng.geometric(1 / p.NOISE_MEAN_TICKS, steps)
        is_passing = self._rng.random(steps) < self._effect
        refreshes = self._rng.random(steps) < np.where(wide_then, venue.refresh[1], venue.refresh[0])
        lag = trail.follow(late - np.where(is_passing, noise, 0), refreshes, venue.delay)
        return lag, trail.drift(np.where(is_passing, 0, noise))

    def _draw_gaps(self, steps: int) -> Ints:
        uniform = self._rng.random((steps, VENUE_COUNT, 8))
        fresh = self._fresh_gaps(steps)
        fresh[0] = np.where(uniform[0] < p.GAP_RATE, fresh[0], self._gaps)
        row = np.arange(steps)[:, None, None]
        last = np.maximum.accumulate(np.where(uniform < p.GAP_RATE, row, 0), axis=0)
        gaps = np.take_along_axis(fresh, last, axis=0)
        self._gaps = gaps[-1]
        return gaps

    def _fresh_gaps(self, steps: int) -> Ints:
        gap_mean = np.array([venue.gap_mean_ticks for venue in p.VENUES])[:, None]
        return self._rng.geometric(np.broadcast_to(1 / gap_mean, (steps, VENUE_COUNT, 8)))


class _SpotTrail:
    """Where one spot stands behind the perpetual, carried from block to block."""

    def __init__(self) -> None:
        self._target = 0
        self._anchor = 0
        self._stays = 0

    def follow(self, changes: Ints, refreshes: Bools, delay: int) -> Ints:
        """Return the lag [T] behind a target moving by `changes` and reached, `delay` steps old, at `refreshes`."""
        targets = self._target + np.cumsum(changes)
        reached = np.concatenate(([self._target], targets))[1 - delay : len(targets) + 1 - delay]
        last = np.maximum.accumulate(np.where(refreshes, np.arange(len(targets)), -1))
        anchors = np.where(last >= 0, reached[last], self._anchor)
        self._target, self._anchor = int(targets[-1]), int(anchors[-1])
        return targets - anchors

    def drift(self, changes: Ints) -> Ints:
        """Return the sum [T] of all changes so far."""
        total = self._stays + np.cumsum(changes)
        self._stays = int(total[-1])
        return total


def _wave_phis() -> Floats:
    """Columns: imbalance of each venue, the perpetual's flow, venue factors, best pairs, levels 2-5 of both sides."""
    phis = [p.IMBALANCE_PHI] * VENUE_COUNT + [p.FLOW_PHI] + [p.VENUE_FACTOR_PHI] * VENUE_COUNT
    return np.array(phis + [p.SIZE_PHI] * VENUE_COUNT * (1 + 2 * (LEVELS - 1)))


_WAVES = _wave_phis()
_FLOW = VENUE_COUNT
_FACTORS = slice(VENUE_COUNT + 1, 2 * VENUE_COUNT + 1)
_PAIRS = slice(2 * VENUE_COUNT + 1, 3 * VENUE_COUNT + 1)
_DEEPER = slice(3 * VENUE_COUNT + 1, None)


def _size_lots(waves: Floats) -> Ints:
    """Return sizes [T, V, 10] in lots, at least one."""
    steps = len(waves)
    factor = p.VENUE_FACTOR_SD * waves[:, _FACTORS, None]
    pair = p.PAIR_SD * waves[:, _PAIRS, None]
    half = p.IMBALANCE_SCALE / 2 * waves[:, :VENUE_COUNT, None]
    deeper = p.SIZE_SD * waves[:, _DEEPER].reshape(steps, VENUE_COUNT, 2, LEVELS - 1) + 0.3
    best = factor + pair
    logs = np.concatenate([best + half, factor + deeper[:, :, 0], best - half, factor + deeper[:, :, 1]], axis=2)
    median = np.array([venue.size_median_lots for venue in p.VENUES])[:, None]
    sizes: Floats = np.maximum(np.rint(np.exp(logs) * median), 1)
    return sizes.astype(np.int64)


def _shifted(values: Floats, before: float) -> Floats:
    """Return `values` [T] one step later, beginning with `before`."""
    return np.concatenate(([before], values[:-1]))
