"""Section `[streaming.redis]`: which Redis the processes talk over. Its address may hold a password: never shown."""

from typing import Final
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from pydantic import SecretStr, ValidationInfo, field_serializer, field_validator, model_validator

from native.config import Section

OFF: Final = "off"
SCHEMES: Final = ("redis", "rediss", "unix")
QUERY_KEYS: Final = ("db", "ssl_cert_reqs", "ssl_ca_certs", "ssl_certfile", "ssl_keyfile", "ssl_check_hostname")
EXPECTED: Final = 'expected "" (embedded), "off", or an address such as redis://:PASSWORD@127.0.0.1:6379/0'


class RedisSettings(Section):
    """Section `[streaming.redis]`."""

    url: SecretStr = SecretStr("")
    """Empty: a server of our own on a unix socket in `data/run`; `off`: none; else the address of yours."""

    @model_validator(mode="before")
    @classmethod
    def check_table(cls, found: object, info: ValidationInfo) -> object:
        """Refuse what is no table without repeating it: it may be an address with its password."""
        if not isinstance(found, dict | RedisSettings):
            raise ValueError(f"expected a table with the key url, found {type(found).__name__}")
        return found

    @field_validator("url", mode="before")
    @classmethod
    def check_url(cls, found: object) -> object:
        """Accept what can be connected to; an error never repeats the address."""
        text = found.get_secret_value() if isinstance(found, SecretStr) else found
        if not isinstance(text, str):
            raise ValueError(f"{EXPECTED}; found {type(text).__name__}")
        if text not in ("", OFF):
            check_address(text)
        return text

    @field_serializer("url", when_used="json")
    def hide_url(self, url: SecretStr) -> str:
        """Leave an address out: settings written from these use the embedded server."""
        return OFF if self.is_off else ""

    @property
    def is_embedded(self) -> bool:
        """Whether the server is our own."""
        return self.url.get_secret_value() == ""

    @property
    def is_off(self) -> bool:
        """Whether there is to be no Redis at all."""
        return self.url.get_secret_value() == OFF

    @property
    def shown(self) -> str:
        """The address for people, without user, password and query."""
        if self.is_embedded:
            return "embedded"
        if self.is_off:
            return OFF
        parts = urlsplit(self.url.get_secret_value())
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"

    def without_secrets(self, text: str) -> str:
        """Return `text` with the address's password replaced, should it be in there."""
        address = self.url.get_secret_value()
        password = urlsplit(address).password or ""
        for secret in (address, password, unquote(password)):
            text = text.replace(secret, "***") if secret and secret != OFF else text
        return text


def check_address(text: str) -> None:
    """Raise ValueError, which does not repeat the address, when redis-py could not use it."""
    parts = urlsplit(text)
    if parts.scheme not in SCHEMES:
        raise ValueError(f"{EXPECTED}; found another scheme (the value is not shown: it may hold a password)")
    if parts.scheme == "unix" and not parts.path:
        raise ValueError("expected unix:///path/of/redis.sock, found no path")
    if parts.scheme != "unix" and not _has_place(parts):
        raise ValueError(
            f"{EXPECTED}, the password's special signs written as %XX; found no host or port that can be read "
            "(the value is not shown: it may hold a password)"
        )
    unknown = [key for key, _ in parse_qsl(parts.query) if key not in QUERY_KEYS]
    if unknown:
        raise ValueError(f"expected after '?' only {', '.join(QUERY_KEYS)}; found {len(unknown)} other keys")


def _has_place(parts: SplitResult) -> bool:
    try:
        return bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        return False
