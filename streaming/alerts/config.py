"""Section `[streaming.alerts]`: what is an alert, who is told, and when people are left in peace.

Addresses hold passwords and tokens: they are read like every setting, best from the environment, and never shown.
"""

import re
from typing import Final, Literal
from zoneinfo import ZoneInfo

from pydantic import Field, SecretStr, field_serializer, field_validator, model_validator

from native.section import DecimalText, Section
from streaming.bus import Severity

SEVERITIES: Final[tuple[Severity, ...]] = ("info", "warning", "critical")
"""Ascending."""
RULES: Final[dict[str, Severity]] = {
    "process_dead": "critical",
    "no_heartbeat": "critical",
    "not_running": "warning",
    "latched": "warning",
    "trading_stopped": "critical",
    "risk_trip": "critical",
    "drawdown": "critical",
    "order_errors": "warning",
    "account_halted": "critical",
    "account_differs": "warning",
    "account_unheard": "warning",
    "disconnect": "warning",
    "stale_feed": "warning",
    "gap_rate": "warning",
    "no_forecast": "warning",
    "model_expired": "critical",
    "model_stale": "warning",
    "model_rolled_back": "warning",
    "drift": "warning",
    "disk": "warning",
    "bus": "warning",
    "run_failure": "warning",
    "report": "warning",
}
"""Every rule and how grave it is when nothing else is said; `rules.py` has what each looks at."""

Process = Literal["trader", "recorder"]
_NAME = re.compile(r"[a-z][a-z0-9_]{0,30}")
_CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")


def is_at_least(severity: Severity, floor: Severity) -> bool:
    """Tell whether an alert is as grave as `floor`."""
    return SEVERITIES.index(severity) >= SEVERITIES.index(floor)


class RuleSettings(Section):
    """Section `[streaming.alerts.rules]`: where each rule begins. Windows and waits are of this machine's clock."""

    off: tuple[str, ...] = ()
    """Rules that are not asked."""
    severities: dict[str, Severity] = Field(default_factory=dict)
    """By rule, instead of its own."""
    heartbeat_s_max: float = Field(default=5.0, gt=0.0)
    """A living process that has shown no sign of life for longer hangs."""
    disconnect_s_max: float = Field(default=10.0, ge=0.0)
    stale_feed_s_max: float = Field(default=15.0, gt=0.0)
    """Without a book message, or without a whole book."""
    stale_feed_s_by_instrument: dict[str, float] = Field(default_factory=dict)
    """Instruments that trade rarely may be silent for longer."""
    gaps_max: int = Field(default=5, ge=1)
    """So many gaps within the window are an alert, of one process and venue."""
    gaps_window_s: float = Field(default=300.0, gt=0.0)
    no_forecast_s_max: float = Field(default=15.0, gt=0.0)
    """While a model trades and grid steps close."""
    model_expiry_h_before: float = Field(default=6.0, ge=0.0)
    """A model that expires within so many hours of the session's clock is told of as a warning."""
    model_age_h_max: float | None = Field(default=None, gt=0.0)
    """Since the end of the data that it learned from, on the session's clock; without it age alone is no alert."""
    drift_level_min: int = Field(default=1, ge=1, le=3)
    drawdown_quote_max: DecimalText | None = None
    """Of the session's pnl below its highest; without it no drawdown is an alert."""
    order_errors_max: int = Field(default=3, ge=1)
    """Orders that a venue rejected or left unanswered, within the window."""
    refused_max: int = Field(default=100, ge=1)
    """Orders that our own risk rules refused, within the same window: a strategy that runs against a wall."""
    order_errors_window_s: float = Field(default=60.0, gt=0.0)
    disk_free_gib_min: float = Field(default=5.0, ge=0.0)
    """A warning below it, critical below a quarter of it."""
    bus_s_max: float = Field(default=30.0, gt=0.0)
    """Without Redis."""

    @field_validator("off", "severities")
    @classmethod
    def check_names(cls, named: "tuple[str, ...] | dict[str, Severity]") -> "tuple[str, ...] | dict[str, Severity]":
        """Refuse names that no rule has."""
        for name in named:
            if name not in RULES:
                raise ValueError(f"expected names of {', '.join(RULES)}; found {name!r}")
        return named

    def severity_of(self, rule: str, own: Severity | None = None) -> Severity:
        """Return how grave an alert of `rule` is: as the settings have it, else `own`, else the rule's."""
        return self.severities.get(rule) or own or RULES[rule]


