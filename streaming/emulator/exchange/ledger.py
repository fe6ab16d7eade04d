"""What accounts hold, exactly: coins on spot; wallet, positions and margin of perpetuals.

Every amount is a `Decimal` of at most about 25 digits, far below the precision of the context that is used here, so
nothing is ever rounded but fees (to eight decimals, against the client) and shares of an entry's cost (to twelve).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import ROUND_CEILING, ROUND_HALF_EVEN, Decimal
from typing import Protocol

from streaming.emulator.exchange.accounts import FeeRates
from streaming.emulator.exchange.rules import SymbolRules
from streaming.emulator.exchange.words import (
    ExchangeOrder,
    Held,
    PerpetualPosition,
    Refusal,
    RefusedError,
    Side,
)

ZERO = Decimal(0)
FEE_STEP, COST_STEP = Decimal("1e-8"), Decimal("1e-12")
LEVERAGE = 20
"""Of every perpetual position."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Booked:
    """What a fill did to an account's money."""

    fee: Decimal
    fee_asset: str
    realised: Decimal = ZERO
    held: tuple[Held, ...] = ()
    """Balances that changed, as they are now."""
    position: PerpetualPosition | None = None


class Ledger(Protocol):
    """The money of one account."""

    @property
    def is_exposed(self) -> bool:
        """Tell whether a perpetual position is open."""
        ...

    def reserve(self, order: ExchangeOrder, rules: SymbolRules, mark: Decimal | None) -> None:
        """Set aside what an open order may cost; RefusedError when it is not there."""
        ...

    def release(self, order: ExchangeOrder, rules: SymbolRules) -> None:
        """Free what is still set aside for an order."""
        ...

    def fill(
        self, order: ExchangeOrder, rules: SymbolRules, price: Decimal, size: Decimal, fees: FeeRates, *, is_maker: bool
    ) -> Booked:
        """Book a fill."""
        ...

    def held(self, asset: str | None = None) -> tuple[Held, ...]:
        """Return what is held, of one asset or of all."""
        ...


@dataclass(slots=True)
class Purse:
    """Coins by asset: free ones, and those that open orders may need."""

    free: dict[str, Decimal] = field(default_factory=dict)
    locked: dict[str, Decimal] = field(default_factory=dict)

    def of(self, asset: str) -> Decimal:
        """Return what is free."""
        return self.free.get(asset, ZERO)

    def add(self, asset: str, amount: Decimal) -> None:
        """Change what is free."""
        self.free[asset] = self.of(asset) + amount

    def lock(self, asset: str, amount: Decimal) -> None:
        """Move free coins to the locked ones; a negative amount moves them back."""
        self.add(asset, -amount)
        self.locked[asset] = self.locked.get(asset, ZERO) + amount

    def held(self, asset: str) -> Held:
        """Return both."""
        return Held(asset=asset, free=self.of(asset), locked=self.locked.get(asset, ZERO))


def fee_of(
    purse: Purse, notional: Decimal, usual: tuple[str, Decimal], fees: FeeRates, *, is_maker: bool
) -> tuple[Decimal, str]:
    """Return the fee of a fill and its asset. `usual`: asset and amount that it is a share of without a third asset."""
    rate = fees.maker if is_maker else fees.taker
    if fees.asset:
        fee = (notional * rate / fees.asset_price).quantize(FEE_STEP, ROUND_CEILING)
        if purse.of(fees.asset) >= fee:
            return fee, fees.asset
    asset, amount = usual
    return (amount * rate).quantize(FEE_STEP, ROUND_CEILING), asset


