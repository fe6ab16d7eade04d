"""What one holder's fills of one instrument came to: position, cash, costs, closed trades.

Exact at every moment, in quote units (tick x size unit) of the instrument:

    value = cash + position x mid - fees - funding          cash = - sum of signed size x price

A strategy's part of the account is such a ledger. A closing order belongs to no strategy: its fill is parted among
those that hold the side that it closes, and its fee with it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from streaming.backtest.kpi import OpenTrade
from streaming.backtest.records import E8
from streaming.segments import InstrumentEntry


@dataclass(frozen=True, slots=True)
class Money:
    """How an instrument's quote units become 10^-8 of its quote currency, rounded down."""

    numerator: int
    denominator: int

    @classmethod
    def of(cls, entry: InstrumentEntry) -> "Money":
        """Return an instrument's."""
        scale = Fraction(entry.tick) * Fraction(entry.size_unit) * E8
        return cls(scale.numerator, scale.denominator)

    def e8(self, quote_units: int) -> int:
        """Return an amount."""
        return quote_units * self.numerator // self.denominator

    def e8_of_halves(self, half_units: int) -> int:
        """Return an amount that is counted in half quote units, as mids are."""
        return self.e8(half_units) // 2


@dataclass(frozen=True, slots=True)
class Part:
    """A fill, or what a holder has of one."""

    signed_units: int
    price_ticks: int
    fee_quote_units: int
    is_maker: bool


@dataclass(slots=True)
class Trades:
    """Results of closed trades, net of fees, in 10^-8 of the quote currency."""

    count: int = 0
    won: int = 0
    profit_e8: int = 0
    loss_e8: int = 0
    """Above 0."""

    def add(self, result_e8: int) -> None:
        """Take one result."""
        self.count += 1
        if result_e8 > 0:
            self.won += 1
            self.profit_e8 += result_e8
        else:
            self.loss_e8 -= result_e8


@dataclass(slots=True)
class Ledger:
    """See the head of the file."""

    money: Money
    position_units: int = 0
    cash_quote_units: int = 0
    fees_maker_quote_units: int = 0
    fees_taker_quote_units: int = 0
    funding_quote_units: int = 0
    spread_half_units: int = 0
    """Sum of signed size x (price - mid) x 2 at fills: above 0 paid, below 0 earned."""
    parts: int = 0
    parts_without_mid: int = 0
    """In no sum of the spread."""
    trades: Trades = field(default_factory=Trades)
    _open: OpenTrade = field(default_factory=OpenTrade)

    def take(self, part: Part, mid_x2_ticks: int) -> None:
        """Book a fill; `mid_x2_ticks` is the mid of the last closed step, twice, 0 where none is known."""
        self.parts += 1
        self.position_units += part.signed_units
        self.cash_quote_units -= part.signed_units * part.price_ticks
        if part.is_maker:
            self.fees_maker_quote_units += part.fee_quote_units
        else:
            self.fees_taker_quote_units += part.fee_quote_units
        if mid_x2_ticks:
            self.spread_half_units += part.signed_units * (2 * part.price_ticks - mid_x2_ticks)
        else:
            self.parts_without_mid += 1
        result = self._open.take(part.signed_units, part.price_ticks, part.fee_quote_units)
        if result is not None:
            self.trades.add(self.money.e8(result))

    def value_e8(self, mid_x2_ticks: int) -> int:
        """Return what it came to with the position valued at a mid."""
        paid = self.fees_maker_quote_units + self.fees_taker_quote_units + self.funding_quote_units
        return self.money.e8_of_halves(2 * (self.cash_quote_units - paid) + self.position_units * mid_x2_ticks)

    @property
    def fees_e8(self) -> int:
        """Fees paid; below 0 rebates."""
        return self.money.e8(self.fees_maker_quote_units) + self.money.e8(self.fees_taker_quote_units)

    @property
    def funding_e8(self) -> int:
        """Funding paid; below 0 received."""
        return self.money.e8(self.funding_quote_units)

    @property
    def spread_e8(self) -> int:
        """Spread paid; below 0 earned."""
        return self.money.e8_of_halves(self.spread_half_units)


def parted(holdings: Mapping[int, int], part: Part) -> dict[int, Part]:
    """Return the parts that holders (by number, signed units) have of a closing fill; empty when nobody ever held.

    Those on the side that it closes take it in order of their numbers, as far as they hold; what is left is the first
    one's. The rounding of the fee falls to the last.
    """
    left, shares = part.signed_units, dict[int, int]()
    for holder in sorted(holdings):
        held = holdings[holder]
        if held * left < 0:
            size = min(abs(held), abs(left)) * (1 if left > 0 else -1)
            shares[holder], left = size, left - size
    if left and holdings:
        first = min(holdings)
        shares[first] = shares.get(first, 0) + left
    return _with_fees(shares, part)


def _with_fees(shares: Mapping[int, int], part: Part) -> dict[int, Part]:
    found, fee_left, units_left = {}, part.fee_quote_units, abs(part.signed_units)
    for holder, units in shares.items():
        fee = fee_left * abs(units) // units_left
        fee_left, units_left = fee_left - fee, units_left - abs(units)
        found[holder] = Part(units, part.price_ticks, fee, part.is_maker)
    return found


def funding_parts(holdings: Mapping[int, int], position_units: int, paid_quote_units: int) -> dict[int, int]:
    """Return what each holder pays of a funding on the account's position; the rounding falls to the last."""
    holders = [holder for holder in sorted(holdings) if holdings[holder]]
    if not holders or position_units == 0:
        return {}
    found, left = {}, paid_quote_units
    for holder in holders[:-1]:
        found[holder] = paid_quote_units * holdings[holder] // position_units
        left -= found[holder]
    return {**found, holders[-1]: left}
