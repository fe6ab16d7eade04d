"""What is made of differences: replies of origin `reconciled`, and ids that say what differs."""

import hashlib
from collections.abc import Iterable, Mapping
from itertools import count
from typing import Final

from streaming.reconcile.words import AccountSnapshot, LocalOrder, LocalState
from streaming.venues.instruments import Instrument
from streaming.venues.venue_reply import Origin, ReplyKind, VenueReply

SYNTHETIC_BIT: Final = 1 << 63
ENDS: Final[Mapping[str, ReplyKind]] = {
    "FILLED": ReplyKind.cancelled,  # of a filled order that is not full here by now nothing more will come
    "CANCELED": ReplyKind.cancelled,
    "CANCELLED": ReplyKind.cancelled,
    "PARTIALLYFILLEDCANCELED": ReplyKind.cancelled,
    "DEACTIVATED": ReplyKind.cancelled,
    "EXPIRED": ReplyKind.expired,
    "EXPIRED_IN_MATCH": ReplyKind.expired,
    "REJECTED": ReplyKind.rejected,
}
"""How an order ended, by the venues' words in capitals."""


def synthetic_trade_id(*what: object) -> int:
    """Return the trade id of a fill that is made of what differs."""
    return SYNTHETIC_BIT | hash_of(what) >> 1


def hash_of(what: Iterable[object]) -> int:
    """Return 64 bits that say what differs, the same in every process."""
    text = "\x1f".join(map(str, what))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest())


def order_reply(
    order: LocalOrder,
    kind: ReplyKind,
    ts_venue_ns: int,
    *,
    trade_id: int = 0,
    price_ticks: int = 0,
    size_units: int = 0,
    cumulative_units: int = 0,
) -> VenueReply:
    """Return what an order of ours has come to."""
    return VenueReply(
        kind=kind,
        client_order_id=order.client_order_id,
        instrument=order.instrument,
        side=order.side,
        ts_venue_ns=ts_venue_ns,
        trade_id=trade_id,
        price_ticks=price_ticks,
        size_units=size_units,
        cumulative_units=cumulative_units,
        origin=Origin.reconciled,
    )


def adjustment(
    local: LocalState,
    venue: AccountSnapshot,
    instrument: Instrument,
    missing: int,
    price_ticks: int,
    what: tuple[object, ...],
) -> VenueReply:
    """Return the fill of nobody that makes our position the venue's; `missing` signed size units."""
    # The same difference may come back one day: then under the next id of its row.
    ids = (synthetic_trade_id(local.venue, "position", *what, number) for number in count())
    return VenueReply(
        kind=ReplyKind.fill,
        client_order_id=0,
        instrument=instrument.id,
        side=int(missing < 0),
        ts_venue_ns=venue.ts_ns,
        trade_id=next(one for one in ids if (instrument.id, one) not in local.trades),
        price_ticks=price_ticks,
        size_units=abs(missing),
        origin=Origin.reconciled,
    )
