"""The frames of the whole generated market, in the order in which one process would have received them.

Pure: no clock, no file. Each step's arrivals of all venues are sorted by receive time and numbered.
"""

from collections.abc import Iterator
from operator import attrgetter
from typing import NamedTuple

from streaming.emulator.feeds import Arrival, exchange_information, open_feeds
from streaming.emulator.instruments import SOURCES
from streaming.emulator.market_model import MarketBlock

_BY_TIME = attrgetter("ts_recv_ns")
_SLOTS = tuple(source.slot for source in SOURCES)


class TimedFrame(NamedTuple):
    """One record of a segment: a received frame, or the moment at which a REST request left."""

    slot: int
    source: int
    seq: int
    ts_recv_ns: int
    payload: bytes
    is_request: bool


class MarketFrames:
    """Turns blocks of the market into frames; give it each block of a run once, in order.

    The first step closes 100 ms after `start_ns`, which must be a multiple of 100 ms. Sequence numbers begin at 1.
    """

    def __init__(self, seed: int, start_ns: int, *, new_fields: bool) -> None:
        self._start_ns = start_ns
        self._feeds = open_feeds(seed, start_ns, new_fields=new_fields)
        self._seq = 0

    def frames(self, block: MarketBlock) -> Iterator[TimedFrame]:
        """Yield the frames of `block` by receive time."""
        rows = [feed.rows.rows(block, self._start_ns) for feed in self._feeds]
        is_first = block.first_step == 0
        if is_first:
            for feed, own in zip(self._feeds, rows, strict=True):
                feed.open(own[0])
        opening = exchange_information(self._start_ns) if is_first else []
        for t in range(len(block)):
            arrivals = opening if t == 0 else []
            for feed, own in zip(self._feeds, rows, strict=True):
                arrivals += feed.step(own[t], is_first and t == 0)
            arrivals.sort(key=_BY_TIME)
            yield from self._numbered(arrivals)

    def _numbered(self, arrivals: list[Arrival]) -> Iterator[TimedFrame]:
        seq = self._seq
        for ts_recv_ns, source, payload, is_request in arrivals:
            seq += 1
            yield TimedFrame(_SLOTS[source], source, seq, ts_recv_ns, payload, is_request)
        self._seq = seq
