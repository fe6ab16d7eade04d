"""What the page reads of the models' folder, and that what is broken there is said and spoils nothing else."""

import json
from pathlib import Path

import pytest

from dashboards.errors import DeskError
from dashboards.model.bundles_panel import fact_rows, gate_rows
from dashboards.model.change_panel import asked_promotion, asked_rollback, option_text
from dashboards.model.folder import ModelsFolder

GOOD, WEAK = "a" * 64, "b" * 64
NS_PER_H = 3_600 * 1_000_000_000


def rule(name: str, kind: str, *, passed: bool, value: float | None = 1.0) -> dict[str, object]:
    return {"name": name, "kind": kind, "value": value, "threshold": 0.5, "passed": passed, "reason": f"{name} is so"}


def put_bundle(models: Path, name: str, rules: list[dict[str, object]], until_h: int = 2) -> None:
    (models / name).mkdir(parents=True)
    manifest = {
        "preset": {"name": "nano", "context": 60, "horizon": 20},
        "slots": [{"instrument": "a:X", "is_present": True}, {"instrument": "b:X", "is_present": False}],
        "lineage": {"first_step_ns": 0, "mlflow_run": ""},
        "trained_until_ns": until_h * NS_PER_H,
        "expires_ns": (until_h + 24) * NS_PER_H,
        "validation": {"gate": {"rules": rules}},
    }
    (models / name / "manifest.json").write_text(json.dumps(manifest))


def point(models: Path, role: str, name: str, generation: int) -> None:
    pointer = {"hash": name, "generation": generation, "reason": "better", "by": "ann", "ts_ns": 7}
    (models / f"{role}.json").write_text(json.dumps(pointer))
    with (models / "history.jsonl").open("a") as file:
        file.write(json.dumps({"role": role, **pointer}) + "\n")


@pytest.fixture
def models(tmp_path: Path) -> Path:
    put_bundle(tmp_path, GOOD, [rule("finite", "data", passed=True), rule("skill", "skill", passed=True, value=None)])
    put_bundle(tmp_path, WEAK, [rule("finite", "data", passed=True), rule("skill", "skill", passed=False)], until_h=5)
    point(tmp_path, "champion", GOOD, 1)
    point(tmp_path, "challenger", WEAK, 2)
    return tmp_path


def test_pointers_moves_and_manifests_are_read(models: Path) -> None:
    found = ModelsFolder(models).look()

    assert {role: pointer.hash for role, pointer in found.pointers.items()} == {"champion": GOOD, "challenger": WEAK}
    assert [(move.generation, move.role) for move in found.moves] == [(2, "challenger"), (1, "champion")]
    assert [*found.bundles] == [WEAK, GOOD] and found.problems == ()
    assert found.bundles[GOOD].is_passed and not found.bundles[WEAK].is_passed
    assert found.bundles[GOOD].instruments == ("a:X",)


def test_an_empty_folder_holds_nothing_and_is_no_problem(tmp_path: Path) -> None:
    found = ModelsFolder(tmp_path / "models").look()

    assert not found.pointers and not found.bundles and found.problems == ()


def test_a_torn_pointer_and_a_broken_manifest_are_said_and_the_rest_is_shown(models: Path) -> None:
    (models / "champion.json").write_text('{"hash": ')
    put_bundle(models, "c" * 64, [{"name": "x"}])

    found = ModelsFolder(models).look()

    assert [*found.pointers] == ["challenger"] and len(found.bundles) == 2
    assert [problem.split(" cannot")[0] for problem in found.problems] == ["champion.json", "bundle cccccccccccc"]


def test_a_bundle_that_is_gone_is_shown_no_more(models: Path) -> None:
    folder = ModelsFolder(models)
    folder.look()
    (models / WEAK / "manifest.json").unlink()

    assert [*folder.look().bundles] == [GOOD]


def test_the_gate_tells_values_and_those_that_are_not_known_as_none(models: Path) -> None:
    rows = gate_rows(ModelsFolder(models).look().bundles[GOOD])

    assert rows[1] == [{"text": "pass", "state": "ok"}, "skill", "skill", None, "0.5", "skill is so"]


def test_age_and_expiry_are_by_the_sessions_clock(models: Path) -> None:
    found = ModelsFolder(models).look()

    rows = {str(row[0]): row[1] for row in fact_rows(found, 3 * NS_PER_H)}
    late = {str(row[0]): row[1] for row in fact_rows(found, 27 * NS_PER_H)}

    assert rows["age of data, session clock"] == "1 h 0 min"
    assert rows["expires, session clock"] == {"text": "1970-01-02 02:00:00 UTC, in 23 h 0 min", "state": "warn"}
    assert late["expires, session clock"] == {"text": "1970-01-02 02:00:00 UTC, EXPIRED 1 h 0 min ago", "state": "bad"}
    assert {str(row[0]): row[1] for row in fact_rows(found, None)}["age of data, session clock"] is None


def test_a_promotion_is_asked_with_what_its_reason_overrides(models: Path) -> None:
    asked = asked_promotion(ModelsFolder(models).look(), WEAK, "  --it is\nbetter ")

    assert asked.words == ("models", "promote", WEAK, "--reason=--it is better")
    assert "champion is aaaaaaaaaaaa" in asked.telling and "overrides skill, and rules of money" in asked.warning


def test_a_bundle_refused_by_rules_of_data_is_said_to_be_refused(models: Path) -> None:
    put_bundle(models, "d" * 64, [rule("finite", "data", passed=False)])

    assert "no reason overrides finite" in asked_promotion(ModelsFolder(models).look(), "d" * 64, "why").warning


@pytest.mark.parametrize(
    ("bundle", "reason", "words"), [(WEAK, "  ", "reason"), ("", "x", "choose"), (GOOD, "x", "already")]
)
def test_a_promotion_that_cannot_be_meant_is_not_asked(models: Path, bundle: str, reason: str, words: str) -> None:
    with pytest.raises(DeskError, match=words):
        asked_promotion(ModelsFolder(models).look(), bundle, reason)


def test_a_rollback_wants_a_champion_and_a_reason(models: Path, tmp_path: Path) -> None:
    found = ModelsFolder(models).look()

    assert asked_rollback(found, "worse").words == ("models", "rollback", "--reason=worse")
    with pytest.raises(DeskError, match="reason"):
        asked_rollback(found, "")
    with pytest.raises(DeskError, match="no champion"):
        asked_rollback(ModelsFolder(tmp_path / "empty").look(), "worse")


def test_a_bundle_is_offered_with_its_role_and_gate(models: Path) -> None:
    assert option_text(ModelsFolder(models).look(), WEAK) == "bbbbbbbbbbbb, challenger, gate refused"
