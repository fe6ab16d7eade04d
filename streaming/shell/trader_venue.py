"""A venue that a trader hears, and what it does when the venue's own listing changes while it trades.

Tick and size unit stand in the journal's header: a session cannot take others. So a venue that changes them halts
trading, aloud; the operator ends the session and begins a new one. An instrument that the venue does not trade for a
while rests, and the others go on.
"""

from collections.abc import Callable

from native.config import JsonObject
from streaming.recorder.link import OPEN_STATES
from streaming.recorder.plan import VenuePlan, rules_changes
from streaming.recorder.tape import FrameTape
from streaming.shell.venue_client import ExchangeInfo, VenueClient


class TraderVenue:
    """A `VenueClient` and what is known of its instruments."""

    def __init__(
        self, client: VenueClient, say: Callable[[str], None], on_rules_changed: Callable[[str], None]
    ) -> None:
        self.client = client
        self._say = say
        self._on_rules_changed = on_rules_changed
        self._plan: VenuePlan | None = None
        self.rules_changed = ""

    @property
    def name(self) -> str:
        """The venue's word."""
        return self.client.target.dialect.venue

    def start(self, plan: VenuePlan, tape: FrameTape, info: ExchangeInfo) -> None:
        """Begin to connect."""
        self._plan = plan
        self.client.start(plan, tape, info, self._on_listing)

    def to_json(self) -> JsonObject:
        """Return the venue's part of the status."""
        core = self.client.core
        document: JsonObject = {"venue": self.name, "rules_changed": self.rules_changed}
        if core is None:
            nothing: JsonObject = {"is_connected": False, "lag_ms": None, "is_synced": False, "waiting_for": []}
            return {**document, **nothing, "connections_lost": 0, "last_problem": ""}
        waiting, lines = [name for name, _ in core.unsynced()], core.lines.counts
        return {
            **document,
            "is_connected": all(line.link.state in OPEN_STATES for line in core.lines.lines),
            "lag_ms": self.client.lag_ms(),
            "is_synced": not waiting,
            "waiting_for": [*waiting],
            "resting": [*core.resting()],
            "connections_lost": lines.lost,
            "stalls": lines.stalled,
            "snapshots": core.counts.snapshots,
            "rest_failures": core.counts.rest_failures,
            "last_problem": lines.last_loss or core.counts.last_rest_problem,
        }

    def _on_listing(self, info: ExchangeInfo) -> None:
        """Compare what the venue lists now with what the session's header says."""
        core, plan, listed = self.client.core, self._plan, info.listed
        assert core is not None and plan is not None, "it was started"
        changes = rules_changes(plan.header, {symbol: item.rules for symbol, item in listed.listings.items()})
        if changes and not self.rules_changed:
            self.rules_changed = "; ".join(changes)
            self._on_rules_changed(f"{self.name} changed its rules: {self.rules_changed}")
        before = core.resting()
        core.set_listed(listed.trading, listed.halted)
        for name in core.resting():
            if name not in before:
                self._say(f"{name}: the venue does not trade it now; the others are traded on")
        for name in before:
            if name not in core.resting():
                self._say(f"{name}: the venue trades it again")
