"""The level of drift that the newest verdict about a model tells: `<reports>/drift/<name>.json`, read when new."""

from pathlib import Path

import orjson

VERDICTS_MAX = 50
"""Newest files that are looked through for one about the model."""


class DriftWatch:
    """Use on the event loop; reads small files, and only when the folder has changed."""

    def __init__(self, reports_dir: Path) -> None:
        self._folder = reports_dir / "drift"
        self._read: tuple[int, str] | None = None
        self._level = 0

    def level(self, bundle: str) -> int:
        """Return the level of the newest verdict about the bundle of a hash; 0 where there is none."""
        try:
            state = (self._folder.stat().st_mtime_ns, bundle)
        except OSError:
            return 0
        if state != self._read:
            self._read, self._level = state, self._newest(bundle)
        return self._level

    def _newest(self, bundle: str) -> int:
        found = [(path.stat().st_mtime_ns, path) for path in self._folder.glob("*.json") if path.is_file()]
        for _, path in sorted(found, reverse=True)[:VERDICTS_MAX]:
            level = _level_in(path, bundle)
            if level is not None:
                return level
        return 0


def _level_in(path: Path, bundle: str) -> int | None:
    """Return the level of a verdict; None when it is about another model, judged nothing or cannot be read."""
    try:
        verdict = orjson.loads(path.read_bytes())
        is_ours = verdict["bundle"] == bundle and not verdict["not_judged"]
        return int(verdict["level"]) if is_ours else None
    except (OSError, ValueError, KeyError, TypeError):  # a torn file is one that is not there yet
        return None
