"""Instruments from the three venues' exchange-information replies.

Binance: tick and lot are the filters PRICE_FILTER.tickSize and LOT_SIZE.stepSize, never the precisions (the venue
warns against those). Bybit: priceFilter.tickSize and lotSizeFilter.basePrecision. The size unit is the finest decimal
that the venue prints: eight decimals on Binance spot, quantityPrecision or the lot on USD-M, basePrecision on Bybit.
"""

from collections.abc import Mapping
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


def plain_decimal(text: str) -> str:
    """Return `text` without trailing zeros and exponent: `0.10` and `1E-1` are both `0.1`."""
    return format(Decimal(text).normalize(), "f")


def instrument_rules(venue: str, symbol: str, payload: bytes) -> InstrumentRules | None:
    """Return the rules of `symbol` in an exchange-information reply, None when it does not list it.

    Raises ValueError when the reply, or the entry of `symbol`, lacks what the venue documents.
    """
    document = orjson.loads(payload)
    try:
        if venue == "bybit_spot":
            return _bybit_rules(symbol, document)
        return _binance_rules(venue, symbol, document)
    except (KeyError, TypeError, ArithmeticError) as error:
        raise ValueError(f"exchange information of {venue}: entry of {symbol}: {error!r}") from error


def _binance_rules(venue: str, symbol: str, document: Mapping[str, object]) -> InstrumentRules | None:
    entry = _entry(cast(list[dict[str, object]], document["symbols"]), symbol)
    if entry is None:
        return None
    rows = cast(list[dict[str, str]], entry["filters"])
    filters = {row["filterType"]: row for row in rows}
    lot = Decimal(filters["LOT_SIZE"]["stepSize"])
    precision = entry["quantityPrecision"] if venue == "binance_usdm" else entry["baseAssetPrecision"]
    unit = min(lot, Decimal(1).scaleb(-int(cast(int, precision))))
    return InstrumentRules(
        tick=plain_decimal(filters["PRICE_FILTER"]["tickSize"]),
        size_unit=plain_decimal(str(unit)),
        lot=plain_decimal(str(lot)),
        base=str(entry["baseAsset"]),
        quote=str(entry["quoteAsset"]),
    )


def _bybit_rules(symbol: str, document: Mapping[str, object]) -> InstrumentRules | None:
    result = cast(dict[str, list[dict[str, object]]], document["result"])
    entry = _entry(result["list"], symbol)
    if entry is None:
        return None
    lot = cast(dict[str, str], entry["lotSizeFilter"])["basePrecision"]
    tick = cast(dict[str, str], entry["priceFilter"])["tickSize"]
    return InstrumentRules(
        tick=plain_decimal(tick),
        size_unit=plain_decimal(lot),
        lot=plain_decimal(lot),
        base=str(entry["baseCoin"]),
        quote=str(entry["quoteCoin"]),
    )


def _entry(entries: list[dict[str, object]], symbol: str) -> dict[str, object] | None:
    return next((entry for entry in entries if entry["symbol"] == symbol), None)
