"""The dbt project: where its manifest stands, how it is parsed, and the wrapper through which Dagster calls it."""

import os
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

from orchestration.environment import QUIET
from orchestration.errors import OrchestrationError
from streaming.settings import PROJECT_ROOT
from warehouse import marts
from warehouse.config import WarehouseConfig
from warehouse.files import write_atomically
from warehouse.lake import Lake

DBT_DIR = PROJECT_ROOT / "dbt"
DBT = Path(sys.executable).with_name("dbt")


def manifest_path(folders: WarehouseConfig) -> Path:
    """Return where `parse` leaves the manifest."""
    return folders.dbt_dir / "target" / "manifest.json"


def is_parsed(folders: WarehouseConfig) -> bool:
    """Tell whether the manifest is newer than every file of the project."""
    manifest = manifest_path(folders)
    if not manifest.is_file():
        return False
    newest = max((path.stat().st_mtime for path in DBT_DIR.rglob("*") if path.is_file()), default=0.0)
    return manifest.stat().st_mtime >= newest


def parse(folders: WarehouseConfig) -> None:
    """Parse the project: definitions load from the manifest. OrchestrationError carries dbt's own words."""
    folders.dbt_dir.mkdir(parents=True, exist_ok=True)
    command = [str(DBT), "parse", "--project-dir", str(DBT_DIR), "--profiles-dir", str(DBT_DIR)]
    outcome = subprocess.run(
        command, env={**os.environ, **build_environment(folders)}, capture_output=True, text=True, check=False
    )
    if outcome.returncode:
        raise OrchestrationError(f"dbt parse failed in {DBT_DIR}:\n{outcome.stdout}{outcome.stderr}")
    manifest_path(folders).touch()  # a parse that changes nothing leaves the old file


def write_wrapper(folders: WarehouseConfig) -> Path:
    """Return a `dbt` that answers --version itself: the real one asks the package index, at every step of Dagster."""
    path = folders.dbt_dir / "bin" / "dbt"
    text = "\n".join(
        [
            "#!/bin/sh",
            f'if [ "$1" = "--version" ]; then echo "installed: {version("dbt-core")}"; exit 0; fi',
            f'exec {shlex.quote(str(DBT))} "$@"',
            "",
        ]
    )
    if not path.is_file() or path.read_text() != text:
        write_atomically(path, text.encode())
        path.chmod(0o755)
    return path


def build_environment(folders: WarehouseConfig) -> Mapping[str, str]:
    """Return what dbt needs in its environment."""
    return {**QUIET, **marts.dbt_environment(folders)}


@contextmanager
def building(lake: Lake, folders: WarehouseConfig) -> Iterator[None]:
    """Run the body with dbt's environment over a fresh build file, and publish the build when the body succeeds."""
    marts.prepare(lake, folders.marts_build_path)
    before = {name: os.environ.get(name) for name in build_environment(folders)}
    os.environ.update(build_environment(folders))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
    marts.publish(folders.marts_build_path, folders.marts_path)
