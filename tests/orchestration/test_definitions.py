"""The code location as a whole: what it declares stands in `definitions.txt`, so that a change of the graph is read."""

import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from streaming.settings import PROJECT_ROOT

MARTS = "marts/"


def parents(node: dg.AssetSpec) -> list[str]:
    return [key.to_user_string() for key in node.parent_keys]


def declared(definitions: dg.Definitions) -> list[str]:
    graph = definitions.resolve_asset_graph()
    nodes = {key.to_user_string(): graph.get(key) for key in graph.get_all_asset_keys()}
    lines = [
        f"asset {name} ({node.group_name}): {' '.join(sorted(map(str, parents(node))))}".rstrip()
        for name, node in nodes.items()
        if not name.startswith(MARTS)
    ]
    lines += [
        f"check {key.to_user_string()}{' blocking' if graph.get(key).blocking else ''}"
        for key in graph.asset_check_keys
        if not key.to_user_string().startswith(MARTS)
    ]
    repository = definitions.get_repository_def()
    lines += [f"job {job.name}" for job in repository.get_all_jobs() if not job.name.startswith("__")]
    lines += [f"schedule {item.name} {item.cron_schedule}" for item in repository.schedule_defs]
    lines += [f"sensor {item.name}" for item in repository.sensor_defs]
    return sorted(lines)


def test_declared_graph_is_the_checked_in_one(definitions: dg.Definitions):
    expected = (Path(__file__).parent / "definitions.txt").read_text().splitlines()

    assert declared(definitions) == sorted(expected)


def test_every_dbt_model_is_an_asset_downstream_of_the_lake(definitions: dg.Definitions):
    graph = definitions.resolve_asset_graph()
    models = {path.stem for path in (PROJECT_ROOT / "dbt" / "models").rglob("*.sql")}
    assets = {key.path[-1] for key in graph.get_all_asset_keys() if key.path[0] == "marts"}
    lake = {dg.AssetKey("captured_books"), dg.AssetKey("grid")}

    assert assets == models
    for model in assets:
        assert graph.get_ancestor_asset_keys(dg.AssetKey(["marts", model])) & lake


def test_every_asset_says_what_it_is(definitions: dg.Definitions):
    graph = definitions.resolve_asset_graph()

    missing = [key.to_user_string() for key in graph.get_all_asset_keys() if not graph.get(key).description]

    assert missing == []


def test_heavy_libraries_are_not_imported_when_definitions_load(definitions: dg.Definitions, tmp_path: Path):
    script = (
        "import sys; import orchestration.defs.train.assets, orchestration.defs.validate.assets, "
        "orchestration.defs.drift.assets, orchestration.defs.quality.checks\n"
        "print([name for name in ('torch', 'great_expectations', 'evidently', 'mlflow') if name in sys.modules])"
    )
    settings = tmp_path / "settings.toml"
    settings.write_text((PROJECT_ROOT / "settings.toml").read_text())
    outcome = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script],
        env={"LOB_SETTINGS": str(settings), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )

    assert outcome.stdout.strip() == "[]"


@pytest.mark.parametrize("name", ["dbt", "dagster", "great_expectations", "evidently"])
def test_no_module_is_named_like_a_tool(name: str):
    assert not list((PROJECT_ROOT / "orchestration").rglob(f"{name}.py"))
