"""Orders of an emulated venue's accounts in the native matching machine: they meet the market that the venue plays.

The machine keeps a book of its own from the venue's frames and fills orders by the rules in the head of
`lob/instrument_matcher.hpp`. It is woken by the first order: until then it is told nothing, and then begins with the
venue's book as it stands.
"""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from decimal import Decimal
from enum import IntEnum
from typing import Final, NamedTuple

import numpy as np
import orjson

import native
from streaming.emulator.bybit_views import snapshot_message
from streaming.emulator.exchange.words import Force, Side
from streaming.emulator.streams import BYBIT, MarketFrame
from streaming.emulator.trade_tape import is_trade
from streaming.emulator.true_book import BookState, TrueBook
from streaming.segments import InstrumentEntry

_REPLY: Final = struct.Struct("<QqQqqqqIBBBB")
"""SimReply of the core, 64 bytes."""
_FORCES: Final = {Force.gtc: 0, Force.ioc: 1, Force.post_only: 2, Force.fok: 3}
_PLACE, _CANCEL, _AMEND = 0, 1, 2
_LIMIT, _MARKET = 0, 1
_REASON_NO_BOOK: Final = 4


class SaidKind(IntEnum):
    """Of what the machine says; numbers are the core's."""

    ack = 0
    fill = 1
    cancelled = 2
    rejected = 3
    expired = 4
    funding = 5
    amended = 8
    amend_rejected = 9
    absent = 10


class Said(NamedTuple):
    """One thing that the machine says of an order."""

    kind: SaidKind
    number: int
    """As `place` gave it."""
    price_ticks: int
    size_units: int
    is_maker: bool
    reason: int
    ts_ns: int

    @property
    def has_no_book(self) -> bool:
        """Tell whether it was refused because the machine does not know the book."""
        return self.reason == _REASON_NO_BOOK


class Scale(NamedTuple):
    """Units of one instrument."""

    tick: Decimal
    unit: Decimal

    def ticks(self, price: Decimal) -> int:
        """Return a price, which is a multiple of the tick, in ticks."""
        return int(price / self.tick)

    def units(self, size: Decimal) -> int:
        """Return a size, which is a multiple of the size unit, in units."""
        return int(size / self.unit)


