"""What each venue's connection delivers in a step: which frames, with which ids, received when.

A step closes at `ts_step_ns`. All its frames are received before that, and the last of them leaves the book as the
model has it at the close. In a step: a trade against the book of the step before, then (Bybit, every second step) an
early change of far levels, then the depth frame, then Binance's book ticker, which names the same update id.

Binance's books start as a client's must: the socket first, its first depth frame kept, then the snapshot over REST,
which arrives in the second step and stands exactly where the first depth frame ended. When the market has walked far
from it, another is fetched, as beyond a snapshot's last level nothing is known; it comes shortly before the depth frame
that it already holds. Bybit pushes its snapshot, once.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import numpy as np

from streaming.emulator import parameters as p
from streaming.emulator.book import FAR_RING, BookSide, Change, FarChanges, near_keys
from streaming.emulator.exchange_info import bybit_exchange_info, spot_exchange_info, usdm_exchange_info
from streaming.emulator.frames import BybitFrames, Decimals, PrintedTrade, SpotFrames, UsdmFrames
from streaming.emulator.instruments import (
    BYBIT_EXCHANGE_INFO,
    BYBIT_SOCKET,
    INSTRUMENTS,
    SPOT_DEPTH,
    SPOT_EXCHANGE_INFO,
    SPOT_SOCKET,
    SYMBOL,
    USDM_DEPTH,
    USDM_EXCHANGE_INFO,
    USDM_SOCKET,
    GeneratedInstrument,
    GeneratedSource,
)
from streaming.emulator.market_model import LEVELS, MarketBlock

MS_NS = 1_000_000
SNAPSHOT_DRIFT_MODEL_TICKS = 3_000
"""A snapshot knows the book to about 9,950 ticks on either side; half a day of market walks 3,000."""
FIRST_ID = 7_000_000_000_000
"""Of Binance's update ids, in a market that begins in 1970."""
IDS_A_SECOND_MAX, TRADES_A_SECOND_MAX = 2_000, 20
"""More than any market counts: a step of 100 ms makes at most some 140 update ids and one trade."""


class Arrival(NamedTuple):
    """One record at its time; `is_request` marks the moment at which a REST request left."""

    ts_recv_ns: int
    source: int
    payload: bytes
    is_request: bool = False


@dataclass(frozen=True, slots=True)
class StepTimes:
    """When things of a step happen, in ns and ms."""

    ts_step_ns: int
    depth_ns: int
    trade_ns: int
    latency_ns: int
    matching_ms: int

    def stamps_ms(self, ts_recv_ns: int) -> tuple[int, int]:
        """Return the venue's message time and matching time of what is received at `ts_recv_ns`."""
        event_ms = (ts_recv_ns - self.latency_ns) // MS_NS
        return event_ms, event_ms - self.matching_ms


@dataclass(frozen=True, slots=True)
class StepRow:
    """One instrument's part of a step."""

    times: StepTimes
    keys: list[int]
    sizes: list[int]
    far: tuple[list[Change], list[Change]]
    trade_sign: int
    trade_share: float
    id_jump: int
    """Updates of other instruments in the venue's counter, 1 to 50."""
    is_early: bool


