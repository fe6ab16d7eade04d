"""Which bundle is champion and which challenger: two small files moved by rename, and a history that only grows.

A pointer is {hash, generation, reason, by, ts_ns}. Generations grow by one with every move of either pointer, also with
a rollback, so that "generation 7" always names one moment. MLflow aliases are a mirror for people.
"""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, Literal

from ml.bundle import MANIFEST_NAME, open_bundle
from ml.errors import RegistryError
from ml.files import canonical_json, write_atomic

Role = Literal["champion", "challenger"]
ROLES: Final[tuple[Role, Role]] = ("champion", "challenger")
HISTORY_NAME: Final = "history.jsonl"
LOCK_NAME: Final = ".registry.lock"


@dataclass(frozen=True, slots=True)
class Pointer:
    """Where a role points, since when, by whom and why."""

    hash: str
    generation: int
    reason: str
    by: str
    ts_ns: int


@dataclass(frozen=True, slots=True)
class Move:
    """One line of the history."""

    role: Role
    pointer: Pointer


def read_pointer(models_dir: Path, role: Role) -> Pointer | None:
    """Return the pointer of a role, or None when nothing was ever put there; RegistryError when it is unreadable."""
    path = models_dir / f"{role}.json"
    try:
        return Pointer(**json.loads(path.read_bytes()))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, OSError) as error:
        raise RegistryError(
            f"{path}: expected hash, generation, reason, by, ts_ns ({error}); see {HISTORY_NAME}"
        ) from error


def promote(
    models_dir: Path, bundle_hash: str, by: str, reason: str, ts_ns: int, *, tracking_uri: str | None = None
) -> Pointer:
    """Make a sealed bundle champion and return the pointer; BundleError when the bundle is not whole.

    Judges nothing: whoever calls has asked the gate and the recorded checks. A challenger of the same hash stays.
    """
    return _move(models_dir, "champion", bundle_hash, by, reason, ts_ns, tracking_uri)


def challenge(
    models_dir: Path, bundle_hash: str, by: str, reason: str, ts_ns: int, *, tracking_uri: str | None = None
) -> Pointer:
    """Make a sealed bundle challenger and return the pointer; BundleError when the bundle is not whole."""
    return _move(models_dir, "challenger", bundle_hash, by, reason, ts_ns, tracking_uri)


def rollback(models_dir: Path, by: str, reason: str, ts_ns: int, *, tracking_uri: str | None = None) -> Pointer:
    """Make the champion before the present one champion again; RegistryError when there was none.

    The bundle gone back to is verified first. Rolling back twice goes back two champions, not to and fro.
    """
    present = read_pointer(models_dir, "champion")
    if present is None:
        raise RegistryError(f"{models_dir}: no champion to roll back from; promote one first")
    stack = _champions(models_dir)
    if len(stack) < 2:
        raise RegistryError(f"{models_dir}: {present.hash[:12]} is the first champion, there is none before it")
    return _move(models_dir, "champion", stack[-2], by, f"rollback: {reason}", ts_ns, tracking_uri)


def history(models_dir: Path) -> list[Move]:
    """Return every move in order; RegistryError names the line that cannot be read."""
    path = models_dir / HISTORY_NAME
    if not path.is_file():
        return []
    moves = []
    for number, line in enumerate(path.read_text().splitlines(), start=1):
        try:
            document = json.loads(line)
            moves.append(Move(document.pop("role"), Pointer(**document)))
        except (ValueError, KeyError, TypeError) as error:
            raise RegistryError(
                f"{path}: line {number} is not a move of a pointer ({error}); repair it by hand"
            ) from error
    return moves


def _champions(models_dir: Path) -> list[str]:
    """Return the champions as a stack: a promotion pushes, a rollback pops."""
    stack: list[str] = []
    for move in history(models_dir):
        if move.role != "champion":
            continue
        if move.pointer.reason.startswith("rollback: ") and len(stack) > 1:
            stack.pop()
        elif not stack or stack[-1] != move.pointer.hash:
            stack.append(move.pointer.hash)
    return stack


def _move(
    models_dir: Path, role: Role, bundle_hash: str, by: str, reason: str, ts_ns: int, tracking_uri: str | None
) -> Pointer:
    if not reason.strip():
        raise RegistryError(f"a move of the {role} pointer needs a reason, found none")
    bundle = open_bundle(models_dir, bundle_hash, None)
    with _lock(models_dir):
        generation = 1 + max((move.pointer.generation for move in history(models_dir)), default=0)
        pointer = Pointer(bundle_hash, generation, reason, by, ts_ns)
        # The history is written first: a pointer that no history explains must never be seen.
        _append(models_dir / HISTORY_NAME, canonical_line({"role": role, **asdict(pointer)}))
        write_atomic(models_dir / f"{role}.json", canonical_json(dict(asdict(pointer))))
    if tracking_uri is not None:
        from ml.tracking import mirror_alias

        mirror_alias(tracking_uri, role, bundle_hash, models_dir / bundle_hash, bundle.mlflow_run)
    return pointer


def canonical_line(document: dict[str, object]) -> bytes:
    """Return a document as one line of JSON with sorted keys."""
    return (json.dumps(document, sort_keys=True, ensure_ascii=False) + "\n").encode()


def is_sealed(models_dir: Path, bundle_hash: str) -> bool:
    """Return whether a bundle of that hash lies there; it is not verified."""
    return (models_dir / bundle_hash / MANIFEST_NAME).is_file()


def _append(path: Path, line: bytes) -> None:
    with path.open("ab") as file:
        file.write(line)
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def _lock(models_dir: Path) -> Iterator[None]:
    with (models_dir / LOCK_NAME).open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
