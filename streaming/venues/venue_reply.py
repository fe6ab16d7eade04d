"""What a real venue says about one of our orders, as the engine takes it: 88 bytes, a frame of source `venue_private`.

Gateways make them of the venues' own messages; the journal holds them, so that a session replays without any venue. The
core's `venue_reply.hpp` is the other side of this layout.
"""

import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, Self

KIND_VENUE: Final = "venue_private"
"""Kind of the source whose frames are venue replies."""
LAYOUT: Final = struct.Struct("<QqQqqqqqIiBBBBBBBx8s")
"""client_order_id, ts_venue_ns, trade_id, price_ticks, size_units, fee_quote_units, fee_mantissa, cumulative_units,
instrument, code, kind, side, is_maker, reason, fee_asset, fee_decimals, origin, padding, fee_asset_name."""
UNKNOWN_UNITS: Final = -1


class ReplyKind(IntEnum):
    """What is said."""

    ack = 0
    """It rests, or is about to match; `size_units`, where not 0, is the total size now in force."""
    fill = 1
    """One trade of it, unique by (venue, instrument, trade id). With `client_order_id` 0 it is of an order of nobody
    here: it is booked to the account's position all the same."""
    cancelled = 2
    rejected = 3
    """The venue never took it."""
    expired = 4
    """The venue ended it: IOC remainder, FOK, self-trade prevention, delisting."""
    funding = 5
    """As the simulated venue's: size is the position, price the mark, `fee_quote_units` what is paid,
    `cumulative_units` the rate in 10^-8."""
    cancel_rejected = 6
    """The venue did not cancel it: it may have filled, ended, or still rest; a query says which."""
    unanswered = 7
    """The outcome of the last request about it is not known: timeout, disconnect, 5xx, -1007. Never a failure."""
    amended = 8
    """`price_ticks` and `size_units` (the new total) are in force."""
    amend_rejected = 9
    """The order is as it was before."""
    absent = 10
    """Proof that the venue does not know it: not in queries, open orders and trades, after the agreed time."""


class FeeAsset(IntEnum):
    """What a fee was paid in."""

    quote = 0
    base = 1
    other = 2


class Origin(IntEnum):
    """On which way it came to us."""

    answer = 0
    """Of the request itself."""
    stream = 1
    """Of the user-data stream."""
    query = 2
    reconciled = 3
    """Made by comparing our state with the venue's; its trade id, if it has one, is made of that difference."""
    shell = 4
    """Of our own side: no answer in time, a connection that broke under a request."""


class VenueReason(IntEnum):
    """Why an order, a cancel or an amend was turned down, in words that all venues share."""

    none = 0
    filter = 1
    """Tick, lot, minimum or maximum size, notional, price band."""
    would_take = 2
    """Post-only, and the other side's touch was within its limit."""
    balance = 3
    """Not enough coins or margin."""
    reduce_only = 4
    duplicate_id = 5
    unknown_order = 6
    rate_limit = 7
    clock = 8
    permission = 9
    """Key, signature, address, account."""
    market_closed = 10
    open_orders_max = 11
    unchanged = 12
    """An amend that changes nothing."""
    self_trade = 13
    busy = 14
    liquidity = 15
    """IOC or FOK that found too little."""
    never_sent = 16
    """It did not leave this process: no connection, no budget."""
    other = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueReply:
    """One reply; see the kinds."""

    kind: ReplyKind
    client_order_id: int
    instrument: int
    """The engine's id."""
    side: int = 0
    """Of the order: 0 buy, 1 sell."""
    ts_venue_ns: int = 0
    trade_id: int = 0
    """uint64, unique on its instrument; 0 unless a fill or funding."""
    price_ticks: int = 0
    size_units: int = 0
    cumulative_units: int = UNKNOWN_UNITS
    """Filled of the order so far, this reply included; -1 where the venue does not say."""
    fee_quote_units: int = 0
    """Value of the fee in quote units, rounded up; negative is a rebate. 0 in an asset without a known rate."""
    fee_mantissa: int = 0
    """The fee exactly, in its own asset: `fee_mantissa * 10 ** -fee_decimals`; negative is a rebate."""
    fee_decimals: int = 0
    fee_asset: FeeAsset = FeeAsset.quote
    fee_asset_name: str = ""
    """At most 8 ASCII signs."""
    is_maker: bool = False
    reason: VenueReason = VenueReason.none
    code: int = 0
    """The venue's own number of the error."""
    origin: Origin = Origin.answer

    def encode(self) -> bytes:
        """Return the 88 bytes."""
        return LAYOUT.pack(
            self.client_order_id,
            self.ts_venue_ns,
            self.trade_id,
            self.price_ticks,
            self.size_units,
            self.fee_quote_units,
            self.fee_mantissa,
            self.cumulative_units,
            self.instrument,
            self.code,
            self.kind,
            self.side,
            self.is_maker,
            self.reason,
            self.fee_asset,
            self.fee_decimals,
            self.origin,
            self.fee_asset_name.encode("ascii", "replace")[:8],
        )

    @classmethod
    def decode(cls, payload: bytes) -> Self:
        """Return the reply in 88 bytes; ValueError for anything else."""
        if len(payload) != LAYOUT.size:
            raise ValueError(f"expected {LAYOUT.size} bytes of a venue's reply, found {len(payload)}")
        words = LAYOUT.unpack(payload)
        return cls(
            client_order_id=words[0],
            ts_venue_ns=words[1],
            trade_id=words[2],
            price_ticks=words[3],
            size_units=words[4],
            fee_quote_units=words[5],
            fee_mantissa=words[6],
            cumulative_units=words[7],
            instrument=words[8],
            code=words[9],
            kind=ReplyKind(words[10]),
            side=words[11],
            is_maker=bool(words[12]),
            reason=VenueReason(words[13]),
            fee_asset=FeeAsset(words[14]),
            fee_decimals=words[15],
            origin=Origin(words[16]),
            fee_asset_name=words[17].rstrip(b"\0").decode("ascii"),
        )


_INSTRUMENT: Final = struct.Struct("<64xI")


def instrument_of(payload: bytes) -> int:
    """Return the engine's instrument id of a reply in its 88 bytes."""
    (instrument,) = _INSTRUMENT.unpack_from(payload)
    assert isinstance(instrument, int)
    return instrument
