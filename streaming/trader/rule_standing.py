"""What the risk rules did so far in a session, and what they measure that stands in records."""

from collections import Counter
from decimal import Decimal

import native
from native.config import JsonObject
from native.risk_tables import risk_rows, watch_rows
from streaming.journal import Outputs
from streaming.trader.rule_measures import RuleMeasures

E8 = Decimal("1e-8")
EXPOSURES = ("equity", "net_exposure", "gross_exposure")


class RuleStanding:
    """Counters by rule, from the journal's beginning on, and the newest equity of each quote currency."""

    def __init__(self) -> None:
        self._refused: Counter[str] = Counter()
        self._tripped: Counter[str] = Counter()
        self._groups: dict[int, JsonObject] = {}
        self.measures = RuleMeasures()

    def note_refused(self, reason: int) -> None:
        """Take an order that was refused by the rule of this code."""
        self._refused[native.enums["RiskRule"][reason]] += 1

    def add(self, outputs: Outputs) -> None:
        """Take in what one drain tells of trips and equity."""
        for trip in outputs["risk_events"]:
            self._tripped[native.enums["WatchRule"][int(trip["rule"])]] += 1
        for row in outputs["equity"]:
            amounts: JsonObject = {name: format(int(row[f"{name}_e8"]) * E8, "f") for name in EXPOSURES}
            self._groups[int(row["quote_group"])] = amounts
        self.measures.add(outputs)

    @property
    def money(self) -> list[JsonObject]:
        """Equity and exposures of each quote currency, decimals as text; empty before the first step with any."""
        return [self._groups[group] for group in sorted(self._groups)]

    def to_json(self) -> JsonObject:
        """Return every rule's counter by name, and money and its marks in each quote currency as decimal text."""
        return {
            "refused_by_rule": {row.name: self._refused[row.name] for row in risk_rows()},
            "tripped_by_rule": {row.name: self._tripped[row.name] for row in watch_rows()},
            "money": [*self.money],
            "marks": [*self.measures.marks()],
        }
