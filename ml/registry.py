"""Which bundle is champion and which challenger: two small files moved by rename, and a history that only grows.

A pointer is {hash, generation, reason, by, ts_ns}. Generations grow by one with every move of either pointer, also with
a rollback, so that "generation 7" always names one moment. MLflow aliases are a mirror for people.
"""

import fcntl
import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, Literal

from ml.bundle import Bundle, list_bundles, open_bundle
from ml.errors import BundleNameError, RegistryError
from ml.files import canonical_json
from warehouse.files import write_atomically

Role = Literal["champion", "challenger"]
ROLES: Final[tuple[Role, Role]] = ("champion", "challenger")
HISTORY_NAME: Final = "history.jsonl"
LOCK_NAME: Final = ".registry.lock"
ROLLBACK: Final = "rollback: "
"""How the reason of a rollback begins; the history is read by it."""

Warn = Callable[[str], None]


def warn_on_stderr(line: str) -> None:
    """Tell a person that something beside the pointer went wrong."""
    print(f"warning: {line}", file=sys.stderr)


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


def resolve(models_dir: Path, text: str) -> str:
    """Return the hash that a person means by a role (`champion`, `challenger`) or the beginning of a hash.

    RegistryError when nothing holds the role; BundleNameError when no bundle or more than one begins so.
    """
    for role in ROLES:
        if text == role:
            pointer = read_pointer(models_dir, role)
            if pointer is None:
                raise RegistryError(f"{models_dir}: no {role} yet; promote a bundle first")
            return pointer.hash
    found = [bundle_hash for bundle_hash in list_bundles(models_dir) if text and bundle_hash.startswith(text)]
    if len(found) == 1:
        return found[0]
    which = f" ({', '.join(bundle_hash[: len(text) + 4] for bundle_hash in found[:3])})" if found else ""
    raise BundleNameError(
        f"{models_dir}: expected one bundle beginning with {text!r}, found {len(found)}{which}; "
        "see `trader models list`"
    )


def promote(
    models_dir: Path,
    bundle_hash: str,
    by: str,
    reason: str,
    ts_ns: int,
    *,
    tracking_uri: str | None = None,
    warn: Warn = warn_on_stderr,
) -> Pointer:
    """Make a sealed bundle champion and return the pointer; BundleError when the bundle is not whole.

    Judges nothing: whoever calls has asked the gate and the recorded checks. A challenger of the same hash stays.
    A mirror that fails after the pointer moved undoes nothing: `warn` is told in one line.
    """
    if reason.startswith(ROLLBACK):
        raise RegistryError(f"a reason that begins with {ROLLBACK!r} is kept for rollbacks; word it otherwise")
    return _move(models_dir, "champion", bundle_hash, by, reason, ts_ns, tracking_uri, warn)


def challenge(
    models_dir: Path,
    bundle_hash: str,
    by: str,
    reason: str,
    ts_ns: int,
    *,
    tracking_uri: str | None = None,
    warn: Warn = warn_on_stderr,
) -> Pointer:
    """Make a sealed bundle challenger and return the pointer; BundleError when the bundle is not whole."""
    return _move(models_dir, "challenger", bundle_hash, by, reason, ts_ns, tracking_uri, warn)


def rollback(
    models_dir: Path,
    by: str,
    reason: str,
    ts_ns: int,
    *,
    expected_generation: int | None = None,
    tracking_uri: str | None = None,
    warn: Warn = warn_on_stderr,
) -> Pointer:
    """Make the champion before the present one champion again; RegistryError when there was none.

    The bundle gone back to is verified first. Rolling back twice goes back two champions, not to and fro. With
    `expected_generation` nothing is moved unless that is the champion's: a machine must not undo a later promotion.
    """
    present = read_pointer(models_dir, "champion")
    if present is None:
        raise RegistryError(f"{models_dir}: no champion to roll back from; promote one first")
    if expected_generation is not None and present.generation != expected_generation:
        raise RegistryError(
            f"{models_dir}: expected the champion of generation {expected_generation}, found {present.hash[:12]} of "
            f"generation {present.generation}: it was moved meanwhile and stays"
        )
    stack = _champions(models_dir)
    if len(stack) < 2:
        raise RegistryError(f"{models_dir}: {present.hash[:12]} is the first champion, there is none before it")
    if not reason.strip():
        raise RegistryError("a rollback needs a reason, found none")
    return _move(models_dir, "champion", stack[-2], by, f"{ROLLBACK}{reason}", ts_ns, tracking_uri, warn)


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
        if move.pointer.reason.startswith(ROLLBACK) and len(stack) > 1:
            stack.pop()
        elif not stack or stack[-1] != move.pointer.hash:
            stack.append(move.pointer.hash)
    return stack


def _move(
    models_dir: Path,
    role: Role,
    bundle_hash: str,
    by: str,
    reason: str,
    ts_ns: int,
    tracking_uri: str | None,
    warn: Warn,
) -> Pointer:
    if not reason.strip():
        raise RegistryError(f"a move of the {role} pointer needs a reason, found none")
    bundle = open_bundle(models_dir, bundle_hash, None)
    with _lock(models_dir):
        generation = 1 + max((move.pointer.generation for move in history(models_dir)), default=0)
        pointer = Pointer(bundle_hash, generation, reason, by, ts_ns)
        # The history is written first: a pointer that no history explains must never be seen.
        _append(models_dir / HISTORY_NAME, canonical_line({"role": role, **asdict(pointer)}))
        write_atomically(models_dir / f"{role}.json", canonical_json(dict(asdict(pointer))))
    if tracking_uri is not None:
        _mirror(tracking_uri, role, bundle, warn)
    return pointer


def _mirror(tracking_uri: str, role: Role, bundle: Bundle, warn: Warn) -> None:
    try:
        from ml.tracking import mirror_alias

        mirror_alias(tracking_uri, role, bundle.hash, bundle.directory, bundle.mlflow_run)
    except Exception as error:  # the pointer has moved, and whatever ails a mirror must not say otherwise
        cause = next(iter(str(error).splitlines()), "") or type(error).__name__
        warn(f"{role} is {bundle.hash[:12]}, but MLflow's alias was not moved ({cause}); it mirrors the next move")


def canonical_line(document: dict[str, object]) -> bytes:
    """Return a document as one line of JSON with sorted keys."""
    return (json.dumps(document, sort_keys=True, ensure_ascii=False) + "\n").encode()


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
