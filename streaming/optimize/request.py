"""What a search is asked for, and where everything that it writes stands."""

import re
from dataclasses import dataclass
from pathlib import Path

from streaming.errors import UsageError
from streaming.settings import Settings

NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")
DEFAULT_NAME = "main"
MADE = "made.json"
"""Last of the files of `forecasts`: without it the folder is half made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OptimizeRequest:
    """What to search; numbers not given are the settings'. `model` is a bundle, `champion`, or None for no model."""

    name: str = DEFAULT_NAME
    grid: str
    model: str | None = "champion"
    trials: int | None = None
    folds: int | None = None
    jobs: int = 1
    seed: int = 1
    ts_from_ns: int | None = None
    ts_to_ns: int | None = None


@dataclass(frozen=True, slots=True)
class Places:
    """The files of one search."""

    folder: Path

    @property
    def lock(self) -> Path:
        """Held while a search runs; the kernel lets go when its process dies."""
        return self.folder / "lock"

    @property
    def plan(self) -> Path:
        """What decides the search."""
        return self.folder / "plan.json"

    @property
    def trials(self) -> Path:
        """Optuna's studies, one a fold."""
        return self.folder / "trials.log"

    @property
    def forecasts(self) -> Path:
        """The model's forecasts over the whole span, made once."""
        return self.folder / "forecasts"

    @property
    def report(self) -> Path:
        """What came of it, for `--show` and Dagster."""
        return self.folder / "report.json"

    @property
    def best(self) -> Path:
        """The best set as a settings file."""
        return self.folder / "best.toml"

    def forget(self) -> None:
        """Let the next command decide anew; for a search that could not begin. One that began is kept."""
        if not self.trials.exists():
            self.plan.unlink(missing_ok=True)
            (self.forecasts / MADE).unlink(missing_ok=True)

    def test(self, fold: int) -> Path:
        """Return the file of a fold's test window."""
        return self.folder / f"fold-{fold}.npz"


def places_of(settings: Settings, name: str) -> Places:
    """Return the files of the search called `name`; UsageError for a name that is no file's."""
    if not NAME.match(name):
        raise UsageError(f"--name: expected letters, digits, '.', '_' or '-', at most 64, found {name!r}")
    return Places(settings.data_dir / "optimize" / name)
