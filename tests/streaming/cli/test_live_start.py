"""`trader start --mode shadow | live` says no before anything is sent: which refusal, and what to do about it."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from paper_house import emulator

from streaming.cli.main import main
from streaming.settings import PROJECT_ROOT

GUIDE = (PROJECT_ROOT / "docs" / "live.md").read_text(encoding="utf-8")
SETTINGS = "".join(re.findall(r"```toml\n(.*?)```", GUIDE, re.DOTALL))


@pytest.fixture
def addresses(settings_file: Path) -> Iterator[Path]:
    """A running emulator, and the guide's settings."""
    settings_file.write_text(SETTINGS, encoding="utf-8")
    path = settings_file.parent / "emulator.json"
    with emulator(path, speed=1.0):
        yield path


def edit(addresses: Path, change: Callable[[dict[str, dict[str, str]]], None]) -> None:
    """Change the accounts in an emulator's file."""
    document = json.loads(addresses.read_bytes())
    change(document["accounts"])
    addresses.write_text(json.dumps(document), encoding="utf-8")


def start(addresses: Path, mode: str, *words: str) -> int:
    return main(["start", "--mode", mode, "--emulator", str(addresses), "--no-model", "--seconds", "1", *words])


def withdraws(accounts: dict[str, dict[str, str]]) -> None:
    own = accounts["bybit_spot"]
    own["api_key"], own["secret"] = own["withdraw_api_key"], own["withdraw_secret"]


def only_reads(accounts: dict[str, dict[str, str]]) -> None:
    own = accounts["binance_spot"]
    own["api_key"], own["secret"] = own["read_api_key"], own["read_secret"]


def other_account(accounts: dict[str, dict[str, str]]) -> None:
    accounts["binance_usdm"]["account_id"] = "1"


def wrong_secret(accounts: dict[str, dict[str, str]]) -> None:
    accounts["binance_spot"]["secret"] = "x" * 64


def one_key(accounts: dict[str, dict[str, str]]) -> None:
    own = accounts["binance_spot"]
    del own["watchdog_api_key"], own["watchdog_secret"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (withdraws, "refused  withdrawal: bybit_spot api_key: the key may withdraw"),
        (only_reads, "refused  permission: binance_spot api_key: the key may not trade"),
        (other_account, "refused  identity: binance_usdm api_key: the key is of account"),
        (wrong_secret, "refused  account: binance_spot api_key: "),
        (one_key, "refused  watchdog keys: streaming.live.accounts.binance_spot: the watchdog has no key"),
    ],
)
def test_live_refuses_an_account_that_does_not_fit(
    addresses: Path,
    change: Callable[[dict[str, dict[str, str]]], None],
    words: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    edit(addresses, change)

    code = start(addresses, "live", "--yes-live", "first-steps")

    err = capsys.readouterr().err
    assert code == 3
    assert words in err and "fix: " in err
    assert not (addresses.parent / "data" / "run" / "trader.lock").exists(), "nothing was begun"
    accounts = json.loads(addresses.read_bytes())["accounts"]
    assert not [one for own in accounts.values() for name, one in own.items() if "secret" in name and one in err]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "live orders need a person's word: start on a terminal, or say --yes-live first-steps"),
        (("--yes-live", "First-Steps"), "expected the account name 'first-steps', found 'First-Steps'"),
        (("--yes-live", "first-steps", "--no-watchdog"), "refused  watchdog: --no-watchdog with live orders"),
    ],
)
def test_live_wants_a_persons_word_and_a_watchdog(
    addresses: Path, words: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert start(addresses, "live", *words) == 3
    assert said in capsys.readouterr().err


def test_live_refuses_while_one_limit_is_missing(addresses: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = addresses.parent / "settings.toml"
    settings.write_text(SETTINGS.replace('max_capital_quote = "600"\n', ""), encoding="utf-8")

    code = start(addresses, "live", "--yes-live", "first-steps")

    assert code == 3
    assert "refused  limits: off or without a limit: max_capital\n" in capsys.readouterr().err


def test_without_keys_there_is_no_shadow_either(settings_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["start", "--mode", "shadow", "--no-model"])

    err = capsys.readouterr().err
    assert code == 3
    assert err.count("refused  keys: ") == 3 and "refused  account name: " in err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ["--mode", "paper", "--yes-live", "x"],
            "--yes-live: makes no sense in mode paper; leave it out, or say --mode live",
        ),
        (["--mode", "live", "--from", "2026-01-05T00:00"], "--from: makes no sense in mode live"),
        (["--mode", "replay", "--seconds", "1"], "--seconds: makes no sense in mode replay"),
    ],
)
def test_an_option_of_another_mode_is_refused(
    settings_file: Path, words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["start", *words]) == 2
    assert said in capsys.readouterr().err


def test_live_is_no_default(settings_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = settings_file.read_text(encoding="utf-8").replace('mode = "paper"', 'mode = "live"')
    settings_file.write_text(text, encoding="utf-8")

    assert main(["start"]) == 2
    assert "streaming.mode" in capsys.readouterr().err
