"""How each venue is heard: a row a venue, from the trader's view and status. No I/O."""

from collections.abc import Mapping
from typing import Final

from pydantic import JsonValue

from dashboards.clocks import NS_PER_MS
from dashboards.snapshot import Document
from streaming.bus_view import MarketView, View

Row = list[JsonValue]
SYNCED = "synced"
NEARLY_USED: Final = 0.6
"""Of what a venue allows: ours is 0.8 of it by default, a fifth of that for cancels alone."""

SIMULATED: Final[JsonValue] = {
    "text": "simulated",
    "title": "paper: orders go to the simulated venue, there is no private stream",
}


def health_rows(status: Document | None, view: View | None, stale_ms: int) -> tuple[list[Row], list[str]]:
    """Return the rows and their keys; a feed silent for longer than `stale_ms` of the market's clock is marked."""
    books = _books_by_venue(view)
    told = {str(row.get("venue", "")): row for row in _rows(status, "venues")}
    venues = [*told, *(venue for venue in books if venue not in told)]
    private = _private_by_venue(status)
    return [
        [
            *_row(venue, told.get(venue, {}), books.get(venue, []), view, stale_ms),
            *private.get(venue, (SIMULATED, None)),
            _problem(told.get(venue, {})),
        ]
        for venue in venues
    ], venues


def dead_man_words(status: Document | None) -> str | None:
    """Return how long USD-M waits before it cancels our orders itself; None where no live trader says so."""
    live = None if status is None else status.get("live")
    switch = live.get("dead_man") if isinstance(live, dict) else None
    if not isinstance(switch, dict):
        return None
    left_s = switch.get("left_s")
    is_armed = switch.get("is_armed") is True and isinstance(left_s, int | float)
    return f"dead-man's switch {left_s:.0f} s left" if is_armed else "DEAD-MAN'S SWITCH NOT ARMED"


def trust_words(status: Document | None) -> tuple[str, str] | None:
    """Return at how many venues a live trader may open risk, and why not at the others; None of a paper trader."""
    rows = _private_rows(status)
    blocked = [f"{row.get('venue')}: {row['blocked_by']}" for row in rows if row.get("blocked_by")]
    return (f"{len(rows) - len(blocked)} of {len(rows)}", "; ".join(blocked)) if rows else None


def clock_words(status: Document | None) -> str | None:
    """Return how far our clock is known to be off against the venues' time stamps; None where nobody tells."""
    facts = None if status is None else status.get("facts")
    offset_ns = facts.get("clock_offset_ns") if isinstance(facts, dict) else None
    return f"{offset_ns // NS_PER_MS} ms" if isinstance(offset_ns, int) else None


def _row(venue: str, told: Mapping[str, JsonValue], books: list[MarketView], view: View | None, stale_ms: int) -> Row:
    return [
        venue,
        _connected(told),
        _valid(books),
        _age(books, view, stale_ms),
        _lag(told.get("lag_ms")),
        _count(told.get("connections_lost"), warns=True),
        _count(told.get("snapshots"), warns=False),
    ]


def _private_by_venue(status: Document | None) -> dict[str, tuple[JsonValue, JsonValue]]:
    """Return how each venue's private side fares and what is used of its limits, of a trader that has one."""
    return {str(row.get("venue")): (_private(row), _budget(row)) for row in _private_rows(status)}


def _private_rows(status: Document | None) -> list[dict[str, JsonValue]]:
    live = None if status is None else status.get("live")
    return _rows(live, "venues") if isinstance(live, dict) else []


def _private(row: Mapping[str, JsonValue]) -> JsonValue:
    blocked, age_s = row.get("blocked_by"), row.get("private_age_s")
    heard = f"{age_s:.1f} s ago" if isinstance(age_s, int | float) else "not heard"
    if blocked:
        return {"text": "OPENS NOTHING", "state": "bad", "title": f"{blocked}; private stream: {heard}"}
    title = f"when the account's own events were heard last; {row.get('in_flight')} calls under way"
    return {"text": heard, "state": "ok", "title": title}


def _budget(row: Mapping[str, JsonValue]) -> JsonValue:
    """Return the fullest of the venue's limits, as all processes of this machine spend from them."""
    uses = {str(use.get("name")): _share(use) for use in _rows(row, "budget")}
    if not uses:
        return None
    name, share = max(uses.items(), key=lambda item: item[1])
    told = ", ".join(f"{each} {part:.0%}" for each, part in uses.items())
    title = f"of the venue's limits, the fullest is {name}: {told}"
    return {"text": f"{share:.0%}", "state": "warn" if share >= NEARLY_USED else "ok", "title": title}


def _share(use: Mapping[str, JsonValue]) -> float:
    used, limit = use.get("used"), use.get("limit")
    return used / limit if isinstance(used, int) and isinstance(limit, int) and limit else 0.0


def _connected(told: Mapping[str, JsonValue]) -> JsonValue:
    if "is_connected" not in told:
        return None
    is_connected = told["is_connected"] is True
    return {"text": "connected" if is_connected else "NOT CONNECTED", "state": "ok" if is_connected else "bad"}


def _valid(books: list[MarketView]) -> JsonValue:
    if not books:
        return None
    good = sum(book.is_valid and book.feed == SYNCED for book in books)
    feeds = ", ".join(f"{book.instrument}: {book.feed}{'' if book.is_valid else ', not valid'}" for book in books)
    return {"text": f"{good} of {len(books)}", "state": "ok" if good == len(books) else "bad", "title": feeds}


def _age(books: list[MarketView], view: View | None, stale_ms: int) -> JsonValue:
    newest_ns = max((book.ts_book_ns for book in books), default=0)
    if view is None or not newest_ns:
        return None
    age_ms = max(0, (view.ts_ns - newest_ns) // NS_PER_MS)
    return {"text": f"{age_ms} ms", "state": "warn" if age_ms > stale_ms else "ok", "title": "on the market's clock"}


def _lag(lag_ms: JsonValue) -> JsonValue:
    if not isinstance(lag_ms, int | float):
        return None
    return {"text": f"{lag_ms:.0f} ms", "title": "received less the venue's own time, of the newest frame"}


def _count(count: JsonValue, *, warns: bool) -> JsonValue:
    if not isinstance(count, int):
        return None
    return {"text": str(count), "state": "warn" if warns and count else "ok"}


def _problem(told: Mapping[str, JsonValue]) -> JsonValue:
    words = str(told.get("rules_changed") or told.get("last_problem") or "")
    return {"text": words or "none", "state": "warn" if words else "ok"} if told else None


def _books_by_venue(view: View | None) -> dict[str, list[MarketView]]:
    found: dict[str, list[MarketView]] = {}
    for market in () if view is None else view.markets:
        found.setdefault(market.instrument.partition(":")[0], []).append(market)
    return found


def _rows(status: Mapping[str, JsonValue] | None, key: str) -> list[dict[str, JsonValue]]:
    found = [] if status is None else status.get(key, [])
    return [row for row in found if isinstance(row, dict)] if isinstance(found, list) else []
