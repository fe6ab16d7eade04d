"""How each venue is heard: a row a venue, from the trader's view and status. No I/O."""

from collections.abc import Mapping

from pydantic import JsonValue

from dashboards.clocks import NS_PER_MS
from dashboards.snapshot import Document
from streaming.bus_view import MarketView, View

Row = list[JsonValue]
SYNCED = "synced"


def health_rows(status: Document | None, view: View | None, stale_ms: int) -> tuple[list[Row], list[str]]:
    """Return the rows and their keys; a feed silent for longer than `stale_ms` of the market's clock is marked."""
    books = _books_by_venue(view)
    told = {str(row.get("venue", "")): row for row in _rows(status, "venues")}
    venues = [*told, *(venue for venue in books if venue not in told)]
    return [_row(venue, told.get(venue, {}), books.get(venue, []), view, stale_ms) for venue in venues], venues


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
        {"text": "simulated", "title": "paper: orders go to the simulated venue, there is no private stream"},
        _problem(told),
    ]


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


def _rows(status: Document | None, key: str) -> list[dict[str, JsonValue]]:
    found = [] if status is None else status.get(key, [])
    return [row for row in found if isinstance(row, dict)] if isinstance(found, list) else []
