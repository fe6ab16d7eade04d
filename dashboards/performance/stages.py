"""What stages took, as rows and bars for people, out of a status. No I/O."""

from collections.abc import Mapping
from typing import Final

from pydantic import JsonValue

from dashboards.board import Align
from dashboards.performance.figures import part
from dashboards.snapshot import Document

Row = list[JsonValue]
FEED_AGE: Final = "feed_age."
STAGES: Final = {
    "socket_to_engine": ("Frame to engine", "from reading a frame to the engine having taken it, journal buffer too"),
    "decode_book": ("Decode + book", "the engine's call for a frame that closed no step"),
    "features": ("Features", "the engine's call for an input that closed a step: features of all slots, quotes too"),
    "inference": ("Model", "what the model alone took"),
    "step_to_forecast": ("Step to forecast", "from the input that closed a step to its forecast being taken"),
    "decision": ("Decision", "from a forecast given to the engine to its orders being with the venue"),
    "socket_to_order": (
        "Frame to order",
        "from the input that closed a step to the orders of its forecast having left",
    ),
    "send_to_ack": ("Send to ack", "from an order leaving to the venue's first answer"),
}
SPANS: Final = {"recent": "the last minute", "whole": "since the start"}
COLUMNS: Final[tuple[str | tuple[str, Align], ...]] = (
    "Stage",
    ("p50", "right"),
    ("p99", "right"),
    ("p99.9", "right"),
    ("Longest", "right"),
    ("Times", "right"),
)
US_PER_MS: Final = 1_000
US_PER_S: Final = 1_000_000


def duration(us: float) -> str:
    """Return a duration in a unit that suits it."""
    if us < US_PER_MS:
        return f"{us:.1f} µs" if us < 100 else f"{us:.0f} µs"
    if us < US_PER_S:
        return f"{us / US_PER_MS:.2f} ms" if us < 100 * US_PER_MS else f"{us / US_PER_MS:.0f} ms"
    return f"{us / US_PER_S:.2f} s"


def title_of(name: str) -> str:
    """Return a stage's name for people."""
    if name.startswith(FEED_AGE):
        return f"Feed age, {name.removeprefix(FEED_AGE)}"
    return STAGES[name][0] if name in STAGES else name


def meaning_of(name: str) -> str:
    """Return what a stage is from and to."""
    if name.startswith(FEED_AGE):
        return "from the venue's own time in a frame to our reading it; both clocks' errors are in it"
    return STAGES[name][1] if name in STAGES else ""


def latencies_of(status: Document | None) -> Mapping[str, JsonValue]:
    """Return all stages; empty where nobody tells them."""
    return {} if status is None else part(status, "latency")


def stage_rows(status: Document | None, span: str) -> tuple[list[Row], list[str]]:
    """Return a row a stage and its name, of one of `SPANS`."""
    latencies = latencies_of(status)
    found = {name: _span(part(latencies, name), span) for name in latencies}
    return [_row(name, stage) for name, stage in found.items()], [*found]


def _span(stage: Mapping[str, JsonValue], span: str) -> Mapping[str, JsonValue]:
    return part(stage, "recent") if span == "recent" else stage


def _row(name: str, stage: Mapping[str, JsonValue]) -> Row:
    count = stage.get("count")
    told = [_us(stage.get(key)) if count else None for key in ("p50_us", "p99_us", "p99.9_us", "max_us")]
    return [
        {"text": title_of(name), "title": meaning_of(name)},
        *told,
        f"{count:,}" if isinstance(count, int) else None,
    ]


def _us(value: JsonValue) -> str | None:
    return duration(value) if isinstance(value, int | float) else None


def bars_of(status: Document | None, name: str) -> list[tuple[str, int]]:
    """Return (upper edge as text, count) of each bar of a stage's histogram, with the empty ones between them."""
    told = None if status is None else part(status, "latency_bars").get(name)
    found: list[tuple[float, int]] = []
    for bar in told if isinstance(told, list) else ():
        if isinstance(bar, list) and len(bar) == 2 and isinstance(bar[0], int | float) and isinstance(bar[1], int):
            found.append((float(bar[0]), bar[1]))
    return [(f"≤ {duration(edge)}", count) for edge, count in found]
