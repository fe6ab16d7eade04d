"""Where the emulator's market comes from: the seeded generator without end, or the raw segments of a lake.

A source yields messages in the order of their times and knows no clock. REST snapshots among them are for the true
books only: clients get answers made from those, at the moment at which they ask.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol

import numpy as np
import orjson

from streaming.emulator import parameters as p
from streaming.emulator.generator import segment_header
from streaming.emulator.instruments import SOURCES
from streaming.emulator.market_frames import MarketFrames
from streaming.emulator.market_model import MarketBlock, MarketModel
from streaming.emulator.streams import DepthChange, DepthIds, MarketFrame, read_frame
from streaming.errors import BadDataError
from streaming.segments import KIND_FRAME, InstrumentEntry, SourceEntry
from streaming.shell.feed import FeedHour, open_feed
from streaming.venues.subjects import KIND_DEPTH, KIND_WEBSOCKET
from warehouse.lake import Lake

LIVE_BLOCK_STEPS = 50
"""Steps made at once: five seconds of market in 15 ms. Part of the market's definition, as in the generator."""


class Snapshot(NamedTuple):
    """A REST snapshot in the source."""

    venue: str
    symbol: str
    change: DepthChange
    ts_ns: int


SourceItem = MarketFrame | Snapshot


class MarketSource(Protocol):
    """A market that can be played."""

    @property
    def instruments(self) -> Sequence[InstrumentEntry]:
        """What the venues list."""
        ...

    @property
    def start_ns(self) -> int:
        """Time at which the market begins."""
        ...

    def items(self) -> Iterator[SourceItem]:
        """Yield everything by time; call it once."""
        ...


@dataclass(frozen=True, slots=True)
class Regime:
    """What is altered of a generated market on purpose, so that features drift; the mids' law stays."""

    size_factor: float = 1.0
    is_wide: bool | None = None
    """All spreads wide, all tight, or as the model has them."""


class EndlessMarket:
    """The generated market, made block by block as it is asked for. Equal arguments, equal frames.

    `start_ns` must be a multiple of 100 ms.
    """

    def __init__(self, seed: int, start_ns: int, *, effect: float = 1.0, new_fields: bool = False) -> None:
        if start_ns % p.STEP_NS:
            raise ValueError(f"start_ns: expected whole steps of 100 ms, found {start_ns}")
        self.start_ns = start_ns
        self.instruments = segment_header(f"live-s{seed}", start_ns).instruments
        self.regime = Regime()
        """Holds from the next block on, within five seconds of market."""
        self._model = MarketModel(seed, effect)
        self._frames = MarketFrames(seed, start_ns, new_fields=new_fields)

    def items(self) -> Iterator[SourceItem]:
        """Yield frames for ever."""
        while True:
            block = _altered(self._model.advance(LIVE_BLOCK_STEPS), self.regime)
            for frame in self._frames.frames(block):
                source = SOURCES[frame.source]
                if frame.is_request or source.kind == "rest_exchange_info":
                    continue
                venue = self.instruments[frame.slot].venue
                if source.kind == "rest_depth":
                    assert source.instrument is not None
                    yield _snapshot(venue, source.instrument, frame.payload, frame.ts_recv_ns)
                    continue
                market_frame = read_frame(venue, frame.payload, frame.ts_recv_ns)
                assert market_frame is not None
                yield market_frame


class RecordedMarket:
    """Raw segments of a lake, frames at the times at which they were received; ends where the recording ends."""

    def __init__(
        self, lake: Lake, names: Sequence[str], ts_from_ns: int | None = None, ts_to_ns: int | None = None
    ) -> None:
        """Open the segments of instruments `names`; UsageError when the lake holds none of them."""
        self._feed = open_feed(lake, names, ts_from_ns, ts_to_ns)
        self.instruments = tuple(entry for entry in self._feed.instruments if entry.name in set(names))
        self.skipped = 0
        """Frames that no client could read either: not JSON, or without the keys that the venue documents."""
        self._pending = self._read()
        first = next(self._pending, None)
        if first is None:
            raise BadDataError(f"{', '.join(names)}: the segments hold no market frame; next: trader instruments")
        self._first = first
        self.start_ns = first.ts_ns

    def items(self) -> Iterator[SourceItem]:
        """Yield frames until the recording ends."""
        yield self._first
        yield from self._pending

    def _read(self) -> Iterator[SourceItem]:
        names = {entry.name for entry in self.instruments}
        for hour in self._feed.read():
            for source, payload, ts_ns in _frames(hour):
                try:
                    item = _recorded_item(self._feed.sources[source], payload, ts_ns)
                except ValueError:
                    self.skipped += 1
                    continue
                if item is not None and f"{item.venue}:{item.symbol}" in names:
                    yield item


def _frames(hour: FeedHour) -> Iterator[tuple[int, bytes, int]]:
    """Yield source, payload and receive time of the frames of an hour."""
    records = hour.records[hour.records["kind"] == KIND_FRAME]
    columns = (records[name].tolist() for name in ("source", "offset", "length", "ts_ns"))
    for source, offset, length, ts_ns in zip(*columns, strict=True):
        yield source, hour.block[offset : offset + length], ts_ns


def _recorded_item(source: SourceEntry, payload: bytes, ts_ns: int) -> SourceItem | None:
    if source.kind == KIND_DEPTH and source.instrument is not None:
        return _snapshot(source.venue, source.instrument, payload, ts_ns)
    return read_frame(source.venue, payload, ts_ns) if source.kind == KIND_WEBSOCKET else None


def _snapshot(venue: str, symbol: str, payload: bytes, ts_ns: int) -> Snapshot:
    document = orjson.loads(payload)
    last = document["lastUpdateId"]
    stamp = document.get("E", ts_ns // 1_000_000)
    change = DepthChange(
        DepthIds(last, last, last, 0), True, document["bids"], document["asks"], stamp, document.get("T", stamp)
    )
    return Snapshot(venue, symbol, change, ts_ns)


def _altered(block: MarketBlock, regime: Regime) -> MarketBlock:
    if regime == Regime():
        return block
    sizes = np.maximum(np.rint(block.size_lots * regime.size_factor), 1).astype(np.int64)
    is_wide = block.is_wide if regime.is_wide is None else np.full_like(block.is_wide, regime.is_wide)
    return replace(block, size_lots=sizes, is_wide=is_wide)
