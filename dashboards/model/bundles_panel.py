"""Champion and challenger side by side: what they are, from when their data is, and what their gate said."""

from collections.abc import Callable
from typing import Final

from nicegui import ui
from nicegui.elements.mixins.text_element import TextElement
from pydantic import JsonValue

from dashboards.desk import Desk, Update
from dashboards.model.folder import ROLES, BundleCard, ModelsOnDisk, PointerCard
from dashboards.model.scores_panel import hash_of
from dashboards.model.times import span_text, utc_text
from dashboards.snapshot import Snapshot

HASH_SIGNS: Final = 12
DAY_NS: Final = 86_400 * 1_000_000_000
PointerFact = Callable[[PointerCard], JsonValue]
CardFact = Callable[[BundleCard, int | None], JsonValue]


def build(desk: Desk, found: Callable[[], ModelsOnDisk]) -> Update:
    """Draw the panels; `found` returns what stands in the models' folder."""
    board = desk.board
    with ui.element("section").classes("panel wide texts"):
        TextElement(tag="h2", text="Champion and challenger")
        problem = board.cell(test_id="models-problem")
        facts = board.rows(["", *ROLES], test_id="bundles")
        gates = {
            role: board.rows(
                ["verdict", "kind", "rule", ("value", "right"), ("threshold", "right"), "why"],
                test_id=f"gate-{role}",
                caption=f"Gate of the {role}",
            )
            for role in ROLES
        }
    with ui.element("section").classes("panel wide texts"):
        TextElement(tag="h2", text="Moves of the pointers")
        moves = board.rows(
            [("generation", "right"), "UTC", "role", "model", "by", "why"], test_id="moves", caption="Newest first"
        )

    def update(snapshot: Snapshot) -> None:
        disk, now_ns = found(), None if snapshot.view is None else snapshot.view.ts_ns
        problem.put("; ".join(disk.problems), state="bad" if disk.problems else "ok")
        facts.put([*fact_rows(disk, now_ns), _trading_row(snapshot)])
        for role, table in gates.items():
            pointer = disk.pointers.get(role)
            card = None if pointer is None else disk.bundles.get(pointer.hash)
            table.put(gate_rows(card), empty=f"no {role}" if pointer is None else "its manifest was not read")
        moves.put([_move_row(move) for move in disk.moves], empty="nothing was promoted yet")

    return update


def fact_rows(disk: ModelsOnDisk, now_ns: int | None) -> list[list[JsonValue]]:
    """Return the facts of both roles; `now_ns` is the session's time, by which models expire."""
    pointers = [disk.pointers.get(role) for role in ROLES]
    cards = [None if pointer is None else disk.bundles.get(pointer.hash) for pointer in pointers]
    rows: list[list[JsonValue]] = []
    for title, of_pointer in POINTER_FACTS:
        rows.append([title, *(None if pointer is None else of_pointer(pointer) for pointer in pointers)])
    for title, of_card in CARD_FACTS:
        rows.append([title, *(None if card is None else of_card(card, now_ns) for card in cards)])
    return rows


def gate_rows(card: BundleCard | None) -> list[list[JsonValue]]:
    """Return the rules of a bundle's gate with what they found."""
    return [
        [
            {"text": "pass" if rule.passed else "FAIL", "state": "ok" if rule.passed else "bad"},
            rule.kind,
            rule.name,
            None if rule.value is None else f"{rule.value:.6g}",
            f"{rule.threshold:.6g}",
            rule.reason,
        ]
        for rule in (() if card is None else card.rules)
    ]


def _trading_row(snapshot: Snapshot) -> list[JsonValue]:
    """Return what the running trader uses in each role, which may lag the pointers or differ from them."""
    status = snapshot.status or {}
    return ["in the trader", *(hash_of(status, role)[:HASH_SIGNS] or None for role in ROLES)]


def _gate(card: BundleCard) -> JsonValue:
    failed = [rule.name for rule in card.rules if not rule.passed]
    if not failed:
        return f"passed, {len(card.rules)} rules"
    return {"text": f"refused by {len(failed)} of {len(card.rules)}: {', '.join(failed)}", "state": "warn"}


def _expiry(card: BundleCard, now_ns: int | None) -> JsonValue:
    moment = f"{utc_text(card.expires_ns)} UTC"
    if now_ns is None:
        return moment
    if now_ns > card.expires_ns:
        return {"text": f"{moment}, EXPIRED {span_text(now_ns - card.expires_ns)} ago", "state": "bad"}
    is_near = card.expires_ns - now_ns < DAY_NS
    return {"text": f"{moment}, in {span_text(card.expires_ns - now_ns)}", "state": "warn" if is_near else "ok"}


def _age(card: BundleCard, now_ns: int | None) -> JsonValue:
    if now_ns is None:
        return None
    return span_text(now_ns - card.trained_until_ns) if now_ns >= card.trained_until_ns else "newer than the session"


POINTER_FACTS: Final[tuple[tuple[str, PointerFact], ...]] = (
    ("hash", lambda pointer: {"text": pointer.hash[:HASH_SIGNS], "title": pointer.hash}),
    ("since", lambda pointer: f"{utc_text(pointer.ts_ns)} UTC, generation {pointer.generation}"),
    ("by, why", lambda pointer: f"{pointer.by}: {pointer.reason}"),
)
CARD_FACTS: Final[tuple[tuple[str, CardFact], ...]] = (
    ("network", lambda card, _now: f"{card.preset}: {card.context} steps seen, {card.horizon} forecast"),
    ("instruments", lambda card, _now: ", ".join(card.instruments)),
    ("data, UTC", lambda card, _now: f"{utc_text(card.first_step_ns)} to {utc_text(card.trained_until_ns)}"),
    ("age of data, session clock", _age),
    ("expires, session clock", _expiry),
    ("gate", lambda card, _now: _gate(card)),
    ("training run", lambda card, _now: card.mlflow_run[:HASH_SIGNS] or None),
)


def _move_row(move: PointerCard) -> list[JsonValue]:
    return [
        str(move.generation),
        utc_text(move.ts_ns),
        move.role,
        {"text": move.hash[:HASH_SIGNS], "title": move.hash},
        move.by,
        move.reason,
    ]
