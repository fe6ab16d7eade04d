"""The marts' database: dbt is its one writer, in a folder of its own; a finished build is renamed over the published.

prepare(lake, build)     a fresh file whose schema `lake` has a view per lake table: dbt's sources
dbt build                with the environment of `dbt_environment`
publish(build, marts)    readers that hold the old file go on reading it; new ones see the new
"""

from pathlib import Path

import duckdb

from warehouse.config import WarehouseConfig
from warehouse.errors import MartsError
from warehouse.lake import Lake
from warehouse.views import MARTS_CATALOG, create_views

LAKE_SCHEMA = "lake"


def prepare(lake: Lake, build_path: Path) -> None:
    """Create an empty database at `build_path` with the sources that dbt reads; an older build is removed."""
    if build_path.stem != MARTS_CATALOG:
        raise MartsError(f"{build_path}: expected a file named {MARTS_CATALOG}.duckdb, which its views are bound to")
    build_path.parent.mkdir(parents=True, exist_ok=True)
    _wal(build_path).unlink(missing_ok=True)
    build_path.unlink(missing_ok=True)
    with duckdb.connect(str(build_path)) as connection:
        connection.execute(f"create schema {LAKE_SCHEMA}")
        create_views(connection, Lake(lake.root.resolve()), LAKE_SCHEMA)


def publish(build_path: Path, published_path: Path) -> None:
    """Rename a finished build over the published marts; MartsError when it is absent, unfinished or misnamed."""
    if build_path.name != published_path.name:
        raise MartsError(f"{build_path}: expected the file name {published_path.name}, which the views inside carry")
    if _wal(build_path).exists():
        raise MartsError(f"{build_path}: a writer holds it or was killed; run dbt build again")
    try:
        with duckdb.connect(str(build_path), read_only=True) as connection:
            connection.execute("select 1")
    except duckdb.Error as error:
        raise MartsError(f"{build_path}: expected a finished build: {error}; run dbt build again") from error
    published_path.parent.mkdir(parents=True, exist_ok=True)
    build_path.replace(published_path)


def dbt_environment(config: WarehouseConfig) -> dict[str, str]:
    """Return what dbt needs in its environment: absolute paths, and no word to the network."""
    folder = config.dbt_dir.resolve()
    return {
        "LOB_MARTS_BUILD_PATH": str(config.marts_build_path.resolve()),
        "DBT_TARGET_PATH": str(folder / "target"),
        "DBT_LOG_PATH": str(folder / "logs"),
        "DO_NOT_TRACK": "true",
    }


def _wal(path: Path) -> Path:
    return path.with_name(path.name + ".wal")
