"""Section `[streaming.metrics]`: which InfluxDB hears how processes fare. Its address may hold a password."""

from typing import Final
from urllib.parse import unquote, urlsplit

from pydantic import Field, SecretStr, field_serializer, field_validator, model_validator

from native.config import Section

SCHEMES: Final = ("http", "https")
EXPECTED: Final = 'expected "" (off) or an address such as http://USER:PASSWORD@127.0.0.1:8086'


class MetricsSettings(Section):
    """Section `[streaming.metrics]`; durations are real ones. Trader and recorder write once a status document."""

    url: SecretStr = SecretStr("")
    """Of InfluxDB 1.x, or of 2.x and 3.x through their 1.x paths (there the password is the token); empty: off."""
    database: str = Field(default="lob", pattern=r"^[A-Za-z_][A-Za-z0-9_.-]*$")
    """Made where it is missing and the server lets us."""
    timeout_ms: int = Field(default=2_000, ge=100, le=10_000)
    """A server that has not answered by then is as good as down; nothing but the writer's own thread waits."""
    retry_max_ms: int = Field(default=10_000, ge=100)
    """Longest wait before the next try while it is down."""
    queue_max: int = Field(default=600, ge=1)
    """Status documents and events that wait for the writer's thread; when full the oldest is dropped and counted."""
    spill_mib: int = Field(default=64, ge=1)
    """On disk, of each process, while the server is down; beyond it the oldest are dropped and counted."""

    @model_validator(mode="before")
    @classmethod
    def check_table(cls, found: object) -> object:
        """Refuse what is no table without repeating it: it may be an address with its password."""
        if not isinstance(found, dict | MetricsSettings):
            raise ValueError(f"expected a table with the key url, found {type(found).__name__}")
        return found

    @field_validator("url", mode="before")
    @classmethod
    def check_url(cls, found: object) -> object:
        """Accept what can be connected to; an error never repeats the address."""
        text = found.get_secret_value() if isinstance(found, SecretStr) else found
        if not isinstance(text, str):
            raise ValueError(f"{EXPECTED}; found {type(text).__name__}")
        if text and not _is_address(text):
            raise ValueError(f"{EXPECTED}; found something else (the value is not shown: it may hold a password)")
        return text

    @field_serializer("url", when_used="json")
    def hide_url(self, url: SecretStr) -> str:
        """Leave an address out: processes that get their settings from these write no metrics."""
        return ""

    @property
    def is_off(self) -> bool:
        """Whether nothing is written."""
        return self.url.get_secret_value() == ""

    @property
    def shown(self) -> str:
        """The address for people, without user and password."""
        parts = urlsplit(self.url.get_secret_value())
        return "off" if self.is_off else f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"

    @property
    def spill_bytes(self) -> int:
        """`spill_mib` in bytes."""
        return self.spill_mib << 20

    def without_secrets(self, text: str) -> str:
        """Return `text` with the address's password replaced, should it be in there."""
        password = urlsplit(self.url.get_secret_value()).password or ""
        for secret in (password, unquote(password)):
            text = text.replace(secret, "***") if secret else text
        return text


def _is_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        is_port_sane = parts.port is None or parts.port > 0
    except ValueError:
        return False
    return parts.scheme in SCHEMES and bool(parts.hostname) and is_port_sane and not parts.query and not parts.fragment
