"""Section `[streaming.live]`: places and addresses are taken, keys themselves never, and never repeated."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from streaming.errors import SettingsError
from streaming.live.config import LiveConfig, VenueAccount
from streaming.live.hosts import ENVIRONMENTS, PRODUCTION, environment_of
from streaming.settings import load_settings

KEY = "kX7unlikelyKeyOfTests0001"


def test_without_addresses_each_venue_is_the_production_one() -> None:
    live = LiveConfig()

    for venue, addresses in PRODUCTION.items():
        account = live.account_of(venue)
        assert {name: getattr(account, name) for name in addresses} == addresses
        assert {environment_of(address) for address in addresses.values() if address} == {"production"}


def test_an_address_that_is_given_stands_in_and_off_means_none() -> None:
    given = {"rest": "https://api-demo.bybit.com/", "order_socket": "off", "user_socket": "wss://stream-demo.bybit.com"}
    live = LiveConfig.model_validate({"accounts": {"bybit_spot": given}})

    account = live.account_of("bybit_spot")

    assert (account.rest, account.order_socket) == ("https://api-demo.bybit.com", "")
    assert environment_of(account.user_socket) == "demo"


@pytest.mark.parametrize("field", ["api_key", "secret", "watchdog_api_key", "watchdog_secret"])
def test_a_key_in_the_settings_is_refused_and_not_repeated(settings_file: Path, field: str) -> None:
    text = settings_file.read_text(encoding="utf-8")
    section = f'\n[streaming.live.accounts.binance_spot]\n{field} = "{KEY}"\n'
    settings_file.write_text(text + section, encoding="utf-8")

    with pytest.raises(SettingsError, match=f"streaming.live.accounts.binance_spot.{field}") as told:
        load_settings()
    assert KEY not in f"{told.value}"
    assert "file:/PATH" in f"{told.value}"


@pytest.mark.parametrize(
    "written",
    [f'binance_spot.api_key = ["{KEY}"]', f'binance_spot.secret = {{ x = "{KEY}" }}', f'binance_spot = "{KEY}"'],
)
def test_nothing_of_another_form_in_an_account_is_repeated(settings_file: Path, written: str) -> None:
    text = settings_file.read_text(encoding="utf-8")
    settings_file.write_text(f"{text}\n[streaming.live.accounts]\n{written}\n", encoding="utf-8")

    with pytest.raises(SettingsError, match=r"streaming.live.accounts.binance_spot") as told:
        load_settings()
    assert KEY not in f"{told.value}"


def test_a_key_without_its_secret_is_refused() -> None:
    with pytest.raises(ValidationError, match="expected watchdog_api_key and watchdog_secret together"):
        VenueAccount.model_validate({"watchdog_api_key": "env:A"})


@pytest.mark.parametrize(
    "address", ["fapi.binance.com", "ftp://fapi.binance.com", "https://user:word@host", "https://host/?key=1"]
)
def test_what_is_no_base_address_is_refused(address: str) -> None:
    with pytest.raises(ValidationError, match="expected a base address"):
        VenueAccount.model_validate({"rest": address})


def test_an_account_shows_neither_keys_nor_where_they_are() -> None:
    account = VenueAccount.model_validate({"api_key": "env:SOME_KEY", "secret": "env:SOME_SECRET"})

    assert "SOME_KEY" not in repr(account)
    assert "SOME_SECRET" not in repr(account)


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ({"id_prefix": "a-b"}, "1 to 12 letters and digits"),
        ({"accounts": {"kraken": {}}}, "unknown venue 'kraken'"),
        ({"account": "two words"}, "pattern"),
        ({"dead_man_s": 1}, "greater than or equal to 5"),
        ({"differences": {"position": "ignore"}}, "'book', 'cancel', 'halt' or 'tell'"),
    ],
)
def test_a_setting_that_makes_no_sense_is_refused(words: dict[str, object], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        LiveConfig.model_validate(words)


def test_hosts_are_known_by_their_end_and_no_other_host_is_taken_for_one() -> None:
    assert environment_of("wss://api-gcp.binance.com:443") == "production"
    assert environment_of("https://demo-api.binance.com") == "demo"
    assert environment_of("https://binance.com.evil.example") == "unknown"
    assert environment_of("https://notbinance.com") == "unknown"
    assert environment_of("http://127.0.0.1:8081") == "loopback"
    assert len({host for host, _ in ENVIRONMENTS}) == len(ENVIRONMENTS)
