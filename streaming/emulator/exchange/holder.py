"""Who holds what at one emulated venue."""

from dataclasses import dataclass

from streaming.emulator.exchange.accounts import Account
from streaming.emulator.exchange.ledger import Ledger


@dataclass(frozen=True, slots=True)
class Holder:
    """An account with its money."""

    account: Account
    ledger: Ledger
