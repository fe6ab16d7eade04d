"""The section [ml] refuses what it does not know."""

import pytest
from pydantic import ValidationError

from ml.config import GateConfig, MlConfig, SplitConfig


def test_defaults_are_the_rules_that_were_tried() -> None:
    gate = MlConfig().gate

    assert (gate.horizon_step, gate.contiguous_test_steps_min, gate.blocks_min) == (5, 4000, 25)
    assert (gate.skill_vs_persistence_min, gate.skill_vs_ridge_min, gate.volume_skill_min) == (0.002, -0.01, -0.02)


def test_a_misspelt_key_is_named() -> None:
    with pytest.raises(ValidationError, match="horizon_steps"):
        GateConfig.model_validate({"horizon_steps": 5})


def test_a_split_must_use_all_of_time() -> None:
    with pytest.raises(ValidationError, match=r"must be 1, found 0\.9"):
        SplitConfig(train=0.6, validation=0.2, test=0.1)


def test_an_unknown_preset_is_refused() -> None:
    with pytest.raises(ValidationError, match="nano_short"):
        MlConfig.model_validate({"preset": "huge"})
