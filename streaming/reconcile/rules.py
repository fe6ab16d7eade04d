"""What follows from each kind of difference, as a table, and what the comparison must know of the venue."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from types import MappingProxyType
from typing import Final

from streaming.reconcile.words import DifferenceKind, Rule
from streaming.venues.client_ids import ClientIds
from streaming.venues.instruments import Instruments

RULES: Final[Mapping[DifferenceKind, Rule]] = MappingProxyType(
    {
        DifferenceKind.missing_fill: Rule.book,
        DifferenceKind.unlisted_fill: Rule.book,
        DifferenceKind.ghost_order: Rule.book,
        DifferenceKind.lost_order: Rule.book,
        DifferenceKind.changed_order: Rule.book,
        DifferenceKind.foreign_order: Rule.cancel,
        DifferenceKind.stranger_order: Rule.tell,
        DifferenceKind.position: Rule.halt,
        DifferenceKind.balance: Rule.tell,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconcileRules:
    """Of one venue."""

    ids: ClientIds
    instruments: Instruments
    table: Mapping[DifferenceKind, Rule] = field(default_factory=lambda: RULES)
    """Kinds that are not in it follow `RULES`. What is known of orders and fills is booked whatever it says."""
    dust: Mapping[str, Decimal] = field(default_factory=lambda: MappingProxyType({}))
    """By asset: what a balance may differ by before it is a difference."""

    def of(self, kind: DifferenceKind) -> Rule:
        """Return what follows from a difference of `kind`."""
        return self.table.get(kind, RULES[kind])
