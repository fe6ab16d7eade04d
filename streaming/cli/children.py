"""Commands of higher floors, started as child processes with this process's settings."""

import subprocess
import sys
from pathlib import Path


def environment(settings_file: Path | None = None) -> dict[str, str]:
    """Return the environment of a child: ours, with `LOB_SETTINGS` absolute so that the folder does not matter.

    A settings file made by us holds the environment's words already; they would win over it again and are left out.
    """
    from streaming.secret_keys import environment_without_keys
    from streaming.settings import overriding, settings_path

    left_out = set() if settings_file is None else overriding().keys()
    ours = {name: value for name, value in environment_without_keys().items() if name not in left_out}
    return {**ours, "LOB_SETTINGS": str(settings_path(settings_file))}


def run_module(module: str, words: list[str], settings_file: Path | None = None) -> int:
    """Run `python -m module words...` with our terminal and return its exit code."""
    command = [sys.executable, "-m", module, *words]
    return subprocess.run(command, env=environment(settings_file), check=False).returncode


def read_module(module: str, words: list[str], settings_file: Path | None = None) -> tuple[int, str]:
    """Run `python -m module words...`, its errors on our stderr; return its exit code and what it printed."""
    command = [sys.executable, "-m", module, *words]
    done = subprocess.run(command, env=environment(settings_file), check=False, stdout=subprocess.PIPE, text=True)
    return done.returncode, done.stdout
