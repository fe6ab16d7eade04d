"""Pointers move whole, remember who and why, and can go back."""

import json
from pathlib import Path

import pytest

from ml.bundle import seal
from ml.config import MlConfig
from ml.errors import BundleError, RegistryError
from ml.registry import challenge, history, promote, read_pointer, rollback
from ml.tracking import MODEL_NAME, sqlite_address
from ml.train import Candidate
from ml.validate import ValidationReport


@pytest.fixture
def models(tmp_path: Path) -> Path:
    return tmp_path / "models"


@pytest.fixture
def hashes(candidate: Candidate, report: ValidationReport, models: Path) -> list[str]:
    """Return three bundles that differ in how long they last."""
    made = []
    for hours in (1.0, 2.0, 3.0):
        config = MlConfig(preset="nano_short", expires_after_hours=hours).model_dump(mode="json")
        document = {**candidate.document, "config": config}
        made.append(seal(Candidate(candidate.directory, document, candidate.files), report, models))
    return made


def test_a_promotion_keeps_hash_generation_reason_and_who(models: Path, hashes: list[str]) -> None:
    pointer = promote(models, hashes[0], "ann", "gate passed", 5)

    assert read_pointer(models, "champion") == pointer
    assert json.loads((models / "champion.json").read_bytes()) == {
        "hash": hashes[0],
        "generation": 1,
        "reason": "gate passed",
        "by": "ann",
        "ts_ns": 5,
    }
    assert read_pointer(models, "challenger") is None


def test_generations_grow_with_every_move_of_either_pointer(models: Path, hashes: list[str]) -> None:
    challenge(models, hashes[0], "job", "trained", 1)
    promote(models, hashes[0], "job", "gate passed", 2)
    challenge(models, hashes[1], "job", "trained", 3)

    assert [(move.role, move.pointer.generation) for move in history(models)] == [
        ("challenger", 1),
        ("champion", 2),
        ("challenger", 3),
    ]


def test_rolling_back_twice_goes_back_two_champions(models: Path, hashes: list[str]) -> None:
    for ts_ns, bundle_hash in enumerate(hashes):
        promote(models, bundle_hash, "job", "gate passed", ts_ns)

    first = rollback(models, "ann", "slippage", 10)
    second = rollback(models, "ann", "slippage again", 11)

    assert [first.hash, second.hash] == [hashes[1], hashes[0]]
    assert second.generation == 5 and second.reason == "rollback: slippage again"
    with pytest.raises(RegistryError, match="is the first champion, there is none before it"):
        rollback(models, "ann", "again", 12)


def test_a_rollback_of_a_generation_that_is_no_more_moves_nothing(models: Path, hashes: list[str]) -> None:
    for ts_ns, bundle_hash in enumerate(hashes):
        promote(models, bundle_hash, "job", "gate passed", ts_ns)

    with pytest.raises(RegistryError, match=r"expected the champion of generation 2, found .* of generation 3"):
        rollback(models, "trader", "probation", 10, expected_generation=2)
    back = rollback(models, "trader", "probation", 11, expected_generation=3)

    assert (back.hash, back.generation, back.by) == (hashes[1], 4, "trader")


def test_there_is_nothing_to_roll_back_before_the_first_promotion(tmp_path: Path) -> None:
    with pytest.raises(RegistryError, match="no champion to roll back from"):
        rollback(tmp_path, "ann", "why not", 1)


def test_a_damaged_bundle_is_never_pointed_at(models: Path, hashes: list[str]) -> None:
    promote(models, hashes[0], "job", "gate passed", 1)
    (models / hashes[1] / "weights.safetensors").write_bytes(b"")

    with pytest.raises(BundleError, match="altered"):
        promote(models, hashes[1], "job", "gate passed", 2)

    pointer = read_pointer(models, "champion")
    assert pointer is not None and pointer.hash == hashes[0] and len(history(models)) == 1


def test_a_move_needs_a_reason(models: Path, hashes: list[str]) -> None:
    with pytest.raises(RegistryError, match="needs a reason"):
        promote(models, hashes[0], "ann", "  ", 1)


def test_an_unreadable_pointer_is_an_error_and_not_an_absence(models: Path) -> None:
    models.mkdir()
    (models / "champion.json").write_text('{"hash": 1')

    with pytest.raises(RegistryError, match=r"champion\.json: expected hash, generation"):
        read_pointer(models, "champion")


def test_a_damaged_history_names_its_line(models: Path, hashes: list[str]) -> None:
    promote(models, hashes[0], "ann", "gate passed", 1)
    with (models / "history.jsonl").open("a") as file:
        file.write("{torn\n")

    with pytest.raises(RegistryError, match="line 2 is not a move"):
        history(models)


def test_mlflow_aliases_mirror_the_pointer(models: Path, hashes: list[str], tmp_path: Path) -> None:
    from mlflow import MlflowClient

    address = sqlite_address(tmp_path / "mlflow" / "mlflow.db")
    for ts_ns, bundle_hash in enumerate(hashes[:2]):
        promote(models, bundle_hash, "job", "gate passed", ts_ns, tracking_uri=address)
    rollback(models, "ann", "slippage", 10, tracking_uri=address)

    client = MlflowClient(tracking_uri=address, registry_uri=address)
    version = client.get_model_version_by_alias(MODEL_NAME, "champion")
    assert version.tags["bundle"] == hashes[0] and int(version.version) == 1


def test_a_mirror_that_fails_is_a_warning_and_the_pointer_has_moved(
    models: Path, hashes: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told: list[str] = []
    broken = f"sqlite:///{tmp_path}"  # a folder is no database

    pointer = promote(models, hashes[0], "job", "gate passed", 1, tracking_uri=broken, warn=told.append)
    rolled = promote(models, hashes[1], "job", "gate passed", 2, tracking_uri=broken)

    assert read_pointer(models, "champion") == rolled and pointer.hash == hashes[0]
    assert len(told) == 1 and told[0].startswith(f"champion is {hashes[0][:12]}, but MLflow's alias was not moved (")
    assert capsys.readouterr().err.startswith(f"warning: champion is {hashes[1][:12]}, but")


def test_a_promotion_cannot_pass_for_a_rollback(models: Path, hashes: list[str]) -> None:
    with pytest.raises(RegistryError, match="kept for rollbacks"):
        promote(models, hashes[0], "ann", "rollback: to be clever", 1)
