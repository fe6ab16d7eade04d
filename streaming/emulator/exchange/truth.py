"""What is so at an emulated venue, whatever its clients were told: the judge of tests."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from decimal import Decimal
from enum import Enum
from typing import cast

from pydantic import JsonValue

from native.config import JsonObject
from streaming.emulator.exchange.words import ExchangeOrder, Held, PerpetualPosition, Trade


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountTruth:
    """One account at one moment."""

    account: str
    ts_ns: int
    balances: tuple[Held, ...]
    positions: tuple[PerpetualPosition, ...]
    orders: tuple[ExchangeOrder, ...]
    """All that are kept, oldest first."""
    trades: tuple[Trade, ...]
    funding_paid: Decimal
    seq: int
    """Of the account's last event."""

    @property
    def open_orders(self) -> tuple[ExchangeOrder, ...]:
        """Return those that rest."""
        return tuple(order for order in self.orders if order.is_open)

    def to_json(self) -> JsonObject:
        """Return it with decimals as text."""
        return {name: _plain(value) for name, value in asdict(self).items()}


def _plain(value: object) -> JsonValue:
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, Mapping):
        return {str(name): _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return cast(JsonValue, value)
