"""Types of the extension module `native._native`, kept by hand; a test compares the names."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from typing_extensions import Buffer

Structured = NDArray[np.void]

FEATURE_NAMES: tuple[str, ...]
"""Names of the per-slot features, in their order."""

dtypes: dict[str, np.dtype[np.void]]
"""Structured dtypes of everything `Engine.drain` returns, by output name."""

enums: dict[str, tuple[str, ...]]
"""Names of the core's small integers, by enum: `enums["FeedState"][2] == "synced"`."""

def crc32c(data: Buffer) -> int: ...
def encode_record(kind: int, source: int, seq: int, ts_ns: int, payload: Buffer) -> bytes:
    """One record in the form of segments and journals.

    Raises ValueError for an unknown kind or a payload over 64 MiB.
    """

def scan_records(block: Buffer) -> Structured:
    """Positions of all records of an uncompressed block.

    Fields: seq u8, ts_ns i8, offset u8 (of the payload), length u4, source u2, kind u1, version u1.
    Raises ValueError naming record and byte where the block is damaged.
    """

def merge_blocks(
    blocks: list[bytes], runs: Sequence[int] | None = None, source_offsets: Sequence[int] | None = None
) -> bytes:
    """Merge blocks into one by (ts_ns, run, seq), header records left out.

    `runs[i]` is the run of block i (0 by default); `source_offsets[i]` is added to its source ids, so that
    the sources of several runs stay apart in one engine. Raises ValueError for a damaged block.
    """

def parse_decimal(text: str, unit: str) -> int:
    """Exact count of `unit` in a decimal text; ValueError when it is no whole count."""

def normalize(
    features: NDArray[np.float32],
    offset: NDArray[np.float32],
    scale: NDArray[np.float32],
    lo: NDArray[np.float32],
    hi: NDArray[np.float32],
) -> NDArray[np.float32]:
    """`clip((x - offset) * scale, lo, hi)` over features [T, V, F] with constants [V, F]."""

def features_batch(
    price_ticks: NDArray[np.int64],
    size_units: NDArray[np.int64],
    flows: NDArray[np.float64],
    reference_mid: NDArray[np.float64],
    valid: NDArray[np.uint8],
    tick: float,
    size_unit: float,
    stale_ns: int,
) -> NDArray[np.float32]:
    """Features [T, F] of one slot from per-step tops [T, 10] and flows [T, 4].

    Flows are (order-flow imbalance in size_units, signed traded size_units, trade count, age in ns);
    `reference_mid` is the reference slot's mid in price units, 0 where it is invalid; `valid` is
    `is_valid + is_first` of the grid row: 0 invalid, 1 valid, 2 first.
    """

def feature_schema_hash(venues: Sequence[str], step_ns: int, levels: int) -> str:
    """SHA-256 over names, order, dtype, grid step, venues, levels and the bytes made of a golden input."""

def risk_rules() -> list[tuple[int, str, str, str, str, str, bool]]:
    """Pre-trade rules in the order asked: number, name, formula, unit, limit, asked of, is always on."""

def watch_rules() -> list[tuple[int, str, str, str, str, str, bool, str]]:
    """Watch rules: number, name, formula, unit, limits, action, watches one instrument, trigger."""

def trading_table() -> list[tuple[str, str, str | None]]:
    """State, operation, and where it leads; None where it is refused."""

def order_table() -> list[tuple[str, str, str | None]]:
    """State of an order, trigger, and where it leads; None where the reply does not fit."""

