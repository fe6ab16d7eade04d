"""What a paper trader is asked to do, and what it has to say at its end."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from native.config import GridConfig, JsonObject
from streaming.record_config import RecordConfig
from streaming.session_tables import LandedSession
from streaming.settings import Settings
from streaming.shell.clock import Clock
from streaming.shell.inference import Load
from streaming.shell.trader_model import FirstModel
from streaming.trader.modes import Mode
from streaming.watchdog.config import WatchdogSettings

if TYPE_CHECKING:
    from streaming.shell.live_access import LiveAccess


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperRequest:
    """What to trade, with what, and for how long."""

    settings: Settings
    grid: GridConfig
    config: RecordConfig
    """Addresses and patience."""
    clock: Clock
    model: FirstModel | None
    """None: no forecast is made; strategies that need none trade."""
    load: Load
    """Opens the bundle of a hash, for models that come later."""
    span_ns: int | None = None
    """Of the shared clock, from the moment at which the venues are being heard; None: until told to end."""
    is_new_session: bool = False
    """Seal what an interrupted session left, instead of going on with it."""
    mode: Mode = Mode.paper
    access: "LiveAccess | None" = None
    """To the accounts; None in mode paper alone."""
    progress_s: float = 1.0
    watchdog: WatchdogSettings | None = None
    """Who halts us when our heart stops; None: nobody is started."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperSummary:
    """A session that was sealed and whose tables stand in the lake."""

    journal: Path
    landed: LandedSession
    status: JsonObject
    """The last status; see `trader_meters.status_document`."""
    exit_code: int = 0
    """1 when a live session's end was not confirmed in all; `unconfirmed` says what."""
    unconfirmed: tuple[str, ...] = ()

    def to_json(self) -> JsonObject:
        """Return it as one JSON object."""
        landed: JsonObject = {
            "steps": self.landed.steps,
            "identical": self.landed.identical,
            "rows": {**self.landed.rows},
        }
        return {**self.status, "journal": str(self.journal), "landed": landed}
