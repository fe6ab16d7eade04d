"""Replies of the venues' exchange-information requests for the generated instruments, in their documented form.

They list what the emulator takes, which is less than the venues do: no conditional, iceberg or pegged orders, no lists.
"""

import orjson

from streaming.emulator.instruments import BASE, INSTRUMENTS, QUOTE, SYMBOL, GeneratedInstrument

Json = dict[str, object]


def usdm_exchange_info(ts_ms: int) -> bytes:
    """Return the reply of `GET /fapi/v1/exchangeInfo`."""
    symbol: Json = {
        "symbol": SYMBOL,
        "pair": SYMBOL,
        "contractType": "PERPETUAL",
        "deliveryDate": 4133404800000,
        "onboardDate": 1569398400000,
        "status": "TRADING",
        "maintMarginPercent": "2.5000",
        "requiredMarginPercent": "5.0000",
        "baseAsset": BASE,
        "quoteAsset": QUOTE,
        "marginAsset": QUOTE,
        "pricePrecision": 2,
        "quantityPrecision": 3,
        "baseAssetPrecision": 8,
        "quotePrecision": 8,
        "underlyingType": "COIN",
        "underlyingSubType": ["PoW"],
        "settlePlan": 0,
        "triggerProtect": "0.0500",
        "liquidationFee": "0.012500",
        "marketTakeBound": "0.05",
        "filters": _usdm_filters(INSTRUMENTS[0]),
        "orderTypes": ["LIMIT", "MARKET"],
        "timeInForce": ["GTC", "IOC", "FOK", "GTX"],
    }
    limits = [
        _rate_limit("REQUEST_WEIGHT", "MINUTE", 1, 2400),
        _rate_limit("ORDERS", "MINUTE", 1, 1200),
        _rate_limit("ORDERS", "SECOND", 10, 300),
    ]
    assets = [{"asset": QUOTE, "marginAvailable": True, "autoAssetExchange": "0"}]
    return orjson.dumps(
        {
            "timezone": "UTC",
            "serverTime": ts_ms,
            "exchangeFilters": [],
            "rateLimits": limits,
            "assets": assets,
            "symbols": [symbol],
        }
    )


def _usdm_filters(instrument: GeneratedInstrument) -> list[Json]:
    lot = instrument.lot
    return [
        {
            "filterType": "PRICE_FILTER",
            "minPrice": "556.80",
            "maxPrice": "4529764",
            "tickSize": f"{instrument.tick}0",
        },
        {"filterType": "LOT_SIZE", "minQty": lot, "maxQty": "1000", "stepSize": lot},
        {"filterType": "MARKET_LOT_SIZE", "minQty": lot, "maxQty": "120", "stepSize": lot},
        {"filterType": "MAX_NUM_ORDERS", "limit": 200},
        {"filterType": "MIN_NOTIONAL", "notional": "50"},
        {
            "filterType": "PERCENT_PRICE",
            "multiplierUp": "1.0500",
            "multiplierDown": "0.9500",
            "multiplierDecimal": "4",
        },
    ]


def spot_exchange_info(ts_ms: int) -> bytes:
    """Return the reply of `GET /api/v3/exchangeInfo`."""
    symbol: Json = {
        "symbol": SYMBOL,
        "status": "TRADING",
        "baseAsset": BASE,
        "baseAssetPrecision": 8,
        "quoteAsset": QUOTE,
        "quotePrecision": 8,
        "quoteAssetPrecision": 8,
        "baseCommissionPrecision": 8,
        "quoteCommissionPrecision": 8,
        "orderTypes": ["LIMIT", "LIMIT_MAKER", "MARKET"],
        "icebergAllowed": False,
        "ocoAllowed": False,
        "otoAllowed": False,
        "opoAllowed": False,
        "quoteOrderQtyMarketAllowed": True,
        "allowTrailingStop": False,
        "cancelReplaceAllowed": True,
        "amendAllowed": True,
        "pegInstructionsAllowed": False,
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": False,
        "filters": _spot_filters(INSTRUMENTS[1]),
        "permissions": [],
        "permissionSets": [["SPOT"]],
        "defaultSelfTradePreventionMode": "EXPIRE_MAKER",
        "allowedSelfTradePreventionModes": ["NONE", "EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH"],
    }
    limits = [
        _rate_limit("REQUEST_WEIGHT", "MINUTE", 1, 6000),
        _rate_limit("ORDERS", "SECOND", 10, 100),
        _rate_limit("ORDERS", "DAY", 1, 200_000),
        _rate_limit("RAW_REQUESTS", "MINUTE", 5, 300_000),
    ]
    return orjson.dumps(
        {
            "timezone": "UTC",
            "serverTime": ts_ms,
            "rateLimits": limits,
            "exchangeFilters": [],
            "symbols": [symbol],
        }
    )


def _spot_filters(instrument: GeneratedInstrument) -> list[Json]:
    tick, lot = f"{instrument.tick}000000", f"{instrument.lot}000"
    return [
        {"filterType": "PRICE_FILTER", "minPrice": tick, "maxPrice": "1000000.00000000", "tickSize": tick},
        {"filterType": "LOT_SIZE", "minQty": lot, "maxQty": "9000.00000000", "stepSize": lot},
        {
            "filterType": "NOTIONAL",
            "minNotional": "5.00000000",
            "applyMinToMarket": True,
            "maxNotional": "9000000.00000000",
            "applyMaxToMarket": False,
            "avgPriceMins": 5,
        },
        {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": 200},
        {"filterType": "MAX_NUM_ORDER_AMENDS", "maxNumOrderAmends": 10},
    ]


def bybit_exchange_info(ts_ms: int) -> bytes:
    """Return the reply of `GET /v5/market/instruments-info?category=spot&symbol=...`."""
    instrument = INSTRUMENTS[2]
    entry: Json = {
        "symbolId": 9,
        "symbol": SYMBOL,
        "baseCoin": BASE,
        "quoteCoin": QUOTE,
        "innovation": "0",
        "status": "Trading",
        "marginTrading": "utaOnly",
        "stTag": "0",
        "lotSizeFilter": {
            "basePrecision": instrument.lot,
            "quotePrecision": "0.0000001",
            "minOrderQty": "0.000011",
            "maxOrderQty": "83",
            "minOrderAmt": "5",
            "maxOrderAmt": "8000000",
            "maxLimitOrderQty": "83",
            "maxMarketOrderQty": "41.5",
            "postOnlyMaxLimitOrderSize": "415",
        },
        "priceFilter": {"tickSize": instrument.tick},
        "riskParameters": {"priceLimitRatioX": "0.005", "priceLimitRatioY": "0.01"},
        "symbolType": "",
    }
    return orjson.dumps(
        {
            "retCode": 0,
            "retMsg": "OK",
            "result": {"category": "spot", "list": [entry]},
            "retExtInfo": {},
            "time": ts_ms,
        }
    )


def _rate_limit(kind: str, interval: str, count: int, limit: int) -> Json:
    return {"rateLimitType": kind, "interval": interval, "intervalNum": count, "limit": limit}
