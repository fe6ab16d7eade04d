"""What docs/operations.md tells people to type is what the command line takes."""

import argparse
import re

import pytest

from streaming.cli.main import build_parser
from streaming.settings import PROJECT_ROOT
from streaming.trader.session import OPERATOR
from streaming.watchdog.config import WatchdogSettings

TEXT = (PROJECT_ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
TYPED = sorted(set(re.findall(r"`(trader [^`]+)`", TEXT)))
STATE_WORDS = {"reduce", "halt", "flatten", "resume", "kill", "stop", "watchdog", "why", "start"}


def grammar() -> dict[str, argparse.ArgumentParser]:
    """The parser of each command."""
    (action,) = (item for item in build_parser()._actions if isinstance(item, argparse._SubParsersAction))
    return dict(action.choices)


@pytest.mark.parametrize("typed", TYPED)
def test_every_command_in_the_document_exists_with_its_options(typed: str) -> None:
    _, word, *rest = typed.split()
    commands = grammar()

    assert word in commands, typed
    known = {option for action in commands[word]._actions for option in action.option_strings}
    assert {item for item in rest if item.startswith("--")} <= known, typed


def test_every_word_that_acts_on_a_trader_is_documented() -> None:
    assert {typed.split()[1] for typed in TYPED} >= STATE_WORDS


def test_options_and_limits_named_in_the_text_are_the_real_ones() -> None:
    settings = WatchdogSettings()
    options = {option for action in grammar()["start"]._actions for option in action.option_strings}

    assert f"`streaming.watchdog.limit_ms` ({settings.limit_ms})" in TEXT
    assert f"`streaming.watchdog.patience_ms` ({settings.patience_ms})" in TEXT
    assert "--no-watchdog" in options and OPERATOR == "operator"
