"""The way of one order: which of the newest is chosen, and its stages as rows. No I/O."""

from collections.abc import Mapping
from typing import Final

from pydantic import JsonValue

from dashboards.board import Align
from dashboards.clocks import market_time
from dashboards.performance.stages import duration
from dashboards.snapshot import Document

Row = list[JsonValue]
Way = Mapping[str, JsonValue]
NEWEST, SLOWEST = "newest", "slowest"
CHOICES: Final = {NEWEST: "the newest that was answered", SLOWEST: "the slowest of the newest 20"}
MEANINGS: Final = {
    "receive": ("Receive", "read from the socket, until the engine was given it"),
    "engine": ("Engine", "decode, book, features of all slots, strategies that decide on a step"),
    "journal": ("Journal", "hash of what came out, the journal handed to the operating system"),
    "window": ("Window", "the model's window made ready"),
    "queue": ("Queue", "waiting for the model's thread"),
    "inference": ("Model", "the model itself"),
    "hand_back": ("Hand back", "from the model's thread to the event loop"),
    "strategy": ("Strategy", "a strategy outside of the core being asked"),
    "decision": ("Decision", "forecast or wishes through engine and risk, until the venue has the orders"),
    "send_to_ack": ("Send to ack", "to the venue and back"),
}
STAGE_COLUMNS: Final[tuple[str | tuple[str, Align], ...]] = ("Stage", ("Began after", "right"), ("Took", "right"))
ORDER_COLUMNS: Final[tuple[str | tuple[str, Align], ...]] = (
    "Order",
    "Sent, UTC",
    "Instrument",
    "Side",
    "Strategy",
    "State",
    ("In all", "right"),
)


class ChosenWay:
    """Which order is looked at; one that was asked for is kept when newer ones push it out of the status."""

    def __init__(self, number: str) -> None:
        """`number` is the order that a link named; empty for none."""
        self.choice = NEWEST
        self.number = number
        self._kept: Way | None = None
        self.problem = ""
        """Why the order that was asked for is not shown."""

    @property
    def is_wanted(self) -> bool:
        """Whether the trader is to be asked for the order: a link named it, and it was not told of yet."""
        return bool(self.number) and self._kept is None and not self.problem

    def keep(self, way: Way) -> None:
        """Take the way of the order that was asked for."""
        self._kept = way

    def choose(self, choice: str) -> None:
        """Look at the newest or the slowest from now on."""
        if choice in CHOICES:
            self.choice, self.number, self._kept, self.problem = choice, "", None, ""

    def of(self, status: Document | None) -> Way | None:
        """Return the way to show; None where there is none."""
        ways = ways_of(status)
        if self.number:
            found = next((way for way in ways if way.get("client_order_id") == self.number), None)
            self._kept = found or self._kept
            return self._kept
        answered = [way for way in ways if way.get("is_answered")]
        if not answered:
            return None
        return max(answered, key=total_us) if self.choice == SLOWEST else answered[0]


def ways_of(status: Document | None) -> list[Way]:
    """Return the ways of the newest orders, newest first."""
    found = None if status is None else status.get("waterfalls")
    return [way for way in found if isinstance(way, dict)] if isinstance(found, list) else []


def total_us(way: Way) -> float:
    """Return how long a way was."""
    found = way.get("total_us")
    return float(found) if isinstance(found, int | float) else 0.0


def stages_of(way: Way | None) -> list[tuple[str, float, float]]:
    """Return name, begin and duration in microseconds of each stage."""
    told = None if way is None else way.get("stages")
    found = []
    for stage in told if isinstance(told, list) else ():
        if isinstance(stage, dict):
            begin, took = stage.get("begin_us"), stage.get("took_us")
            if isinstance(begin, int | float) and isinstance(took, int | float):
                found.append((str(stage.get("stage")), float(begin), float(took)))
    return found


def stage_rows(way: Way | None) -> tuple[list[Row], list[str]]:
    """Return a row a stage and its name."""
    stages = stages_of(way)
    rows: list[Row] = [
        [{"text": words(name)[0], "title": words(name)[1]}, duration(begin), duration(took)]
        for name, begin, took in stages
    ]
    return rows, [name for name, _, _ in stages]


def words(stage: str) -> tuple[str, str]:
    """Return a stage's name and meaning for people."""
    return MEANINGS.get(stage, (stage, ""))


def order_rows(status: Document | None, chosen: Way | None) -> tuple[list[Row], list[str]]:
    """Return a row an order and its number; each leads to its way."""
    ways = ways_of(status)
    return [_order_row(way, is_chosen=way is chosen) for way in ways], [str(way.get("client_order_id")) for way in ways]


def _order_row(way: Way, *, is_chosen: bool) -> Row:
    number, sent = str(way.get("client_order_id")), way.get("ts_sent_ns")
    no_answer: JsonValue = {"text": "no answer yet", "state": "none"}
    return [
        {
            "text": f"{number[-6:]}{' (shown)' if is_chosen else ''}",
            "title": number,
            "href": f"/latency?order={number}",
        },
        market_time(sent) if isinstance(sent, int) else None,
        str(way.get("instrument")),
        str(way.get("side")),
        str(way.get("strategy")),
        str(way.get("state")).replace("_", " "),
        duration(total_us(way)) if way.get("is_answered") else no_answer,
    ]


def way_words(way: Way | None, problem: str) -> str | None:
    """Return what order is shown, in a sentence, or why none is."""
    if way is None:
        return problem or None
    sent = way.get("ts_sent_ns")
    at = market_time(sent) if isinstance(sent, int) else "?"
    return (
        f"{way.get('side')} {way.get('size')} {way.get('instrument')} at {way.get('price')} by {way.get('strategy')}, "
        f"sent {at} UTC of the session's clock: {duration(total_us(way))} in all."
    )
