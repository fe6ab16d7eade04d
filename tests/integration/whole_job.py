"""The whole job through its own commands, in a data folder of the test's."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = (ROOT / "settings.toml").read_text(encoding="utf-8")
TRADER = Path(sys.executable).with_name("trader")


@dataclass(frozen=True)
class Outcome:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True)
class Job:
    """A project with its own settings and data folder, driven as a user would: by commands."""

    folder: Path

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def environment(self) -> dict[str, str]:
        """Ours without any setting but the place of the job's own."""
        ours = {name: value for name, value in os.environ.items() if not name.startswith("LOB_")}
        return {**ours, "LOB_SETTINGS": str(self.folder / "settings.toml")}

    def run(self, *command: str) -> Outcome:
        ended = subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=900, check=False
        )
        return Outcome(ended.returncode, ended.stdout, ended.stderr)

    @contextmanager
    def running(self, *arguments: str) -> Iterator["subprocess.Popen[str]"]:
        """A `trader` command that runs beside; asked to end at last, and it must end well."""
        command = [str(TRADER), *arguments]
        with (self.folder / f"{arguments[0]}.log").open("w+") as log:
            child = subprocess.Popen(command, cwd=self.folder, env=self.environment, stdout=log, stderr=log, text=True)
            try:
                yield child
            finally:
                child.terminate()
                code = child.wait(60)
            log.seek(0)
            assert code == 0, log.read()

    def trader(self, *arguments: str) -> Outcome:
        return self.run(str(TRADER), *arguments)

    def learn(self) -> Outcome:
        return self.run(sys.executable, "-m", "orchestration", "learn", "--json")


MakeJob = Callable[..., Job]
