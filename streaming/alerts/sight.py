"""What the rules look at: everything that is known of the house at one moment. No I/O, no clock."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from pydantic import JsonValue

from native.config import JsonObject
from streaming.alerts.report import Report
from streaming.bus import Severity, TradingEvent
from streaming.bus_view import View

Life = Literal["absent", "running", "ended", "dead", "hanging"]
"""absent: none ever ran here; ended: in order; dead: not in order; hanging: alive, and without a sign of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessSight:
    """A long-lived process as seen from outside."""

    name: str
    life: Life = "absent"
    words: str = ""
    """How that is known."""
    status: JsonObject | None = None
    """The last status document heard of it."""
    status_age_s: float | None = None
    """Since it was heard, on this machine's clock."""

    def fresh(self, age_s_max: float) -> JsonObject | None:
        """Return the status of a running process where it is not old."""
        is_fresh = self.status_age_s is not None and self.status_age_s <= age_s_max
        return self.status if is_fresh and self.life in ("running", "hanging") else None


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftSight:
    """The newest verdict about drift."""

    bundle: str
    level: int
    name: str
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """Everything at one moment."""

    now_ns: int
    """Of the world's clock, UTC."""
    trader: ProcessSight = field(default_factory=lambda: ProcessSight(name="trader"))
    recorder: ProcessSight = field(default_factory=lambda: ProcessSight(name="recorder"))
    latch: str = ""
    """Why the next trader begins halted; empty for none."""
    view: View | None = None
    """The newest, no older than a few seconds."""
    trained_until_ns: int | None = None
    """Of the model that trades: the end of the data that it learned from."""
    drift: DriftSight | None = None
    disk_free_bytes: int | None = None
    disk_place: str = ""
    events: tuple[TradingEvent, ...] = ()
    """Since the sight before."""
    reports: tuple[Report, ...] = ()
    """As events."""
    bus_problem: str = ""
    """Why Redis is not there; empty while it is, or where it is off."""

    @property
    def processes(self) -> tuple[ProcessSight, ProcessSight]:
        """Trader and recorder."""
        return self.trader, self.recorder


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One rule's objection at one moment. Rule and subject are what makes two of them the same."""

    rule: str
    subject: str = ""
    severity: Severity
    title: str
    words: str = ""
    """Figures, and what to do next."""
    process: str = ""
    """Whose status tells it; while that is not to be had, the alert neither goes on nor is over."""
    events: int = 0
    """How often it has happened since the last look; 0 for what lasts."""


def number_at(document: JsonObject | None, *path: str) -> float | None:
    """Return a number in a document of another process, None where there is none."""
    found = value_at(document, *path)
    return float(found) if isinstance(found, int | float) and not isinstance(found, bool) else None


def text_at(document: JsonObject | None, *path: str) -> str:
    """Return a text in a document of another process, empty where there is none."""
    found = value_at(document, *path)
    return found if isinstance(found, str) else ""


def value_at(document: JsonObject | None, *path: str) -> JsonValue:
    """Return what stands at `path`, None where a part of it is missing."""
    found: JsonValue = document
    for name in path:
        if not isinstance(found, dict):
            return None
        found = found.get(name)
    return found


def rows_at(document: JsonObject | None, *path: str) -> Iterator[JsonObject]:
    """Yield the objects of a list in a document of another process."""
    found = value_at(document, *path)
    for row in found if isinstance(found, list) else ():
        if isinstance(row, dict):
            yield row


def names_at(document: JsonObject | None, *path: str) -> tuple[str, ...]:
    """Return the texts of a list in a document of another process."""
    found = value_at(document, *path)
    return tuple(name for name in found if isinstance(name, str)) if isinstance(found, list) else ()
