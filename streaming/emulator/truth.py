"""The generated market's answer: the expected cumulative mid return, given everything that the generator knows.

Closed form. With g the perpetual's spread regime and s a spot's, both two-state chains:

    mu_k     = 12 effect (E[a(g_k)] 0.8^k x + 0.022 0.9^k y)            the perpetual's expected jump of step k + 1
    q_i(k+1) = sum_j P_ji ((1 - l_j) q_j(k) + f_j p_j(k) w mu_k)        moments of the lag on the spot's regime
    perpetual: sum mu_k            spot: sum mu_k - (sum_i q_i(h) - q(0))

l is the chance to catch up, w = 0.4 effect the late share, and f_j what of a jump is still late after its step:
1 - l_j, or 1 where the spot catches up with what is one step old. All of it is linear in (x, y, lag), so that a table
of coefficients per pair of regimes answers every step. Written as bps of the mid. Only tests and reports may read it.
"""

import os
from contextlib import suppress
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from streaming.emulator import parameters as p
from streaming.emulator.instruments import INSTRUMENTS
from streaming.emulator.market_model import VENUE_COUNT, Floats, MarketBlock


class TruthTable:
    """Coefficients of (imbalance, flow, lag) by horizon, slot, the perpetual's regime and the spot's."""

    def __init__(self, effect: float) -> None:
        self._coefficients = np.zeros((len(p.HORIZONS), VENUE_COUNT, 2, 2, 3))
        for slot in range(VENUE_COUNT):
            for perp_wide in (0, 1):
                for spot_wide in (0, 1):
                    moves = _expected_moves(effect, slot, perp_wide, spot_wide)
                    self._coefficients[:, slot, perp_wide, spot_wide] = moves[[h - 1 for h in p.HORIZONS]]

    def expected_bps(self, block: MarketBlock) -> Floats:
        """Return the expectation [T, V, horizons] given the state of each step of `block`."""
        out = np.empty((len(block), VENUE_COUNT, len(p.HORIZONS)))
        perp_wide = block.is_wide[:, p.PERPETUAL].astype(np.int64)
        for slot in range(VENUE_COUNT):
            lag = block.lag[:, slot - 1] if slot in p.SPOTS else np.zeros(len(block))
            state = np.stack([block.imbalance, block.flow, lag], axis=1)
            rows = self._coefficients[:, slot, perp_wide, block.is_wide[:, slot].astype(np.int64)]
            moves = np.einsum("htc,tc->th", rows, state)
            out[:, slot] = 1e4 * moves * p.MODEL_TICK / mid_prices(block)[:, slot, None]
        return out


def mid_prices(block: MarketBlock) -> Floats:
    """Return the mids [T, V] in quote units."""
    half_ticks = np.array([float(instrument.tick) / 2 for instrument in INSTRUMENTS])
    mids: Floats = block.mid_ticks * p.MODEL_TICK + half_ticks
    return mids


def _expected_moves(effect: float, slot: int, perp_wide: int, spot_wide: int) -> Floats:
    """Return [H, 3]: ticks that the mid is expected to have moved after 1..H steps, per unit of each state."""
    perp, venue = p.VENUES[p.PERPETUAL], p.VENUES[slot]
    perp_regime, regime = np.eye(2)[perp_wide], np.eye(2)[spot_wide]
    perp_chain, chain = _chain(perp), _chain(venue)
    keeps = 1 - np.array(venue.refresh)
    fresh = np.ones(2) if venue.delay else keeps
    is_spot = float(slot in p.SPOTS)
    lag = np.zeros((2, 3))
    lag[spot_wide, 2] = is_spot
    walked = np.zeros(3)
    moves = np.empty((max(p.HORIZONS), 3))
    for k in range(max(p.HORIZONS)):
        pull = float(perp_regime @ np.array(p.IMBALANCE_DRIFT))
        jump = p.JUMP_MEAN_TICKS * effect * np.array([pull * p.IMBALANCE_PHI**k, p.FLOW_DRIFT * p.FLOW_PHI**k, 0.0])
        late = is_spot * p.LAGGED_SHARE * effect * np.outer(fresh * regime, jump)
        lag = chain.T @ (keeps[:, None] * lag + late)
        regime, perp_regime = regime @ chain, perp_regime @ perp_chain
        walked = walked + jump
        moves[k] = walked - lag.sum(axis=0) + np.array([0.0, 0.0, is_spot])
    return moves


def _chain(venue: p.VenueParameters) -> Floats:
    return np.array([[1 - venue.to_wide, venue.to_wide], [venue.to_tight, 1 - venue.to_tight]])


TRUTH_SCHEMA = pa.schema(
    [("ts_step_ns", pa.int64())]
    + [(f"m_{slot}_h{horizon}_bps", pa.float64()) for slot in range(VENUE_COUNT) for horizon in p.HORIZONS]
)


class TruthWriter:
    """Writes `<lake>/truth/<run>.parquet`, a row a step; `close` makes it appear, `abort` removes it."""

    def __init__(self, lake_root: Path, run: str, effect: float) -> None:
        self._path = lake_root / "truth" / f"{run}.parquet"
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._temporary = self._path.with_name(f".{self._path.name}.{os.getpid()}.tmp")
        self._table = TruthTable(effect)
        self._file = self._temporary.open("wb")
        self._writer = pq.ParquetWriter(self._file, TRUTH_SCHEMA)

    def append(self, block: MarketBlock, ts_step_ns: NDArray[np.int64]) -> None:
        """Append the rows of `block`, whose steps close at `ts_step_ns` [T]."""
        values = self._table.expected_bps(block).reshape(len(block), -1)
        columns = [pa.array(ts_step_ns)] + [pa.array(column) for column in values.T]
        self._writer.write_table(pa.Table.from_arrays(columns, schema=TRUTH_SCHEMA))

    def close(self) -> Path:
        """Make the file appear and return its path."""
        self._writer.close()
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._temporary.replace(self._path)
        return self._path

    def abort(self) -> None:
        """Remove what was written."""
        with suppress(OSError):  # the disk is full: what waits cannot be flushed, and need not be
            self._writer.close()
        with suppress(OSError):
            self._file.close()
        self._temporary.unlink(missing_ok=True)
