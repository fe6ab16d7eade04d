"""What docs/control.md says of keys, times and commands is what the code does."""

import re

import pytest

from streaming.bus_desk import STALE_NS
from streaming.cli.main import main
from streaming.control_key import KEY_BYTES, NAME
from streaming.settings import PROJECT_ROOT

TEXT = (PROJECT_ROOT / "docs" / "control.md").read_text(encoding="utf-8")
TYPED = sorted(set(re.findall(r"`(trader [a-z][^`]*)`", TEXT)))


@pytest.mark.parametrize("typed", TYPED)
def test_every_command_on_the_page_exists_with_its_options(typed: str, capsys: pytest.CaptureFixture[str]) -> None:
    _, word, *options = typed.split()
    with pytest.raises(SystemExit) as ended:
        main([word, "--help"])

    assert ended.value.code == 0
    told = capsys.readouterr().out
    assert all(option in told for option in options if option.startswith("--"))


def test_the_page_names_the_key_and_the_times_that_hold() -> None:
    words = " ".join(TEXT.split())

    assert f"`data/run/{NAME}`: {KEY_BYTES} random bytes" in words
    assert f"within {STALE_NS // 10**9} seconds of the time in the request" in words
