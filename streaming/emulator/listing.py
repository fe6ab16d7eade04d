"""Exchange information for any instruments: the generated market's own replies with each instrument's steps put in."""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import cast

import orjson

from streaming.emulator.exchange_info import bybit_exchange_info, spot_exchange_info, usdm_exchange_info
from streaming.segments import InstrumentEntry

Json = dict[str, object]
QUOTES = ("FDUSD", "USDT", "USDC", "TUSD", "BUSD", "USDE", "EUR", "BTC", "ETH", "BNB", "TRY", "BRL")


HALTED = {"binance_usdm": "SETTLING", "binance_spot": "HALT", "bybit_spot": "Closed"}
"""What a venue calls the status of a symbol that is not traded now."""


def exchange_information(
    venue: str, entries: Sequence[InstrumentEntry], ts_ms: int, halted: frozenset[str] = frozenset()
) -> bytes:
    """Return the venue's exchange-information reply listing `entries`, which are its own."""
    document = orjson.loads(_REPLIES[venue](ts_ms))
    rows = document["result"]["list"] if venue == "bybit_spot" else document["symbols"]
    listed = _bybit_row if venue == "bybit_spot" else _binance_row
    rows[:] = [listed(rows[0], entry) for entry in entries]
    for row in rows:
        if row["symbol"] in halted:
            row["status"] = HALTED[venue]
    return orjson.dumps(document)


_REPLIES: dict[str, Callable[[int], bytes]] = {
    "binance_usdm": usdm_exchange_info,
    "binance_spot": spot_exchange_info,
    "bybit_spot": bybit_exchange_info,
}


def _binance_row(template: Json, entry: InstrumentEntry) -> Json:
    """Return the template's row for `entry`; steps are printed as the template prints its own where they are equal."""
    base, quote = coins(entry)
    row = {**template, "symbol": entry.symbol, "baseAsset": base, "quoteAsset": quote}
    if "pair" in row:
        row |= {
            "pair": entry.symbol,
            "marginAsset": quote,
            "quantityPrecision": _decimals(entry.size_unit),
            "pricePrecision": max(_decimals(entry.tick), 2),
        }
    else:
        row["baseAssetPrecision"] = max(_decimals(entry.size_unit), 8)
    filters = cast(list[dict[str, str]], template["filters"])
    row["filters"] = [_with_steps(each, entry) for each in filters]
    return row


def _with_steps(template: dict[str, str], entry: InstrumentEntry) -> dict[str, str]:
    kind = template["filterType"]
    if kind == "PRICE_FILTER":
        return {**template, "tickSize": _as_printed(template["tickSize"], entry.tick)}
    if kind in ("LOT_SIZE", "MARKET_LOT_SIZE"):
        return {**template, "stepSize": _as_printed(template["stepSize"], entry.lot)}
    return template


def _bybit_row(template: Json, entry: InstrumentEntry) -> Json:
    base, quote = coins(entry)
    lots = {**cast(dict[str, str], template["lotSizeFilter"]), "basePrecision": entry.lot}
    return {
        **template,
        "symbol": entry.symbol,
        "baseCoin": base,
        "quoteCoin": quote,
        "lotSizeFilter": lots,
        "priceFilter": {"tickSize": entry.tick},
    }


def coins(entry: InstrumentEntry) -> tuple[str, str]:
    """Return base and quote; a segment made of recordings may not say them, and the symbol's ending does."""
    if entry.base and entry.quote:
        return entry.base, entry.quote
    quote = next((coin for coin in QUOTES if entry.symbol.endswith(coin)), "")
    return entry.symbol.removesuffix(quote), quote


def _as_printed(template: str, step: str) -> str:
    return template if Decimal(template) == Decimal(step) else step


def _decimals(step: str) -> int:
    return len(step.partition(".")[2])
