"""One look: what is seen, what is remembered, what the settings say. Every rule is a function of it."""

from dataclasses import dataclass
from datetime import UTC, datetime

from native.config import JsonObject
from streaming.alerts.config import AlertSettings, RuleSettings
from streaming.alerts.memory import Memory
from streaming.alerts.sight import Finding, ProcessSight, Sight
from streaming.bus import Severity

FRESH_S = 10.0
"""A status older than this says nothing about now: processes tell theirs once a second."""


@dataclass(frozen=True, slots=True)
class Look:
    """What a rule is given."""

    sight: Sight
    memory: Memory
    settings: AlertSettings

    @property
    def rules(self) -> RuleSettings:
        """Where the rules begin."""
        return self.settings.rules

    @property
    def trader(self) -> JsonObject | None:
        """The trader's status, None where it is old, or none runs."""
        return self.sight.trader.fresh(FRESH_S)

    @property
    def recorder(self) -> JsonObject | None:
        """The recorder's status, likewise."""
        return self.sight.recorder.fresh(FRESH_S)

    def finding(
        self,
        rule: str,
        title: str,
        words: str,
        *,
        subject: str = "",
        severity: Severity | None = None,
        process: str = "",
        events: int = 0,
    ) -> Finding:
        """Return an objection of `rule`; `severity` where the rule itself knows better than its table."""
        return Finding(
            rule=rule,
            subject=subject,
            severity=self.rules.severity_of(rule, severity),
            title=title,
            words=words,
            process=process,
            events=events,
        )

    def held_s(self, *key: str, holds: bool) -> float:
        """Return for how long something has held."""
        return self.memory.held_s(key, self.sight.now_ns, holds=holds)

    def still_s(self, value: float, *key: str) -> float:
        """Return for how long a value has been the same."""
        return self.memory.still_s(key, self.sight.now_ns, value)

    def rise(self, count: float, *key: str, window_s: float = 0.0) -> int:
        """Return how much a count rose."""
        return self.memory.rise(key, self.sight.now_ns, count, window_s)


def is_blind(process: ProcessSight) -> bool:
    """Tell whether a process runs, or died, and does not say how it fares: what it told last may hold or not."""
    return process.life in ("running", "hanging", "dead") and process.fresh(FRESH_S) is None


def moment_text(ts_ns: int) -> str:
    """Return a UTC time to the second."""
    return f"{datetime.fromtimestamp(ts_ns // 1_000_000_000, tz=UTC):%Y-%m-%d %H:%M:%S} UTC"


def count_text(count: int, one: str, many: str = "") -> str:
    """Return a count with its word."""
    return f"{count} {one if count == 1 else many or one + 's'}"
