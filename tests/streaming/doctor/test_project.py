"""The doctor on the project: what is wrong is provoked, not pretended."""

import os
import sys
import time
from pathlib import Path

import pytest

from streaming.doctor.project import check_core, check_packages, check_python, check_settings
from streaming.settings import PROJECT_ROOT, load_settings


def test_this_interpreter_and_these_packages_are_in_order() -> None:
    assert check_python().state == "ok"
    assert check_packages(PROJECT_ROOT).state == "ok"


def test_an_interpreter_outside_a_virtual_environment_is_warned_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "prefix", sys.base_prefix)

    assert check_python().state == "warn"


def test_packages_missing_or_of_another_version_are_named(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[project]\ndependencies = ["numpy<1", "no-such-thing>=2", "orjson"]\n')

    finding = check_packages(tmp_path)

    assert finding.state == "FAIL"
    assert "numpy" in finding.found and "expected <1" in finding.found and "no-such-thing missing" in finding.found
    assert "orjson" not in finding.found


def test_the_core_is_importable_and_makes_its_golden_features(tmp_path: Path) -> None:
    finding = check_core(tmp_path)

    assert finding.state == "ok" and "feature hash" in finding.found


def test_a_source_newer_than_the_build_is_warned_of(tmp_path: Path) -> None:
    source = tmp_path / "native" / "src" / "engine.cpp"
    source.parent.mkdir(parents=True)
    source.write_text("// changed")
    later = time.time() + 60
    os.utime(source, (later, later))

    finding = check_core(tmp_path)

    assert (finding.state, finding.fix) == ("warn", "make native")
    assert "native/src/engine.cpp is newer" in finding.found


def test_a_core_that_cannot_be_imported_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "native", None)  # how Python marks a module that is not to be found

    finding = check_core(PROJECT_ROOT)

    assert finding.state == "FAIL" and "make native" in finding.fix


def test_a_misspelt_key_is_a_failure_that_names_it(settings_file: Path) -> None:
    settings_file.write_text(settings_file.read_text() + "\n[warehouses]\nx = 1\n")

    finding, settings = check_settings(load_settings)

    assert settings is None
    assert finding.state == "FAIL" and "warehouses: unknown key" in finding.found


def test_a_grid_that_is_not_there_is_a_failure(settings_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOB_STREAMING__GRID", "other")

    finding, _ = check_settings(load_settings)

    assert finding.state == "FAIL" and "no grid is called 'other'" in finding.found


def test_limits_that_a_trader_would_miss_are_named(settings_file: Path) -> None:
    text = settings_file.read_text()
    settings_file.write_text(text.replace('[native.limits."bybit_spot:BTCUSDT"]', '[native.limits."bybit_spot:ETH"]'))

    finding, settings = check_settings(load_settings)

    assert settings is not None
    assert finding.state == "warn" and 'native.limits."bybit_spot:BTCUSDT"' in finding.fix


def test_words_of_the_environment_are_counted(settings_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOB_NATIVE__STALE_MS", "3000")

    finding, _ = check_settings(load_settings)

    assert finding.state == "ok" and "1 words of the environment" in finding.found
