"""Transform: the marts, made by dbt in a build file that is then renamed over the published one."""

from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings, DbtCliResource, dbt_assets

from orchestration.defs.resources import House
from orchestration.defs.transform import project
from orchestration.progress import say
from orchestration.settings import load_settings


class LakeTranslator(DagsterDbtTranslator):  # type: ignore[misc]  # dagster_dbt is followed as Any
    """dbt's sources are the lake's tables: the grid, or the tables of the captured books."""

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> dg.AssetKey:
        """Return the asset that a dbt node is."""
        if dbt_resource_props["resource_type"] == "source":
            return dg.AssetKey("grid" if dbt_resource_props["name"] == "grid" else "captured_books")
        return dg.AssetKey(["marts", dbt_resource_props["name"]])

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str:
        """Return the station."""
        return "transform"


# The manifest is read when definitions load; without it they fail, naming the command that makes it.
_folders = load_settings().folders


@dbt_assets(  # type: ignore[untyped-decorator]  # likewise
    manifest=project.manifest_path(_folders),
    dagster_dbt_translator=LakeTranslator(DagsterDbtTranslatorSettings(enable_duplicate_source_asset_keys=True)),
)
def marts(context: dg.AssetExecutionContext, dbt: DbtCliResource, house: House) -> Iterator[Any]:
    """Every model of the dbt project, and its tests of the data as checks."""
    settings = house.settings()
    say("marts: dbt build")
    target = settings.folders.dbt_dir / "runs" / context.run_id
    # Unit tests judge the SQL and not the data: they belong to a change of the project, not to every build.
    command = ["build", "--exclude-resource-type", "unit_test"]
    with project.building(settings.lake, settings.folders):
        invocation = dbt.cli(command, context=context, target_path=target)
        yield from invocation.stream()
