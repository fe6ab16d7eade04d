"""Instruments from the three venues' exchange-information replies.

Binance: tick and lot are the filters PRICE_FILTER.tickSize and LOT_SIZE.stepSize, never the precisions (the venue
warns against those). Bybit: priceFilter.tickSize and lotSizeFilter.basePrecision. The size unit is the finest decimal
that the venue prints: eight decimals on Binance spot, quantityPrecision or the lot on USD-M, basePrecision on Bybit.

Fees are in no such reply: headers carry the venue's public ones (`VENUE_FACTS`), and section `[native.fees]` of the
settings replaces them wherever an engine is built. An emulator's market is recorded with the same public fees.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import cast

import orjson


@dataclass(frozen=True, slots=True)
class VenueFacts:
    """What holds for every instrument of a venue; fees are the venue's public ones without discounts."""

    market_type: str
    market: str
    """The word by which recordings of Bybit's form name this market."""
    maker_fee_bps: str
    taker_fee_bps: str


TRADING = "TRADING"

VENUE_FACTS = {
    "binance_usdm": VenueFacts("perpetual", "linear", "2.0", "5.0"),
    "binance_spot": VenueFacts("spot", "spot", "10.0", "10.0"),
    "bybit_spot": VenueFacts("spot", "spot", "10.0", "10.0"),
}


@dataclass(frozen=True, slots=True)
class InstrumentRules:
    """Tick, size unit and lot of one instrument as decimal text, with its two assets."""

    tick: str
    size_unit: str
    lot: str
    base: str
    quote: str


@dataclass(frozen=True, slots=True)
class Listing:
    """One instrument in a reply."""

    rules: InstrumentRules
    is_trading: bool
    """False while the venue has halted it; a reply without a status says nothing against it."""


def plain_decimal(text: str) -> str:
    """Return `text` without trailing zeros and exponent: `0.10` and `1E-1` are both `0.1`."""
    return format(Decimal(text).normalize(), "f")


def instrument_rules(venue: str, symbol: str, payload: bytes) -> InstrumentRules | None:
    """Return the rules of `symbol` in an exchange-information reply, None when it does not list it.

    Raises ValueError when the reply, or the entry of `symbol`, lacks what the venue documents.
    """
    listing = listings(venue, [symbol], payload).get(symbol)
    return None if listing is None else listing.rules


def listings(venue: str, symbols: Sequence[str], payload: bytes) -> dict[str, Listing]:
    """Return those of `symbols` that an exchange-information reply lists; raises as `instrument_rules` does."""
    document = orjson.loads(payload)
    found: dict[str, Listing] = {}
    for symbol in symbols:
        try:
            entry = _entry(_entries(venue, document), symbol)
            if entry is not None:
                rules = _bybit_rules(entry) if venue == "bybit_spot" else _binance_rules(venue, entry)
                found[symbol] = Listing(rules, str(entry.get("status", TRADING)).upper() == TRADING)
        except (KeyError, TypeError, AttributeError, ValueError, ArithmeticError) as error:
            raise ValueError(f"exchange information of {venue}: entry of {symbol}: {error!r}") from error
    return found


def _entries(venue: str, document: Mapping[str, object]) -> list[dict[str, object]]:
    if venue == "bybit_spot":
        return cast(dict[str, list[dict[str, object]]], document["result"])["list"]
    return cast(list[dict[str, object]], document["symbols"])


def _binance_rules(venue: str, entry: Mapping[str, object]) -> InstrumentRules:
    rows = cast(list[dict[str, str]], entry["filters"])
    filters = {row["filterType"]: row for row in rows}
    lot = _step(filters["LOT_SIZE"]["stepSize"])
    precision = entry["quantityPrecision"] if venue == "binance_usdm" else entry["baseAssetPrecision"]
    unit = min(lot, Decimal(1).scaleb(-int(cast(int, precision))))
    return InstrumentRules(
        tick=plain_decimal(str(_step(filters["PRICE_FILTER"]["tickSize"]))),
        size_unit=plain_decimal(str(unit)),
        lot=plain_decimal(str(lot)),
        base=str(entry["baseAsset"]),
        quote=str(entry["quoteAsset"]),
    )


def _bybit_rules(entry: Mapping[str, object]) -> InstrumentRules:
    lot = plain_decimal(str(_step(cast(dict[str, str], entry["lotSizeFilter"])["basePrecision"])))
    tick = plain_decimal(str(_step(cast(dict[str, str], entry["priceFilter"])["tickSize"])))
    return InstrumentRules(
        tick=tick, size_unit=lot, lot=lot, base=str(entry["baseCoin"]), quote=str(entry["quoteCoin"])
    )


def _step(text: object) -> Decimal:
    """Return a step; the venues print them as text, and a step of nothing divides nothing."""
    if not isinstance(text, str):
        raise TypeError(f"expected a step as decimal text, found {text!r}")
    step = Decimal(text)
    if not step.is_finite() or step <= 0:
        raise ValueError(f"expected a step above 0, found {text!r}")
    return step


def _entry(entries: list[dict[str, object]], symbol: str) -> dict[str, object] | None:
    return next((entry for entry in entries if entry["symbol"] == symbol), None)
