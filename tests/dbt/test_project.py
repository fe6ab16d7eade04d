"""Laws of the dbt project's files."""

from pathlib import Path

import pytest
import yaml

PROJECT = Path(__file__).resolve().parents[2] / "dbt"
MODELS = sorted(PROJECT.glob("models/*/*.sql"))


def description_of(sql: Path) -> dict:
    return yaml.safe_load(sql.with_suffix(".yml").read_text())


def test_the_folder_holds_no_python():
    """With a package here, `import dbt` would find the folder in place of dbt itself."""
    assert list(PROJECT.rglob("*.py")) == []


@pytest.mark.parametrize("sql", MODELS, ids=lambda path: path.stem)
def test_each_model_is_described_tested_and_unit_tested_beside_its_sql(sql):
    document = description_of(sql)
    (model,) = document["models"]

    assert model["name"] == sql.stem
    assert model["description"].strip()
    assert any(column.get("data_tests") for column in model["columns"])
    assert [test["model"] for test in document["unit_tests"]] == [sql.stem] * len(document["unit_tests"])
    assert document["unit_tests"]


@pytest.mark.parametrize("sql", MODELS, ids=lambda path: path.stem)
def test_a_model_is_named_after_its_floor(sql):
    prefixes = {"staging": ("stg_",), "intermediate": ("int_",), "marts": ("fct_", "dim_")}

    assert sql.stem.startswith(prefixes[sql.parent.name])


def test_only_staging_reads_sources():
    readers = {sql.parent.name for sql in MODELS if "source('lake'" in sql.read_text()}

    assert readers == {"staging"}


def test_every_source_has_the_asset_key_of_its_lake_table():
    document = yaml.safe_load((PROJECT / "models/staging/sources.yml").read_text())
    (source,) = document["sources"]

    keys = {table["name"]: table["meta"]["dagster"]["asset_key"] for table in source["tables"]}

    assert keys == {name: ["raw", name] for name in keys}


def test_dbt_sends_no_statistics_and_its_database_has_no_default_path():
    project = yaml.safe_load((PROJECT / "dbt_project.yml").read_text())
    profile = yaml.safe_load((PROJECT / "profiles.yml").read_text())

    assert project["flags"] == {"send_anonymous_usage_stats": False}
    assert profile["lob"]["outputs"]["build"]["path"] == "{{ env_var('LOB_MARTS_BUILD_PATH') }}"
