"""Bybit's dead-man's switch: every order of an account is cancelled when its private connections have been gone.

v5 "Set Disconnect Cancel All": institutional accounts alone may have it; only connections that subscribed a topic `dcp`
count, and a setting takes some seconds to hold.
"""

from dataclasses import dataclass
from typing import Final

from streaming.emulator.exchange.exchange import Exchange
from streaming.emulator.orders_bybit.errors import DENIED, PARAMS, BybitError
from streaming.emulator.session import NEVER_NS, NS_PER_S

PRODUCTS: Final = ("OPTIONS", "DERIVATIVES", "SPOT")
WINDOW_S_MIN, WINDOW_S_MAX = 3, 300
HOLDS_AFTER_NS: Final = 10 * NS_PER_S


@dataclass(slots=True)
class _Switch:
    window_s: int = 0
    """0 until one is set."""
    ts_holds_ns: int = 0
    connections: int = 0
    ts_gone_ns: int = NEVER_NS
    """When the last connection went; NEVER_NS while one is there, none ever was, or it has fired."""

    def due_ns(self) -> int:
        if not self.window_s or self.ts_gone_ns == NEVER_NS:
            return NEVER_NS
        return max(self.ts_gone_ns, self.ts_holds_ns) + self.window_s * NS_PER_S


class Countdown:
    """The switches of all accounts that may have one."""

    def __init__(self, exchange: Exchange, institutions: frozenset[str]) -> None:
        self._exchange = exchange
        self._switches = {account: _Switch() for account in institutions}

    def set(self, account: str, product: object, window_s: object, now_ns: int) -> None:
        """Set an account's window; BybitError where it may not have one or the window is out of range."""
        if product not in PRODUCTS or not isinstance(window_s, int) or not WINDOW_S_MIN <= window_s <= WINDOW_S_MAX:
            raise BybitError(PARAMS, f"params error: timeWindow must be {WINDOW_S_MIN} to {WINDOW_S_MAX}.")
        switch = self._switches.get(account)
        if switch is None:
            raise BybitError(DENIED, "Permission denied, please check your API key permissions.")
        if product == "SPOT":
            switch.window_s, switch.ts_holds_ns = window_s, now_ns + HOLDS_AFTER_NS

    def window_s(self, account: str) -> int:
        """Return the window in seconds, 0 where there is none."""
        switch = self._switches.get(account)
        return switch.window_s if switch is not None else 0

    def join(self, account: str) -> None:
        """Count a connection that subscribed the topic."""
        switch = self._switches.get(account)
        if switch is not None:
            switch.connections, switch.ts_gone_ns = switch.connections + 1, NEVER_NS

    def leave(self, account: str, now_ns: int) -> None:
        """Take back what `join` counted."""
        switch = self._switches.get(account)
        if switch is None or not switch.connections:
            return
        switch.connections -= 1
        if not switch.connections:
            switch.ts_gone_ns = now_ns

    def next_due_ns(self) -> int:
        """Return when a switch fires."""
        return min((switch.due_ns() for switch in self._switches.values()), default=NEVER_NS)

    def advance(self, now_ns: int) -> None:
        """Cancel the orders of accounts that have been gone too long."""
        for account, switch in self._switches.items():
            if switch.due_ns() <= now_ns:
                switch.ts_gone_ns = NEVER_NS
                self._exchange.cancel_all(account, None, now_ns, cause="countdown")
