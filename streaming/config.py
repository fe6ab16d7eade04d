"""Section `[streaming]` of the settings: the trader's own knobs, none of which the engine decides by."""

from typing import Literal

from pydantic import Field

from native.config import Section
from streaming.record_config import RecordConfig


class ReplaySettings(Section):
    """How `trader start --mode replay` stands in for a live trader."""

    forecast_delay_ms: int = Field(default=20, ge=0)
    """A forecast reaches the engine this long after its step closed, whatever this machine needs."""


class StreamingConfig(Section):
    """Section `[streaming]`."""

    mode: Literal["replay", "paper"] = "paper"
    grid: str = "main"
    """Name of the `[[grid]]` that the trader trades on."""
    replay: ReplaySettings = ReplaySettings()
    record: RecordConfig = RecordConfig()
