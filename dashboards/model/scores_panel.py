"""How well each model has forecast live, as the trader itself scores it, and what became of what it was asked."""

from collections.abc import Mapping
from typing import Final

from nicegui import ui
from nicegui.elements.mixins.text_element import TextElement
from pydantic import JsonValue

from dashboards.desk import Desk, Update
from dashboards.snapshot import Document, Snapshot

HASH_SIGNS: Final = 12
SOURCE: Final = "trader's status"
NOTE: Final = (
    "Since the model began to forecast. Skill is against no move: above 0 is better. Slope 1: sizes are right."
)
ROLES: Final = ("champion", "challenger", "previous")


def build(desk: Desk) -> Update:
    """Draw the panel; return what brings it up to date."""
    with ui.element("section").classes("panel wide"):
        TextElement(tag="h2", text="Skill and calibration, live")
        TextElement(tag="p", text=NOTE).classes("soft above")
        rows = desk.board.rows(
            [
                "role",
                "model",
                ("steps ahead", "right"),
                ("scored", "right"),
                ("MSE bps²", "right"),
                ("MAE bps", "right"),
                ("skill", "right"),
                ("slope", "right"),
                ("intercept bps", "right"),
                ("late + skipped + failed", "right"),
                ("p99 ms", "right"),
            ],
            test_id="scores",
        )

    def update(snapshot: Snapshot) -> None:
        rows.put(score_rows(snapshot), empty="no model is scored")

    return update


def score_rows(snapshot: Snapshot) -> list[list[JsonValue]]:
    """Return a row a role and horizon."""
    status = snapshot.status or {}
    rows: list[list[JsonValue]] = []
    for role in ROLES:
        card = part(part(status, "scores"), role)
        horizons = card.get("horizons")
        for measures in horizons if isinstance(horizons, list) else ():
            if isinstance(measures, Mapping):
                rows.append(_row(role, hash_of(status, role), card, measures))
    return rows


def hash_of(status: Document, role: str) -> str:
    """Return the hash of a model in its role, as the trader tells it; empty for none."""
    holder = part(status, "challenger" if role == "challenger" else "model")
    found = holder.get("previous" if role == "previous" else "hash")
    return found if isinstance(found, str) else ""


def part(document: Mapping[str, JsonValue], name: str) -> Mapping[str, JsonValue]:
    """Return an object within a document; empty where there is none."""
    found = document.get(name)
    return found if isinstance(found, dict) else {}


def _row(role: str, model: str, card: Document, measures: Document) -> list[JsonValue]:
    skill, slope = measures.get("skill"), measures.get("slope")
    lost = f"{card.get('late')} + {card.get('skipped')} + {card.get('failed')} of {card.get('windows')}"
    p99_us = part(card, "latency").get("p99_us")
    return [
        role,
        model[:HASH_SIGNS] or None,
        str(measures.get("steps")),
        str(measures.get("scored")),
        _number(measures.get("mse")),
        _number(measures.get("mae")),
        {"text": _number(skill, "+"), "state": "warn" if isinstance(skill, float) and skill < 0 else "ok"},
        {"text": _number(slope, "+"), "state": "warn" if isinstance(slope, float) and slope < 0 else "ok"},
        _number(measures.get("intercept_bps"), "+"),
        lost,
        f"{p99_us / 1_000:.1f}" if isinstance(p99_us, int | float) else None,
    ]


def _number(value: JsonValue, sign: str = "") -> str | None:
    return f"{value:{sign}.4f}" if isinstance(value, int | float) else None
