"""Whoever removes a rule hears of it: each has a patch that takes it out, and tests that then fail."""

import importlib.util
import random
import sys
from pathlib import Path
from types import ModuleType

import pytest

import native
from native.risk_tables import risk_rows, watch_rows

SCRIPT = Path(native.__file__).parent / "tests" / "apply_rule_removals.py"
SEED = 20
RULES = [f"risk_{row.name}" for row in risk_rows()] + [f"watch_{row.name}" for row in watch_rows()]
CALLS = {"check", "note_sent", "note_unanswered", "note_rejected", "note_gaps"} | {
    "weigh_equity",
    "watch",
    "watch_check",
    "apply_trip",
    "close_positions",
}
"""By which the trader asks the rules, feeds them and obeys them."""


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("apply_rule_removals", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_there_is_exactly_one_patch_a_rule_of_the_tables_and_a_call_of_the_trader(script: ModuleType):
    wanted = sorted([*RULES, *(f"call_{name}" for name in CALLS)])

    assert sorted(path.stem for path in script.PATCHES.glob("*.patch")) == wanted
    assert sorted(script.removals()) == wanted


def test_every_patch_applies_and_takes_out_its_own_rule_or_call_alone(script: ModuleType, tmp_path: Path):
    for name, removal in script.removals().items():
        source, text = tmp_path / removal.source, (script.NATIVE / removal.source).read_text()
        source.parent.mkdir(exist_ok=True)
        source.write_text(text)

        script.apply_patch((script.PATCHES / f"{name}.patch").read_text(), tmp_path)

        assert text.count(removal.old) == 1, name
        assert source.read_text() == text.replace(removal.old, removal.new), name


def test_a_patch_that_no_longer_fits_is_refused(script: ModuleType, tmp_path: Path):
    name, removal = next(iter(script.removals().items()))
    source = tmp_path / removal.source
    source.parent.mkdir()
    source.write_text("// nothing of it\n")

    with pytest.raises(script.RemovalError, match="expected the patch's lines once, found them 0 times"):
        script.apply_patch((script.PATCHES / f"{name}.patch").read_text(), tmp_path)


def test_removing_any_of_three_rules_makes_a_test_fail(script: ModuleType):
    assert script.unnoticed(random.Random(SEED).sample(RULES, 3)) == []


def test_a_trader_that_does_not_ask_its_rules_fails_a_test(script: ModuleType):
    assert script.unnoticed(["call_check"]) == []


@pytest.mark.torture
def test_removing_any_rule_or_call_makes_a_test_fail(script: ModuleType):
    assert script.unnoticed(sorted(script.removals())) == []
