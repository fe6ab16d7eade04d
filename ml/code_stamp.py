"""Which code trains a model: version and commit, sealed into its bundle so that an order can be followed back to it."""

import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

DISTRIBUTION: Final = "lob-platform"
ROOT: Final = Path(__file__).resolve().parents[1]
GIT_S: Final = 10.0
UNKNOWN: Final = "unknown"


def code_stamp(root: Path = ROOT) -> dict[str, str]:
    """Return `version`, `commit` and `changed` (yes or no: tracked files differ from the commit).

    `unknown` where the code lies in no git checkout, or git is not there.
    """
    try:
        released = version(DISTRIBUTION)
    except PackageNotFoundError:
        released = UNKNOWN
    commit = _git(root, "rev-parse", "HEAD")
    changes = None if commit is None else _git(root, "status", "--porcelain", "--untracked-files=no")
    changed = UNKNOWN if changes is None else "yes" if changes else "no"
    return {"version": released, "commit": commit or UNKNOWN, "changed": changed}


def _git(root: Path, *words: str) -> str | None:
    """Return what git prints, None where it cannot."""
    if not (root / ".git").exists():  # git would look in the folders above, which are somebody else's
        return None
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *words], capture_output=True, text=True, timeout=GIT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
