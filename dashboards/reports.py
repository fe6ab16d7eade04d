"""Reports for people that other processes wrote: which there are, and the way to them, behind the gate like any page.

A report is a document with scripts of its own. The gate serves what lies below `ADDRESS` without an origin, so that
nothing in it can ask the dashboard for anything.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote

import orjson
from fastapi import FastAPI, Response
from fastapi.responses import FileResponse, PlainTextResponse
from pydantic import JsonValue

ADDRESS: Final = "/reports"
KINDS: Final = {
    ".html": "text/html; charset=utf-8",
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}
"""What is served; anything else in the folder is nobody's business."""
LISTED: Final = (".html", ".png", ".svg")
REPORTS_MAX: Final = 40
VERDICT_BYTES_MAX: Final = 1 << 20
HEADERS: Final = {"cache-control": "no-store"}


@dataclass(frozen=True, slots=True)
class Report:
    """One document."""

    subject: str
    """The folder that it stands in: drift, backtest, sessions."""
    name: str
    address: str
    """Of the dashboard, without its host."""
    ts_ns: int
    """When it was written, by the world's clock."""
    words: str
    """What it found, where a verdict stands beside it; else empty."""
    is_bad: bool


def reports_in(folder: Path) -> list[Report]:
    """Return the newest reports of a folder, newest first."""
    found: list[tuple[int, Path]] = []
    for path in folder.rglob("*"):
        try:
            if path.suffix in LISTED and path.is_file():
                found.append((path.stat().st_mtime_ns, path))
        except OSError:  # it has just been replaced
            continue
    return [_report(folder, path, ts_ns) for ts_ns, path in sorted(found, reverse=True)[:REPORTS_MAX]]


def _report(folder: Path, path: Path, ts_ns: int) -> Report:
    place = path.relative_to(folder)
    words, is_bad = _verdict(path.with_suffix(".json"))
    address = f"{ADDRESS}/{quote(place.as_posix())}"
    return Report(place.parts[0] if len(place.parts) > 1 else "", path.stem, address, ts_ns, words, is_bad)


def _verdict(path: Path) -> tuple[str, bool]:
    """Return what the verdict beside a drift report says; nothing where there is none."""
    try:
        document = orjson.loads(path.read_bytes()) if path.stat().st_size < VERDICT_BYTES_MAX else None
    except (OSError, orjson.JSONDecodeError):
        return "", False
    if not isinstance(document, dict) or "level" not in document:
        return "", False
    if document.get("not_judged"):
        return f"not judged: {document['not_judged']}", False
    beyond: JsonValue = document.get("features") or []
    count = len(beyond) if isinstance(beyond, Sequence) else 0
    if not document.get("flagged"):
        return f"no drift; {count} features beyond their threshold", False
    return f"DRIFT, level {document['level']} ({document.get('action', '')}); {count} features beyond", True


def add_reports(site: FastAPI, folder: Path) -> None:
    """Serve the reports of a folder at `ADDRESS`."""

    @site.get(ADDRESS + "/{place:path}")
    def report(place: str) -> Response:
        found = found_report(folder, place)
        if found is None:
            return PlainTextResponse("there is no such report\n", status_code=404)
        return FileResponse(found, media_type=KINDS[found.suffix], headers=HEADERS)


def found_report(folder: Path, place: str) -> Path | None:
    """Return the file of a report; None for what is none, or stands elsewhere than in the folder."""
    try:
        path = (folder / place).resolve(strict=True)
    except (OSError, ValueError):
        return None
    is_inside = path.is_relative_to(folder.resolve())
    return path if is_inside and path.is_file() and path.suffix in KINDS else None
