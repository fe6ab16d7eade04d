"""Section `[streaming]` of the settings: the trader's own knobs, none of which the engine decides by."""

from typing import Literal

from pydantic import Field

from native.config import Section
from streaming.alerts.config import AlertSettings
from streaming.bus_config import RedisSettings
from streaming.live.config import LiveConfig
from streaming.metrics.config import MetricsSettings
from streaming.optimize.config import OptimizeConfig
from streaming.record_config import RecordConfig
from streaming.trader.probation_config import ProbationSettings
from streaming.view.config import ViewSettings
from streaming.watchdog.config import WatchdogSettings


class ReplaySettings(Section):
    """How `trader start --mode replay` stands in for a live trader."""

    forecast_delay_ms: int = Field(default=20, ge=0)
    """A forecast reaches the engine this long after its step closed, whatever this machine needs."""


class PaperSettings(Section):
    """How `trader start --mode paper` runs; all durations are real ones."""

    fsync_ms: int = Field(default=1_000, ge=100)
    """The journal is forced to the disk at least this often: what a power cut can cost. A kill costs nothing, as every
    closed step is handed to the operating system."""
    model_watch_ms: int = Field(default=1_000, ge=50)
    """How often the champion pointer is looked at; a notice on the bus is heard at once."""
    telemetry_ms: int = Field(default=1_000, ge=100)
    """How often the status is told to the bus."""


class StreamingConfig(Section):
    """Section `[streaming]`."""

    mode: Literal["replay", "paper", "shadow"] = "paper"
    """Without `--mode`. Live is no default: it is said each time."""
    grid: str = "main"
    """Name of the `[[grid]]` that the trader trades on."""
    replay: ReplaySettings = ReplaySettings()
    paper: PaperSettings = PaperSettings()
    view: ViewSettings = ViewSettings()
    probation: ProbationSettings = ProbationSettings()
    record: RecordConfig = RecordConfig()
    live: LiveConfig = LiveConfig()
    redis: RedisSettings = RedisSettings()
    metrics: MetricsSettings = MetricsSettings()
    alerts: AlertSettings = AlertSettings()
    optimize: OptimizeConfig = OptimizeConfig()
    watchdog: WatchdogSettings = WatchdogSettings()
