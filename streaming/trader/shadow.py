"""The file beside a journal that keeps what models forecast in the shadow: `<run>.shadow`.

They are no inputs of the engine, so the journal, from which a session replays, does not hold them. The form is the
simplest that a crash cannot spoil: records in the core's form (kind `forecast`, each with its crc32c), appended whole
and never changed, not compressed (about 120 bytes a step and model). The payload is a forecast record's prefix (step,
model id, horizon), then float32 [V, 8]: what the lake keeps of it (`kept_forecasts`). A process that dies leaves a torn
last record at worst; readers leave it out, and who goes on with the session cuts it off.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

import native
from streaming.errors import BadDataError
from streaming.kept_forecasts import FORECAST_WIDTH, KEPT_WIDTH, at_horizons
from streaming.segments import KIND_FORECAST, RECORD_HEAD_BYTES
from streaming.trading_records import FORECAST_PREFIX

SUFFIX = ".shadow"
CRC_BYTES = 4


class ShadowForecast(NamedTuple):
    """What is kept of one forecast that nobody traded on."""

    seq: int
    """Its place in the file, from 1."""
    ts_ns: int
    """When it was there."""
    ts_step_ns: int
    model_id: int
    horizon_steps: int
    kept: NDArray[np.float32]


def shadow_path(journal_dir: Path, run: str) -> Path:
    """Return where the shadow forecasts of a run stand."""
    return journal_dir / f"{run}{SUFFIX}"


def encode_shadow(seq: int, ts_ns: int, ts_step_ns: int, model_id: int, values: NDArray[np.float32]) -> bytes:
    """Return the record of a forecast [H, V * 20]."""
    kept = at_horizons(values.reshape(len(values), -1, FORECAST_WIDTH))
    prefix = FORECAST_PREFIX.pack(ts_step_ns, model_id, len(values))
    return native.encode_record(KIND_FORECAST, 0, seq, ts_ns, prefix + kept.tobytes())


def whole_bytes(data: bytes) -> int:
    """Return where the last record ends that is there to its end."""
    at = 0
    while at + RECORD_HEAD_BYTES <= len(data):
        end = at + RECORD_HEAD_BYTES + int.from_bytes(data[at : at + 4], "little") + CRC_BYTES
        if end > len(data):
            break
        at = end
    return at


def read_shadow(path: Path) -> Iterator[ShadowForecast]:
    """Yield the forecasts of a file, none where there is none; BadDataError where it is damaged before its end."""
    if not path.is_file():
        return
    data = path.read_bytes()
    block = data[: whole_bytes(data)]
    try:
        records = native.scan_records(block)
    except ValueError as error:
        raise BadDataError(f"{path}: {error}; the session's own journal is whole, move this file away") from error
    for row in records:
        begin, end = int(row["offset"]), int(row["offset"]) + int(row["length"])
        ts_step_ns, model_id, horizon = FORECAST_PREFIX.unpack_from(block, begin)
        kept = np.frombuffer(block[begin + FORECAST_PREFIX.size : end], dtype=np.float32).reshape(-1, KEPT_WIDTH)
        yield ShadowForecast(int(row["seq"]), int(row["ts_ns"]), ts_step_ns, model_id, horizon, kept)
