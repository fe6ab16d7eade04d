"""Books, flows and grid rows from raw Binance frames in plain Python: dicts, lists and `json`, no engine of ours.

Good for recordings without gaps: a snapshot, the frames that bridge it, then one frame after another; anything else
raises. The arithmetic of the features is that of `features_reference`.
"""

import json
from bisect import bisect_left, insort
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from features_reference import FEATURE_COUNT, LEVELS, Scale, Step, features, is_complete, mid_ticks, order_flow_units

Quote = tuple[int, int, int, int]


def count_units(text: str, decimals: int) -> int:
    """Exact count of 10^-decimals in a decimal text."""
    whole, _, fraction = text.partition(".")
    assert not fraction[decimals:].strip("0"), text
    return int(whole + fraction[:decimals].ljust(decimals, "0"))


@dataclass
class PlainSide:
    """One side of a book: sizes by price, and the prices in ascending order."""

    sizes: dict[int, int] = field(default_factory=dict)
    prices: list[int] = field(default_factory=list)

    def set_level(self, price: int, size: int) -> None:
        """Put, replace or (size 0) remove a level."""
        if size == 0:
            if self.sizes.pop(price, None) is not None:
                del self.prices[bisect_left(self.prices, price)]
            return
        if price not in self.sizes:
            insort(self.prices, price)
        self.sizes[price] = size

    def best(self, count: int, *, is_bid: bool) -> list[tuple[int, int]]:
        """The best levels as (price, size), best first."""
        prices = self.prices[: -count - 1 : -1] if is_bid else self.prices[:count]
        return [(price, self.sizes[price]) for price in prices]


@dataclass
class PlainFeed:
    """One instrument: its book once snapshot and frames join, and what happened since the last closed step."""

    is_linked_by_pu: bool
    """USD-M links by `pu`, spot by `U` = last `u` + 1."""
    price_decimals: int
    size_decimals: int
    bids: PlainSide = field(default_factory=PlainSide)
    asks: PlainSide = field(default_factory=PlainSide)
    waiting: list[tuple[int, dict[str, Any]]] = field(default_factory=list)
    snapshot_id: int | None = None
    last_id: int | None = None
    ts_last_ns: int = 0
    best: Quote | None = None
    ofi_units: int = 0
    signed_trade_units: int = 0
    trade_count: int = 0
    previous: Step | None = None

    def on_payload(self, ts_ns: int, message: dict[str, Any]) -> None:
        """Take a snapshot, a depth update or a trade."""
        if "lastUpdateId" in message:
            assert self.snapshot_id is None
            self.snapshot_id = message["lastUpdateId"]
            self.apply_levels(message["bids"], message["asks"])
            self.ts_last_ns = ts_ns
            self.join()
        elif message["e"] == "depthUpdate":
            self.waiting.append((ts_ns, message))
            self.join()
        else:
            size = count_units(message["q"], self.size_decimals)
            self.signed_trade_units += -size if message["m"] else size
            self.trade_count += 1

    def join(self) -> None:
        """Apply what waits, once there is a snapshot; frames older than it say nothing new."""
        while self.snapshot_id is not None and self.waiting:
            ts_ns, update = self.waiting.pop(0)
            known = self.snapshot_id if self.last_id is None else self.last_id
            is_old = update["u"] < known if self.is_linked_by_pu and self.last_id is None else update["u"] <= known
            if is_old:
                continue
            assert self.follows(update, known), "a gap: this reader is for recordings without one"
            self.last_id = update["u"]
            self.ts_last_ns = max(self.ts_last_ns, ts_ns)
            self.apply_levels(update["b"], update["a"])
            self.note_best()

    def follows(self, update: dict[str, Any], known: int) -> bool:
        """Whether the update goes on from the snapshot or the update before."""
        if self.last_id is None and self.is_linked_by_pu:
            return bool(update["U"] <= known or update["pu"] <= known)
        return bool(update["pu"] == known) if self.is_linked_by_pu else bool(update["U"] <= known + 1)

    def apply_levels(self, bids: list[list[str]], asks: list[list[str]]) -> None:
        """Set levels given as decimal texts."""
        for side, levels in ((self.bids, bids), (self.asks, asks)):
            for price, size in levels:
                side.set_level(count_units(price, self.price_decimals), count_units(size, self.size_decimals))

    def note_best(self) -> None:
        """Add the order flow between the best quote before and now."""
        (bid,), (ask,) = self.bids.best(1, is_bid=True), self.asks.best(1, is_bid=False)
        now = (*bid, *ask)
        if self.best is not None:
            self.ofi_units += order_flow_units(self.best, now)
        self.best = now

    def step(self, ts_step_ns: int, stale_ns: int) -> Step | None:
        """The instrument at a step, None where its row is not valid; the reference's mid is filled in later."""
        if self.last_id is None or ts_step_ns - self.ts_last_ns > stale_ns:
            return None
        levels = self.bids.best(LEVELS, is_bid=True) + self.asks.best(LEVELS, is_bid=False)
        step = Step(
            price_ticks=tuple(price for price, _ in levels),
            size_units=tuple(size for _, size in levels),
            ofi_units=float(self.ofi_units),
            signed_trade_units=float(self.signed_trade_units),
            trade_count=float(self.trade_count),
            age_ns=float(ts_step_ns - self.ts_last_ns),
            reference_mid=0.0,
        )
        return step if len(levels) == 2 * LEVELS and is_complete(step) else None

    def begin_step(self, closed: Step | None) -> None:
        """Forget the flows of the step that closed."""
        self.previous = closed
        self.ofi_units = self.signed_trade_units = self.trade_count = 0


