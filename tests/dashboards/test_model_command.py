"""Commands about models as child processes: their words and their end are kept, one at a time."""

import asyncio
import os
from pathlib import Path

import psutil
import pytest

from dashboards.errors import DeskError
from dashboards.model import command
from dashboards.model.command import Course, ModelCommands, promotion, rollback


async def ended(commands: ModelCommands) -> Course:
    async with asyncio.timeout(60):
        while commands.is_running:
            await asyncio.sleep(0.02)
    assert commands.course is not None
    return commands.course


def test_what_a_command_says_and_how_it_ends_is_kept(settings_file: Path) -> None:
    async def run() -> Course:
        commands = ModelCommands(settings_file)
        commands.begin(rollback("a bad feeling"))
        with pytest.raises(DeskError, match="under way"):
            commands.begin(rollback("again"))
        return await ended(commands)

    course = asyncio.run(run())

    assert course.exit_code == 3 and "no champion to roll back from" in "\n".join(course.lines)
    assert course.text == "trader models rollback '--reason=a bad feeling'"
    assert course.outcome(0.0).startswith("refused after") and course.outcome(0.0).endswith("exit code 3")


def test_a_command_that_does_not_end_is_ended_with_what_it_started(
    settings_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "hangs"
    program.write_text("#!/bin/sh\necho begun\nsleep 600 & echo $! > $0.pid\nwait\n")
    program.chmod(0o755)
    monkeypatch.setattr(command.sys, "executable", str(program))
    monkeypatch.setattr(command, "LIMIT_S", 0.5)

    async def run() -> Course:
        commands = ModelCommands(settings_file)
        commands.begin(promotion("a" * 64, "why"))
        return await ended(commands)

    course = asyncio.run(run())

    assert [*course.lines] == ["begun", "it was ended: not over after 0 s"]
    assert course.outcome(0.0).startswith("was ended after")
    child = int((tmp_path / "hangs.pid").read_text())
    assert not psutil.pid_exists(child) or psutil.Process(child).status() == psutil.STATUS_ZOMBIE


def test_a_program_that_is_not_there_is_said(settings_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command.sys, "executable", os.devnull)

    async def run() -> Course:
        commands = ModelCommands(settings_file)
        commands.begin(rollback("why"))
        return await ended(commands)

    assert "could not be started" in asyncio.run(run()).lines[0]
