"""Who becomes champion: first the recorded checks of the data, then the gate, then money, then the pointer moves.

A person's reason overrides rules of skill and of money. It never overrides the checks, rules of kind `data`, or a
bundle that is altered or made for other features.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass

import dagster as dg

from ml import registry
from ml.bundle import Bundle, feature_schema_hash, open_bundle
from ml.errors import BundleError
from ml.registry import Pointer, read_pointer
from ml.tracking import sqlite_address
from orchestration.defs.promote.evidence import Evidence, weigh
from orchestration.defs.promote.money import Money, weigh_money
from orchestration.errors import RefusedError
from orchestration.progress import say, warn
from orchestration.settings import Settings
from streaming.shell.bus_client import publish_promotion

GATE_OPEN = "gate open: every rule passed"
REASONS_TOLD = 4
"""Reasons that one error line names: a lake of hundreds of unjudged hours has hundreds."""


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether a bundle may become champion. A person's reason overrides `weaknesses`, never `objections`."""

    bundle: str
    verdicts: int
    objections: tuple[str, ...]
    weaknesses: tuple[str, ...]
    reason: str
    money: Money | None = None
    """None where what speaks against the bundle needs no simulator."""

    @property
    def is_granted(self) -> bool:
        """Tell whether the pointer may move."""
        return not self.objections and (not self.weaknesses or bool(self.reason.strip()))

    @property
    def words(self) -> str:
        """Return the reason as it is recorded with the pointer."""
        if not self.weaknesses:
            return self.reason.strip() or GATE_OPEN
        return f"by hand, against {len(self.weaknesses)} rule(s) of skill or money: {self.reason.strip()}"


def decide(settings: Settings, instance: dg.DagsterInstance, bundle_hash: str, reason: str = "") -> Decision:
    """Judge a sealed bundle by its hash, this grid's features, the recorded checks of its data, its gate, and money.

    Money is asked only where nothing speaks against the bundle that nobody may override: it may run backtests.
    """
    grid, models_dir = settings.learning_grid, settings.folders.models_dir
    try:
        bundle = open_bundle(models_dir, bundle_hash, None)
        schema = feature_schema_hash(bundle.slot_instruments, grid.step_ns)
        open_bundle(models_dir, bundle_hash, schema).require_instruments(grid.instruments)
    except BundleError as error:
        return Decision(bundle_hash, 0, (str(error),), (), reason)
    evidence = _evidence(settings, instance, bundle)
    rules = [rule for rule in bundle.gate.rules if not rule.passed]
    broken = tuple(f"{rule.name}: {rule.reason}" for rule in rules if rule.kind == "data")
    weak = tuple(f"{rule.name}: {rule.reason}" for rule in rules if rule.kind == "skill")
    objections = (*evidence.objections, *broken)
    if objections:
        return Decision(bundle_hash, evidence.verdicts, objections, weak, reason)
    money = weigh_money(settings, bundle)
    say(f"promotion: {bundle_hash[:12]} {money.words}")
    return Decision(bundle_hash, evidence.verdicts, (), (*weak, *money.weaknesses), reason, money)


def crown(settings: Settings, decision: Decision, by: str) -> Pointer:
    """Move the champion pointer to the decided bundle; RefusedError, saying all that is wrong, when not granted."""
    if not decision.is_granted:
        lines = [*decision.objections, *decision.weaknesses]
        hint = "no reason overrides data checks" if decision.objections else "a person may override with --reason"
        told = "; ".join(lines[:REASONS_TOLD])
        others = len(lines) - REASONS_TOLD
        more = f"; and {others} more" if others > 0 else ""
        raise RefusedError(f"bundle {decision.bundle[:12]} is not promoted ({hint}): {told}{more}")
    folders = settings.folders
    tracking_uri = sqlite_address(folders.mlflow_path)
    pointer = registry.promote(
        folders.models_dir, decision.bundle, by, decision.words, time.time_ns(), tracking_uri=tracking_uri, warn=warn
    )
    publish_promotion(settings, pointer, warn)  # running traders look at the pointer by themselves, if later
    return pointer


def put_up(settings: Settings, bundle_hash: str, by: str) -> Pointer:
    """Make a sealed bundle the challenger, which may be run in shadow whatever the gate says."""
    folders = settings.folders
    tracking_uri = sqlite_address(folders.mlflow_path)
    return registry.challenge(
        folders.models_dir, bundle_hash, by, "trained and sealed", time.time_ns(), tracking_uri=tracking_uri, warn=warn
    )


def resolve(settings: Settings, beginning: str) -> str:
    """Return the hash of the one bundle that begins so (empty: the challenger's).

    RefusedError when there is no challenger; ml.errors.BundleNameError when none or several begin so.
    """
    models_dir = settings.folders.models_dir
    if not beginning and read_pointer(models_dir, "challenger") is None:
        raise RefusedError(f"{models_dir}: no challenger to promote; run `python -m orchestration learn` first")
    return registry.resolve(models_dir, beginning or "challenger")


def _evidence(settings: Settings, instance: dg.DagsterInstance, bundle: Bundle) -> Evidence:
    lineage = bundle.manifest["lineage"]
    sources = lineage.get("sources") if isinstance(lineage, Mapping) else None
    assert isinstance(sources, Mapping), "a sealed manifest names the files that the model learned from"
    digests = {str(path): str(digest) for path, digest in sources.items()}
    return weigh(instance, settings.lake, settings.learning_grid, digests, settings.orchestration.quality)