@dataclass(frozen=True)
class PlainRow:
    """What a grid row says of one slot at one step."""

    seq: int
    ts_step_ns: int
    slot: int
    is_valid: bool
    is_first: bool
    price_ticks: tuple[int, ...]
    size_units: tuple[int, ...]
    features: list[float]


def plain_rows(
    frames: Iterator[tuple[int, int, bytes]], feeds: list[PlainFeed], scales: list[Scale], step_ns: int, reference: int
) -> Iterator[PlainRow]:
    """Yield the rows of the grid; `frames` are (slot, ts_recv_ns, payload) in time order, seq counts from 1."""
    ts_step_ns: int | None = None
    for seq, (slot, ts_ns, payload) in enumerate(frames, start=1):
        if ts_step_ns is None:
            ts_step_ns = -(-ts_ns // step_ns) * step_ns
        while ts_step_ns < ts_ns:
            yield from close_step(seq, ts_step_ns, feeds, scales, reference)
            ts_step_ns += step_ns
        if b"@bookTicker" in payload[:60]:
            continue
        message = json.loads(payload)
        feeds[slot].on_payload(ts_ns, message.get("data", message))


def close_step(
    seq: int, ts_step_ns: int, feeds: list[PlainFeed], scales: list[Scale], reference: int
) -> Iterator[PlainRow]:
    """Yield one row a slot."""
    steps = [feed.step(ts_step_ns, scale.stale_ns) for feed, scale in zip(feeds, scales, strict=True)]
    compared = steps[reference]
    reference_mid = 0.0 if compared is None else mid_ticks(compared) * scales[reference].tick
    for slot, (feed, step, scale) in enumerate(zip(feeds, steps, scales, strict=True)):
        if step is None:
            yield PlainRow(seq, ts_step_ns, slot, False, False, (), (), [0.0] * FEATURE_COUNT)
        else:
            whole = Step(*(getattr(step, name) for name in step.__slots__[:-1]), reference_mid)
            row = features(whole, feed.previous, scale)
            is_first = feed.previous is None
            yield PlainRow(seq, ts_step_ns, slot, True, is_first, step.price_ticks, step.size_units, row)
        feed.begin_step(step)
