"""What alerts keep on disk: the desk's memory (`data/alerts/state.json`) and the lake's table `alerts`, a part a day.

Both are written whole or not at all, the memory first: after a kill an alert of the last second may be missing in the
history, and none is forgotten. A disk that fails is told and tried again; alerts go on without it.
"""

from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pyarrow as pa

from streaming.alerts.history import TABLE, day_of, notice_rows
from streaming.bus import AlertNotice
from warehouse.errors import WarehouseError
from warehouse.files import write_atomically
from warehouse.lake import Lake

ROWS_MAX: Final = 20_000
"""Of one day; the newest are kept."""
WAITING_MAX: Final = 5_000
"""Notices that wait while the disk fails; the newest are kept."""


def state_path(data_dir: Path) -> Path:
    """Return where the desk's memory stands."""
    return data_dir / "alerts" / "state.json"


class AlertFiles:
    """Use it in one thread at a time."""

    def __init__(self, data_dir: Path, lake: Lake) -> None:
        self._path = state_path(data_dir)
        self._lake = lake
        self._waiting: deque[AlertNotice] = deque(maxlen=WAITING_MAX)
        self._day = ""
        self._rows: pa.Table | None = None
        self.problem = ""
        """Why nothing could be written the last time; empty while all is well."""

    def read_state(self) -> bytes | None:
        """Return what an earlier process remembered, None where there was none; OSError when the disk fails."""
        return self._path.read_bytes() if self._path.exists() else None

    def set_aside(self) -> Path:
        """Put a memory that cannot be read where a person can look at it, and return that place."""
        place = self._path.with_suffix(".unreadable.json")
        self._path.replace(place)
        return place

    def write(self, state: bytes, notices: Sequence[AlertNotice]) -> bool:
        """Write both, and tell whether that went well; what could not be written is written the next time."""
        self._waiting.extend(notices)
        try:
            write_atomically(self._path, state)
            while self._waiting:
                self._write_day()
        except (OSError, WarehouseError) as error:
            self.problem = str(error)
            self._rows = None
            return False
        self.problem = ""
        return True

    def _write_day(self) -> None:
        """Write what waits of one day."""
        day = day_of(self._waiting[0].ts_ns)
        part = [notice for notice in self._waiting if day_of(notice.ts_ns) == day]
        keys = {"date": day}
        if self._rows is None or self._day != day:
            self._day, self._rows = day, self._lake.read_partition(TABLE, keys)
        rows = pa.concat_tables([self._rows.cast(notice_rows(()).schema), notice_rows(part)])
        rows = rows.slice(max(0, rows.num_rows - ROWS_MAX))
        self._lake.write_table(TABLE, keys, rows)
        self._rows = rows
        self._waiting = deque((item for item in self._waiting if day_of(item.ts_ns) != day), maxlen=WAITING_MAX)
