"""Section `[native.execution]`: how wishes reach a venue. The styles are described in the head of `lob/execution.hpp`.

Without this section every order is what it was before there was one: taken whole, quotes replaced by cancel and new.
Where orders go to a venue the core takes its own resting size off the books that strategies see and keeps out of its
own way; both can be said here.
"""

from typing import Literal

from pydantic import Field

from native.section import NS_PER_MS, JsonObject, Section

ExecutionStyle = Literal["take", "passive_then_aggressive", "twap"]
WAIT_MAX_MS = 3_600_000


class SlicingSettings(Section):
    """How one strategy's targets are reached."""

    style: ExecutionStyle = "take"
    patience_ms: int = Field(default=2_000, gt=0, le=WAIT_MAX_MS)
    """Of `passive_then_aggressive`: how long an order rests before the remainder is taken."""
    interval_ms: int = Field(default=1_000, gt=0, le=WAIT_MAX_MS)
    """Of `twap`: time between two slices."""
    slices: int = Field(default=10, ge=1, le=10_000)
    """Of `twap`: how many."""
    fill_or_kill: bool = False
    """What takes fills whole or not at all, instead of as far as it can."""


class ExecutionSettings(SlicingSettings):
    """The same of all strategies, and how orders are written."""

    amend: bool = False
    """A quote that moves is amended where the venue keeps its id, instead of cancelled and placed anew."""
    own_size_in_book: bool | None = None
    """Books hold our resting size, so strategies are shown them without it. None: where orders go to a venue."""
    self_trade: Literal["allow", "refuse", "cancel"] | None = None
    """What becomes of an order that would match a resting one of ours: it leaves; it is refused; it is refused and the
    resting one cancelled. None: `cancel` where orders go to a venue, else `allow`."""
    reduce_only: bool = False
    """Orders of perpetuals that take and only close are marked so that the venue lets them do nothing else."""
    close_at_market: bool = False
    """Orders that flatten are market orders."""
    strategies: dict[str, SlicingSettings] = Field(default_factory=dict)
    """By strategy name, in place of what stands above."""


def execution_section(settings: ExecutionSettings) -> JsonObject:
    """Return what the engine's document says of execution: nothing where the settings say nothing."""
    section = _in_ns(settings.model_dump(mode="json", exclude_none=True, exclude_defaults=True, exclude={"strategies"}))
    by_strategy: JsonObject = {
        name: _in_ns(strategy.model_dump(mode="json", exclude_unset=True))
        for name, strategy in settings.strategies.items()
    }
    if by_strategy:
        section["strategies"] = by_strategy
    return {"execution": section} if section else {}


def _in_ns(section: JsonObject) -> JsonObject:
    document: JsonObject = {}
    for key, value in section.items():
        if key.endswith("_ms") and isinstance(value, int):
            document[f"{key.removesuffix('_ms')}_ns"] = value * NS_PER_MS
        else:
            document[key] = value
    return document
