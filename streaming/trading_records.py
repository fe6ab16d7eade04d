"""What trading puts out, whoever fed the engine: the kinds of records, and their tables in the lake."""

import struct
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

import native
from streaming.journal import Outputs
from streaming.segments import SegmentHeader
from warehouse.lake import Lake
from warehouse.records import to_table

FORECAST_PREFIX = struct.Struct("<qII")
"""How the payload of a forecast record begins: the step's ts_ns, model id, rows H; float32[H, V * 20] follows."""
KIND_SIM = "sim_private"
"""Kind of the source whose frames are the simulated venue's replies."""
TABLES_OF_KINDS = {
    "decisions": "decisions",
    "order_events": "orders",
    "fills": "fills",
    "positions": "positions",
    "state_events": "state_events",
    "funding": "funding",
    "equity": "equity",
    "risk_events": "risk_events",
    "cross_market": "cross_market",
}
TERMINAL_STATES = frozenset(
    native.enums["OrderState"].index(name) for name in ("filled", "cancelled", "rejected", "refused", "expired")
)


@dataclass(slots=True)
class Recorded:
    """Trading records of a run by kind, and the texts of state events with offsets made absolute."""

    parts: dict[str, list[NDArray[np.void]]] = field(default_factory=lambda: {kind: [] for kind in TABLES_OF_KINDS})
    arena: bytearray = field(default_factory=bytearray)

    def add(self, outputs: Outputs) -> None:
        """Keep the trading records of one drain."""
        for kind in TABLES_OF_KINDS:
            records = outputs[kind]
            if len(records) == 0:
                continue
            if kind == "state_events":
                records = records.copy()
                records["text_offset"] += len(self.arena)
                self.arena += outputs["arena"]
            self.parts[kind].append(records)

    def table(self, kind: str) -> NDArray[np.void]:
        """Return all records of one kind in order."""
        parts = self.parts[kind]
        return np.concatenate(parts) if parts else np.empty(0, dtype=native.dtypes[kind])


def write_tables(lake: Lake, header: SegmentHeader, recorded: Recorded) -> dict[str, int]:
    """Write the run's trading tables and return their rows by table."""
    names = [(entry.venue, entry.symbol) for entry in header.instruments]
    quotes = [entry.quote for entry in header.instruments]
    written = {}
    for kind, table in TABLES_OF_KINDS.items():
        arena = bytes(recorded.arena) if kind == "state_events" else b""
        rows = to_table(table, recorded.table(kind), instruments=names, quotes=quotes, arena=arena)
        lake.write_table(table, {"run": header.run}, rows)
        written[table] = rows.num_rows
    return written
