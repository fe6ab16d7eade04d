"""The deterministic part of a session at one point of its journal: engine, venue, hash chain, what stands."""

from collections import deque
from dataclasses import dataclass, field
from typing import Self

import numpy as np
import orjson
from numpy.typing import NDArray

import native
from native.config import JsonObject
from streaming.errors import BadDataError
from streaming.journal import OutputChain
from streaming.performance.tracker import PerformanceTracker
from streaming.segments import SegmentHeader
from streaming.trader.order_venue import HeardOrders, OrderVenue, ReplySources
from streaming.trader.standing import SessionCounts, Standing


@dataclass(frozen=True, slots=True)
class TakenForecast:
    """A forecast that was an input of the engine."""

    ts_step_ns: int
    model_id: int
    values: NDArray[np.float32]
    """[H, V * 20]"""


@dataclass(slots=True)
class Machine:
    """Engine and venue of one journal, and where they are in it."""

    engine: native.Engine
    venue: OrderVenue
    """The simulated one; in a live session where its orders go, and in a live journal nobody."""
    standing: Standing
    counts: SessionCounts
    performance: PerformanceTracker
    chain: OutputChain = field(default_factory=OutputChain)
    owed: deque[tuple[int, bytes]] = field(default_factory=deque)
    """Replies (due time, payload) that the venue has given out and that are not journaled yet."""
    seq: int = 0
    """Of the last record."""
    last_ns: int = 0
    """Time of the last record."""
    input_ns: int = 0
    """Time of the last input that the engine heard."""
    is_hash_due: bool = False
    """Steps closed after the last hash record."""
    model_id: int = 0
    forecast: TakenForecast | None = None
    """The newest; None before the first, and after a recovery until the next."""

    @classmethod
    def fresh(cls, header: SegmentHeader) -> Self:
        """Return the machine of an empty journal; BadDataError when its engine document is refused."""
        config = orjson.dumps(header.engine).decode()
        try:
            engine = native.Engine(config)
            venue: OrderVenue = HeardOrders() if ReplySources(header).is_live else native.SimVenue(config)
        except ValueError as error:
            raise BadDataError(f"run {header.run}: {error}; its header is of build {header.build}") from error
        counts = SessionCounts()
        return cls(engine, venue, Standing(header.instruments, counts), counts, PerformanceTracker(header))


def grid_of(header: SegmentHeader) -> JsonObject:
    """Return the grid of a trader's engine document."""
    assert header.engine is not None, "a journal's header holds the engine's document"
    grid = header.engine["grid"]
    assert isinstance(grid, dict), "a trader's engine has a grid"
    return grid


def number_of(section: JsonObject, key: str) -> int:
    """Return a whole number of a section."""
    value = section[key]
    assert isinstance(value, int), f"{key}: expected a whole number, found {value!r}"
    return value
