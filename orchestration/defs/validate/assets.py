"""Validate: skill against every baseline on the test part, and the gate's verdict."""

import base64
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg

from orchestration.defs.dataset.assets import dataset_dir
from orchestration.defs.quality import span
from orchestration.defs.resources import House
from orchestration.defs.train.assets import candidate, candidate_dir
from orchestration.defs.validate.truth import truth_of
from orchestration.errors import RefusedError
from orchestration.progress import say
from orchestration.settings import Settings
from warehouse.files import write_atomically

if TYPE_CHECKING:
    from ml.validate import ValidationReport

SEALED = "sealed.txt"
"""File beside the candidate that names the bundle it was sealed as."""


def images(paths: Iterable[Path]) -> str:
    """Return pictures as markdown that needs no file beside it."""
    encoded = {path.stem: base64.b64encode(path.read_bytes()).decode() for path in paths}
    return "\n\n".join(f"![{name}](data:image/png;base64,{data})" for name, data in encoded.items())


def sealed_hash(settings: Settings) -> str:
    """Return the hash of the bundle that the last validation sealed; RefusedError when there was none."""
    path = candidate_dir(settings) / SEALED
    if not path.is_file():
        raise RefusedError(f"{path}: no sealed bundle; materialise `validation` first")
    return path.read_text().strip()


def judge_and_seal(settings: Settings) -> "tuple[ValidationReport, str]":
    """Validate the candidate and seal it with the verdict, passed or not: a person may promote it by hand."""
    from ml.bundle import seal
    from ml.dataset import read_manifest
    from ml.train import load_candidate
    from ml.validate import validate

    folder, manifest = candidate_dir(settings), read_manifest(dataset_dir(settings))
    (folder / SEALED).unlink(missing_ok=True)
    lake, hours = settings.lake, [span.hour_of_file(path) for path in manifest.sources]
    fed = span.feeding(lake, settings.learning_grid, hours)
    truth = truth_of(lake, fed, manifest.first_step_ns, manifest.last_step_ns)
    report = validate(folder, dataset_dir(settings), settings.ml, truth, say)
    trained = load_candidate(folder)
    bundle = seal(trained, report, settings.folders.models_dir)
    write_atomically(folder / SEALED, f"{bundle}\n".encode())
    _log(settings, str(trained.document["mlflow_run"]), report)
    return report, bundle


def _log(settings: Settings, run_id: str, report: "ValidationReport") -> None:
    from ml.tracking import log_skill, sqlite_address

    if run_id:
        address, verdict = sqlite_address(settings.folders.mlflow_path), "passed" if report.gate.passed else "refused"
        log_skill(address, run_id, report.skill, verdict)


@dg.asset(
    group_name="validate",
    kinds={"pytorch"},
    deps=[candidate],
    check_specs=[dg.AssetCheckSpec("gate", asset="validation", description="Every rule of the promotion gate holds.")],
)
def validation(house: House) -> dg.MaterializeResult:  # type: ignore[type-arg]  # Dagster refuses it beside a check
    """What the candidate can do on data it never saw, beside persistence, AR(1)-shrink and ridge-flow."""
    settings = house.settings()
    report, bundle = judge_and_seal(settings)
    return dg.MaterializeResult(
        metadata={
            "skill": dg.MetadataValue.md(report.skill_table_markdown),
            "plots": dg.MetadataValue.md(images(report.plots)),
            "gate": "passed" if report.gate.passed else "refused",
            "bundle": bundle,
        },
        check_results=[
            dg.AssetCheckResult(
                passed=report.gate.passed,
                severity=dg.AssetCheckSeverity.WARN,
                metadata={"reasons": dg.MetadataValue.json(list(report.gate.reasons))},
            )
        ],
    )
