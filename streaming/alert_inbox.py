"""The inbox of alerts, a folder: whoever writes a report there has it told, with Redis or without.

Files appear whole (`drop_report`), and are taken in order of their names. What is no report goes to `refused/`, where a
person can read it. Files wait while nobody takes them, so that what happened meanwhile is told later.
"""

import uuid
from collections.abc import Set
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from streaming.alerts.report import REPORT_BYTES_MAX, Report, report_from_json
from streaming.errors import BadDataError
from warehouse.files import write_atomically

TAKEN_MAX: Final = 50
"""Reports of one look; further ones wait for the next."""
REFUSED: Final = "refused"


def inbox_dir(data_dir: Path) -> Path:
    """Return the folder of reports."""
    return data_dir / "alerts" / "inbox"


def drop_report(data_dir: Path, report: Report) -> Path:
    """Put a report into the inbox and return its file; OSError when the disk fails."""
    path = inbox_dir(data_dir) / f"{report.ts_ns:020d}-{uuid.uuid4().hex[:8]}.json"
    write_atomically(path, report.to_json())
    return path


@dataclass(frozen=True, slots=True)
class Taken:
    """What was in the inbox."""

    reports: tuple[Report, ...]
    files: tuple[Path, ...]
    """To be removed by `remove` once the reports are safe."""
    refused: tuple[str, ...]
    """Why, each with its file's new place."""


def take_reports(data_dir: Path, known: Set[Path] = frozenset()) -> Taken:
    """Read the oldest reports but those that were taken before; what is none is moved aside."""
    reports, files, refused = [], [], []
    waiting = sorted(path for path in inbox_dir(data_dir).glob("*.json") if path not in known)
    for path in waiting[:TAKEN_MAX]:
        try:
            with path.open("rb") as file:
                reports.append(report_from_json(file.read(REPORT_BYTES_MAX + 1)))
            files.append(path)
        except (BadDataError, OSError) as error:
            refused.append(_refuse(path, str(error)))
    return Taken(tuple(reports), tuple(files), tuple(refused))


def remove(files: Set[Path]) -> None:
    """Remove files whose reports are safe."""
    for path in files:
        path.unlink(missing_ok=True)


def _refuse(path: Path, why: str) -> str:
    """Move a file aside and tell where it is; one that cannot be moved is told of again and again."""
    place = path.parent / REFUSED / path.name
    try:
        place.parent.mkdir(exist_ok=True)
        path.replace(place)
    except OSError as error:
        return f"{path}: {why}; it cannot be moved aside: {error.strerror or error}"
    return f"{place}: {why}"
