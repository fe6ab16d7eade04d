"""What the README and the pages under docs/ tell people to type is what the command line takes."""

import re
import shlex

import pytest

from streaming.cli.main import build_parser
from streaming.settings import PROJECT_ROOT

PAGES = [PROJECT_ROOT / "README.md", *sorted((PROJECT_ROOT / "docs").glob("*.md"))]
SHELL_BLOCK = re.compile(r"```sh\n(.*?)```", re.S)
PLACEHOLDERS = {
    "RUN": "paper-20260105T000000.000",
    "JOURNAL": "a.seg.zst",
    "FOLDER": "recordings",
    "FILE...": "a.jsonl",
}


def typed() -> list[tuple[str, str]]:
    """(page, command line) of every `trader` command in a shell block."""
    return [
        (page.name, line.partition(" #")[0].strip())
        for page in PAGES
        for block in SHELL_BLOCK.findall(page.read_text(encoding="utf-8"))
        for line in block.splitlines()
        if line.startswith("trader ")
    ]


@pytest.mark.parametrize(("page", "line"), typed())
def test_a_command_in_the_documents_is_one_that_the_parser_takes(page: str, line: str) -> None:
    words = [PLACEHOLDERS.get(word, word) for word in shlex.split(line)[1:]]

    try:
        build_parser().parse_args(words)
    except SystemExit as error:  # argparse has said what is wrong
        pytest.fail(f"{page}: {line}: exit {error.code}")


def test_the_documents_name_every_command() -> None:
    (action,) = (item for item in build_parser()._actions if item.dest == "command" or item.choices)
    named = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)

    assert {word for word in action.choices or () if f"trader {word}" not in named} == set()
