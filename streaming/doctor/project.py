"""Is the project itself in order: interpreter, packages, C++ core, settings."""

import importlib.util
import sys
import tomllib
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from streaming.doctor.findings import Finding, fail, ok, warn
from streaming.errors import SettingsError
from streaming.settings import Settings, overriding, settings_path

PYTHON_MIN = (3, 11)
SETUP = "make setup"
LISTED_MAX = 4
BUILD = "make native"
GOLDEN_STEP_NS = 100_000_000
GOLDEN_LEVELS = 5


def check_python() -> Finding:
    """Check the interpreter's version, and say where its packages come from."""
    found = f"{sys.version_info.major}.{sys.version_info.minor}.{sys.version_info.micro} in {sys.prefix}"
    if sys.version_info[:2] < PYTHON_MIN:
        return fail("python", f"{found}, expected 3.11 or newer", f"install Python 3.11, remove .venv, then {SETUP}")
    if sys.prefix == sys.base_prefix:
        return warn("python", f"{found}, not a virtual environment", f"{SETUP}, then .venv/bin/trader doctor")
    return ok("python", found)


def check_packages(project_root: Path) -> Finding:
    """Compare what is installed with what `pyproject.toml` asks for."""
    from packaging.requirements import Requirement

    path = project_root / "pyproject.toml"
    if not path.is_file():
        return ok("packages", f"not compared: no {path}")
    wanted = tomllib.loads(path.read_text(encoding="utf-8"))["project"]["dependencies"]
    wrong = []
    for requirement in map(Requirement, wanted):
        try:
            installed = version(requirement.name)
        except PackageNotFoundError:
            wrong.append(f"{requirement.name} missing")
            continue
        if not requirement.specifier.contains(installed, prereleases=True):
            wrong.append(f"{requirement.name} {installed}, expected {requirement.specifier}")
    if not wrong:
        return ok("packages", f"{len(wanted)} of {len(wanted)} as pyproject.toml asks")
    more = f" and {len(wrong) - LISTED_MAX} more" if len(wrong) > LISTED_MAX else ""
    return fail("packages", f"{'; '.join(wrong[:LISTED_MAX])}{more}", SETUP)


def check_core(project_root: Path) -> Finding:
    """Import the C++ core, let it make its golden features, and compare its age with its sources'."""
    try:
        import native
    except ImportError as error:  # also where the build lacks a name that this source asks for
        return fail("core", f"the C++ core cannot be imported: {error}", f"{BUILD} (or {SETUP} where nothing is built)")
    try:
        features = native.feature_schema_hash(["binance_usdm"], GOLDEN_STEP_NS, GOLDEN_LEVELS)
    except (ValueError, RuntimeError) as error:
        return fail("core", f"the golden features cannot be made: {error}", BUILD)
    extension, newest = extension_file(), newest_source(project_root / "native")
    if newest is not None and newest.stat().st_mtime > built_at(project_root, extension):
        return warn("core", f"{newest.relative_to(project_root)} is newer than the build", BUILD)
    return ok("core", f"built from the sources as they stand, feature hash {features[:12]}")


def extension_file() -> Path:
    """Return the file of the C++ extension."""
    spec = importlib.util.find_spec("native._native")
    assert spec is not None and spec.origin is not None, "it was imported before"
    return Path(spec.origin)


def newest_source(folder: Path) -> Path | None:
    """Return the C++ source that was changed last, tests left out; None where there are no sources."""
    sources = [path for kind in ("include", "src", "bindings") for path in (folder / kind).rglob("*.?pp")]
    return max(sources, key=lambda path: path.stat().st_mtime, default=None)


def built_at(project_root: Path, extension: Path) -> float:
    """Return when the core was built: of the file, or of the stamp that `make native` leaves."""
    stamp = project_root / "build" / "stamps" / "native"
    return max(path.stat().st_mtime for path in (extension, stamp) if path.exists())


def check_settings(load: Callable[[], Settings]) -> tuple[Finding, Settings | None]:
    """Load the settings as every command does, and see whether a trader could start by them."""
    try:
        settings = load()
        grid = settings.grid_named(settings.streaming.grid)
    except SettingsError as error:
        return fail("settings", str(error), "correct what the message names, then again"), None
    file, words = settings_path(), len(overriding())
    found = f"{file}{f' and {words} words of the environment' if words else ''}, grid {grid.name}"
    missing = [f'native.limits."{name}"' for name in grid.instruments if name not in settings.native.limits]
    missing = missing if settings.native.risk is not None else ["native.risk", *missing]
    if missing:
        return warn(
            "settings", f"{found}; no {missing[0]}: trader start refuses", f"add {missing[0]} to {file}"
        ), settings
    return ok("settings", found), settings
