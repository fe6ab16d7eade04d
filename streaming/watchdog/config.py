"""Section `[streaming.watchdog]`: when a silent trader is halted from outside."""

from pydantic import Field

from native.config import Section


class WatchdogSettings(Section):
    """All durations are real ones."""

    limit_ms: int = Field(default=3_000, ge=500)
    """A heartbeat older than this is a trader that hangs: it beats four times a second."""
    patience_ms: int = Field(default=2_000, ge=0)
    """Between SIGTERM and SIGKILL for a trader that hangs."""