class Engine:
    """The core: inputs with a time that never goes back go in, records come out of `drain`."""

    def __init__(self, config_json: str) -> None:
        """Raises ValueError naming the key that is missing or wrong."""

    def frame(self, seq: int, connection_id: int, ts_recv_ns: int, data: Buffer, /) -> int:
        """Feed one received frame; returns the number of records waiting in `drain`."""

    def timer(self, seq: int, ts_ns: int) -> int: ...
    def forecast(self, seq: int, ts_ns: int, step_ts_ns: int, model_id: int, values: NDArray[np.float32]) -> int:
        """Feed a forecast [H, V * 20]; NaN is refused by a reject record."""

    def command(self, seq: int, ts_ns: int, data: Buffer) -> int:
        """Feed a JSON command: {"op": "halt", "reason": "..."}."""

    def wishes(self, seq: int, ts_ns: int, data: Buffer) -> int:
        """Feed what a strategy outside the core wants: the payload of a wishes record."""

    def process(self, block: Buffer) -> int:
        """Feed every record of a block; ValueError where it is damaged. The GIL is released."""

    def drain(self) -> dict[str, Any]:
        """Take all waiting outputs: one structured array a kind, and `arena` (bytes of the texts)."""

    def book(self, instrument_id: int, levels: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Bids and asks, best first, as int64 [n, 2] of (price_ticks, size_units)."""

    def feed_state(self, instrument_id: int) -> str: ...
    def window(self, steps: int) -> tuple[int, NDArray[np.float32], NDArray[np.uint8]]:
        """The last `steps` closed steps: (ts_step_ns, features [L, V, F], valid [L, V])."""

    def steps_closed(self) -> int: ...
    def checkpoint(self) -> bytes: ...
    def restore(self, data: Buffer) -> None:
        """Take up a checkpoint of an engine with the same grid and trader; ValueError otherwise, then discard this one.

        Instruments are matched by venue and symbol and must count in the same units; an added one starts unsynced.
        Sources, the order of the table and what is emitted may differ.
        """

    def counters(self) -> dict[str, int]: ...

class SimVenue:
    """The simulated venue beside the engine: same frames in, replies to order requests out."""

    def __init__(self, config_json: str) -> None: ...
    def frame(self, seq: int, connection_id: int, ts_recv_ns: int, data: Buffer, /) -> int: ...
    def submit(self, order_requests: Structured, ts_ns: int) -> None: ...
    def next_ts_ns(self) -> int | None:
        """When the next request arrives or the next reply reaches us."""

    def due(self, ts_ns: int) -> list[tuple[int, bytes]]:
        """Replies whose time has come, each with its receive time: feed them as `sim_private` frames."""

class Backtest:
    """Many traders (lanes) over one recorded market: frames are decoded once, books and grid are kept once."""

    def __init__(self, config_json: str, lanes: Sequence[str]) -> None:
        """Take an engine's document (its trader is not used) and one document a lane.

        A lane's keys: "signal", "risk", "matching", "run_tag" as in an engine's document; "timers" (the data has none,
        as recorded hours have none: one is due 1 ns after every step; equal in all lanes); "record" ("all", or
        "summary" to keep no records); "sample_steps". Raises ValueError naming lane and key.
        """

    def forecasts(
        self,
        ts_ns: NDArray[np.int64],
        ts_step_ns: NDArray[np.int64],
        model_id: NDArray[np.uint32],
        values: NDArray[np.float32],
    ) -> None:
        """Queue forecasts [N, H, V * 20] of the steps `ts_step_ns`, ready at `ts_ns` (ascending over all calls).

        Each reaches every lane before the first input later than it. Raises ValueError for sizes or times that do not
        fit.
        """

    def process(self, block: Buffer) -> int:
        """Feed every record of a block and return their number; ValueError where it is damaged. The GIL is released.

        Replies that a journal holds are passed over (each lane has its own venue); its timers, forecasts and commands
        reach every lane.
        """

    def finish(self, ts_ns: int) -> None:
        """Deliver what is due until `ts_ns` and close the steps before it."""

    def drain(self, lane: int) -> dict[str, Any]:
        """Take a lane's trading records, named as by `Engine.drain`, `rejects` and `arena`; IndexError for no lane."""

    def summary(self) -> Structured:
        """One row a lane: what it did and earned so far; the fields are those of `LaneSummary` in lane_accounts.hpp."""

    def equity(self, lane: int) -> NDArray[np.int64]:
        """Equity in 10^-8 quote after every `sample_steps`-th closed step."""

    def grid(self) -> Structured:
        """Take the grid's rows; empty unless the document says emit.grid."""
