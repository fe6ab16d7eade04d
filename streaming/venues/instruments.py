"""What is traded at a venue in the engine's integers: decimal text to ticks and size units and back, exactly.

A step such as the tick 0.10 is a mantissa and a number of decimals; all arithmetic is of whole numbers.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Final, Self

DECIMALS_MAX: Final = 30
"""No venue prints more; an exponent such as 1E-999999 must not become a number of a million digits."""


@dataclass(frozen=True, slots=True)
class Step:
    """A decimal step above 0: `mantissa * 10 ** -decimals`."""

    mantissa: int
    decimals: int

    @classmethod
    def of(cls, text: str | Decimal) -> Self:
        """Return the step that `text` says; ValueError for what is no decimal above 0."""
        mantissa, decimals = decimal_parts(text)
        if mantissa <= 0:
            raise ValueError(f"expected a step above 0, found {str(text)[:40]!r}")
        return cls(mantissa, decimals)

    def text(self, count: int) -> str:
        """Return `count` steps as decimal text: no exponent, no zeros at the end, as every venue takes it."""
        value = abs(count) * self.mantissa
        digits = str(value).rjust(self.decimals + 1, "0")
        whole, part = digits[: len(digits) - self.decimals], digits[len(digits) - self.decimals :].rstrip("0")
        return ("-" if count < 0 else "") + (f"{whole}.{part}" if part else whole)

    def decimal(self, count: int) -> Decimal:
        """Return `count` steps as a number."""
        return Decimal(self.text(count))

    def count(self, text: str | Decimal) -> int:
        """Return how many steps `text` is; ValueError where it is no whole number of them."""
        steps = self.fraction(text)
        if steps.denominator != 1:
            raise ValueError(f"expected a multiple of {self.text(1)}, found {str(text)[:40]!r}")
        return steps.numerator

    def fraction(self, text: str | Decimal) -> Fraction:
        """Return how many steps `text` is, with its part of a step; ValueError for what is no decimal."""
        mantissa, decimals = decimal_parts(text)
        return Fraction(mantissa * 10**self.decimals, self.mantissa * 10**decimals)


@dataclass(frozen=True, slots=True, kw_only=True)
class Instrument:
    """One instrument as the engine counts it."""

    id: int
    """The engine's."""
    symbol: str
    """The venue's."""
    tick: Step
    size_unit: Step
    base: str
    quote: str
    market_type: str = "spot"
    """Or `perpetual`."""

    def quote_units(self, amount: str | Decimal) -> Fraction:
        """Return an amount of the quote asset in quote units, of tick times size unit each."""
        unit = Step(self.tick.mantissa * self.size_unit.mantissa, self.tick.decimals + self.size_unit.decimals)
        return unit.fraction(amount)


class Instruments:
    """Those of one venue, by symbol and by the engine's id."""

    def __init__(self, instruments: Sequence[Instrument]) -> None:
        self._by_symbol = {instrument.symbol: instrument for instrument in instruments}
        self._by_id = {instrument.id: instrument for instrument in instruments}
        self.all = tuple(instruments)

    def of_symbol(self, symbol: str) -> Instrument | None:
        """Return the instrument of the venue's symbol, None for one that is not traded here."""
        return self._by_symbol.get(symbol)

    def of_id(self, instrument: int) -> Instrument:
        """Return the instrument of the engine's id; KeyError for another venue's."""
        return self._by_id[instrument]


def decimal_fraction(text: str | Decimal) -> Fraction:
    """Return a decimal exactly; ValueError for what is none."""
    mantissa, decimals = decimal_parts(text)
    return Fraction(mantissa, 10**decimals)


def decimal_parts(text: str | Decimal) -> tuple[int, int]:
    """Return a decimal as mantissa and number of decimals (not negative); ValueError for what is none."""
    try:
        number = Decimal(text)
    except InvalidOperation as error:
        raise ValueError(f"expected a decimal, found {str(text)[:40]!r}") from error
    sign, digits, exponent = number.as_tuple()
    if not isinstance(exponent, int) or abs(exponent) > DECIMALS_MAX:
        raise ValueError(f"expected a decimal of at most {DECIMALS_MAX} places, found {str(text)[:40]!r}")
    mantissa = int("".join(map(str, digits))) * (-1 if sign else 1)
    return (mantissa * 10**exponent, 0) if exponent > 0 else (mantissa, -exponent)
