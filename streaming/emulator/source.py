"""Where the emulator's market comes from: the seeded generator without end, or the raw segments of a lake.

A source yields messages in the order of their times and knows no clock. REST snapshots among them are for the true
books only: clients get answers made from those, at the moment at which they ask.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol

import orjson

from streaming.emulator import parameters as p
from streaming.emulator.generator import segment_header
from streaming.emulator.instruments import SOURCES
from streaming.emulator.market_frames import MarketFrames
from streaming.emulator.market_model import MarketModel
from streaming.emulator.regime import Regime, RegimePlan
from streaming.emulator.streams import DepthChange, DepthIds, MarketFrame, read_frame
from streaming.errors import BadDataError, UsageError
from streaming.runs import all_manifests
from streaming.segments import HOUR_NS, KIND_FRAME, InstrumentEntry, SourceEntry
from streaming.shell.feed import FeedHour, open_feed
from streaming.venues.subjects import KIND_DEPTH, KIND_WEBSOCKET
from warehouse.lake import Lake

LIVE_BLOCK_STEPS = 50
"""Steps made at once: five seconds of market in 15 ms. Part of the market's definition, as in the generator."""
LIVE_BLOCK_NS = LIVE_BLOCK_STEPS * p.STEP_NS


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


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeFrom:
    """All that a generated market follows from: equal values, equal frames."""

    seed: int
    start_ns: int
    effect: float = 1.0
    new_fields: bool = False
    regimes: tuple[tuple[int, Regime], ...] = ()
    """From when each holds, as `EndlessMarket.begin_regime` returned it; of two of one time the later counts."""


class EndlessMarket:
    """The generated market, made block by block as it is asked for. Equal arguments, equal frames.

    `start_ns` must be a multiple of 100 ms.
    """

    def __init__(self, seed: int, start_ns: int, *, effect: float = 1.0, new_fields: bool = False) -> None:
        if start_ns % p.STEP_NS:
            raise ValueError(f"start_ns: expected whole steps of 100 ms, found {start_ns}")
        self.start_ns = start_ns
        self.instruments = segment_header(f"live-s{seed}", start_ns).instruments
        self.made_from = MadeFrom(seed=seed, start_ns=start_ns, effect=effect, new_fields=new_fields)
        self._model = MarketModel(seed, effect)
        self._plan = RegimePlan(seed)
        self._frames = MarketFrames(seed, start_ns, new_fields=new_fields)

    @classmethod
    def again(cls, made_from: MadeFrom) -> "EndlessMarket":
        """Return the market that `made_from` states, from its beginning."""
        made = made_from
        market = cls(made.seed, made.start_ns, effect=made.effect, new_fields=made.new_fields)
        for from_ns, regime in made.regimes:
            market.begin_regime(regime, from_ns - p.STEP_NS)
        return market

    def begin_regime(self, regime: Regime, ts_ns: int) -> int:
        """Change the market from the first block on that begins 100 ms after `ts_ns` or later; return its time.

        Blocks are five seconds long. What is made already stays, so `ts_ns` must not be earlier than what was heard.
        """
        block = -(-(ts_ns + p.STEP_NS - self.start_ns) // LIVE_BLOCK_NS)
        from_ns = self.start_ns + self._plan.begin(regime, max(block, 0)) * LIVE_BLOCK_NS
        self.made_from = replace(self.made_from, regimes=(*self.made_from.regimes, (from_ns, regime)))
        return from_ns

    def items(self) -> Iterator[SourceItem]:
        """Yield frames for ever."""
        while True:
            block = self._plan.alter(self._model.advance(LIVE_BLOCK_STEPS))
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


PAUSE_MAX_NS = HOUR_NS
"""A market that says nothing for longer is no market to play: nobody waits for it."""


def _check_pauses(lake: Lake, names: Sequence[str], ts_from_ns: int) -> None:
    """UsageError when the runs of `names` lie apart: played at the times of their receipt, years might pass."""
    runs = [each for each in all_manifests(lake.root) if {*names} & {*each.instruments} and each.ts_to_ns > ts_from_ns]
    heard_to_ns = 0
    for run in sorted(runs, key=lambda run: run.ts_from_ns):
        if heard_to_ns and run.ts_from_ns > heard_to_ns + PAUSE_MAX_NS:
            pause_h = (run.ts_from_ns - heard_to_ns) / HOUR_NS
            raise UsageError(
                f"{lake.root}: {pause_h:.0f} h without a frame lie before {', '.join(run.instruments)}; "
                "choose what was recorded together by --instruments or --from-time"
            )
        heard_to_ns = max(heard_to_ns, run.ts_to_ns)


class RecordedMarket:
    """Raw segments of a lake, frames at the times at which they were received; ends where the recording ends."""

    def __init__(
        self, lake: Lake, names: Sequence[str], ts_from_ns: int | None = None, ts_to_ns: int | None = None
    ) -> None:
        """Open the segments of instruments `names`.

        UsageError when the lake holds none of them, or has recorded them more than an hour apart.
        """
        _check_pauses(lake, names, ts_from_ns or 0)
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
