"""The true books of a served market, made again offline: what a client that lost nothing had after each depth frame.

A generated market follows from `MadeFrom`, and faults alter what clients get, never the market. The one thing that
they alter in its numbers is Bybit's `u`, which begins anew at a restart; the log of faults says where. `GET /made-from`
of the control port states both, so asked for at the end of what was served it says all:

    made = made_from_json(document)
    for step in true_books(made.market, ts_to_ns, restarts=made.restarts):
        step.instrument, step.last_id, step.top(10)

How to compare: a book whose last update, with id u, came at `ts_recv_ns` equals the step of its instrument with
`last_id` u and the largest `ts_ns` not after `ts_recv_ns` (ids of Bybit recur after a restart). A repeated frame or a
stale snapshot never makes another book, only an older one.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pydantic import TypeAdapter

from native.config import JsonObject
from streaming.emulator.faults import FaultRecord
from streaming.emulator.source import EndlessMarket, MadeFrom
from streaming.emulator.streams import BYBIT, MarketFrame, Side
from streaming.emulator.true_book import TrueBook


@dataclass(frozen=True, slots=True, kw_only=True)
class Restart:
    """A restart of Bybit: the depth frame that ended at `source_id` became a snapshot with `u` 1."""

    instrument: str
    source_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedTruth:
    """What the books of a served market follow from."""

    market: MadeFrom
    restarts: tuple[Restart, ...] = ()


_TRUTH = TypeAdapter(ServedTruth)


@dataclass(slots=True)
class TrueStep:
    """One instrument's book just after a depth frame; `top` may be asked until the next step is taken."""

    instrument: str
    """`venue:SYMBOL`"""
    ts_ns: int
    """When the venue sent the frame, by the shared clock."""
    last_id: int
    """Update id as clients hear it: `u`."""
    sequence: int
    """Bybit's `seq`, which never begins anew; elsewhere 0."""
    book: TrueBook

    def top(self, levels: int) -> tuple[Side, Side]:
        """Return bids and asks as printed, best first, up to `levels` of each."""
        return self.book.top(levels)


def true_books(
    market: MadeFrom,
    ts_to_ns: int,
    *,
    restarts: Sequence[Restart] = (),
    instruments: Sequence[str] | None = None,
) -> Iterator[TrueStep]:
    """Yield every state of every book (or of `instruments`), by time, up to `ts_to_ns`; about 30,000 a second.

    Nothing is yielded of a book before its first snapshot, as the emulator opens its ports only after it.
    """
    counters = _counters(restarts)
    books: dict[str, TrueBook] = {}
    for item in EndlessMarket.again(market).items():
        if item.ts_ns > ts_to_ns:
            return
        name = f"{item.venue}:{item.symbol}"
        if instruments is not None and name not in instruments:
            continue
        book = books.setdefault(name, TrueBook(item.venue, item.symbol, keeps_past=False))
        if not isinstance(item, MarketFrame):
            book.bridge(item.change, item.ts_ns)
        elif item.depth is not None:
            book.apply(item.depth, item.ts_ns)
            if book.is_known:
                ids = item.depth.ids
                heard_id = counters[name].heard(ids.last) if name in counters else ids.last
                yield TrueStep(name, item.ts_ns, heard_id, ids.sequence, book)


def made_from_json(document: JsonObject) -> ServedTruth:
    """Return what `GET /made-from` stated; ValueError for another document."""
    return _TRUTH.validate_python(document)


def made_from_to_json(market: MadeFrom, records: Sequence[FaultRecord]) -> JsonObject:
    """Return a served market and its restarts so far as a document."""
    truth = ServedTruth(market=market, restarts=restarts_of(records))
    document: JsonObject = _TRUTH.dump_python(truth, mode="json")
    return document


def restarts_of(records: Sequence[FaultRecord]) -> tuple[Restart, ...]:
    """Return the restarts that a log of faults tells of, in the order of their ids."""
    found = [
        Restart(instrument=f"{BYBIT}:{symbol}", source_id=source_id)
        for record in records
        for symbol, source_ids in record.restarts.items()
        for source_id in source_ids
    ]
    return tuple(sorted(found, key=lambda restart: restart.source_id))


class _Counter:
    """Turns the source's `u` into the one heard."""

    def __init__(self, source_ids: Sequence[int]) -> None:
        self._next = sorted(source_ids)
        self._offset = 0

    def heard(self, source_id: int) -> int:
        while self._next and source_id >= self._next[0]:
            self._offset = self._next.pop(0) - 1
        return source_id - self._offset


def _counters(restarts: Sequence[Restart]) -> dict[str, _Counter]:
    ids: defaultdict[str, list[int]] = defaultdict(list)
    for restart in restarts:
        ids[restart.instrument].append(restart.source_id)
    return {name: _Counter(own) for name, own in ids.items()}
