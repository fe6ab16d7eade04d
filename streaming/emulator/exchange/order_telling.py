"""What an emulated venue says of an account's orders and of its money, as events."""

from collections.abc import Mapping
from typing import Protocol

from streaming.emulator.exchange.holder import Holder
from streaming.emulator.exchange.ledger import Booked
from streaming.emulator.exchange.rules import SymbolRules, VenueHabits
from streaming.emulator.exchange.words import AccountEvent, EventKind, ExchangeOrder, OrderKind, Side, Trade, copy_of


class Tell(Protocol):
    """Takes an event of an account; `late_ns`: by how much clients hear it late."""

    def __call__(self, event: AccountEvent, late_ns: int = 0) -> None: ...


class OrderTelling:
    """Makes the events of one venue's accounts."""

    def __init__(
        self, habits: VenueHabits, rules: Mapping[str, SymbolRules], holders: Mapping[str, Holder], tell: Tell
    ) -> None:
        self._habits, self._rules, self._holders, self._tell = habits, rules, holders, tell

    def say(
        self,
        order: ExchangeOrder,
        kind: EventKind,
        ts_ns: int,
        cause: str,
        *,
        trade: Trade | None = None,
        late_ns: int = 0,
    ) -> None:
        """Say what happened to an order, as it stands now."""
        copy = copy_of(order)
        event = AccountEvent(seq=0, kind=kind, account=order.account, ts_ns=ts_ns, order=copy, trade=trade, cause=cause)
        self._tell(event, late_ns)

    def say_locked(self, order: ExchangeOrder, ts_ns: int) -> None:
        """Say what is free and locked of the asset that an order gives away; perpetuals lock nothing."""
        if self._habits.is_perpetual or order.kind is OrderKind.market:
            return
        rules = self._rules[order.symbol]
        paid = rules.quote if order.side is Side.buy else rules.base
        held = self._holders[order.account].ledger.held(paid)
        self._tell(AccountEvent(seq=0, kind=EventKind.balances, account=order.account, ts_ns=ts_ns, held=held))

    def say_money(self, account: str, booked: Booked, ts_ns: int) -> None:
        """Say what a fill did to the account's money."""
        kind = EventKind.balances if booked.position is None else EventKind.position
        self._tell(
            AccountEvent(
                seq=0,
                kind=kind,
                account=account,
                ts_ns=ts_ns,
                held=booked.held,
                position=booked.position,
                cause="match",
            )
        )