class Route(Section):
    """Section `[streaming.alerts.routes.NAME]`: what goes to the address of the same name."""

    severity_min: Severity = "warning"
    heeds_quiet_hours: bool = True


class QuietHours(Section):
    """Section `[streaming.alerts.quiet_hours]`: the span of each day in which less is told; the rest comes after it."""

    begin: str = "22:00"
    end: str = "07:00"
    zone: str = "UTC"
    """Such as Europe/Berlin."""
    severity_min: Severity = "critical"
    """What is told nevertheless."""

    @field_validator("begin", "end")
    @classmethod
    def check_clock(cls, text: str) -> str:
        """Accept a time of day."""
        if not _CLOCK.fullmatch(text):
            raise ValueError(f"expected a time of day such as 22:00, found {text!r}")
        return text

    @field_validator("zone")
    @classmethod
    def check_zone(cls, name: str) -> str:
        """Accept a zone that this machine knows."""
        try:
            ZoneInfo(name)
        except (KeyError, ValueError, OSError):
            raise ValueError(f"expected a time zone such as Europe/Berlin, found {name!r}") from None
        return name

    @model_validator(mode="after")
    def check_span(self) -> "QuietHours":
        """Refuse a span without length."""
        if self.begin == self.end:
            raise ValueError(f"begin and end: expected two times of day, found {self.begin} twice")
        return self


class AlertSettings(Section):
    """Section `[streaming.alerts]`."""

    look_ms: int = Field(default=500, ge=50)
    """How often everything is looked at."""
    expect: tuple[Process, ...] = ()
    """Processes whose absence is an alert, not only their death."""
    resolve_after_s: float = Field(default=15.0, ge=0.0)
    """An alert whose cause has been gone for so long is over; one that returns sooner is the same."""
    event_hold_s: float = Field(default=300.0, gt=0.0)
    """What happens rather than lasts, such as a trip, is over when it has not happened again for so long."""
    gather_ms: int = Field(default=1_000, ge=0)
    """What begins within so long of the first goes out in one message with it."""
    repeat_minutes: float = Field(default=60.0, ge=0.0)
    """A critical alert that nobody acknowledged is told again so often; 0 never."""
    messages_max: int = Field(default=6, ge=1)
    """To one address within the window, and as many again of critical ones; what is more comes in one message later."""
    messages_window_s: float = Field(default=600.0, gt=0.0)
    send_s_max: float = Field(default=15.0, gt=0.0)
    """For one message to one address."""
    quiet_hours: QuietHours | None = None
    urls: dict[str, SecretStr] = Field(default_factory=dict)
    """Addresses as apprise writes them, by a name of yours."""
    routes: dict[str, Route] = Field(default_factory=dict)
    """By the same names; an address without one takes the defaults of a route."""
    rules: RuleSettings = RuleSettings()

    @field_validator("urls", mode="before")
    @classmethod
    def check_urls(cls, found: object) -> object:
        """Accept addresses by name; an error never repeats one."""
        expected = 'expected addresses by name such as mail = "mailtos://USER:PASSWORD@example.org"'
        if not isinstance(found, dict):
            raise ValueError(f"{expected}; found {type(found).__name__}")
        for name, url in found.items():
            text = url.get_secret_value() if isinstance(url, SecretStr) else url
            if not isinstance(name, str) or not _NAME.fullmatch(name):
                raise ValueError(f"{expected}; found a name that is not of small letters, digits and _")
            if not isinstance(text, str) or "://" not in text:
                raise ValueError(f"{expected}; found something else under {name} (not shown: it may hold a password)")
        return found

    @field_validator("routes")
    @classmethod
    def check_routes(cls, routes: dict[str, Route]) -> dict[str, Route]:
        """Refuse names that no address can have."""
        for name in routes:
            if not _NAME.fullmatch(name):
                raise ValueError(f"expected a name of small letters, digits and _, found {name!r}")
        return routes

    @field_serializer("urls", when_used="json")
    def hide_urls(self, _urls: dict[str, SecretStr]) -> dict[str, str]:
        """Leave addresses out: settings written from these tell nobody."""
        return {}

    def route(self, name: str) -> Route:
        """Return what goes to the address called `name`."""
        return self.routes.get(name, Route())

    @property
    def without_address(self) -> tuple[str, ...]:
        """Routes that lead nowhere."""
        return tuple(name for name in self.routes if name not in self.urls)