class SpotLedger:
    """Coins of an account on a spot venue."""

    def __init__(self, held: Mapping[str, Decimal], *, inverts_rebates: bool) -> None:
        self.purse = Purse(free=dict(held))
        self._inverts_rebates = inverts_rebates
        self._reserved: dict[int, Decimal] = {}
        """By order: what is locked for it."""

    @property
    def is_exposed(self) -> bool:
        """Tell that no perpetual position is open."""
        return False

    def reserve(self, order: ExchangeOrder, rules: SymbolRules, mark: Decimal | None) -> None:
        """Lock quote for a buy at its limit, base for a sell; market orders lock nothing, what they take they pay."""
        asset, wanted = self._wanted(order, rules)
        extra = wanted - self._reserved.get(order.order_id, ZERO)
        if extra > self.purse.of(asset):
            raise RefusedError(Refusal.balance)
        self.purse.lock(asset, extra)
        self._reserved[order.order_id] = wanted

    def release(self, order: ExchangeOrder, rules: SymbolRules) -> None:
        """Unlock what is still locked for an order."""
        left = self._reserved.pop(order.order_id, ZERO)
        self.purse.lock(rules.quote if order.side is Side.buy else rules.base, -left)

    def fill(
        self, order: ExchangeOrder, rules: SymbolRules, price: Decimal, size: Decimal, fees: FeeRates, *, is_maker: bool
    ) -> Booked:
        """Exchange base and quote; the fee is taken of what is received."""
        notional, is_buy = price * size, order.side is Side.buy
        paid, received = (rules.quote, rules.base) if is_buy else (rules.base, rules.quote)
        self._unlock(order, paid, size)
        self.purse.add(paid, -(notional if is_buy else size))
        amount = size if is_buy else notional
        self.purse.add(received, amount)
        is_inverted = self._inverts_rebates and is_maker and fees.maker < 0
        usual = (paid, notional if is_buy else size) if is_inverted else (received, amount)
        fee, fee_asset = fee_of(self.purse, notional, usual, fees, is_maker=is_maker)
        self.purse.add(fee_asset, -fee)
        changed = dict.fromkeys((rules.base, rules.quote, fee_asset))
        return Booked(fee=fee, fee_asset=fee_asset, held=tuple(self.purse.held(asset) for asset in changed))

    def held(self, asset: str | None = None) -> tuple[Held, ...]:
        """Return what is held, of one asset or of all that were ever held."""
        return tuple(self.purse.held(each) for each in self.purse.free if asset in (None, each))

    def _wanted(self, order: ExchangeOrder, rules: SymbolRules) -> tuple[str, Decimal]:
        left = order.size - order.filled
        if order.side is Side.sell:
            return rules.base, left
        return rules.quote, order.price * left

    def _unlock(self, order: ExchangeOrder, asset: str, size: Decimal) -> None:
        """Unlock what was set aside for `size` of an order; its limit may be worse than the fill."""
        share = size if order.side is Side.sell else order.price * size
        reserved = self._reserved.get(order.order_id, ZERO)
        share = min(share, reserved)
        self._reserved[order.order_id] = reserved - share
        self.purse.lock(asset, -share)


@dataclass(slots=True)
class _Holding:
    size: Decimal = ZERO
    cost: Decimal = ZERO
    """What the present size was bought for; negative of a short position."""
    realised: Decimal = ZERO


