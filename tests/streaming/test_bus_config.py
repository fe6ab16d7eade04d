"""The address of Redis: accepted or refused, and never shown with its password."""

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from streaming.bus_config import RedisSettings
from streaming.errors import SettingsError
from streaming.settings import load_settings

PASSWORD = "s3cr3t%2Fpart"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("", "embedded"),
        ("off", "off"),
        ("redis://127.0.0.1:6379/0", "redis://127.0.0.1:6379/0"),
        (f"redis://ada:{PASSWORD}@host:6380/1?db=2", "redis://host:6380/1"),
        (f"rediss://:{PASSWORD}@host?ssl_cert_reqs=none", "rediss://host"),
        (f"unix://:{PASSWORD}@/run/redis.sock?db=1", "unix:///run/redis.sock"),
    ],
)
def test_an_address_is_shown_without_user_password_and_query(url: str, shown: str) -> None:
    settings = RedisSettings(url=url)  # type: ignore[arg-type]

    assert settings.shown == shown
    assert PASSWORD not in repr(settings) + str(settings) + settings.model_dump_json() + str(settings.model_dump())


@pytest.mark.parametrize(
    "url",
    [
        f"http://:{PASSWORD}@host",
        f"redis://:{PASSWORD}@",
        f"redis://:{PASSWORD}@host:port",
        f"redis://:{PASSWORD}/more@host",
        f"redis://:{PASSWORD}@host?password={PASSWORD}",
        f"redis://:{PASSWORD}@host?socket_timeout=100",
        "unix://",
        5,
        [PASSWORD],
    ],
)
def test_an_address_that_cannot_be_used_is_refused_without_being_repeated(url: object, settings_file: Path) -> None:
    text = settings_file.read_text()
    section = "[streaming.redis]\nurl = "
    assert text.count(f'{section}""') == 1
    settings_file.write_text(text.replace(f'{section}""', f"{section}{json.dumps(url)}"))

    with pytest.raises(SettingsError) as caught:
        load_settings()

    assert "streaming.redis.url: expected" in str(caught.value)
    assert PASSWORD[:6] not in str(caught.value)


def test_an_address_written_as_the_section_itself_is_not_repeated() -> None:
    with pytest.raises(ValidationError) as caught:
        RedisSettings.model_validate(f"redis://:{PASSWORD}@host")

    assert "expected a table" in caught.value.errors()[0]["msg"]


def test_settings_written_from_these_use_the_embedded_server_instead_of_an_address() -> None:
    assert RedisSettings(url=f"redis://:{PASSWORD}@host").model_dump(mode="json") == {"url": ""}  # type: ignore[arg-type]
    assert RedisSettings(url="off").model_dump(mode="json") == {"url": "off"}  # type: ignore[arg-type]


def test_a_password_is_cut_out_of_others_words() -> None:
    settings = RedisSettings(url=f"redis://:{PASSWORD}@host")  # type: ignore[arg-type]

    said = settings.without_secrets(f"cannot use redis://:{PASSWORD}@host: s3cr3t/part is wrong")

    assert "s3cr3t" not in said
