"""What every section of the settings is made of: frozen models, decimals as text, instruments by name."""

from decimal import Decimal, InvalidOperation
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, JsonValue

NS_PER_MS = 1_000_000

JsonObject = dict[str, JsonValue]


def check_decimal_text(text: object) -> str:
    """Return `text` when it is a finite decimal, as venues print them; raise ValueError otherwise.

    A whole number is taken without its quotes; any other number has lost digits when it reaches us as a float.
    """
    if isinstance(text, int) and not isinstance(text, bool):
        text = str(text)
    if not isinstance(text, str):
        raise ValueError(f"expected a decimal in quotes such as '0.01', found {text!r}")
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise ValueError(f"expected a decimal in quotes such as '0.01', found {text!r}") from None
    if not value.is_finite() or value < 0:
        raise ValueError(f"expected a decimal of zero or more, found {text!r}")
    return text


def check_instrument_text(text: str) -> str:
    """Return `text` when it is `venue:SYMBOL`; raise ValueError otherwise."""
    venue, colon, symbol = text.partition(":")
    if not (venue and colon and symbol) or ":" in symbol:
        raise ValueError(f"expected 'venue:SYMBOL' such as 'binance_usdm:BTCUSDT', found {text!r}")
    return text


DecimalText = Annotated[str, BeforeValidator(check_decimal_text)]
InstrumentText = Annotated[str, AfterValidator(check_instrument_text)]


class Section(BaseModel):
    """A frozen part of the settings that refuses keys it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")