class NativeDesk:
    """The machine of one venue."""

    def __init__(self, venue: str, entries: Sequence[InstrumentEntry], books: Mapping[str, TrueBook]) -> None:
        self._venue, self._books = venue, books
        self.scales = {entry.symbol: Scale(Decimal(entry.tick), Decimal(entry.size_unit)) for entry in entries}
        self._ids = {entry.symbol: position for position, entry in enumerate(entries)}
        self._machine = native.SimVenue(_document(venue, entries))
        self._number = 1 << 32
        self._seq = 0
        self._holes: dict[str, int] = {}
        """By symbol that is awake: how often its book was lost when it was told last."""
        self._requests = np.zeros(1, dtype=native.dtypes["order_requests"])

    def follow(self, frame: MarketFrame) -> list[Said]:
        """Take a frame of the market, after the venue's book did; return the fills that it brings."""
        if frame.symbol not in self._holes or not (frame.depth is not None or is_trade(frame.stream)):
            return []
        book = self._books[frame.symbol]
        if book.is_known and book.holes != self._holes[frame.symbol]:
            self._tell_book(frame.symbol, frame.ts_ns)
        self._hear(0, frame.payload, frame.ts_ns)
        return self._due(frame.ts_ns)

    def place(
        self, symbol: str, side: Side, price_ticks: int, size_units: int, force: Force, ts_ns: int
    ) -> tuple[int, list[Said]]:
        """Place an order, at the market where `price_ticks` is 0; return its number and what came of it."""
        if symbol not in self._holes:
            self._tell_book(symbol, ts_ns)
        number, heard = self._place(symbol, side, price_ticks, size_units, force, ts_ns)
        if any(said.has_no_book for said in heard):  # its feed machine has dropped the book, a crossed one say
            self._tell_book(symbol, ts_ns)
            number, heard = self._place(symbol, side, price_ticks, size_units, force, ts_ns)
        return number, heard

    def cancel(self, number: int, symbol: str, side: Side, ts_ns: int) -> list[Said]:
        """Take an order away."""
        return self._ask(_CANCEL, number, symbol, side, 0, 0, Force.gtc, ts_ns)

    def amend(
        self, number: int, symbol: str, side: Side, price_ticks: int, size_units: int, force: Force, ts_ns: int
    ) -> list[Said]:
        """Give an order a new price and a new total."""
        return self._ask(_AMEND, number, symbol, side, price_ticks, size_units, force, ts_ns)

    def _place(
        self, symbol: str, side: Side, price_ticks: int, size_units: int, force: Force, ts_ns: int
    ) -> tuple[int, list[Said]]:
        self._number += 1
        return self._number, self._ask(_PLACE, self._number, symbol, side, price_ticks, size_units, force, ts_ns)

    def _ask(
        self,
        kind: int,
        number: int,
        symbol: str,
        side: Side,
        price_ticks: int,
        size_units: int,
        force: Force,
        ts_ns: int,
    ) -> list[Said]:
        row = self._requests
        row["kind"], row["client_order_id"], row["instrument"] = kind, number, self._ids[symbol]
        row["side"], row["price_ticks"], row["size_units"] = side is Side.sell, price_ticks, size_units
        row["type"] = _MARKET if kind == _PLACE and not price_ticks else _LIMIT
        row["time_in_force"], row["ts_ns"] = _FORCES[force], ts_ns
        self._machine.submit(row, ts_ns)
        return self._due(ts_ns)

    def _due(self, ts_ns: int) -> list[Said]:
        found = []
        for _, payload in self._machine.due(ts_ns):
            number, said_ns, _, price, size, _, _, _, kind, _, is_maker, reason = _REPLY.unpack(payload)
            if kind != SaidKind.funding:  # money is the ledger's affair
                found.append(Said(SaidKind(kind), number, price, size, bool(is_maker), reason, said_ns))
        return found

    def _hear(self, source: int, payload: bytes, ts_ns: int) -> None:
        self._seq += 1
        self._machine.frame(self._seq, source, ts_ns, payload)

    def _tell_book(self, symbol: str, ts_ns: int) -> None:
        """Tell the machine the whole book; unknown ones are told once they are known."""
        book = self._books[symbol]
        state = book.state()
        self._holes[symbol] = book.holes if state is not None else -1
        if state is None:
            return
        if self._venue == BYBIT:
            self._hear(0, snapshot_message(f"orderbook.50.{symbol}", state), ts_ns)
            return
        snapshot, bridge = _pulled(self._venue, state)
        self._hear(1 + self._ids[symbol], snapshot, ts_ns)
        self._hear(0, bridge, ts_ns)


def _document(venue: str, entries: Sequence[InstrumentEntry]) -> str:
    """Return the machine's settings: no latency, the most cautious queues."""
    instruments = [{**asdict(entry), "id": position} for position, entry in enumerate(entries)]
    sources = [{"id": 0, "venue": venue, "instrument": None, "kind": "websocket"}]
    sources += [
        {"id": 1 + position, "venue": venue, "instrument": entry.symbol, "kind": "rest_depth"}
        for position, entry in enumerate(entries)
    ]
    document = {"instruments": instruments, "sources": sources, "matching": {"order_latency_ns": 0}}
    return orjson.dumps(document).decode()


def _pulled(venue: str, state: BookState) -> tuple[bytes, bytes]:
    """Return a REST snapshot of Binance and an empty depth message that ends at the same id, so that they join.

    On spot a message must go beyond the snapshot's id to join it: the snapshot is said to be one id older than it is.
    """
    last, stamps = state.last_id, {"E": state.ts_event_ms, "T": state.ts_engine_ms}
    is_usdm = venue == "binance_usdm"
    snapshot = {"lastUpdateId": last if is_usdm else last - 1, "bids": state.bids, "asks": state.asks}
    event: dict[str, object] = {"e": "depthUpdate", **stamps, "s": state.symbol, "U": last, "u": last}
    if is_usdm:
        snapshot |= stamps
        event["pu"] = last - 1
    else:
        del event["T"]
    stream = f"{state.symbol.lower()}@depth@100ms"
    return orjson.dumps(snapshot), orjson.dumps({"stream": stream, "data": event | {"b": [], "a": []}})
