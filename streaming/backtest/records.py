"""What a lane put out, gathered over many drains, and the columns that figures are made of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

import native
from streaming.backtest.kpi import Fills, Ints
from streaming.journal import ARENA, Outputs
from streaming.segments import InstrumentEntry

E8 = 100_000_000
TEXT_OFFSET = "text_offset"


@dataclass(slots=True)
class LaneRecords:
    """Records by kind in order, texts with offsets made absolute."""

    parts: dict[str, list[NDArray[np.void]]] = field(default_factory=dict)
    arena: bytearray = field(default_factory=bytearray)

    def add(self, outputs: Outputs) -> None:
        """Keep one drain."""
        for kind, records in outputs.items():
            if kind == ARENA or len(records) == 0:
                continue
            kept = records
            if TEXT_OFFSET in (records.dtype.names or ()):
                kept = records.copy()
                kept[TEXT_OFFSET] += len(self.arena)
            self.parts.setdefault(kind, []).append(kept)
        self.arena += outputs[ARENA]

    def table(self, kind: str) -> NDArray[np.void]:
        """Return all records of one kind."""
        parts = self.parts.get(kind)
        return np.concatenate(parts) if parts else np.empty(0, dtype=native.dtypes[kind])

    def of(self, kind: str, entry: InstrumentEntry) -> NDArray[np.void]:
        """Return the records of one kind and instrument."""
        records = self.table(kind)
        own: NDArray[np.void] = records[records["instrument"] == entry.id]
        return own


def money_e8(entry: InstrumentEntry, quote_units: int) -> int:
    """Return an instrument's quote units (tick x size unit) as 10^-8 of its quote currency, rounded down."""
    scale = _scale(entry)
    return quote_units * scale.numerator // scale.denominator


def moneys_e8(entry: InstrumentEntry, quote_units: Ints) -> Ints:
    """Return many amounts as `money_e8` does; exact also where the product leaves 64 bits."""
    scale = _scale(entry)
    if scale.denominator == 1 and np.abs(quote_units).max(initial=0) < 2**63 // max(scale.numerator, 1):
        return quote_units * scale.numerator
    return np.array([money_e8(entry, amount) for amount in quote_units.tolist()], dtype=np.int64)


def _scale(entry: InstrumentEntry) -> Fraction:
    return Fraction(entry.tick) * Fraction(entry.size_unit) * E8


def fills_of(records: NDArray[np.void]) -> Fills:
    """Return fill records of one instrument as columns."""
    return Fills(
        ts_ns=np.ascontiguousarray(records["ts_ns"]),
        is_buy=records["side"] == 0,
        price_ticks=np.ascontiguousarray(records["price_ticks"]),
        size_units=np.ascontiguousarray(records["size_units"]),
        fee_quote_units=np.ascontiguousarray(records["fee_quote_units"]),
        is_maker=records["is_maker"] != 0,
    )


@dataclass(frozen=True, slots=True)
class Course:
    """Values that hold until the next one: each column is one instrument's or the sum of all."""

    ts_ns: Ints
    equity_e8: Ints
    """Realised and unrealised less fees and funding, over all instruments."""
    gross_e8: Ints
    """Sum of |position| x mid over all instruments."""
    position_units: Mapping[str, Ints]
    """By instrument."""
    funding_e8: int
    """Paid in all; below 0 received."""

    @property
    def is_exposed(self) -> NDArray[np.bool_]:
        """Tell of each moment whether anything is held."""
        found = np.zeros(len(self.ts_ns), dtype=np.bool_)
        for units in self.position_units.values():
            found |= units != 0
        return found

    def sampled(self, at_ns: Ints) -> Ints:
        """Return equity at given moments; 0 before the first."""
        return held(self.ts_ns, self.equity_e8, at_ns)


def course_of(records: LaneRecords, entries: Sequence[InstrumentEntry]) -> Course:
    """Return how equity and positions went, from the records of positions; `entries` share a quote currency."""
    owned = {entry: records.of("positions", entry) for entry in entries}
    ts_ns = np.unique(np.concatenate([rows["ts_ns"] for rows in owned.values()] or [np.zeros(0, np.int64)]))
    equity, gross = np.zeros(len(ts_ns), dtype=np.int64), np.zeros(len(ts_ns), dtype=np.int64)
    funding = 0
    positions: dict[str, Ints] = {}
    for entry, rows in owned.items():
        paid = _funding(rows)
        earned = rows["realised_quote_units"] + rows["unrealised_quote_units"] - rows["fees_quote_units"] - paid
        equity += held(rows["ts_ns"], moneys_e8(entry, earned), ts_ns)
        value = np.abs(rows["cost_quote_units"] + rows["unrealised_quote_units"])
        gross += held(rows["ts_ns"], moneys_e8(entry, value), ts_ns)
        positions[entry.name] = held(rows["ts_ns"], rows["position_units"], ts_ns)
        funding += money_e8(entry, int(paid[-1])) if len(paid) else 0
    return Course(ts_ns, equity, gross, positions, funding)


def _funding(rows: NDArray[np.void]) -> Ints:
    if "funding_quote_units" in (rows.dtype.names or ()):
        return np.ascontiguousarray(rows["funding_quote_units"])
    return np.zeros(len(rows), dtype=np.int64)


def held(ts_ns: Ints, values: Ints, at_ns: Ints) -> Ints:
    """Return the last value at or before each moment, 0 before the first; of equal times the last counts."""
    if not len(values):
        return np.zeros(len(at_ns), dtype=np.int64)
    index = np.searchsorted(ts_ns, at_ns, side="right") - 1
    return np.where(index < 0, 0, values[np.maximum(index, 0)])