class StepRows:
    """Draws times and far levels of one instrument, and lays out its part of each step."""

    def __init__(self, seed: int, instrument: GeneratedInstrument) -> None:
        self.instrument = instrument
        self.far = FarChanges(seed, instrument)
        self._rng = np.random.default_rng(np.random.SeedSequence([seed, 3, instrument.slot]))

    def rows(self, block: MarketBlock, start_ns: int) -> list[StepRow]:
        """Return the row of each step of `block`; step 0 of the run closes a step after `start_ns`."""
        steps, slot = len(block), self.instrument.slot
        closes = [start_ns + (block.first_step + t + 1) * p.STEP_NS for t in range(steps)]
        # Microseconds, and as nanoseconds a number of the venue's own: no two frames of a run share a receive time.
        depth_leads = (self._rng.integers(1_500, 9_000, steps) * 1_000 + 10 * slot).tolist()
        trade_leads = (self._rng.integers(30_000, 95_000, steps) * 1_000 + 10 * slot + 5).tolist()
        latencies = (self._rng.integers(2_000, 6_000, steps) * 1_000 + slot * MS_NS).tolist()
        matching = self._rng.integers(0, 3, steps).tolist()
        id_jumps = self._rng.integers(1, 50, steps).tolist()
        is_early = (self._rng.random(steps) < 0.5).tolist()
        keys, sizes = near_keys(self.instrument, block).tolist(), block.size_lots[:, slot].tolist()
        far = self.far.draw(steps)
        signs, shares = block.trade_sign[:, slot].tolist(), block.trade_share[:, slot].tolist()
        return [
            StepRow(
                StepTimes(closes[t], closes[t] - depth_leads[t], closes[t] - trade_leads[t], latencies[t], matching[t]),
                keys[t],
                sizes[t],
                far[t],
                signs[t],
                shares[t],
                id_jumps[t],
                is_early[t],
            )
            for t in range(steps)
        ]


class TwoSides:
    """Both sides of one instrument's book, and the trades against it."""

    def __init__(self, instrument: GeneratedInstrument, far: FarChanges, first_trade_id: int) -> None:
        self.bids, self.asks = (
            BookSide(far.sizes(FAR_RING).tolist(), instrument.far_pitch_ticks, instrument.far_levels) for _ in range(2)
        )
        self._trade_id = first_trade_id
        self._best: tuple[Change, Change] = ((0, 0), (0, 0))

    @property
    def best(self) -> tuple[Change, Change]:
        """Best bid and best ask."""
        return self._best

    def change_far(self, row: StepRow) -> tuple[list[Change], list[Change]]:
        """Apply the step's changes of far levels and return them."""
        return self.bids.change_far(row.far[0]), self.asks.change_far(row.far[1])

    def move_near(self, row: StepRow, extra_lots: int = 0) -> tuple[list[Change], list[Change]]:
        """Bring the book to the step's state, each near size `extra_lots` larger, and return the changes."""
        sizes = [size + extra_lots for size in row.sizes]
        self._best = ((row.keys[0], sizes[0]), (row.keys[LEVELS], sizes[LEVELS]))
        return (
            self.bids.move_near(row.keys[:LEVELS], sizes[:LEVELS]),
            self.asks.move_near(row.keys[LEVELS:], sizes[LEVELS:]),
        )

    def trade(self, row: StepRow) -> PrintedTrade:
        """Return the step's trade against the book as it stands: never more than the best level holds."""
        bid, ask = self._best
        hit = ask if row.trade_sign > 0 else bid
        size = max(1, min(hit[1], round(row.trade_share * (bid[1] + ask[1]))))
        self._trade_id += 1
        event_ms, engine_ms = row.times.stamps_ms(row.times.trade_ns)
        return PrintedTrade(self._trade_id, abs(hit[0]), size, row.trade_sign > 0, event_ms, engine_ms)


def _merged(far: Sequence[Change], near: Sequence[Change]) -> list[Change]:
    """Return one change a level, best first; the later one counts."""
    return sorted((dict(far) | dict(near)).items(), reverse=True)


class BinanceDialect(Protocol):
    """What `BinanceFeed` needs of a venue's frames."""

    @property
    def decimals(self) -> Decimals: ...
    def depth(self, ids: tuple[int, int, int], times_ms: tuple[int, int], bids: str, asks: str) -> bytes: ...
    def quote(self, update_id: int, times_ms: tuple[int, int], bid: Change, ask: Change) -> bytes: ...
    def trade(self, trade: PrintedTrade) -> bytes: ...
    def snapshot(self, update_id: int, times_ms: tuple[int, int], bids: str, asks: str) -> bytes: ...


