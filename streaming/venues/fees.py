"""A fee in any asset, exactly, as a venue's reply carries it."""

from dataclasses import dataclass
from decimal import Decimal
from math import ceil

from streaming.venues.instruments import Instrument, decimal_parts
from streaming.venues.venue_reply import FeeAsset

NAME_SIGNS_MAX = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Fee:
    """Of one fill; the fields are those of `VenueReply`."""

    asset: FeeAsset
    name: str
    mantissa: int
    decimals: int
    quote_units: int
    """Rounded up; 0 in an asset whose price is not known."""


def fee_of(instrument: Instrument, asset: str, amount: str | Decimal, price_ticks: int) -> Fee:
    """Return a fee of `amount` (paid; negative is a rebate) in `asset`, on a fill at `price_ticks`.

    ValueError for an amount that is no decimal.
    """
    mantissa, decimals = decimal_parts(amount)
    while decimals and mantissa % 10 == 0:
        mantissa, decimals = mantissa // 10, decimals - 1
    kind = _kind(instrument, asset)
    return Fee(
        asset=kind,
        name=asset[:NAME_SIGNS_MAX],
        mantissa=mantissa,
        decimals=decimals,
        quote_units=_quote_units(instrument, kind, amount, price_ticks),
    )


def _kind(instrument: Instrument, asset: str) -> FeeAsset:
    # An empty name with a fee of 0 (Binance prints null on what trades nothing) is of the quote asset.
    if asset in ("", instrument.quote):
        return FeeAsset.quote
    return FeeAsset.base if asset == instrument.base else FeeAsset.other


def _quote_units(instrument: Instrument, kind: FeeAsset, amount: str | Decimal, price_ticks: int) -> int:
    if kind is FeeAsset.quote:
        return ceil(instrument.quote_units(amount))
    return ceil(instrument.size_unit.fraction(amount) * price_ticks) if kind is FeeAsset.base else 0
