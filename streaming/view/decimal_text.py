"""Integer counts of ticks or size units as decimal text, quickly: a view writes hundreds of them."""

from decimal import Decimal

KEPT_MAX = 8_192
"""Texts remembered of one unit; then all are forgotten. Prices come again from view to view, so most are remembered."""


class DecimalText:
    """Writes counts of one `unit` (a decimal as text): every digit but the zeros at the end, as `text_of` does."""

    def __init__(self, unit: str) -> None:
        exact = Decimal(unit).as_tuple()
        assert isinstance(exact.exponent, int), f"expected a finite unit, found {unit!r}"
        self._mantissa = int("".join(map(str, exact.digits))) * 10 ** max(exact.exponent, 0)
        self._places = max(-exact.exponent, 0)
        self._kept: dict[int, str] = {}

    def text(self, count: int) -> str:
        """Return `count` units."""
        found = self._kept.get(count)
        if found is None:
            if len(self._kept) >= KEPT_MAX:
                self._kept.clear()
            found = self._kept[count] = self._written(count * self._mantissa)
        return found

    def _written(self, scaled: int) -> str:
        if not self._places:
            return str(scaled)
        digits = str(abs(scaled)).rjust(self._places + 1, "0")
        fraction = digits[-self._places :].rstrip("0")
        text = f"{digits[: -self._places]}.{fraction}" if fraction else digits[: -self._places]
        return f"-{text}" if scaled < 0 else text
