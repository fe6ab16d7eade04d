"""The rows of one venue-hour, gathered from the drains of its runs' engines and written as partitions."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from streaming.pump import Outputs
from streaming.raw_hour import RunHour, entry_of, version_of
from warehouse import gaps
from warehouse.lake import Lake, hour_keys
from warehouse.records import to_table
from warehouse.schema import CAPTURED, TABLES

CAPTURED_TABLES = tuple(name for name, schema in TABLES.items() if schema.partition == CAPTURED)
_FEED_STREAM = "depth"


class HourTables:
    """Rows of one venue-hour by (table, symbol), in order of their runs."""

    def __init__(self) -> None:
        self._parts: dict[tuple[str, str], list[pa.Table]] = {}
        self._rejects: list[pa.Table] = []
        self._open: set[tuple[str, str, int]] = set()
        self._holes = 0
        self.rows: dict[str, int] = {}

    def add(self, run: RunHour, symbols: set[str], outputs: Outputs) -> None:
        """Take the rows of one drain of `run` for the symbols that it speaks for."""
        for table in CAPTURED_TABLES:
            records = outputs[table]
            for index, entry in enumerate(run.instruments):
                own = records[records["instrument"] == index]
                if len(own) and entry.symbol in symbols:
                    self._add_records(table, entry.symbol, run.run, own)
        if symbols and len(outputs["rejects"]):
            constants = {"run": run.run}
            self._rejects.append(to_table("rejects", outputs["rejects"], constants=constants, arena=outputs["arena"]))

    def add_holes(self, symbol: str, holes: Sequence[pa.Table]) -> None:
        """Take ledger rows of holes between runs."""
        self._holes += len(holes)
        self._parts.setdefault(("gaps", symbol), []).extend(holes)

    @property
    def gap_count(self) -> int:
        """Feed gaps that opened in the hour."""
        return len(self._open)

    @property
    def not_recorded_count(self) -> int:
        """Holes between runs."""
        return self._holes

    def write(self, lake: Lake, venue: str, hour_start: datetime, chosen: Mapping[str, Sequence[RunHour]]) -> None:
        """Write a partition for every table and symbol that has rows."""
        keys = {"venue": venue, **hour_keys(hour_start)}
        self.rows = dict.fromkeys((*CAPTURED_TABLES, "rejects"), 0)
        for (table, symbol), parts in sorted(self._parts.items()):
            if not parts:
                continue
            rows = pa.concat_tables(parts)
            rows = gaps.collapse(rows).sort_by([("ts_from_ns", "ascending")]) if table == "gaps" else rows
            steps = version_of(entry_of(chosen[symbol][0], symbol), 0).step_metadata
            lake.write_table(table, {**keys, "instrument": symbol}, rows, steps)
            self.rows[table] += rows.num_rows
        if self._rejects:
            rows = pa.concat_tables(self._rejects)
            lake.write_table("rejects", keys, rows)
            self.rows["rejects"] = rows.num_rows

    def _add_records(self, table: str, symbol: str, run: str, records: NDArray[np.void]) -> None:
        constants = {"run": run, "stream": _FEED_STREAM}
        self._parts.setdefault((table, symbol), []).append(to_table(table, records, constants=constants))
        if table == "gaps":
            opened = records[records["is_closed"] == 0]["gap_id"]
            self._open |= {(symbol, run, int(gap_id)) for gap_id in opened}
