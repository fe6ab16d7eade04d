"""Laws of preparing and publishing the marts' database."""

import duckdb
import pytest

from warehouse.config import MARTS_FILE, WarehouseConfig
from warehouse.errors import MartsError
from warehouse.lake import Lake
from warehouse.marts import dbt_environment, prepare, publish
from warehouse.schema import TABLES
from warehouse.views import connect


def test_a_prepared_build_has_a_view_per_lake_table(tmp_path):
    path = tmp_path / "build" / MARTS_FILE

    prepare(Lake(tmp_path / "lake"), path)

    with duckdb.connect(str(path), read_only=True) as connection:
        query = "select table_name from duckdb_tables() union select view_name from duckdb_views() where not internal"
        assert {name for (name,) in connection.execute(query).fetchall()} == set(TABLES)


def test_preparing_again_starts_from_an_empty_file(tmp_path):
    path = tmp_path / MARTS_FILE
    prepare(Lake(tmp_path / "lake"), path)
    with duckdb.connect(str(path)) as connection:
        connection.execute("create table leftover as select 1 as x")

    prepare(Lake(tmp_path / "lake"), path)

    with duckdb.connect(str(path), read_only=True) as connection:
        assert connection.execute("select count(*) from duckdb_tables()").fetchall() == [(0,)]


def test_a_build_must_bear_the_name_that_its_views_carry(tmp_path):
    with pytest.raises(MartsError, match=r"expected a file named lob\.duckdb"):
        prepare(Lake(tmp_path), tmp_path / "other.duckdb")
    with pytest.raises(MartsError, match=r"expected the file name lob\.duckdb"):
        publish(tmp_path / "other.duckdb", tmp_path / MARTS_FILE)


def test_a_build_that_is_absent_or_held_is_not_published(tmp_path):
    build, published = tmp_path / "build" / MARTS_FILE, tmp_path / MARTS_FILE

    with pytest.raises(MartsError, match="expected a finished build"):
        publish(build, published)
    prepare(Lake(tmp_path / "lake"), build)
    build.with_name(f"{MARTS_FILE}.wal").touch()
    with pytest.raises(MartsError, match="a writer holds it or was killed"):
        publish(build, published)
    assert not published.exists()


def test_marts_that_cannot_be_read_are_named(tmp_path):
    path = tmp_path / MARTS_FILE
    path.write_bytes(b"no database" * 100)

    with pytest.raises(MartsError, match=r"lob\.duckdb: expected published marts"):
        connect(Lake(tmp_path), path)


def test_dbt_is_given_absolute_paths():
    environment = dbt_environment(WarehouseConfig())

    assert environment["LOB_MARTS_BUILD_PATH"].startswith("/")
    assert environment["DBT_TARGET_PATH"].endswith("/data/dbt/target")
