"""The commands that a demo runs as children: how they are called and how their answers are read."""

import sys
from pathlib import Path

import orjson

from native.config import JsonObject
from streaming.cli.children import environment
from streaming.errors import BadDataError, TraderError
from streaming.supervisor import Child, Progress, Supervisor

MINUTE_S = 60.0
CONDUCT_S = 30 * MINUTE_S
"""No stage of the graph takes so long: beyond it something hangs."""


def start_trader(supervisor: Supervisor, settings_file: Path, name: str, *words: str) -> Child:
    """Start `trader WORDS...` as a child called `name`."""
    command = [sys.executable, "-m", "streaming", *words]
    return supervisor.start(name, command, environment(settings_file))


def conduct(
    supervisor: Supervisor, settings_file: Path, words: list[str], progress: Progress, refusals: tuple[int, ...] = ()
) -> JsonObject:
    """Run `python -m orchestration WORDS... --json` and return its answer; exit codes in `refusals` are answers too."""
    command = [sys.executable, "-m", "orchestration", *words, "--json"]
    child = supervisor.start(f"orchestration-{words[0]}", command, environment(settings_file))
    return finish(supervisor, child, CONDUCT_S, progress, refusals)


def finish(
    supervisor: Supervisor, child: Child, limit_s: float, progress: Progress, refusals: tuple[int, ...] = ()
) -> JsonObject:
    """Wait for a child that answers in JSON; TraderError with its last lines when it failed."""
    code = supervisor.wait(child, limit_s, progress)
    if code != 0 and code not in refusals:
        kind = BadDataError if code == BadDataError.exit_code else TraderError
        lines = " / ".join(child.last_lines()) or "nothing"
        raise kind(f"{child.name}: ended with exit code {code}; it said: {lines} ({child.log})")
    return read_answer(child.name, child.out.read_text(encoding="utf-8"))


def read_answer(name: str, text: str) -> JsonObject:
    """Return a command's JSON answer: all that it printed, or its last line, as tools that it runs may print before."""
    for part in (text, text.strip().rpartition("\n")[2]):
        try:
            answer = orjson.loads(part)
        except orjson.JSONDecodeError:
            continue
        if isinstance(answer, dict):
            return answer
    raise TraderError(f"{name}: expected a JSON answer, found {text.strip()[-80:]!r}")
