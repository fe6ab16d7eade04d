"""What a sealed bundle tells of itself to who asks where an order came from; never raises for what is wrong with it."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from ml.bundle import MANIFEST_NAME, open_bundle
from ml.errors import BundleError, RegistryError
from ml.files import JsonObject, canonical_json, sha256_of_bytes
from ml.registry import history

MODEL_ID_DIGITS = 8
"""Hex digits of a bundle's hash that forecasts and orders carry as a number."""


@dataclass(frozen=True, slots=True)
class Generation:
    """One move of a pointer to the bundle."""

    role: str
    generation: int
    ts_ns: int
    by: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleFacts:
    """A bundle as it lies there. `state` is ok, missing or altered; with the last two `problem` says why."""

    hash: str
    directory: str
    state: str
    problem: str = ""
    generations: tuple[Generation, ...] = ()
    gate_passed: bool | None = None
    """None where no verdict can be read."""
    failed_rules: tuple[str, ...] = ()
    metrics: Mapping[str, float] | None = None
    """Skill on data it never saw, as it was sealed."""
    grid: str = ""
    instruments: tuple[str, ...] = ()
    dataset: str = ""
    """Hash of the training set's manifest."""
    sources: Mapping[str, str] | None = None
    """The grid files that it learned from (path in the lake) with their sha256."""
    first_step_ns: int = 0
    last_step_ns: int = 0
    mlflow_run: str = ""
    code: Mapping[str, str] | None = None
    """Version and commit of the code that trained it, as far as it was sealed in."""
    config_hash: str = ""
    """sha256 of the training's whole configuration."""

    def as_json(self) -> JsonObject:
        """Return it as one JSON object."""
        return json.loads(json.dumps(asdict(self)))  # type: ignore[no-any-return]


def bundle_named(models_dir: Path, model_id: int) -> str | None:
    """Return the hash of the one bundle whose first digits are `model_id`, None when none or several begin so."""
    found = [path.name for path in models_dir.glob(f"{model_id:0{MODEL_ID_DIGITS}x}*") if path.is_dir()]
    return found[0] if len(found) == 1 else None


def bundle_facts(models_dir: Path, bundle_hash: str) -> BundleFacts:
    """Return what the bundle tells, verified byte for byte."""
    directory = models_dir / bundle_hash
    state, problem = _state(models_dir, bundle_hash)
    try:
        manifest = json.loads((directory / MANIFEST_NAME).read_bytes())
        return _facts(models_dir, bundle_hash, state, problem, manifest)
    except (OSError, ValueError, KeyError, TypeError) as error:
        known = problem or f"{directory / MANIFEST_NAME}: {error!r}"
        return BundleFacts(hash=bundle_hash, directory=str(directory), state=state or "altered", problem=known)


def _state(models_dir: Path, bundle_hash: str) -> tuple[str, str]:
    if not (models_dir / bundle_hash / MANIFEST_NAME).is_file():
        return "missing", f"{models_dir / bundle_hash}: expected a sealed bundle, found none"
    try:
        open_bundle(models_dir, bundle_hash, None)
    except BundleError as error:
        return "altered", str(error)
    return "ok", ""


def _facts(models_dir: Path, bundle_hash: str, state: str, problem: str, manifest: JsonObject) -> BundleFacts:
    lineage, validation = _section(manifest, "lineage"), _section(manifest, "validation")
    rules = [rule for rule in _list(_section(validation, "gate"), "rules") if isinstance(rule, dict)]
    slots = [slot for slot in _list(manifest, "slots") if isinstance(slot, dict)]
    code = lineage.get("code")
    return BundleFacts(
        hash=bundle_hash,
        directory=str(models_dir / bundle_hash),
        state=state,
        problem=problem,
        generations=_generations(models_dir, bundle_hash),
        gate_passed=all(rule["passed"] is True for rule in rules) if rules else None,
        failed_rules=tuple(f"{rule['name']}: {rule['reason']}" for rule in rules if rule["passed"] is not True),
        metrics=_skill(validation),
        grid=str(manifest["grid"]),
        instruments=tuple(str(slot["instrument"]) for slot in slots),
        dataset=str(lineage["dataset"]),
        sources={path: str(digest) for path, digest in sorted(_section(lineage, "sources").items())},
        first_step_ns=int(str(lineage["first_step_ns"])),
        last_step_ns=int(str(manifest["trained_until_ns"])),
        mlflow_run=str(lineage["mlflow_run"]),
        code={key: str(value) for key, value in code.items()} if isinstance(code, dict) else None,
        config_hash=sha256_of_bytes(canonical_json(_section(manifest, "config"))),
    )


def _skill(validation: JsonObject) -> dict[str, float]:
    """Return R2 of the mid against persistence by step; a value that was not finite is left out."""
    rows = [row for row in _list(validation, "mid") if isinstance(row, dict)]
    values = {f"r2_step_{row['horizon_step']}": _section(row, "vs_persistence").get("value") for row in rows}
    return {name: float(value) for name, value in values.items() if isinstance(value, int | float)}


def _generations(models_dir: Path, bundle_hash: str) -> tuple[Generation, ...]:
    try:
        moves = history(models_dir)
    except RegistryError:  # a history that cannot be read tells of no move; `trader models list` says why
        return ()
    return tuple(
        Generation(move.role, move.pointer.generation, move.pointer.ts_ns, move.pointer.by, move.pointer.reason)
        for move in moves
        if move.pointer.hash == bundle_hash
    )


def _section(document: JsonObject, key: str) -> JsonObject:
    found = document.get(key)
    return found if isinstance(found, dict) else {}


def _list(document: JsonObject, key: str) -> list[object]:
    found = document.get(key)
    return [*found] if isinstance(found, list) else []
