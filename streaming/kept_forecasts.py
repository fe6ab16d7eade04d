"""What the lake keeps of forecasts, traded on or in the shadow: mid and spread at some steps ahead."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from streaming.segments import InstrumentEntry
from warehouse.schema import FORECAST_HORIZONS, table_schema

FORECAST_WIDTH = 20
"""Values a slot in a forecast of one step."""
KEPT_WIDTH = 2 * len(FORECAST_HORIZONS)
"""Values a slot that are kept: the mid's move in bps at each horizon, then the spread in ticks at each."""
MID_BPS, LOG_SPREAD = 0, 1
"""Places in a slot's forecast of one step."""


@dataclass(slots=True)
class KeptForecasts:
    """Gathers forecasts of a run and makes the rows of every slot that trades; `slots` are the grid's, None masked."""

    instruments: Sequence[InstrumentEntry]
    slots: Sequence[int | None]
    _heads: list[tuple[int, int, int, int, int]] = field(default_factory=list)
    _values: list[NDArray[np.float32]] = field(default_factory=list)

    def add(self, head: tuple[int, int, int, int, int], kept: NDArray[np.float32]) -> None:
        """Take what is kept of a forecast; its head is (seq, ts_ns, ts_step_ns, model_id, horizon_steps)."""
        self._heads.append(head)
        self._values.append(kept)

    def table(self, name: str) -> pa.Table:
        """Return the rows of table `name` by time and slot."""
        schema = table_schema(name).columns
        present = [(slot, self.instruments[number]) for slot, number in enumerate(self.slots) if number is not None]
        if not self._heads or not present:
            return schema.empty_table()
        count = len(present)
        heads = np.repeat(np.array(self._heads, dtype=np.int64), count, axis=0)
        values = np.stack(self._values)[:, [slot for slot, _ in present]].reshape(len(heads), -1)
        columns: dict[str, object] = {
            "venue": [entry.venue for _, entry in present] * len(self._heads),
            "instrument": [entry.symbol for _, entry in present] * len(self._heads),
            "slot": np.tile(np.array([slot for slot, _ in present]), len(self._heads)),
        }
        columns |= dict(zip(("seq", "ts_ns", "ts_step_ns", "model_id", "horizon_steps"), heads.T, strict=True))
        kept = [f"{name}_{steps}" for name in ("mid_bps", "spread_ticks") for steps in FORECAST_HORIZONS]
        columns |= dict(zip(kept, values.T, strict=True))
        return pa.table({name: columns[name] for name in schema.names}).cast(schema)


def at_horizons(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return what is kept of a forecast [H, V, 20] as [V, KEPT_WIDTH]; NaN where it does not reach."""
    found = np.full((values.shape[1], KEPT_WIDTH), np.nan, dtype=np.float32)
    for place, steps in enumerate(FORECAST_HORIZONS):
        if steps <= len(values):
            found[:, place] = values[steps - 1, :, MID_BPS]
            found[:, place + len(FORECAST_HORIZONS)] = np.exp(values[steps - 1, :, LOG_SPREAD])
    return found
