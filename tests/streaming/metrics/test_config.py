"""Section `[streaming.metrics]`: addresses that can be used, and passwords that are never shown."""

import pytest
from pydantic import ValidationError

from streaming.metrics.config import MetricsSettings

SECRET = "s3cr3t"


@pytest.mark.parametrize("url", ["http://127.0.0.1:8086", "https://influx.example.org", "http://host:1/path"])
def test_an_address_is_shown_as_it_is(url: str) -> None:
    settings = MetricsSettings(url=url)

    assert not settings.is_off and settings.shown == url


def test_a_password_is_neither_shown_nor_written_nor_left_in_words() -> None:
    settings = MetricsSettings(url=f"http://lob:{SECRET}%21@127.0.0.1:8086")

    assert settings.shown == "http://127.0.0.1:8086"
    assert SECRET not in repr(settings) and SECRET not in settings.model_dump_json()
    assert settings.without_secrets(f"no {SECRET}! here, nor {SECRET}%21") == "no *** here, nor ***"


@pytest.mark.parametrize(
    "url",
    [
        f"ftp://lob:{SECRET}@host",
        f"http://lob:{SECRET}@host:port",
        f"lob:{SECRET}@host",
        f"http://lob:{SECRET}@",
        f"http://h/?p={SECRET}",
        f"http://h:99999/{SECRET}",
        [SECRET],
    ],
)
def test_what_is_no_address_is_refused_without_being_repeated(url: object) -> None:
    with pytest.raises(ValidationError) as refused:
        MetricsSettings.model_validate({"url": url})

    (problem,) = refused.value.errors(include_input=False, include_url=False)
    assert "expected" in problem["msg"] and SECRET not in problem["msg"]


def test_an_address_where_a_table_should_be_is_not_repeated() -> None:
    with pytest.raises(ValidationError) as refused:
        MetricsSettings.model_validate(f"http://lob:{SECRET}@host")

    (problem,) = refused.value.errors(include_input=False, include_url=False)
    assert SECRET not in problem["msg"]


@pytest.mark.parametrize("database", ["", "a b", 'lob"; drop', "1st", "x/y"])
def test_a_database_has_a_plain_name(database: str) -> None:
    with pytest.raises(ValidationError):
        MetricsSettings(database=database)


def test_without_an_address_it_is_off() -> None:
    assert MetricsSettings().is_off and MetricsSettings().shown == "off"
