"""What the balances of a spot account should be: those that a settled round found, and every fill and fee since.

Transfers, and what others do with the account, show as a difference once: what was found then is what is expected on.
"""

from collections.abc import Iterable
from decimal import Decimal

from streaming.venues.gateway import Balance
from streaming.venues.instruments import Instruments
from streaming.venues.venue_reply import FeeAsset, ReplyKind, VenueReply


class ExpectedBalances:
    """Of one account; only assets that are traded here. A perpetual's wallet is not judged: its venue books on its own
    clock what profits and funding come to."""

    def __init__(self, instruments: Instruments) -> None:
        self._instruments = instruments
        spot = [each for each in instruments.all if each.market_type == "spot"]
        self._assets = frozenset(asset for each in spot for asset in (each.base, each.quote))
        self.now: dict[str, Decimal] = {}
        """By asset; empty before the first settled round."""

    def note(self, reply: VenueReply) -> None:
        """Take a fill that is new."""
        if reply.kind is not ReplyKind.fill or not self.now:
            return
        instrument = self._instruments.of_id(reply.instrument)
        size = instrument.size_unit.decimal(reply.size_units)
        paid = size * instrument.tick.decimal(reply.price_ticks)
        sign = -1 if reply.side else 1
        fee_assets = {FeeAsset.quote: instrument.quote, FeeAsset.base: instrument.base}
        fee = Decimal(reply.fee_mantissa).scaleb(-reply.fee_decimals)
        self._move(instrument.base, sign * size)
        self._move(instrument.quote, -sign * paid)
        self._move(fee_assets.get(reply.fee_asset, reply.fee_asset_name), -fee)

    def settle(self, found: Iterable[Balance], moved: Iterable[str]) -> None:
        """Take what a settled round found, but for assets that `moved` meanwhile."""
        skipped = set(moved)
        stated = {balance.asset: balance.free + balance.locked for balance in found}
        for asset in self._assets - skipped:
            self.now[asset] = stated.get(asset, Decimal(0))

    def _move(self, asset: str, amount: Decimal) -> None:
        if asset in self.now:
            self.now[asset] += amount
