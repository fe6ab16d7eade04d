"""Funding of an emulated perpetuals' venue: at 00, 08 and 16 h UTC holders exchange a share of their positions."""

from collections.abc import Callable, Mapping
from decimal import Decimal

from streaming.emulator.binance_views import FUNDING_EVERY_MS, FUNDING_RATE
from streaming.emulator.exchange.holder import Holder
from streaming.emulator.exchange.ledger import PerpetualLedger
from streaming.emulator.exchange.order_faults import NS_PER_MS
from streaming.emulator.exchange.rules import SymbolRules
from streaming.emulator.exchange.words import AccountEvent, EventKind
from streaming.emulator.session import NEVER_NS

EVERY_NS = FUNDING_EVERY_MS * NS_PER_MS


class Funding:
    """Of one venue; on spot nobody has a position, and nothing is ever due."""

    def __init__(
        self,
        holders: Mapping[str, Holder],
        rules: Mapping[str, SymbolRules],
        mark: Callable[[str], Decimal | None],
        tell: Callable[[AccountEvent], None],
    ) -> None:
        self._holders, self._rules, self._mark, self._tell = holders, rules, mark, tell
        self._done_ns = 0
        """The last funding time that is done with, or when the first account was opened."""

    def next_due_ns(self) -> int:
        """Return the next funding time while somebody has a position."""
        is_exposed = any(holder.ledger.is_exposed for holder in self._holders.values())
        return self._next_ns() if is_exposed else NEVER_NS

    def charge_until(self, ts_ns: int) -> None:
        """Charge every funding time until now, at the mark as it stands."""
        self._done_ns = self._done_ns or ts_ns
        while (due_ns := self._next_ns()) <= ts_ns:
            self._done_ns = due_ns
            for account, holder in self._holders.items():
                if isinstance(holder.ledger, PerpetualLedger):
                    self._charge(account, holder.ledger, due_ns)

    def _next_ns(self) -> int:
        return (self._done_ns // EVERY_NS + 1) * EVERY_NS

    def _charge(self, account: str, ledger: PerpetualLedger, due_ns: int) -> None:
        for position in ledger.positions():
            mark, rules = self._mark(position.symbol), self._rules[position.symbol]
            if not position.size or mark is None:
                continue
            paid = ledger.pay_funding(rules, mark, Decimal(FUNDING_RATE))
            self._tell(
                AccountEvent(
                    seq=0,
                    kind=EventKind.funding,
                    account=account,
                    ts_ns=due_ns,
                    held=ledger.held(rules.quote),
                    position=position,
                    amount=paid,
                    cause="funding",
                )
            )
