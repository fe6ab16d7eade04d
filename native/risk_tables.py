"""The core's tables of rules and trading states as typed rows."""

from typing import NamedTuple

import native


class RiskRow(NamedTuple):
    """One pre-trade rule, asked of every order in the order of the table."""

    number: int
    """Reason code in `decisions` and `order_events`."""
    name: str
    formula: str
    """What must hold."""
    unit: str
    limit: str
    """Key of the limit below `native`, empty where the rule has none."""
    asked_of: str
    is_always_on: bool
    """Cannot be switched off."""


class WatchRow(NamedTuple):
    """One rule that looks once a closed step."""

    number: int
    """Reason code in `risk_events`."""
    name: str
    formula: str
    """When it trips."""
    unit: str
    limit: str
    """Keys below `native.risk.watch`, with commas between; any one of them switches the rule on."""
    action: str
    """Unless the settings say otherwise."""
    is_of_slot: bool
    """Watches one instrument, so that it can close one."""
    trigger: str
    """What a change of the trading state is put down to."""

    @property
    def limits(self) -> tuple[str, ...]:
        """The keys, one by one."""
        return tuple(self.limit.split(", "))


class TradingCell(NamedTuple):
    """One cell of the table of trading states."""

    state: str
    op: str
    to: str | None
    """None where the operation is refused."""


class OrderCell(NamedTuple):
    """One cell of the table of order states."""

    state: str
    trigger: str
    to: str | None
    """None where the reply does not fit; the same state where it tells nothing new. `open` is partially_filled where
    something has filled."""


def risk_rows() -> tuple[RiskRow, ...]:
    """Return the pre-trade rules in the order in which they are asked."""
    return tuple(RiskRow(*row) for row in native.risk_rules())


def watch_rows() -> tuple[WatchRow, ...]:
    """Return the watch rules in the order in which they look."""
    return tuple(WatchRow(*row) for row in native.watch_rules())


def trading_cells() -> tuple[TradingCell, ...]:
    """Return the table of trading states, state by state."""
    return tuple(TradingCell(*row) for row in native.trading_table())


def order_cells() -> tuple[OrderCell, ...]:
    """Return the table of order states, state by state."""
    return tuple(OrderCell(*row) for row in native.order_table())
