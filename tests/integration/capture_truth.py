"""What the generated market's books really were, by update, kept in a second, plain way: dicts of integers.

Knows nothing of connections and faults: it replays the market by its seed. An update is known by its key, the venue's
last update id; on Bybit by `seq`, as `u` begins anew when the server restarts.
"""

from array import array
from bisect import bisect_left, insort
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from emulator_process import Play, market_of
from numpy.typing import NDArray

from streaming.emulator.source import Snapshot
from streaming.emulator.streams import DepthChange

TOP = 5
DECIMALS = {"binance_usdm": (1, 3), "binance_spot": (2, 8), "bybit_spot": (1, 6)}
"""Decimals of a tick (a power of ten on all three) and of a size unit."""
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Truth:
    """One venue's book after every update of its stream from the market's beginning."""

    keys: Ints
    ts_ns: Ints
    """When the venue sent the update."""
    tops: Ints
    """[updates, 20]: prices of five bids and five asks, then their sizes; zeros before the book was known."""

    def at(self, keys: Ints) -> Ints:
        """Return the numbers of the updates with these keys; AssertionError for a key that the venue never sent."""
        numbers = np.searchsorted(self.keys, keys)
        assert (self.keys[numbers] == keys).all(), "a frame carries an update id that the market never had"
        return numbers

    def sent_at(self, ts_ns: int) -> int:
        """Return the number of the update sent at this time; no two are."""
        number = int(np.searchsorted(self.ts_ns, ts_ns))
        assert self.ts_ns[number] == ts_ns
        return number


def units(text: str, decimals: int) -> int:
    """Return a decimal text counted in its last digit; AssertionError when it has more."""
    whole, _, fraction = text.partition(".")
    assert not fraction[decimals:].strip("0"), text
    return int(whole + fraction[:decimals].ljust(decimals, "0"))


@dataclass
class PlainSide:
    """Price to size, and the prices in order; bids with their sign turned, so that the best is first."""

    sign: int
    sizes: dict[int, int] = field(default_factory=dict)
    order: list[int] = field(default_factory=list)

    def replace(self, levels: list[tuple[int, int]]) -> None:
        self.sizes, self.order = {}, []
        for price, size in levels:
            self.put(price, size)

    def put(self, price: int, size: int) -> None:
        place = self.sign * price
        if size and place not in self.sizes:
            insort(self.order, place)
        elif not size and place in self.sizes:
            del self.order[bisect_left(self.order, place)]
        if size:
            self.sizes[place] = size
        else:
            self.sizes.pop(place, None)

    def best(self) -> tuple[list[int], list[int]]:
        places = self.order[:TOP]
        short = [0] * (TOP - len(places))
        return [self.sign * place for place in places] + short, [self.sizes[place] for place in places] + short


class PlainBook:
    """One instrument's book."""

    def __init__(self, venue: str) -> None:
        self._decimals = DECIMALS[venue]
        self._sides = PlainSide(-1), PlainSide(1)
        self.last_id: int | None = None

    def apply(self, change: DepthChange) -> None:
        for side, levels in zip(self._sides, (change.bids, change.asks), strict=True):
            numbers = [(units(price, self._decimals[0]), units(size, self._decimals[1])) for price, size in levels]
            if change.is_snapshot:
                side.replace(numbers)
            else:
                for price, size in numbers:
                    side.put(price, size)
        self.last_id = change.ids.last

    def top(self) -> list[int]:
        (bids, bid_sizes), (asks, ask_sizes) = (side.best() for side in self._sides)
        return [*bids, *asks, *bid_sizes, *ask_sizes]


def truth_until(play: Play, last_keys: Mapping[str, int]) -> dict[str, Truth]:
    """Return the truth of each venue from the beginning to the update `last_keys`, and somewhat beyond."""
    books = {venue: PlainBook(venue) for venue in last_keys}
    keys, sent_ns, tops = ({venue: array("q") for venue in last_keys} for _ in range(3))
    missing = set(last_keys)
    for item in market_of(play).items():
        book = books[item.venue]
        if isinstance(item, Snapshot):
            if book.last_id is None:  # a later one says nothing new
                book.apply(item.change)
            continue
        if item.depth is None:
            continue
        if book.last_id is not None or item.depth.is_snapshot:
            assert book.last_id is None or item.depth.ids.previous == book.last_id
            book.apply(item.depth)
        key = item.depth.ids.sequence or item.depth.ids.last
        keys[item.venue].append(key)
        sent_ns[item.venue].append(item.ts_ns)
        tops[item.venue].extend(book.top())
        if key >= last_keys[item.venue]:
            missing.discard(item.venue)
            if not missing:
                break
    return {
        venue: Truth(np.array(keys[venue]), np.array(sent_ns[venue]), np.array(tops[venue]).reshape(-1, 4 * TOP))
        for venue in last_keys
    }
