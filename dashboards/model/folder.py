"""What stands in the folder of models: pointers, the history of their moves, and what each bundle says of itself.

Read for people: nothing is verified here, that is the trader's and the command's affair. What cannot be read is told in
words and leaves the rest readable. A bundle is named by its content, so its manifest is read once.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import orjson

from dashboards.errors import first_line

ROLES: Final = ("champion", "challenger")
HISTORY_NAME: Final = "history.jsonl"
MANIFEST_NAME: Final = "manifest.json"
MOVES_MAX: Final = 20
BUNDLES_MAX: Final = 200
"""Newest bundles that are read."""
HASH_SIGNS: Final = 64
FAILURES: Final = (OSError, ValueError, KeyError, TypeError)


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of a bundle's gate."""

    name: str
    kind: str
    """data: nobody overrides it; skill: a person may, with a reason."""
    value: float | None
    threshold: float
    passed: bool
    reason: str


@dataclass(frozen=True, slots=True)
class BundleCard:
    """What a bundle's manifest says. Times are UTC ns."""

    hash: str
    preset: str
    context: int
    horizon: int
    instruments: tuple[str, ...]
    first_step_ns: int
    """Of the data that it learned from and was judged on."""
    trained_until_ns: int
    expires_ns: int
    mlflow_run: str
    rules: tuple[Rule, ...]

    @property
    def is_passed(self) -> bool:
        """Whether every rule passed."""
        return all(rule.passed for rule in self.rules)


@dataclass(frozen=True, slots=True)
class PointerCard:
    """Where a role points, since when, by whom and why."""

    role: str
    hash: str
    generation: int
    reason: str
    by: str
    ts_ns: int


@dataclass(frozen=True, slots=True)
class ModelsOnDisk:
    """What the folder held when it was looked at."""

    pointers: Mapping[str, PointerCard] = field(default_factory=dict)
    moves: tuple[PointerCard, ...] = ()
    """The last ones, newest first."""
    bundles: Mapping[str, BundleCard] = field(default_factory=dict)
    """By hash, newest data first."""
    problems: tuple[str, ...] = ()


class ModelsFolder:
    """Reads the folder; blocks, so call it in a thread, one call at a time."""

    def __init__(self, models_dir: Path) -> None:
        self._folder = models_dir
        self._cards: dict[str, BundleCard] = {}

    def look(self) -> ModelsOnDisk:
        """Return what stands there now."""
        problems: list[str] = []
        pointers = {role: found for role in ROLES if (found := self._pointer(role, problems)) is not None}
        self._read_cards(problems)
        newest = sorted(self._cards.values(), key=lambda card: (-card.trained_until_ns, card.hash))
        return ModelsOnDisk(pointers, self._moves(problems), {card.hash: card for card in newest}, tuple(problems))

    def _pointer(self, role: str, problems: list[str]) -> PointerCard | None:
        path = self._folder / f"{role}.json"
        try:
            return _pointer_of(role, orjson.loads(path.read_bytes()))
        except FileNotFoundError:
            return None
        except FAILURES as error:
            problems.append(f"{path.name} cannot be read: {first_line(error)}")
            return None

    def _moves(self, problems: list[str]) -> tuple[PointerCard, ...]:
        path = self._folder / HISTORY_NAME
        try:
            lines = path.read_bytes().splitlines()[-MOVES_MAX:]
            documents = [orjson.loads(line) for line in lines]
            return tuple(_pointer_of(document["role"], document) for document in reversed(documents))
        except FileNotFoundError:
            return ()
        except FAILURES as error:
            problems.append(f"{path.name} cannot be read: {first_line(error)}")
            return ()

    def _read_cards(self, problems: list[str]) -> None:
        found = [path for path in self._folder.glob(f"*/{MANIFEST_NAME}") if _is_hash(path.parent.name)]
        names = {path.parent.name for path in found}
        self._cards = {name: card for name, card in self._cards.items() if name in names}
        new = [path for path in found if path.parent.name not in self._cards]
        for path in new[: BUNDLES_MAX - len(self._cards)]:
            try:
                self._cards[path.parent.name] = _card_of(path.parent.name, orjson.loads(path.read_bytes()))
            except FAILURES as error:
                problems.append(f"bundle {path.parent.name[:12]} cannot be read: {first_line(error)}")


def _is_hash(name: str) -> bool:
    return len(name) == HASH_SIGNS and all(sign in "0123456789abcdef" for sign in name)


def _pointer_of(role: str, document: Mapping[str, Any]) -> PointerCard:
    return PointerCard(
        role=str(role),
        hash=str(document["hash"]),
        generation=int(document["generation"]),
        reason=str(document["reason"]),
        by=str(document["by"]),
        ts_ns=int(document["ts_ns"]),
    )


def _card_of(name: str, manifest: Mapping[str, Any]) -> BundleCard:
    preset, lineage = manifest["preset"], manifest["lineage"]
    return BundleCard(
        hash=name,
        preset=str(preset["name"]),
        context=int(preset["context"]),
        horizon=int(preset["horizon"]),
        instruments=tuple(str(slot["instrument"]) for slot in manifest["slots"] if slot["is_present"]),
        first_step_ns=int(lineage["first_step_ns"]),
        trained_until_ns=int(manifest["trained_until_ns"]),
        expires_ns=int(manifest["expires_ns"]),
        mlflow_run=str(lineage["mlflow_run"]),
        rules=tuple(_rule_of(rule) for rule in manifest["validation"]["gate"]["rules"]),
    )


def _rule_of(document: Mapping[str, Any]) -> Rule:
    value = document["value"]
    return Rule(
        name=str(document["name"]),
        kind=str(document["kind"]),
        value=None if value is None else float(value),
        threshold=float(document["threshold"]),
        passed=bool(document["passed"]),
        reason=str(document["reason"]),
    )