@dataclass(slots=True)
class BinanceFeed:
    """The connection to one of Binance's two markets."""

    rows: StepRows
    dialect: BinanceDialect
    book: TwoSides
    socket: GeneratedSource
    rest: GeneratedSource
    request: bytes
    is_dense: bool
    """Spot counts its own updates, one after the other; USD-M shares its counter among all instruments."""
    snapshot_drift_ticks: int
    """A new snapshot is asked for when the best bid is this far from where the last one found it."""
    last_id: int
    snapshot_key: int = 0
    due: list[Arrival] = field(default_factory=list)
    """Arrivals of the next step."""

    def open(self, row: StepRow) -> None:
        """Set up the book before the first step: near sizes one lot off, so that the first depth frame says all."""
        self.book.move_near(row, extra_lots=1)

    def step(self, row: StepRow, is_first: bool) -> list[Arrival]:
        """Return what arrives in one step, in no order."""
        out = [*self.due]
        self.due.clear()
        socket, times = self.socket.id, row.times
        if row.trade_sign:
            out.append(Arrival(times.trade_ns, socket, self.dialect.trade(self.book.trade(row))))
        far, near = self.book.change_far(row), self.book.move_near(row)
        bids, asks = _merged(far[0], near[0]), _merged(far[1], near[1])
        ids = self._next_ids(row, len(bids) + len(asks))
        stamps, show = times.stamps_ms(times.depth_ns), self.dialect.decimals.levels
        out.append(Arrival(times.depth_ns, socket, self.dialect.depth(ids, stamps, show(bids), show(asks))))
        quote = self.dialect.quote(ids[1], stamps, *self.book.best)
        out.append(Arrival(times.depth_ns + 150_000, socket, quote))
        if is_first:
            out.append(Arrival(times.depth_ns + MS_NS, self.rest.id, self.request, is_request=True))
            self.due.append(self._snapshot(row, times.depth_ns + 25 * MS_NS))
        elif abs(self.book.best[0][0] - self.snapshot_key) > self.snapshot_drift_ticks:
            out.append(Arrival(times.depth_ns - 25 * MS_NS, self.rest.id, self.request, is_request=True))
            out.append(self._snapshot(row, times.depth_ns - MS_NS))
        return out

    def _next_ids(self, row: StepRow, changes: int) -> tuple[int, int, int]:
        last = self.last_id
        first = last + 1 if self.is_dense else last + row.id_jump
        self.last_id = first + changes + (0 if self.is_dense else row.id_jump)
        return first, self.last_id, last

    def _snapshot(self, row: StepRow, ts_recv_ns: int) -> Arrival:
        show = self.dialect.decimals.levels
        bids, asks = show(self.book.bids.sorted_levels()), show(self.book.asks.sorted_levels())
        self.snapshot_key = self.book.best[0][0]
        stamps = row.times.stamps_ms(ts_recv_ns)
        return Arrival(ts_recv_ns, self.rest.id, self.dialect.snapshot(self.last_id, stamps, bids, asks))


@dataclass(slots=True)
class BybitFeed:
    """The connection to Bybit."""

    rows: StepRows
    frames: BybitFrames
    book: TwoSides
    last_id: int
    """`u` of the last frame."""
    last_sequence: int

    def open(self, row: StepRow) -> None:
        """Set up the book before the first step."""
        self.book.move_near(row)

    def step(self, row: StepRow, is_first: bool) -> list[Arrival]:
        """Return what arrives in one step, in no order."""
        out: list[Arrival] = []
        times = row.times
        if row.trade_sign:
            self.last_sequence += row.id_jump
            frame = self.frames.trade(self.book.trade(row), self.last_sequence)
            out.append(Arrival(times.trade_ns, BYBIT_SOCKET.id, frame))
        far = self.book.change_far(row)
        if is_first:
            self.book.move_near(row)
            whole = self.book.bids.sorted_levels(), self.book.asks.sorted_levels()
            out.append(self._depth("snapshot", row, times.depth_ns, *whole))
            return out
        if row.is_early and (far[0] or far[1]):
            bids, asks = (sorted(side, reverse=True) for side in far)
            out.append(self._depth("delta", row, times.depth_ns - 20_000_000, bids, asks))
            far = ([], [])
        near = self.book.move_near(row)
        bids, asks = _merged(far[0], near[0]), _merged(far[1], near[1])
        out.append(self._depth("delta", row, times.depth_ns, bids, asks))
        return out

    def _depth(self, kind: str, row: StepRow, ts_recv_ns: int, bids: list[Change], asks: list[Change]) -> Arrival:
        self.last_id += 1
        self.last_sequence += row.id_jump
        show = self.frames.decimals.levels
        ids, stamps = (self.last_id, self.last_sequence), row.times.stamps_ms(ts_recv_ns)
        return Arrival(ts_recv_ns, BYBIT_SOCKET.id, self.frames.depth(kind, ids, stamps, show(bids), show(asks)))


