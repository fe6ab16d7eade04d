"""Section `[streaming.probation]`: how long a new champion is watched while it trades, and what it may not do."""

from typing import Self

from pydantic import Field, model_validator

from native.config import Section


class ProbationSettings(Section):
    """A promoted model that breaks a bound rolls back by itself; without a bound's test there is nothing to break."""

    is_on: bool = True
    steps: int = Field(default=3_000, ge=10)
    """Closed grid steps that probation lasts at least."""
    forecasts_min: int = Field(default=600, ge=10)
    """Scored forecasts without which it neither passes nor is judged."""
    check_every_steps: int = Field(default=300, ge=1)
    """How often it is judged; the confidence is split over so many looks."""
    confidence: float = Field(default=0.99, gt=0.5, lt=1.0)
    """That a model which keeps its bounds passes, over all looks at one bound."""
    block_steps: int = Field(default=20, ge=1)
    """Neighbouring steps that count as dependent; at least the judged horizon."""
    slope_min: float = 0.25
    slope_max: float = 4.0
    """Calibration: the slope of moves on forecasts must not lie outside with that confidence; 1 is right."""
    skill_loss_max: float = Field(default=0.0, ge=0.0)
    """Skill that it may have less than the model before on the same steps, with that confidence."""
    clipped_share_max: float = Field(default=0.5, gt=0.0, le=1.0)
    """Skew: share of live rows in which any one feature lies outside of what its training could have shown."""
    lost_share_max: float = Field(default=0.2, gt=0.0, le=1.0)
    """Share of windows whose forecast came too late, failed, or was pushed out by the next window."""
    p99_ms_max: float = Field(default=250.0, gt=0.0)
    """99th percentile of the time from a closed step to its forecast."""

    @model_validator(mode="after")
    def check_slopes(self) -> Self:
        """The slope has a range."""
        if self.slope_min >= self.slope_max:
            raise ValueError(f"slope_min {self.slope_min:g} is not below slope_max {self.slope_max:g}")
        return self

    @property
    def looks(self) -> int:
        """How often a probation of its least length is judged."""
        return max(1, -(-self.steps // self.check_every_steps))
