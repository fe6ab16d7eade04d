"""What the doctor says of one thing: its name, how it stands, what was found, and the fix where it stands badly."""

from dataclasses import asdict, dataclass
from typing import Literal

from native.config import JsonObject

State = Literal["ok", "warn", "FAIL"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the examination. `fix` is one line, and empty exactly when all is well."""

    name: str
    state: State
    found: str
    fix: str = ""

    def __post_init__(self) -> None:
        assert (self.state == "ok") == (not self.fix), f"{self.name}: a problem has a fix, and only a problem"

    def to_json(self) -> JsonObject:
        """Return it as one JSON object."""
        return asdict(self)


def ok(name: str, found: str) -> Finding:
    """Return that all is well."""
    return Finding(name, "ok", found)


def warn(name: str, found: str, fix: str) -> Finding:
    """Return that something works less well, or may soon not."""
    return Finding(name, "warn", found, fix)


def fail(name: str, found: str, fix: str) -> Finding:
    """Return that something will not work."""
    return Finding(name, "FAIL", found, fix)
