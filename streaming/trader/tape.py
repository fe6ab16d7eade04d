"""Where one venue's frames enter the session, and what the venue hears of its own books.

The engine speaks for all venues at once: whoever's input drained it, each venue's news wait here until its tape asks.
"""

from collections.abc import Callable

import native
from streaming.recorder.tape import News
from streaming.trader.plan import TraderPlan

LOST_STATES = ("buffering", "gap")
"""A book that has asked for its snapshot and waits for it."""

Input = Callable[[int, int, bytes], object]
"""Takes (source of the engine, ts_ns, payload)."""


class VenueTape:
    """A `FrameTape` of one venue, in the venue's own numbers."""

    def __init__(self, venue: str, plan: TraderPlan, engine: native.Engine, frame: Input, request: Input) -> None:
        self._engine = engine
        self._frame = frame
        self._request = request
        self._source_offset = plan.source_offsets[venue]
        self._instruments = plan.instruments_of(venue)
        header = plan.venue_plans[venue].header
        self._sockets = frozenset(source.id for source in header.sources if source.kind == "websocket")
        self._news = News()
        self._has_news = False
        self._is_heard = False

    def frame(self, source: int, ts_ns: int, payload: bytes) -> bool:
        """Take a received frame; True when news of this venue wait, whoever's frame brought them.

        Before a socket has spoken nothing is told: a snapshot asked for then would be older than the stream.
        """
        self._frame(self._source_offset + source, ts_ns, payload)
        if not self._has_news:
            return False
        self._is_heard = self._is_heard or source in self._sockets
        return self._is_heard

    def request(self, source: int, ts_ns: int, text: bytes) -> None:
        """Take the moment at which a REST request left."""
        self._request(self._source_offset + source, ts_ns, text)

    def news(self) -> News:
        """Take what was learnt since the last time."""
        news, self._news = self._news, News()
        self._has_news = False
        return news

    def is_synced(self, instrument: int) -> bool:
        """Tell whether a book is whole."""
        return self._engine.feed_state(self._instruments[instrument]) == "synced"

    # --- the session's side ---

    def tell(self, wanted: list[int], synced: list[int]) -> None:
        """Keep what concerns this venue, given in the engine's numbers."""
        own, first = self._instruments, self._instruments.start
        self._news.wanted += [instrument - first for instrument in wanted if instrument in own]
        self._news.synced += [instrument - first for instrument in synced if instrument in own]
        self._has_news = bool(self._news.wanted or self._news.synced)

    def ask_again(self) -> None:
        """Tell the venue of books whose snapshot was asked for by a process that died."""
        lost = [number for number in self._instruments if self._engine.feed_state(number) in LOST_STATES]
        self.tell(lost, [])
