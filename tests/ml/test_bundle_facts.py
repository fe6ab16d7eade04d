"""What a bundle tells of itself, whole or not, and which code trained it."""

import shutil
import subprocess
from pathlib import Path

import pytest

from ml import registry
from ml.bundle import seal
from ml.code_stamp import code_stamp
from ml.runtime import bundle_facts, bundle_named
from ml.train import Candidate
from ml.validate import ValidationReport


@pytest.fixture
def models(tmp_path: Path, candidate: Candidate, report: ValidationReport) -> tuple[Path, str]:
    folder = tmp_path / "models"
    return folder, seal(candidate, report, folder)


def test_a_whole_bundle_tells_where_it_came_from(models: tuple[Path, str], candidate: Candidate) -> None:
    folder, digest = models
    registry.challenge(folder, digest, "a test", "sealed", 5)

    facts = bundle_facts(folder, digest)

    assert (facts.state, facts.problem) == ("ok", "")
    assert facts.dataset == candidate.document["dataset_hash"] and facts.grid == "main"
    assert facts.sources == candidate.document["dataset"]["sources"] and len(facts.sources) > 0
    assert facts.code == candidate.document["code"] and len(facts.config_hash) == 64
    assert [(move.role, move.generation, move.reason) for move in facts.generations] == [("challenger", 1, "sealed")]
    assert facts.gate_passed is (not facts.failed_rules) and facts.metrics
    assert bundle_named(folder, int(digest[:8], 16)) == digest


def test_altered_weights_are_told_and_the_rest_is_still_known(models: tuple[Path, str]) -> None:
    folder, digest = models
    next((folder / digest).glob("*.safetensors")).write_bytes(b"other")

    facts = bundle_facts(folder, digest)

    assert facts.state == "altered" and "altered since it was sealed" in facts.problem and facts.sources


def test_a_manifest_that_cannot_be_read_and_a_bundle_that_is_gone_raise_nothing(models: tuple[Path, str]) -> None:
    folder, digest = models
    (folder / digest / "manifest.json").write_text("{}")
    altered = bundle_facts(folder, digest)
    shutil.rmtree(folder / digest)
    gone = bundle_facts(folder, digest)

    assert (altered.state, altered.sources, gone.state) == ("altered", None, "missing")
    assert bundle_named(folder, int(digest[:8], 16)) is None


def test_code_is_named_by_version_and_commit(tmp_path: Path) -> None:
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b"]
    without = code_stamp(tmp_path)
    (tmp_path / "file").write_text("one")
    for words in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "first"]):
        subprocess.run([*git, *words], check=True)
    clean = code_stamp(tmp_path)
    (tmp_path / "file").write_text("two")

    assert (without["commit"], without["changed"]) == ("unknown", "unknown")
    assert len(clean["commit"]) == 40 and clean["changed"] == "no"
    assert code_stamp(tmp_path)["changed"] == "yes"