class PerpetualLedger:
    """Wallet and one-way positions of an account on a perpetuals' venue, cross margin."""

    def __init__(self, held: Mapping[str, Decimal]) -> None:
        self.purse = Purse(free=dict(held))
        """Wallets: nothing is locked here, margin is reckoned when it is asked for."""
        self._holdings: dict[str, _Holding] = {}
        self._quotes: dict[str, str] = {}
        """By symbol."""
        self._marks: dict[str, Decimal] = {}
        self._open: dict[int, tuple[ExchangeOrder, SymbolRules]] = {}

    @property
    def is_exposed(self) -> bool:
        """Tell whether a position is open."""
        return any(holding.size for holding in self._holdings.values())

    def reserve(self, order: ExchangeOrder, rules: SymbolRules, mark: Decimal | None) -> None:
        """Refuse an order whose exposure the wallet does not carry; reduce-only orders need no margin."""
        self._quotes[rules.symbol] = rules.quote
        if mark is not None:
            self._marks[rules.symbol] = mark
        before = self._open.get(order.order_id)
        needed_before = self.margin(rules.quote)
        self._open[order.order_id] = (order, rules)
        needed = self.margin(rules.quote)
        if order.is_reduce_only or needed <= needed_before or needed <= self._equity(rules.quote):
            return
        if before is None:
            del self._open[order.order_id]
        else:
            self._open[order.order_id] = before
        raise RefusedError(Refusal.margin)

    def release(self, order: ExchangeOrder, rules: SymbolRules) -> None:
        """Forget an order that is open no more."""
        self._open.pop(order.order_id, None)

    def fill(
        self, order: ExchangeOrder, rules: SymbolRules, price: Decimal, size: Decimal, fees: FeeRates, *, is_maker: bool
    ) -> Booked:
        """Change the position, and the wallet by what that realised and by the fee."""
        signed = size if order.side is Side.buy else -size
        realised = self._change(self._holdings.setdefault(rules.symbol, _Holding()), signed, price)
        notional = price * size
        fee, fee_asset = fee_of(self.purse, notional, (rules.quote, notional), fees, is_maker=is_maker)
        self.purse.add(rules.quote, realised)
        self.purse.add(fee_asset, -fee)
        changed = dict.fromkeys((rules.quote, fee_asset))
        return Booked(
            fee=fee,
            fee_asset=fee_asset,
            realised=realised,
            held=tuple(self._held(asset) for asset in changed),
            position=self.position(rules.symbol),
        )

    def pay_funding(self, rules: SymbolRules, mark: Decimal, rate: Decimal) -> Decimal:
        """Pay funding of one position; return what was paid, negative where it was received."""
        amount = (self._holdings[rules.symbol].size * mark * rate).quantize(FEE_STEP, ROUND_CEILING)
        self.purse.add(rules.quote, -amount)
        return amount

    def held(self, asset: str | None = None) -> tuple[Held, ...]:
        """Return wallets; what margin needs of them counts as locked."""
        return tuple(self._held(each) for each in self.purse.free if asset in (None, each))

    def wallet(self, asset: str) -> Decimal:
        """Return the wallet's balance."""
        return self.purse.of(asset)

    def margin(self, quote: str) -> Decimal:
        """Return the initial margin of positions and open orders that are counted in `quote`."""
        symbols = [symbol for symbol, counted_in in self._quotes.items() if counted_in == quote]
        return sum((self._symbol_margin(symbol) for symbol in symbols), ZERO)

    def position(self, symbol: str) -> PerpetualPosition:
        """Return a position, flat where none was opened."""
        holding = self._holdings.get(symbol, _Holding())
        entry = holding.cost / holding.size if holding.size else ZERO
        return PerpetualPosition(
            symbol=symbol,
            size=holding.size,
            entry_price=entry.quantize(FEE_STEP, ROUND_HALF_EVEN),
            realised=holding.realised,
        )

    def positions(self) -> tuple[PerpetualPosition, ...]:
        """Return all that were ever opened."""
        return tuple(self.position(symbol) for symbol in self._holdings)

    def unrealised(self, symbol: str, mark: Decimal) -> Decimal:
        """Return a position's profit at the mark."""
        holding = self._holdings.get(symbol, _Holding())
        return holding.size * mark - holding.cost

    def _change(self, holding: _Holding, signed: Decimal, price: Decimal) -> Decimal:
        """Apply a fill of signed size; return the profit of what it closed."""
        closed = min(abs(signed), abs(holding.size)) if signed * holding.size < 0 else ZERO
        realised = ZERO
        if closed:
            share = holding.cost * closed / abs(holding.size)
            share = holding.cost if closed == abs(holding.size) else share.quantize(COST_STEP)
            gone = closed if holding.size > 0 else -closed
            realised = gone * price - share
            holding.size -= gone
            holding.cost -= share
            signed += gone
        holding.size += signed
        holding.cost += signed * price
        holding.realised += realised
        return realised

    def _equity(self, quote: str) -> Decimal:
        marks = [(symbol, mark) for symbol, mark in self._marks.items() if self._quotes[symbol] == quote]
        return self.purse.of(quote) + sum((self.unrealised(symbol, mark) for symbol, mark in marks), ZERO)

    def _symbol_margin(self, symbol: str) -> Decimal:
        size = self._holdings.get(symbol, _Holding()).size
        own = [order for order, rules in self._open.values() if rules.symbol == symbol and not order.is_reduce_only]
        buys = sum((order.size - order.filled for order in own if order.side is Side.buy), ZERO)
        sells = sum((order.size - order.filled for order in own if order.side is Side.sell), ZERO)
        worst = max(abs(size + buys), abs(size - sells), abs(size))
        return worst * self._marks.get(symbol, ZERO) / LEVERAGE

    def _held(self, asset: str) -> Held:
        wallet = self.purse.of(asset)
        locked = min(self.margin(asset), wallet) if wallet > 0 else ZERO
        return Held(asset=asset, free=wallet - locked, locked=locked)
