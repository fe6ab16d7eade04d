"""A bundle opens only when every byte is as sealed, for the same features, in time."""

import json
import shutil
from pathlib import Path

import pytest
from synthetic_grid import INSTRUMENTS

from ml.bundle import feature_schema_hash, list_bundles, open_bundle, seal
from ml.errors import BundleError
from ml.files import sha256_of_file
from ml.train import Candidate
from ml.validate import ValidationReport

SCHEMA = feature_schema_hash(INSTRUMENTS, 100_000_000)
HOUR_NS = 3_600_000_000_000


@pytest.fixture
def models(tmp_path: Path) -> Path:
    return tmp_path / "models"


@pytest.fixture
def sealed(candidate: Candidate, report: ValidationReport, models: Path) -> str:
    return seal(candidate, report, models)


def test_a_bundle_is_named_by_its_manifest_which_names_every_file(models: Path, sealed: str) -> None:
    folder = models / sealed
    manifest = json.loads((folder / "manifest.json").read_bytes())

    assert sha256_of_file(folder / "manifest.json") == sealed
    assert {path.name for path in folder.iterdir()} == {"manifest.json", *manifest["files"]}
    assert all(sha256_of_file(folder / name) == digest for name, digest in manifest["files"].items())
    assert manifest["lineage"]["sources"] and manifest["validation"]["gate"]["rules"]


def test_sealing_twice_gives_one_bundle(
    candidate: Candidate, report: ValidationReport, models: Path, sealed: str
) -> None:
    assert seal(candidate, report, models) == sealed
    assert list_bundles(models) == [sealed] and not list(models.glob(".*"))


def test_a_whole_bundle_opens(models: Path, sealed: str) -> None:
    bundle = open_bundle(models, sealed, SCHEMA)

    assert bundle.slot_instruments == INSTRUMENTS and bundle.present_slots == (0, 1, 2)
    assert bundle.gate.passed and bundle.preset.name == "nano_short"
    assert bundle.expires_ns - bundle.trained_until_ns == 168 * HOUR_NS


@pytest.mark.parametrize("name", ["weights.safetensors", "constants.safetensors"])
def test_a_missing_file_is_named(models: Path, sealed: str, name: str) -> None:
    (models / sealed / name).unlink()

    with pytest.raises(BundleError, match=f"{name}: expected by the manifest, found no file"):
        open_bundle(models, sealed, SCHEMA)


@pytest.mark.parametrize("name", ["weights.safetensors", "constants.safetensors", "manifest.json"])
def test_one_altered_byte_is_seen(models: Path, sealed: str, name: str) -> None:
    path = models / sealed / name
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)

    with pytest.raises(BundleError, match=f"{name}: altered since it was sealed"):
        open_bundle(models, sealed, SCHEMA)


def test_another_grid_step_is_a_foreign_feature_schema(models: Path, sealed: str) -> None:
    with pytest.raises(BundleError, match=r"made for feature schema .* train on this grid"):
        open_bundle(models, sealed, feature_schema_hash(INSTRUMENTS, 250_000_000))


def test_a_bundle_expires_by_engine_time(models: Path, sealed: str) -> None:
    bundle = open_bundle(models, sealed, SCHEMA)

    assert open_bundle(models, sealed, SCHEMA, now_ns=bundle.expires_ns) == bundle
    with pytest.raises(BundleError, match=r"expired 1\.0 h ago \(engine time\)"):
        open_bundle(models, sealed, SCHEMA, now_ns=bundle.expires_ns + HOUR_NS)
    with pytest.raises(BundleError, match="expired"):
        open_bundle(models, sealed, SCHEMA, now_ns=bundle.trained_until_ns + 2, expires_after_ns=1)


def test_an_unknown_hash_says_where_to_look(models: Path) -> None:
    with pytest.raises(BundleError, match=r"expected a sealed bundle, cannot read it .* see `models list`"):
        open_bundle(models, "0" * 64, SCHEMA)


def test_a_bundle_under_another_name_is_refused(models: Path, sealed: str) -> None:
    shutil.copytree(models / sealed, models / ("0" * 64))

    with pytest.raises(BundleError, match="its sha256 is not its folder's name"):
        open_bundle(models, "0" * 64, SCHEMA)
