"""Documents of Binance's private side: balances, positions, fees, permissions, accounts, limits.

Sources: USD-M "Futures Account Balance V3", "Position Information V3", "User Commission Rate", "Get Current Position
Mode"; spot "Account information", "Query Commission Rates", "Query Unfilled Order Count"; wallet "Get API Key
Permission".
"""

from decimal import Decimal

from streaming.venues.binance_orders_fields import NS_PER_MS, Fields, each
from streaming.venues.binance_orders_replies import count_of, decimal_of
from streaming.venues.gateway import AccountInfo, Balance, Fees, LimitUse, Permissions, VenuePosition
from streaming.venues.instruments import Instruments
from streaming.venues.limits import binance_stated_uses

PERPETUAL = "perpetual"
HEDGED = "positions are held long and short at once (hedge mode): set one-way mode"


def time_of(document: object, data: bytes) -> int:
    """Return the venue's time in ns."""
    return Fields(document, data).integer("serverTime") * NS_PER_MS


def spot_permissions(document: object, data: bytes) -> Permissions:
    """Return what a key may do, of one for spot."""
    row = Fields(document, data)
    return _permissions(row, may_trade=row.flag("enableSpotAndMarginTrading"))


def usdm_permissions(document: object, data: bytes) -> Permissions:
    """Return what a key may do, of one for futures."""
    row = Fields(document, data)
    return _permissions(row, may_trade=row.flag("enableFutures"))


def _permissions(row: Fields, *, may_trade: bool) -> Permissions:
    expires_ms = row.integer_or("tradingAuthorityExpirationTime")
    return Permissions(
        may_trade=may_trade,
        may_withdraw=row.flag("enableWithdrawals"),
        is_bound_to_address=row.flag("ipRestrict"),
        expires_ns=expires_ms * NS_PER_MS if expires_ms else None,
    )


def order_counts(document: object, data: bytes) -> tuple[LimitUse, ...]:
    """Return the account's counts of orders."""
    return binance_stated_uses([dict(row.row) for row in each(document, data)])


# --- USD-M ---


def usdm_balances(document: object, data: bytes) -> tuple[Balance, ...]:
    """Return wallet balances; orders lock nothing of a wallet, margin is another thing."""
    rows = ((row.text("asset"), decimal_of(row, "balance")) for row in each(document, data))
    return tuple(Balance(asset=asset, free=amount, locked=Decimal(0)) for asset, amount in rows if amount)


def usdm_account(document: object, data: bytes) -> AccountInfo:
    """Return the account's id: the same in every row of its balances."""
    return AccountInfo(account=next((row.text("accountAlias") for row in each(document, data)), ""))


def usdm_mode(document: object, data: bytes) -> AccountInfo:
    """Return what is wrong with how the account holds positions; its id is not told."""
    is_hedged = Fields(document, data).flag("dualSidePosition")
    return AccountInfo(account="", problems=(HEDGED,) if is_hedged else ())


def usdm_positions(document: object, data: bytes, instruments: Instruments) -> tuple[VenuePosition, ...]:
    """Return the positions of our perpetuals, also those of nothing: the venue leaves them out."""
    sizes = {one.symbol: (0, Decimal(0)) for one in instruments.all if one.market_type == PERPETUAL}
    for row in each(document, data):
        symbol = row.text("symbol")
        instrument = instruments.of_symbol(symbol)
        if instrument is not None and symbol in sizes:
            units = count_of(instrument.size_unit, row, "positionAmt")
            before, price = sizes[symbol]  # rows of both sides stand there in hedge mode
            sizes[symbol] = (before + units, decimal_of(row, "entryPrice") if units else price)
    return tuple(
        VenuePosition(symbol=symbol, size_units=units, entry_price=price) for symbol, (units, price) in sizes.items()
    )


def usdm_fees(row: Fields) -> tuple[Fees, ...]:
    """Return the account's rates of one symbol."""
    maker, taker = decimal_of(row, "makerCommissionRate"), decimal_of(row, "takerCommissionRate")
    return (Fees(symbol=row.text("symbol"), maker=maker, taker=taker),)


# --- spot ---


def spot_balances(document: object, data: bytes) -> tuple[Balance, ...]:
    """Return what is held."""
    rows = Fields(document, data).each("balances")
    return tuple(
        balance for balance in (spot_balance(row, "asset", "free", "locked") for row in rows) if _is_held(balance)
    )


def spot_balance(row: Fields, asset: str, free: str, locked: str) -> Balance:
    """Return one balance by the names of its fields."""
    return Balance(asset=row.text(asset), free=decimal_of(row, free), locked=decimal_of(row, locked))


def spot_account(document: object, data: bytes) -> AccountInfo:
    """Return the account's id, and what of it does not fit how we trade."""
    row = Fields(document, data)
    problems = []
    if not row.flag("canTrade"):
        problems.append("the account may not trade: look at its pages for what it lacks")
    if row.text_or("accountType", "SPOT") != "SPOT":
        problems.append(f"account type {row.text('accountType')[:20]!r}: use a key of a spot account")
    return AccountInfo(account=str(row.integer("uid")), problems=tuple(problems))


def spot_fees(row: Fields) -> tuple[Fees, ...]:
    """Return the sums of all commissions of one symbol, without the discount for paying in another asset."""
    parts = [
        row.fields(name) for name in ("standardCommission", "specialCommission", "taxCommission") if name in row.row
    ]
    maker, taker, buyer, seller = (
        sum((Decimal(part.decimal_or(name)) for part in parts), Decimal(0))
        for name in ("maker", "taker", "buyer", "seller")
    )
    dearer = max(buyer, seller)  # which side it will be is not known yet
    return (Fees(symbol=row.text("symbol"), maker=maker + dearer, taker=taker + dearer),)


def _is_held(balance: Balance) -> bool:
    return bool(balance.free or balance.locked)
