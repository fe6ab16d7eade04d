"""The words of a delivery, for a chat, a mail or a pager: the gravest first, in one screen. Pure."""

from typing import Final

from streaming.alerts.config import SEVERITIES
from streaming.alerts.looking import count_text, moment_text
from streaming.alerts.post import Delivery, Item

ITEMS_MAX: Final = 20
"""Told in full in one message; the others are counted."""
PREFIX: Final = {"begun": "", "worse": "worse: ", "again": "still: ", "over": ""}
"""Of a title; that something is over is said before it."""


def title_of(delivery: Delivery) -> str:
    """Return the title: the alert's own, or how many there are."""
    items = delivery.items
    if len(items) == 1:
        return _headline(items[0])
    standing = [item for item in items if item.kind != "over"]
    parts = [f"{count} {severity}" for severity in SEVERITIES[::-1] if (count := _count(standing, severity))]
    parts += [f"{count} over"] if (count := len(items) - len(standing)) else []
    word = _word(max(items, key=_gravity))
    return f"[{word}] {count_text(len(items), 'alert')}: {', '.join(parts)}"


def body_of(delivery: Delivery) -> str:
    """Return the text."""
    ordered = sorted(delivery.items, key=_gravity, reverse=True)
    lines = []
    for item in ordered[:ITEMS_MAX]:
        lead = "" if len(ordered) == 1 else f"{_headline(item)}\n"
        foot = "" if item.kind == "over" else f"; acknowledge: trader alerts ack {item.id}"
        lines.append(f"{lead}{item.words}\n{moment_text(item.ts_ns)}, alert {item.id}{foot}")
    if len(ordered) > ITEMS_MAX:
        lines.append(f"... and {count_text(len(ordered) - ITEMS_MAX, 'more alert')}; next: trader alerts list")
    return "\n\n".join(lines)


def kind_of(delivery: Delivery) -> str:
    """Return apprise's word for how grave it is: info, success, warning, failure."""
    if all(item.kind == "over" for item in delivery.items):
        return "success"
    gravest = max((item.severity for item in delivery.items if item.kind != "over"), key=SEVERITIES.index)
    return {"critical": "failure"}.get(gravest, gravest)


def _gravity(item: Item) -> tuple[bool, int, int]:
    return item.kind != "over", SEVERITIES.index(item.severity), -item.ts_ns


def _headline(item: Item) -> str:
    return f"[{_word(item)}] {PREFIX[item.kind]}{item.title}"


def _word(item: Item) -> str:
    return "OVER" if item.kind == "over" else item.severity.upper()


def _count(items: list[Item], severity: str) -> int:
    return sum(item.severity == severity for item in items)
