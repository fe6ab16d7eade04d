"""Section `[streaming.view]`: what windows are shown of a running trader."""

from pydantic import Field

from native.config import Section


class ViewSettings(Section):
    """How often a view is told to the bus, and how much of each market stands in it."""

    interval_ms: int = Field(default=180, ge=20, le=10_000)
    """Real ms from view to view."""
    levels: int = Field(default=10, ge=1, le=50)
    """Of each side of a book."""
    prints: int = Field(default=12, ge=0, le=50)
    """Newest public trades of each instrument."""
