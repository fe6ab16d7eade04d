"""Binance's private paths and methods, and which operation each of them is."""

from collections.abc import Mapping
from typing import Final

from streaming.emulator.orders_binance.words import SPOT, USDM

Routes = Mapping[tuple[str, str], str]
RESTRICTIONS: Final = {("GET", "/sapi/v1/account/apiRestrictions"): "restrictions"}
USDM_ROUTES: Final[Routes] = {
    ("POST", "/fapi/v1/order"): "place",
    ("POST", "/fapi/v1/order/test"): "test",
    ("PUT", "/fapi/v1/order"): "modify",
    ("DELETE", "/fapi/v1/order"): "cancel",
    ("GET", "/fapi/v1/order"): "query",
    ("POST", "/fapi/v1/batchOrders"): "batch_place",
    ("PUT", "/fapi/v1/batchOrders"): "batch_modify",
    ("DELETE", "/fapi/v1/batchOrders"): "batch_cancel",
    ("DELETE", "/fapi/v1/allOpenOrders"): "cancel_all",
    ("POST", "/fapi/v1/countdownCancelAll"): "countdown",
    ("GET", "/fapi/v1/openOrder"): "open_order",
    ("GET", "/fapi/v1/openOrders"): "open_orders",
    ("GET", "/fapi/v1/allOrders"): "all_orders",
    ("GET", "/fapi/v1/userTrades"): "trades",
    ("GET", "/fapi/v1/income"): "income",
    ("GET", "/fapi/v2/balance"): "balances",
    ("GET", "/fapi/v3/balance"): "balances",
    ("GET", "/fapi/v2/positionRisk"): "positions",
    ("GET", "/fapi/v3/positionRisk"): "positions",
    ("GET", "/fapi/v2/account"): "account",
    ("GET", "/fapi/v3/account"): "account",
    ("GET", "/fapi/v1/commissionRate"): "commission",
    ("GET", "/fapi/v1/rateLimit/order"): "order_limits",
    ("GET", "/fapi/v1/positionSide/dual"): "dual_side",
    ("POST", "/fapi/v1/positionSide/dual"): "set_dual_side",
    ("GET", "/fapi/v1/multiAssetsMargin"): "multi_assets",
    ("POST", "/fapi/v1/leverage"): "leverage",
    ("POST", "/fapi/v1/marginType"): "margin_type",
    ("GET", "/fapi/v1/leverageBracket"): "brackets",
    ("GET", "/fapi/v1/accountConfig"): "account_config",
    ("GET", "/fapi/v1/symbolConfig"): "symbol_config",
    ("POST", "/fapi/v1/listenKey"): "start_listen_key",
    ("PUT", "/fapi/v1/listenKey"): "renew_listen_key",
    ("DELETE", "/fapi/v1/listenKey"): "end_listen_key",
    **RESTRICTIONS,
}
SPOT_ROUTES: Final[Routes] = {
    ("POST", "/api/v3/order"): "place",
    ("POST", "/api/v3/order/test"): "test",
    ("DELETE", "/api/v3/order"): "cancel",
    ("GET", "/api/v3/order"): "query",
    ("POST", "/api/v3/order/cancelReplace"): "replace",
    ("PUT", "/api/v3/order/amend/keepPriority"): "amend",
    ("DELETE", "/api/v3/openOrders"): "cancel_all",
    ("GET", "/api/v3/openOrders"): "open_orders",
    ("GET", "/api/v3/allOrders"): "all_orders",
    ("GET", "/api/v3/myTrades"): "trades",
    ("GET", "/api/v3/account"): "account",
    ("GET", "/api/v3/account/commission"): "commission",
    ("GET", "/sapi/v1/asset/tradeFee"): "trade_fee",
    ("GET", "/api/v3/rateLimit/order"): "order_limits",
    ("POST", "/api/v3/userDataStream"): "listen_key",
    ("PUT", "/api/v3/userDataStream"): "listen_key",
    ("DELETE", "/api/v3/userDataStream"): "listen_key",
    **RESTRICTIONS,
}
REST_ROUTES: Final[Mapping[str, Routes]] = {USDM: USDM_ROUTES, SPOT: SPOT_ROUTES}

API_PATHS: Final = {USDM: "/ws-fapi/v1", SPOT: "/ws-api/v3"}
USDM_METHODS: Final = {
    "order.place": "place",
    "order.modify": "modify",
    "order.cancel": "cancel",
    "order.status": "query",
    "account.balance": "balances",
    "v2/account.balance": "balances",
    "account.position": "positions",
    "v2/account.position": "positions",
    "account.status": "account",
    "v2/account.status": "account",
    "userDataStream.start": "start_listen_key",
    "userDataStream.ping": "renew_listen_key",
    "userDataStream.stop": "end_listen_key",
}
SPOT_METHODS: Final = {
    "order.place": "place",
    "order.test": "test",
    "order.cancel": "cancel",
    "order.cancelReplace": "replace",
    "order.amend.keepPriority": "amend",
    "order.status": "query",
    "openOrders.cancelAll": "cancel_all",
    "openOrders.status": "open_orders",
    "allOrders": "all_orders",
    "myTrades": "trades",
    "account.status": "account",
    "account.commission": "commission",
    "account.rateLimits.orders": "order_limits",
    "userDataStream.start": "listen_key",
    "userDataStream.ping": "listen_key",
    "userDataStream.stop": "listen_key",
}
API_METHODS: Final[Mapping[str, Mapping[str, str]]] = {USDM: USDM_METHODS, SPOT: SPOT_METHODS}
PUBLIC_METHODS: Final[Mapping[str, Mapping[str, str]]] = {
    USDM: {
        "ping": "/fapi/v1/ping",
        "time": "/fapi/v1/time",
        "depth": "/fapi/v1/depth",
        "ticker.book": "/fapi/v1/ticker/bookTicker",
        "ticker.price": "/fapi/v1/ticker/price",
    },
    SPOT: {
        "ping": "/api/v3/ping",
        "time": "/api/v3/time",
        "exchangeInfo": "/api/v3/exchangeInfo",
        "depth": "/api/v3/depth",
        "trades.recent": "/api/v3/trades",
        "trades.aggregate": "/api/v3/aggTrades",
        "avgPrice": "/api/v3/avgPrice",
        "ticker.book": "/api/v3/ticker/bookTicker",
        "ticker.price": "/api/v3/ticker/price",
    },
}
