"""Section `[orchestration]` of the settings: what Dagster conducts, and the bounds of the quality rules."""

from datetime import date
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator

from native.config import VENUES, Section


class GeneratedMarketConfig(Section):
    """The market that fills an empty lake, so that the whole graph runs on a fresh checkout."""

    hours: float = Field(default=2.0, gt=0.0, le=48.0)
    seed: int = Field(default=1, ge=0)
    effect: float = Field(default=1.0, ge=0.0, le=1.0)
    start: date = date(2026, 1, 5)
    """UTC midnight of this day is the first frame's hour."""


class QualityConfig(Section):
    """Bounds of the rules. A bound that names an error blocks; one that names a warning is only told."""

    clock_skew_s_max: float = Field(default=10.0, gt=0.0)
    """Error: a venue's time is further than this from our receive time."""
    latency_shift_ms_warn: float = Field(default=500.0, gt=0.0)
    """Warning: a row's latency is further than this from the hour's median."""
    trade_price_factor_max: float = Field(default=1.5, gt=1.0)
    """Error: a trade is further than this factor from the hour's median price."""
    book_price_factor_warn: float = Field(default=10.0, gt=1.0)
    """Warning: a book level is further than this factor from the hour's median level."""
    silence_s_max: float = Field(default=60.0, gt=0.0)
    """Error: an instrument's book is silent for longer, and no row of the gap ledger covers it."""


class DriftConfig(Section):
    """When newer data have drifted from those a model learned from; thresholds are learned, these say how."""

    sample_rows: int = Field(default=5_000, ge=100)
    """Rows of the reference that are compared, spread evenly."""
    newest_hours: float = Field(default=1.0, gt=0.0)
    """Length of the span that `drift_report` judges; at most an eighth of the training span is."""
    margin: float = Field(default=1.6, ge=1.0)
    """A feature's threshold is this many times (mean + 3 sd) of the effects of training blocks as long as what is
    judged, each against the rest. Over generated markets of their own (15 minutes of training, 3 judged): 3 of 400 calm
    spans flagged; found of 100 each: 98 with moves twice as large, all with one venue's sizes twice as large, its mid
    on its own, its book missing (wholly, or for the last two fifths), its prices on every second or fifth tick."""
    features_min: int = Field(default=3, ge=1)
    """Drift: at least so many features beyond their threshold ..."""
    ratio_min: float = Field(default=2.5, ge=1.0)
    """... or one this many times its threshold, or any correlation, presence or price increment beyond its own."""
    level_ratios: tuple[float, float, float] = (1.0, 2.0, 4.0)
    """Severity beyond which drift has level 1 (halve the size), 2 (reduce only), 3 (halt): multiples of what the
    training span taught to be chance."""
    watch_cron: str = "10 * * * *"
    """When `drift_watch` holds what was recorded against the champion's training span; the schedule begins stopped."""
    retrains: bool = False
    """Whether a drifted session asks for a run of `retraining`: on ever the same data a model changes nothing."""

    @model_validator(mode="after")
    def check_levels(self) -> "DriftConfig":
        """Refuse levels that do not ascend from above 0."""
        one, two, three = self.level_ratios
        if not 0.0 < one < two < three:
            raise ValueError(f"level_ratios: expected three ascending numbers above 0, found {self.level_ratios}")
        return self


class MonitorConfig(Section):
    """When recorder and trader count as fresh."""

    data_age_s_max: float = Field(default=60.0, gt=0.0)
    """A running process that has written nothing for longer is stale."""
    answer_s_max: float = Field(default=2.0, gt=0.0)
    """How long its control socket is waited for."""


class OrchestrationConfig(Section):
    """Section `[orchestration]`."""

    start_date: date = date(2023, 1, 1)
    """First partition, UTC."""
    venues: tuple[str, ...] = Field(default=VENUES, min_length=1)
    """Venues that have partitions; a recording under another name needs its name here."""
    grid: str = "main"
    """Name of the `[[grid]]` that the model learns from."""
    executor: Literal["in_process", "multiprocess"] = "in_process"
    storage_url: SecretStr = SecretStr("")
    """Where Dagster keeps runs and events. Empty: sqlite files below `data/dagster`; else a PostgreSQL database, best
    told by LOB_ORCHESTRATION__STORAGE_URL: it holds a password, and is never shown."""
    retraining_cron: str = "0 3 * * *"
    sensor_interval_s: int = Field(default=60, ge=1)
    generated: GeneratedMarketConfig = GeneratedMarketConfig()
    quality: QualityConfig = QualityConfig()
    drift: DriftConfig = DriftConfig()
    monitor: MonitorConfig = MonitorConfig()

    @field_validator("storage_url")
    @classmethod
    def check_storage(cls, url: SecretStr) -> SecretStr:
        """Accept what Dagster can connect to; an error never repeats the address."""
        text = url.get_secret_value()
        parts = urlsplit(text)
        if text and not (parts.scheme == "postgresql" and parts.hostname and parts.path.strip("/")):
            raise ValueError(
                "expected postgresql://USER:PASSWORD@HOST:PORT/DATABASE; found another form (not shown: it "
                "may hold a password)"
            )
        return url
