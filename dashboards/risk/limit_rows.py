"""The rows of the limits' tables, from the trader's status and, for what is fresher there, its view. No I/O."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from pydantic import JsonValue

from dashboards.board import CellState
from dashboards.snapshot import Document
from streaming.bus_view import View

NS_PER_MS: Final = 1_000_000
NEAR: Final = 0.8
"""Share of a limit from which on its bar warns."""
PLACES_LARGE: Final = Decimal("0.01")
PLACES_SMALL: Final = Decimal("0.0001")
MAY_BREAK: Final = "\u200b"
"""Where a narrow column may end a line."""
CONNECTIVITY: Final = "connectivity"
ON: Final = "on"

Row = Sequence[JsonValue]


@dataclass(frozen=True, slots=True)
class Use:
    """How much of a limit is in use, by whom."""

    of: str
    used: str
    cap: str
    unit: str
    share: float

    @property
    def state(self) -> CellState:
        """How near it is to its limit."""
        return "bad" if self.share > 1.0 else "warn" if self.share >= NEAR else "ok"


@dataclass(frozen=True, slots=True)
class Limit:
    """One risk rule as the trader tells it."""

    when: str
    """`order`: asked of an order before it leaves; `step`: looked at after every step."""
    rule: str
    formula: str
    text: str
    unit: str
    state: str
    count: int
    action: str
    uses: tuple[Use, ...]

    @property
    def is_on(self) -> bool:
        """Whether anything is held against it."""
        return self.state == ON


def limits_of(status: Document | None, view: View | None) -> list[Limit]:
    """Return the rules in the core's order; empty where no status tells them."""
    rows = [] if status is None else status.get("limits", [])
    found = [_limit(row) for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    return [_with_silence(limit, view) for limit in found]


def table_rows(limits: Sequence[Limit], when: str) -> tuple[list[Row], list[str]]:
    """Return a row a use of the rules that are on, at the end those without a measure, and the rows' keys."""
    rows: list[Row] = []
    keys: list[str] = []
    on = [limit for limit in limits if limit.when == when and limit.is_on]
    for limit in sorted(on, key=lambda limit: not limit.uses):
        for use in limit.uses or (None,):
            rows.append(_row(limit, use))
            keys.append(f"{when}-{limit.rule}-{use.of}-{use.unit}" if use else f"{when}-{limit.rule}")
    return rows, keys


def off_words(limits: Sequence[Limit], when: str) -> str:
    """Return the rules that are off, and why, in one line."""
    groups: dict[str, list[str]] = {}
    for limit in limits:
        if limit.when == when and not limit.is_on:
            groups.setdefault(limit.state.removeprefix("off: "), []).append(limit.rule)
    return "; ".join(f"{why}: {', '.join(rules)}" for why, rules in groups.items()) or "none"


def objections(limits: Sequence[Limit]) -> list[Row]:
    """Return the rules that objected, the most often first."""
    heard = sorted((limit for limit in limits if limit.count), key=lambda limit: -limit.count)
    return [
        [
            {"text": limit.rule, "title": limit.formula},
            "refused" if limit.when == "order" else "tripped",
            str(limit.count),
        ]
        for limit in heard
    ]


def count_of(limits: Sequence[Limit], when: str) -> int:
    """Return how often the rules of `when` objected in the session."""
    return sum(limit.count for limit in limits if limit.when == when)


def _row(limit: Limit, use: Use | None) -> Row:
    whose = "" if use is None else use.of.replace(":", f":{MAY_BREAK}")
    name: JsonValue = {"text": f"{limit.rule} {whose}".strip(), "title": limit.formula}
    count: JsonValue = {"text": str(limit.count), "state": "warn" if limit.count and limit.when == "step" else "ok"}
    if use is None:
        text = limit.text or "each order is asked"
        return [name, None, None, _with_unit(text, limit.unit), limit.action, count]
    share: JsonValue = {"text": f"{use.share * 100:.0f} %", "share": min(use.share, 1.0), "state": use.state}
    used: JsonValue = {"text": _with_unit(shortened(use.used), use.unit), "title": use.used}
    return [name, share, used, _with_unit(use.cap, use.unit), limit.action, count]


def shortened(text: str) -> str:
    """Return a decimal with four digits behind the point at most, two from a hundred on."""
    number = Decimal(text)
    places = PLACES_LARGE if abs(number) >= 100 else PLACES_SMALL
    whole = number.quantize(places) if number.as_tuple().exponent < places.as_tuple().exponent else number  # type: ignore[operator]
    return format(whole.normalize() + 0, "f")


def _with_unit(text: str, unit: str) -> str:
    """Return a figure with its unit; words need none."""
    return f"{text} {unit}" if unit and text[:1] in "-0123456789" else text


def _limit(row: Mapping[str, JsonValue]) -> Limit:
    uses = row.get("uses", [])
    return Limit(
        when=str(row.get("when", "")),
        rule=str(row.get("rule", "")),
        formula=str(row.get("formula", "")),
        text=str(row.get("limit", "")),
        unit=str(row.get("unit", "")),
        state=str(row.get("state", "")),
        count=int(str(row.get("count") or 0)),
        action=str(row.get("action", "")),
        uses=tuple(_use(use) for use in uses if isinstance(use, dict)) if isinstance(uses, list) else (),
    )


def _use(row: Mapping[str, JsonValue]) -> Use:
    return Use(
        of=str(row.get("of", "")),
        used=str(row.get("used", "")),
        cap=str(row.get("cap", "")),
        unit=str(row.get("unit", "")),
        share=float(str(row.get("share", 0))),
    )


def _with_silence(limit: Limit, view: View | None) -> Limit:
    """Add to the rule of connectivity how long each venue's books have been silent, which only views tell."""
    if limit.rule != CONNECTIVITY or not limit.is_on or view is None or not limit.text.isdecimal():
        return limit
    newest: dict[str, int] = {}
    for market in view.markets:
        venue = market.instrument.partition(":")[0]
        newest[venue] = max(newest.get(venue, 0), market.ts_book_ns)
    cap = Decimal(limit.text)
    uses = [
        Use(
            venue, str(silent_ms := max(0, (view.ts_ns - ts_ns) // NS_PER_MS)), limit.text, "ms", float(silent_ms / cap)
        )
        for venue, ts_ns in newest.items()
        if ts_ns
    ]
    return Limit(
        limit.when,
        limit.rule,
        limit.formula,
        limit.text,
        limit.unit,
        limit.state,
        limit.count,
        limit.action,
        tuple(uses),
    )
