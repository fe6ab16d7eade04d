"""What a demo is asked for, and the folder it has to itself."""

import shutil
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import orjson

from streaming.errors import RefusedError
from streaming.runs import all_manifests, manifest_path, read_manifest
from warehouse.config import WarehouseConfig
from warehouse.files import write_atomically

GENERATED_START = datetime(2026, 1, 5, tzinfo=UTC)
MARKER = "demo.json"
"""Says that the folder is a demo's, so that a later one may empty it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoRequest:
    """Where the market comes from, how much of it, and where everything is written."""

    data_dir: Path
    recordings: Path | None = None
    """A folder to import instead of a market to generate; nothing live then."""
    hours: float = 2.0
    """Of generated history."""
    seed: int = 1
    """Of the history; the live market has the next one, so that nothing of it was learned."""
    record_minutes: float = 20.5
    paper_minutes: float = 8.0
    """Both of market time."""
    speed: float = 10.0
    """Market seconds a second while recording and trading."""
    is_clean: bool = False
    """No lost frame, no change of regime."""
    is_record_only: bool = False
    """Stop when the recording is converted: no history, no model, no trader."""
    is_kept: bool = False
    """Leave emulator, recorder and trader running, and the windows open, until told to end."""
    has_windows: bool = True
    """End with dashboard, Dagster and reports open."""


def begin_anew(data_dir: Path, market: str) -> bool:
    """Empty the demo's folder but for the generated run `market`; tell whether that stands there whole.

    So every demo begins at the same point and a later one does not wait for the history. RefusedError when the folder
    holds anything that no demo of this market made: nobody's data are removed.
    """
    places, marker = WarehouseConfig(data_dir=data_dir), data_dir / MARKER
    others = [item.run for item in all_manifests(places.lake_dir) if item.run != market]
    is_ours = _is_ours(marker, market)
    if others and not is_ours:
        raise RefusedError(
            f"{places.lake_dir}: holds run {others[0]}, which would mix with {market}; give another --data-dir"
        )
    kept = _files_of(places.lake_dir, market)
    stranger = None if is_ours else _first_but(kept, (places.lake_dir, *_made_later(places)))
    if stranger is not None:
        raise RefusedError(f"{stranger}: no demo of {market} made it and one would remove it; give another --data-dir")
    manifest = read_manifest(places.lake_dir, market)
    _remove_all_but(places.lake_dir, kept)
    for folder in _made_later(places):
        shutil.rmtree(folder, ignore_errors=True)
    write_atomically(marker, orjson.dumps({"made_by": "trader demo", "market": market}))
    return manifest is not None


def _is_ours(marker: Path, market: str) -> bool:
    try:
        return bool(orjson.loads(marker.read_bytes())["market"] == market)
    except (FileNotFoundError, orjson.JSONDecodeError, KeyError, TypeError):
        return False


def _files_of(lake_root: Path, market: str) -> set[Path]:
    """Return the files of a generated run, whether they stand or not."""
    path = manifest_path(lake_root, market)
    names = orjson.loads(path.read_bytes())["files"] if path.is_file() else ()
    return {path, lake_root / "truth" / f"{market}.parquet", *(lake_root / name for name in names)}


def _first_but(kept: set[Path], folders: Iterable[Path]) -> Path | None:
    found = (path for folder in folders for path in folder.rglob("*") if path.is_file() and path not in kept)
    return next(found, None)


def _made_later(places: WarehouseConfig) -> tuple[Path, ...]:
    """Return the folders that are made of the lake, or while something runs."""
    return (
        places.marts_path.parent,
        places.dbt_dir,
        places.datasets_dir,
        places.models_dir,
        places.mlflow_path.parent,
        places.dagster_dir,
        places.journal_dir,
        places.reports_dir,
        places.run_dir,
        places.data_dir / "logs",
    )


def _remove_all_but(folder: Path, kept: set[Path]) -> None:
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir() and not path.is_symlink():
            with suppress(OSError):  # it holds something that stays
                path.rmdir()
        elif path not in kept:
            path.unlink()
