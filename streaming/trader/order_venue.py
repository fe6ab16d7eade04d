"""Where a session's orders go and what comes back: the seam between a `TradingSession` and a venue of either kind.

The simulated venue hears the market's frames and answers at moments that it works out itself. Live venues hear nothing
of the session: what they say came from outside, and is handed over at the moment at which it reached us. A journal that
is heard again needs no live venue: it holds every reply.
"""

from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from streaming.segments import SegmentHeader
from streaming.trading_records import KIND_SIM
from streaming.venues.venue_reply import KIND_VENUE, instrument_of

REPLY_KINDS: Final = frozenset({KIND_SIM, KIND_VENUE})
"""Kinds of the sources whose frames are about our orders; every other frame is the market's."""
Owed = tuple[int, bytes]
"""When a reply reaches us, and its bytes."""


class OrderVenue(Protocol):
    """Takes order requests and owes replies."""

    def frame(self, seq: int, source: int, ts_ns: int, payload: bytes, /) -> int:
        """Hear a frame of the market; not 0 when there may be something to say."""

    def submit(self, requests: NDArray[np.void], ts_ns: int, /) -> None:
        """Take order requests."""

    def next_ts_ns(self) -> int | None:
        """Return when it has something to do or to say, None while there is nothing."""

    def due(self, ts_ns: int, /) -> list[Owed]:
        """Return the replies that reach us by `ts_ns`, in their order."""


class HeardOrders:
    """The live venues of a journal that is heard again: what was asked went out then, what came stands there."""

    def frame(self, seq: int, source: int, ts_ns: int, payload: bytes) -> bool:
        """See `OrderVenue`."""
        return False

    def submit(self, requests: NDArray[np.void], ts_ns: int) -> None:
        """See `OrderVenue`."""

    def next_ts_ns(self) -> int | None:
        """See `OrderVenue`."""
        return None

    def due(self, ts_ns: int) -> list[Owed]:
        """See `OrderVenue`."""
        return []


class ReplySources:
    """The sources of a header whose frames are replies, and which of them a reply is of."""

    def __init__(self, header: SegmentHeader) -> None:
        simulated = [source.id for source in header.sources if source.kind == KIND_SIM]
        private = {source.venue: source.id for source in header.sources if source.kind == KIND_VENUE}
        self.is_live: Final = bool(private)
        self.simulated: Final = simulated[0] if simulated else None
        self.all: Final = frozenset([*simulated, *private.values()])
        self._by_instrument = [private.get(entry.venue) for entry in header.instruments]

    def of(self, payload: bytes) -> int:
        """Return the source of a reply's frame."""
        if self.simulated is not None:
            return self.simulated
        source = self._by_instrument[instrument_of(payload)]
        assert source is not None, "every venue of a live session has a private source"
        return source
