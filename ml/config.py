"""The `[ml]` section of settings: preset, training, split, gate."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

PresetName = Literal["nano", "nano_short", "paper"]


class MoneyConfig(BaseModel):
    """Promotion rules on money: challenger against champion in the simulator, on the same out-of-sample span."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    block_s: int = Field(
        default=60, ge=1, description="Seconds that are drawn together: longer than a position is held."
    )
    blocks_min: int = Field(default=10, ge=2, description="Blocks that the span must hold; fewer tell nothing.")
    drawdown_margin: float = Field(
        default=0.1, ge=0.0, description="Share by which the challenger's drawdown may exceed the champion's."
    )
    exposure_margin: float = Field(default=0.1, ge=0.0, description="Likewise of the largest gross exposure.")
    bootstrap_resamples: int = Field(default=2000, ge=100)
    bootstrap_seed: int = 1
    confidence: float = Field(default=0.95, gt=0.5, lt=1.0)


class GateConfig(BaseModel):
    """Promotion rules; the defaults are those that a trial of 1,200 promotions held to (0 of 650 false at .002)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    horizon_step: int = Field(
        default=5, ge=1, description="Horizon named beforehand, in grid steps; 5 steps of 100 ms = 500 ms."
    )
    contiguous_test_steps_min: int = Field(default=4000, ge=0)
    blocks_min: int = Field(default=25, ge=0)
    skill_vs_persistence_min: float = Field(default=0.002, description="Lower bound of mid skill must be above it.")
    skill_vs_ridge_min: float = Field(
        default=-0.01, description="Lower bound of mid skill against ridge-flow must be above it."
    )
    volume_skill_min: float = Field(
        default=-0.02, description="Log-volume skill against AR(1)-shrink must be above it."
    )
    order_violations_max: int = Field(default=0, ge=0)
    bootstrap_resamples: int = Field(default=2000, ge=100)
    bootstrap_seed: int = 1
    confidence: float = Field(default=0.95, gt=0.5, lt=1.0)
    money: MoneyConfig = MoneyConfig()


class SplitConfig(BaseModel):
    """Chronological split with a purge of context + horizon between the parts."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    train: float = Field(default=0.6, gt=0.0, lt=1.0)
    validation: float = Field(default=0.2, gt=0.0, lt=1.0)
    test: float = Field(default=0.2, gt=0.0, lt=1.0)

    @model_validator(mode="after")
    def _sums_to_one(self) -> "SplitConfig":
        total = self.train + self.validation + self.test
        if abs(total - 1.0) > 1e-9:
            raise ValueError(f"train + validation + test must be 1, found {total:g}")
        return self


class MlConfig(BaseModel):
    """Everything that one training run depends on besides its data; stored in the manifest."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    preset: PresetName = "nano"
    steps: int = Field(default=600, ge=1, description="Optimiser steps: a number, never seconds, so that runs repeat.")
    batch: int = Field(default=32, ge=1)
    seed: int = Field(default=1, ge=0)
    learning_rate: float = Field(default=2e-3, gt=0.0)
    warmup_fraction: float = Field(default=0.1, ge=0.0, lt=1.0)
    weight_decay: float = Field(default=1e-2, ge=0.0)
    clip_norm: float = Field(default=1.0, gt=0.0)
    ema_decay: float = Field(default=0.99, ge=0.0, lt=1.0)
    auxiliary_weight: float = Field(default=0.3, ge=0.0, description="Weight of gaps and volumes beside the mid.")
    venue_dropout: float = Field(
        default=0.1, ge=0.0, lt=1.0, description="Chance that a whole venue is hidden in training."
    )
    threads: int = Field(default=1, ge=1, description="torch threads while training; 1 repeats bit for bit.")
    device: Literal["auto", "cpu", "cuda"] = "auto"
    validation_anchors_max: int = Field(
        default=4000, ge=10, description="Anchors, evenly spread, that the blend is fitted on."
    )
    context_valid_fraction_min: float = Field(default=0.9, ge=0.0, le=1.0)
    slot_valid_fraction_min: float = Field(default=0.2, ge=0.0, le=1.0, description="A slot below it counts as absent.")
    expires_after_hours: float = Field(
        default=168.0, gt=0.0, description="A bundle expires this long after its data end."
    )
    split: SplitConfig = SplitConfig()
    gate: GateConfig = GateConfig()
