"""Manifests of finished runs: `raw/_runs/<run>.json`, written after the run's last segment appeared."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import orjson

from streaming.errors import BadDataError
from streaming.segments import OriginFile
from warehouse.files import write_atomically


@dataclass(frozen=True, slots=True, kw_only=True)
class RunManifest:
    """A finished run: its instruments, origin, files (path in the lake: bytes) and span."""

    run: str
    instruments: tuple[str, ...]
    origin: tuple[OriginFile, ...]
    files: dict[str, int]
    frames: int
    snapshots: int
    ts_from_ns: int
    ts_to_ns: int


def manifest_path(lake_root: Path, run: str) -> Path:
    """Return where the manifest of `run` stands."""
    return lake_root / "raw" / "_runs" / f"{run}.json"


def write_manifest(lake_root: Path, manifest: RunManifest) -> None:
    """Write the manifest; call it when every file of the run is in its place."""
    path = manifest_path(lake_root, manifest.run)
    write_atomically(path, orjson.dumps(asdict(manifest), option=orjson.OPT_INDENT_2))


def read_manifest(lake_root: Path, run: str) -> RunManifest | None:
    """Return the manifest of `run` when it is finished and all its files stand, None otherwise."""
    path = manifest_path(lake_root, run)
    if not path.is_file():
        return None
    manifest = _parsed(path)
    return manifest if _is_whole(lake_root, manifest) else None


def all_manifests(lake_root: Path) -> Iterator[RunManifest]:
    """Yield the manifests of runs whose files all stand, by name."""
    for path in sorted((lake_root / "raw" / "_runs").glob("*.json")):
        manifest = _parsed(path)
        if _is_whole(lake_root, manifest):
            yield manifest


def find_overlap(lake_root: Path, instrument: str, sha256s: set[str]) -> list[tuple[RunManifest, str]]:
    """Return (manifest, file name) of finished runs of `instrument` that hold one of these files."""
    found = []
    for manifest in all_manifests(lake_root):
        shared = [file.name for file in manifest.origin if file.sha256 in sha256s]
        if shared and instrument in manifest.instruments:
            found.append((manifest, shared[0]))
    return found


def remove_run(lake_root: Path, run: str) -> None:
    """Remove a run's files: its manifest first, so that a half-removed run is not taken for a whole one."""
    path = manifest_path(lake_root, run)
    manifest = _parsed(path)
    path.unlink()
    for name in manifest.files:
        (lake_root / name).unlink(missing_ok=True)


def _is_whole(lake_root: Path, manifest: RunManifest) -> bool:
    paths = [(lake_root / name, size) for name, size in manifest.files.items()]
    return all(path.is_file() and path.stat().st_size == size for path, size in paths)


def _parsed(path: Path) -> RunManifest:
    try:
        document = orjson.loads(path.read_bytes())
        document["instruments"] = tuple(document["instruments"])
        document["origin"] = tuple(OriginFile(**file) for file in document["origin"])
        return RunManifest(**document)
    except (ValueError, KeyError, TypeError) as error:
        raise BadDataError(f"{path}: not a run manifest ({error}); remove the file and import again") from error
