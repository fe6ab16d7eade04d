"""Section `[streaming.optimize]`: what `trader optimize` searches, and how it judges what it finds."""

from typing import Literal, Self

from pydantic import Field, model_validator

from native.config import Section

Scalar = bool | int | float | str


class SpaceEntry(Section):
    """The values that one settings key may take: `low` to `high`, or one of `choices`.

    A decimal in quotes (a size) needs `step`, as only whole steps of it exist.
    """

    low: int | float | str | None = None
    high: int | float | str | None = None
    step: int | float | str | None = None
    log: bool = False
    choices: tuple[Scalar, ...] | None = Field(default=None, min_length=2)

    @model_validator(mode="after")
    def check_form(self) -> Self:
        """Either two ends or a list of choices."""
        has_ends = self.low is not None and self.high is not None
        has_any = self.low is not None or self.high is not None or self.step is not None or self.log
        if (self.choices is None and not has_ends) or (self.choices is not None and has_any):
            raise ValueError("expected {low = , high = } with step or log beside them, or {choices = [...]}")
        if self.log and self.step is not None:
            raise ValueError("expected step or log, found both")
        return self


class OptimizeConfig(Section):
    """How parameters are chosen on the past and judged on what came after."""

    trials: int = Field(default=100, ge=2)
    """Parameter sets tried in each fold."""
    folds: int = Field(default=3, ge=1, le=50)
    batch_trials: int = Field(default=25, ge=1, le=1_000)
    """Sets that share one pass over the data; the next batch is chosen knowing their results."""
    train_window: Literal["expanding", "rolling"] = "expanding"
    """Whether a fold learns from all that came before its test window, or from one window's length."""
    purge_steps: int | None = Field(default=None, ge=0)
    """Steps left out between train and test window; by default context + horizon of the model, and never less."""
    sample_steps: int = Field(default=10, ge=1)
    """Steps of one return: 10 of 100 ms are a return a second."""
    fills_min: int = Field(default=30, ge=0)
    """A set with fewer fills in its train window is marked down."""
    few_fills_penalty: float = Field(default=1.0, ge=0.0)
    """By this much of Sharpe ratio a set without any fill is marked down, in proportion for few."""
    space: dict[str, SpaceEntry] = Field(default_factory=dict)
    """Settings keys (`native.signal.cost_multiple`) and the values that they may take."""
