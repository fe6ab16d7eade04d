"""The layout of a venue's reply, held against the bytes that the core's own test reads."""

import pytest

from streaming.venues.venue_reply import FeeAsset, Origin, ReplyKind, VenueReason, VenueReply

GOLDEN = VenueReply(
    kind=ReplyKind.fill,
    client_order_id=0x0102030405060708,
    instrument=3,
    side=1,
    ts_venue_ns=1_700_000_000_123_456_789,
    trade_id=2**64 - 1,
    price_ticks=5_000_012,
    size_units=345,
    cumulative_units=1_000,
    fee_quote_units=-7,
    fee_mantissa=-123_456,
    fee_decimals=8,
    fee_asset=FeeAsset.other,
    fee_asset_name="BNB",
    is_maker=True,
    reason=VenueReason.other,
    code=-2011,
    origin=Origin.reconciled,
)
"""The same as in native/tests/venue_reply_test.cpp."""
GOLDEN_HEX = (
    "080706050403020115cd853dfe9c9717ffffffffffffffff4c4b4c00000000005901000000000000f9ffffffffffffffc01d"
    "feffffffffffe8030000000000000300000025f8ffff010101ff02080300424e420000000000"
)


def test_a_reply_has_the_bytes_that_the_core_reads():
    assert GOLDEN.encode().hex() == GOLDEN_HEX


def test_a_reply_is_read_as_it_was_written():
    assert VenueReply.decode(bytes.fromhex(GOLDEN_HEX)) == GOLDEN


def test_another_length_is_no_reply():
    with pytest.raises(ValueError, match="expected 88 bytes"):
        VenueReply.decode(bytes(87))