Feed = BinanceFeed | BybitFeed


def open_feeds(seed: int, start_ns: int, *, new_fields: bool) -> tuple[Feed, ...]:
    """Return the feeds of all instruments, by slot, for a market that begins at `start_ns`.

    A venue never counts backwards, so a market that begins later counts on from above every earlier one.
    """
    start_s = start_ns // 1_000_000_000
    ids, trades = start_s * IDS_A_SECOND_MAX, start_s * TRADES_A_SECOND_MAX
    usdm, spot, bybit = (StepRows(seed, instrument) for instrument in INSTRUMENTS)
    depth = f"symbol={SYMBOL}&limit=1000"
    return (
        BinanceFeed(
            usdm,
            UsdmFrames(new_fields=new_fields),
            TwoSides(usdm.instrument, usdm.far, 3_000_000_000 + trades),
            USDM_SOCKET,
            USDM_DEPTH,
            f"GET /fapi/v1/depth?{depth}".encode(),
            is_dense=False,
            snapshot_drift_ticks=SNAPSHOT_DRIFT_MODEL_TICKS * usdm.instrument.ticks_per_model_tick,
            last_id=FIRST_ID + ids,
        ),
        BinanceFeed(
            spot,
            SpotFrames(),
            TwoSides(spot.instrument, spot.far, 4_100_000_000 + trades),
            SPOT_SOCKET,
            SPOT_DEPTH,
            f"GET /api/v3/depth?{depth}".encode(),
            is_dense=True,
            snapshot_drift_ticks=SNAPSHOT_DRIFT_MODEL_TICKS * spot.instrument.ticks_per_model_tick,
            last_id=FIRST_ID + ids,
        ),
        BybitFeed(
            bybit,
            BybitFrames(),
            TwoSides(bybit.instrument, bybit.far, 2_290_000_000_112_345_678 + trades),
            last_id=18_521_287 + ids,
            last_sequence=7_961_638_724 + ids,
        ),
    )


def exchange_information(start_ns: int) -> list[Arrival]:
    """Return requests and replies of the venues' exchange information, at the start of a run."""
    ts_ms = start_ns // MS_NS
    asked = (
        (USDM_EXCHANGE_INFO, b"GET /fapi/v1/exchangeInfo", usdm_exchange_info(ts_ms)),
        (SPOT_EXCHANGE_INFO, f"GET /api/v3/exchangeInfo?symbol={SYMBOL}".encode(), spot_exchange_info(ts_ms)),
        (
            BYBIT_EXCHANGE_INFO,
            f"GET /v5/market/instruments-info?category=spot&symbol={SYMBOL}".encode(),
            bybit_exchange_info(ts_ms),
        ),
    )
    out: list[Arrival] = []
    for place, (source, request, reply) in enumerate(asked):
        out.append(Arrival(start_ns + (1 + place) * 100_000, source.id, request, is_request=True))
        out.append(Arrival(start_ns + (1 + place) * 1_000_000, source.id, reply))
    return out
