"""Streams that a source does not carry, made from those that it does: slower, shorter or summed forms of one market.

A view lives while somebody subscribes its stream. It takes the messages of its instrument after the true book did, and
says what it has to say at once or when its window closes; windows begin and end at whole multiples of their length.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Protocol

from streaming.emulator.session import NEVER_NS
from streaming.emulator.streams import MarketFrame
from streaming.emulator.trade_tape import PublicTrade, TradeTape, is_trade
from streaming.emulator.true_book import TrueBook

NS_PER_MS = 1_000_000


class View(Protocol):
    """One derived stream."""

    due_ns: int
    """When `close` is to be called; NEVER_NS while there is nothing to say."""

    def take(self, frame: MarketFrame, trades: list[PublicTrade]) -> list[MarketFrame]:
        """Take a message of the instrument, and its trades where it is one of trades that count."""
        ...

    def close(self, ts_ns: int) -> list[MarketFrame]:
        """Return what the window that ends at `ts_ns` says."""
        ...

    def snapshot(self) -> tuple[bytes, int] | None:
        """Return what a new subscriber is told at once, and the update id that it states (0: none)."""
        ...


MakeView = Callable[[str, TrueBook, TradeTape, MarketFrame | None], View | None]
"""Of stream, book, trades and the last depth frame; None for a stream that is not served."""


class StreamViews:
    """The views of one venue."""

    def __init__(self, books: Mapping[str, TrueBook], symbol_of: Callable[[str], str], make: MakeView) -> None:
        self.tapes = {symbol: TradeTape() for symbol in books}
        self._books = books
        self._symbol_of, self._make = symbol_of, make
        self._carried: set[str] = set()
        """Streams that the source has itself."""
        self._wanted: frozenset[str] = frozenset()
        self._views: dict[str, View] = {}
        self._by_symbol: dict[str, list[View]] = {}
        self._depth: dict[str, MarketFrame] = {}
        """Last depth frame by symbol."""

    def want(self, streams: Iterable[str]) -> None:
        """Make the views of `streams`, drop those of others."""
        wanted = frozenset(streams)
        if wanted != self._wanted:
            self._wanted = wanted
            self._rebuild()

    def take(self, frame: MarketFrame) -> Iterator[MarketFrame]:
        """Take a message of the source, its book changed already; yield what views say to it at once."""
        if frame.stream not in self._carried:
            self._carried.add(frame.stream)
            self._rebuild()
        if frame.depth is not None:
            self._depth[frame.symbol] = frame
        tape = self.tapes.get(frame.symbol)
        trades = tape.take(frame) if tape is not None and is_trade(frame.stream) else []
        for view in self._by_symbol.get(frame.symbol, ()):
            yield from view.take(frame, trades)

    def close_windows(self, ts_ns: int) -> Iterator[MarketFrame]:
        """Yield what the windows that end until `ts_ns` say, by time."""
        while self._views and (view := min(self._views.values(), key=_due_ns)).due_ns <= ts_ns:
            yield from view.close(view.due_ns)

    def next_due_ns(self) -> int:
        """Return when `close_windows` is due."""
        return min((view.due_ns for view in self._views.values()), default=NEVER_NS)

    def snapshot(self, stream: str) -> tuple[bytes, int] | None:
        """Return what a new subscriber of `stream` is told at once, by a view that is there."""
        view = self._views.get(stream)
        return None if view is None else view.snapshot()

    def _rebuild(self) -> None:
        wanted = self._wanted - self._carried
        self._views = {stream: view for stream, view in self._views.items() if stream in wanted}
        for stream in wanted - self._views.keys():
            symbol = self._symbol_of(stream)
            book = self._books.get(symbol)
            view = None if book is None else self._make(stream, book, self.tapes[symbol], self._depth.get(symbol))
            if view is not None:
                self._views[stream] = view
        self._by_symbol.clear()
        for stream, view in self._views.items():
            self._by_symbol.setdefault(self._symbol_of(stream), []).append(view)


def _due_ns(view: View) -> int:
    return view.due_ns


def window_end_ns(ts_ns: int, every_ns: int) -> int:
    """Return the end of the window that holds `ts_ns`."""
    return (ts_ns // every_ns + 1) * every_ns


def stated_ms(frame: MarketFrame, event_ms: int, ts_ns: int) -> int:
    """Return the venue's time at `ts_ns`, given that its message `frame` stated `event_ms`."""
    return event_ms + (ts_ns - frame.ts_ns) // NS_PER_MS
