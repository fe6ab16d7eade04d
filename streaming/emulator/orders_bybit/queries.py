"""What an account may ask of Bybit without changing anything: orders, fills, wallet, fees, the key itself."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

from streaming.emulator.exchange.accounts import ApiKey
from streaming.emulator.exchange.words import ExchangeOrder, RefusedError, Trade
from streaming.emulator.listing import coins
from streaming.emulator.orders_bybit.countdown import Countdown
from streaming.emulator.orders_bybit.errors import PARAMS, BybitError, refused
from streaming.emulator.orders_bybit.words import (
    CATEGORY,
    NS_PER_MS,
    Json,
    OrderName,
    Params,
    check_category,
    execution_row,
    optional,
    order_row,
    read_name,
    text,
    wallet_row,
    whole,
)
from streaming.emulator.orders_front import FrontVenue

CLOSED_MAX: Final = 500
FILLS_KEPT_MAX: Final = 1_000
DAY_NS: Final = 86_400_000_000_000
KEY_LASTS_NS: Final = 90 * DAY_NS
"""A key that is bound to no address ends after three months; every use begins them anew."""
DOLLARS: Final = ("USDT", "USDC", "FDUSD", "USDE", "BUSD", "TUSD")


class BybitQueries:
    """Answers questions of accounts."""

    def __init__(self, venue: FrontVenue, countdown: Countdown) -> None:
        self._venue, self._exchange, self._countdown = venue, venue.exchange, countdown
        self._coins = {entry.symbol: coins(entry) for entry in venue.desk.venue.entries}
        self._fills: dict[int, dict[int, Trade]] = {}
        """By order, the latest FILLS_KEPT_MAX orders that filled."""

    def find(self, account: str, name: OrderName, now_ns: int) -> ExchangeOrder | None:
        """Return the order that is meant, open or not."""
        client_id = None if name.order_id is not None else name.client_id
        try:
            return self._exchange.order(account, name.symbol, now_ns, order_id=name.order_id, client_id=client_id)
        except RefusedError:
            return None

    def realtime(self, key: ApiKey, params: Params, now_ns: int) -> Json:
        """Return open orders, or those that ended last, or one."""
        check_category(params)
        account, symbol = key.account, optional(params, "symbol")
        if params.get("orderId") or params.get("orderLinkId"):
            found = self._asked(account, params, symbol, now_ns)
        elif params.get("openOnly") in ("1", 1):
            found = [order for order in self._exchange.orders(account, symbol) if not order.is_open][-CLOSED_MAX:]
        else:
            found = self._exchange.open_orders(account, symbol)
        return self._page(found, params, limit_max=50, default=20)

    def history(self, key: ApiKey, params: Params, now_ns: int) -> Json:
        """Return orders that have ended, newest first."""
        check_category(params)
        account, symbol = key.account, optional(params, "symbol")
        if params.get("orderId") or params.get("orderLinkId"):
            found = self._asked(account, params, symbol, now_ns)
        else:
            from_ns, to_ns = _span(params)
            found = self._exchange.orders(account, symbol, from_ns=from_ns, to_ns=to_ns)
        return self._page([order for order in found if not order.is_open], params, limit_max=50, default=20)

    def executions(self, key: ApiKey, params: Params, now_ns: int) -> Json:
        """Return the account's fills, newest first."""
        check_category(params)
        (from_ns, to_ns), symbol = _span(params), optional(params, "symbol")
        order_id = optional(params, "orderId")
        trades = self._exchange.trades(
            key.account,
            symbol,
            from_ns=from_ns,
            to_ns=to_ns,
            order_id=int(order_id) if order_id and order_id.isdecimal() else None,
        )[::-1]
        start, limit = _page_of(params, limit_max=100, default=50)
        rows = []
        for trade in trades[start : start + limit]:
            order = self._exchange.order_of(trade)
            if order is None:
                continue
            rates = self._exchange.fees(key.account, trade.symbol)
            rate = rates.maker if trade.is_maker else rates.taker
            rows.append(execution_row(trade, order, trade.trade_id, rate))
        return _listed(rows, start + limit if start + limit < len(trades) else None)

    def wallet(self, key: ApiKey, params: Params, now_ns: int) -> Json:
        """Return what the account holds."""
        if params.get("accountType") != "UNIFIED":
            raise BybitError(PARAMS, "accountType only support UNIFIED.")
        wanted = [coin for coin in str(params.get("coin") or "").split(",") if coin]
        held = [each for each in self._exchange.balances(key.account) if not wanted or each.asset in wanted]
        return {"list": [wallet_row(held, self.dollar_values())]}

    def fee_rates(self, key: ApiKey, params: Params, now_ns: int) -> Json:
        """Return the account's rates."""
        check_category(params)
        asked = optional(params, "symbol")
        rows = []
        for symbol in [asked] if asked else [*self._coins]:
            try:
                rates = self._exchange.fees(key.account, symbol)
            except RefusedError as error:
                raise refused(error) from error
            taker, maker = text(rates.taker), text(rates.maker)
            rows.append({"symbol": symbol, "takerFeeRate": taker, "makerFeeRate": maker})
        return {"category": CATEGORY, "list": rows}

    def account_info(self, key: ApiKey, params: Params, now_ns: int) -> Json:
        """Return how the account is set up: unified, cash and margin as usual."""
        has_dcp = bool(self._countdown.window_s(key.account))
        return {
            "unifiedMarginStatus": 6,
            "marginMode": "REGULAR_MARGIN",
            "dcpStatus": "ON" if has_dcp else "OFF",
            "timeWindow": self._countdown.window_s(key.account) or 10,
            "smpGroup": 0,
            "isMasterTrader": False,
            "spotHedgingStatus": "OFF",
            "updatedTime": str(key.made_ns // NS_PER_MS),
        }

    def key_info(self, key: ApiKey, params: Params, now_ns: int) -> Json:
        """Return what the key may do."""
        withdraws = ["Withdraw"] if key.may_withdraw else []
        none: list[str] = []
        permissions: Json = {
            "ContractTrade": none,
            "Spot": ["SpotTrade"] if key.may_trade else none,
            "Wallet": ["AccountTransfer", *withdraws] if key.may_trade else [*withdraws],
        }
        permissions |= dict.fromkeys(
            ("Options", "Derivatives", "CopyTrading", "BlockTrade", "Exchange", "NFT", "Affiliate"), none
        )
        expires_ns = key.expires_ns or now_ns + KEY_LASTS_NS
        return {
            "id": "1",
            "note": "emulator",
            "apiKey": key.key,
            "readOnly": 0 if key.may_trade else 1,
            "secret": "",
            "permissions": permissions,
            "ips": [*key.addresses] or ["*"],
            "type": 1,
            "deadlineDay": (expires_ns - now_ns) // DAY_NS,
            "expiredAt": _day_text(expires_ns),
            "createdAt": _day_text(key.made_ns),
            "unified": 0,
            "uta": 1,
            "userID": int(key.account) if key.account.isdecimal() else key.account,
            "inviterID": 0,
            "vipLevel": "No VIP",
            "mktMakerLevel": "0",
            "affiliateID": 0,
            "rsaPublicKey": "",
            "isMaster": True,
            "parentUid": "0",
            "kycLevel": "LEVEL_DEFAULT",
            "kycRegion": "",
        }

    def coin_info(self, key: ApiKey, params: Params, now_ns: int) -> Json:
        """Return the coins that are traded; nothing goes in or out here."""
        names = dict.fromkeys(coin for pair in self._coins.values() for coin in pair)
        chain = {"chain": "NONE", "chainType": "NONE", "confirmation": "1", "withdrawFee": "0", "depositMin": "0"}
        chain |= {"withdrawMin": "0", "chainDeposit": "0", "chainWithdraw": "0", "minAccuracy": "8"}
        return {"rows": [{"name": name, "coin": name, "remainAmount": "0", "chains": [chain]} for name in names]}

    def countdown_info(self, key: ApiKey, params: Params, now_ns: int) -> Json:
        """Return that setting; nothing for an account that may not have one."""
        window_s = self._countdown.window_s(key.account)
        infos = [{"product": "SPOT", "dcpStatus": "ON", "timeWindow": str(window_s)}] if window_s else []
        return {"dcpInfos": infos}

    def order_row(self, order: ExchangeOrder) -> Json:
        """Return an order as it stood, with what it had paid by then."""
        return order_row(order, self._fees_paid(order))

    def note(self, trade: Trade) -> None:
        """Remember a fill that is told, so that its order's fees need no search."""
        self._fills.setdefault(trade.order_id, {})[trade.trade_id] = trade
        while len(self._fills) > FILLS_KEPT_MAX:
            del self._fills[next(iter(self._fills))]

    def dollar_values(self) -> dict[str, Decimal]:
        """Return what one coin is worth, as far as a book says."""
        values = dict.fromkeys(DOLLARS, Decimal(1))
        for symbol, (base, quote) in self._coins.items():
            bids, asks = self._venue.desk.venue.books[symbol].top(1)
            if bids and asks and quote in DOLLARS:
                values[base] = (Decimal(bids[0][0]) + Decimal(asks[0][0])) / 2
        return values

    def _fees_paid(self, order: ExchangeOrder) -> dict[str, Decimal]:
        """Return what the fills cost that make up `order.filled`, by coin; later ones do not count."""
        fees: dict[str, Decimal] = {}
        fills, left = self._fills.get(order.order_id, {}), order.filled
        if sum((trade.size for trade in fills.values()), Decimal(0)) < left:
            for trade in self._exchange.trades(order.account, order.symbol, order_id=order.order_id):
                self.note(trade)
            fills = self._fills.get(order.order_id, {})
        for trade_id in sorted(fills):
            if left <= 0:
                break
            trade = fills[trade_id]
            left -= trade.size
            fees[trade.fee_asset] = fees.get(trade.fee_asset, Decimal(0)) + trade.fee
        return fees

    def _asked(self, account: str, params: Params, symbol: str | None, now_ns: int) -> list[ExchangeOrder]:
        """Return the one order asked for; Bybit lists nothing where there is none."""
        names = [read_name({**params, "symbol": each}) for each in ([symbol] if symbol else [*self._coins])]
        found = (self.find(account, name, now_ns) for name in names)
        return [order for order in found if order is not None]

    def _page(self, orders: Sequence[ExchangeOrder], params: Params, *, limit_max: int, default: int) -> Json:
        start, limit = _page_of(params, limit_max=limit_max, default=default)
        newest_first = orders[::-1]
        rows = [self.order_row(order) for order in newest_first[start : start + limit]]
        return _listed(rows, start + limit if start + limit < len(orders) else None)


Query = Callable[[BybitQueries, ApiKey, Params, int], Json]
QUERIES: Final[Mapping[str, Query]] = {
    "order.realtime": BybitQueries.realtime,
    "order.history": BybitQueries.history,
    "execution.list": BybitQueries.executions,
    "account.wallet-balance": BybitQueries.wallet,
    "account.fee-rate": BybitQueries.fee_rates,
    "account.info": BybitQueries.account_info,
    "account.query-dcp-info": BybitQueries.countdown_info,
    "user.query-api": BybitQueries.key_info,
    "asset.coin.query-info": BybitQueries.coin_info,
}


def _span(params: Params) -> tuple[int, int | None]:
    """Return the times asked for, in ns."""
    to_ms = whole(params, "endTime", 0)
    return whole(params, "startTime", 0) * NS_PER_MS, (to_ms + 1) * NS_PER_MS - 1 if to_ms else None


def _page_of(params: Params, *, limit_max: int, default: int) -> tuple[int, int]:
    """Return where the page begins, which its cursor says, and how long it may be."""
    return whole(params, "cursor", 0), min(max(whole(params, "limit", default), 1), limit_max)


def _listed(rows: list[Json], next_start: int | None) -> Json:
    return {"nextPageCursor": "" if next_start is None else str(next_start), "category": CATEGORY, "list": rows}


def _day_text(ts_ns: int) -> str:
    return datetime.fromtimestamp(ts_ns // 1_000_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
