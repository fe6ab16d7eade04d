"""What the page Alerts tells, made of notices, of the status of `trader alerts run`, and of the lake. Pure."""

from collections.abc import Iterator, Sequence
from typing import Final

from pydantic import JsonValue

from dashboards.board import CellState, title_of
from dashboards.clocks import day_time
from dashboards.desk import Row
from dashboards.snapshot import Document, Snapshot
from streaming.bus import AlertNotice

GRAVITY: Final = {"critical": 2, "warning": 1, "info": 0}
SIGNS: Final[dict[str, CellState]] = {"critical": "bad", "warning": "warn", "info": "ok"}
WATCHED_S: Final = 10.0
"""The process that watches tells its status once a second."""
START: Final = "next: trader alerts run"
HISTORY_SQL: Final = """
select id, rule, subject, severity, state, title, words, seen_count, ts_first_ns, ts_ns, acknowledged_by, delivered
from alerts_newest
where ($1 = 'all') or ($1 = 'open' and state <> 'resolved') or (severity = $1)
order by ts_first_ns desc
limit 100
"""
FILTERS: Final = {"all": "all", "open": "not over", "critical": "critical", "warning": "warnings"}


def open_alerts(notices: Sequence[AlertNotice]) -> list[AlertNotice]:
    """Return the alerts that are not over: unacknowledged before others, the gravest first, the newest first."""
    found = [notice for notice in notices if notice.state != "resolved"]
    return sorted(found, key=lambda notice: (notice.state != "firing", -GRAVITY[notice.severity], -notice.ts_first_ns))


def facts_of(notice: AlertNotice) -> str:
    """Return since when and how often, and who knows."""
    times = f", seen {notice.count} times" if notice.count > 1 else ""
    known = f", acknowledged by {notice.by}" if notice.state == "acknowledged" else ""
    about = f"{notice.rule.replace('_', ' ')}{f' of {notice.subject}' if notice.subject else ''}"
    return f"{about}, since {day_time(notice.ts_first_ns)} UTC{times}{known}"


def watch_words(snapshot: Snapshot) -> tuple[str | None, CellState]:
    """Return whether anybody watches, in words."""
    age_s = snapshot.age_s("alerts")
    if snapshot.watcher is None or age_s is None:
        return f"nobody watches; {START}", "bad"
    if age_s > WATCHED_S:
        return f"nobody watches any more; {START}", "bad"
    return "watching", "ok"


def count_of(watcher: Document | None, severity: str) -> int | None:
    """Return how many alerts of a gravity are open, None where nobody says."""
    counts = (watcher or {}).get("open")
    found = counts.get(severity) if isinstance(counts, dict) else None
    return found if isinstance(found, int) else None


def objects_at(document: Document | None, name: str) -> Iterator[dict[str, JsonValue]]:
    """Yield the objects of a list in a status document."""
    found = (document or {}).get(name)
    for item in found if isinstance(found, list) else ():
        if isinstance(item, dict):
            yield item


def route_row(route: dict[str, JsonValue], watcher: Document | None, age_s: float | None) -> list[JsonValue]:
    """Return an address's line: name, kind, what goes there, and how that fares."""
    services = (watcher or {}).get("services")
    service = services.get(str(route.get("name"))) if isinstance(services, dict) else None
    problem, last_ns = str(route.get("last_problem") or ""), route.get("last_sent_ns")
    waits = "heeds" if route.get("heeds_quiet_hours") else "at any hour"
    return [
        {"text": str(route.get("name")), "title": title_of("status of the alerts' process", age_s)},
        str(service) if service else None,
        f"{route.get('severity_min')} and graver",
        waits,
        *(str(route.get(name)) for name in ("sent", "waiting", "failed")),
        day_time(last_ns) if isinstance(last_ns, int) and last_ns else None,
        {"text": problem, "state": "bad"} if problem else "none",
    ]


def silence_words(silence: dict[str, JsonValue]) -> str:
    """Return what a silence keeps quiet, until when, and why."""
    until_ns = silence.get("until_ns")
    until = f"{day_time(until_ns)} UTC" if isinstance(until_ns, int) else "?"
    covers = f"rule {silence.get('rule')}, subject {silence.get('subject')}"
    return f"{covers}, until {until}, by {silence.get('by')}: {silence.get('reason')}"


def history_row(row: Row) -> list[JsonValue]:
    """Return an alert of the lake as a line."""
    severity, state = str(row["severity"]), str(row["state"])
    is_over = state == "resolved"
    told_state: CellState = "bad" if "failed" in str(row["delivered"]) else "ok"
    return [
        day_time(int(str(row["ts_first_ns"]))),
        {"text": severity, "state": "ok" if is_over else SIGNS[severity]},
        f"over {day_time(int(str(row['ts_ns'])))[11:]}" if is_over else state,
        {"text": str(row["title"]), "title": f"alert {row['id']}, {row['rule']} {row['subject']}"},
        str(row["seen_count"]),
        str(row["words"]) or None,
        str(row["acknowledged_by"]) or None,
        {"text": str(row["delivered"]) or None, "state": told_state} if row["delivered"] else None,
    ]
