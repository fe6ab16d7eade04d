"""What assets are handed: the settings, read when a step runs, and the executor that the settings choose."""

from collections.abc import Sequence

import dagster as dg
from dagster_dbt import DbtCliResource

from orchestration.defs.transform import project
from orchestration.settings import Settings, load_settings


class House(dg.ConfigurableResource):  # type: ignore[type-arg]  # its type argument is for resources that yield others
    """Where everything is: gives the settings of this process (`LOB_SETTINGS` names the file)."""

    def settings(self) -> Settings:
        """Return the settings; streaming.errors.SettingsError names file and key."""
        return load_settings()


class Dbt(DbtCliResource):  # type: ignore[misc]  # dagster_dbt is followed as Any
    """dbt without a second adapter in our own process, which takes a second to make for metadata not asked for."""

    def _initialize_dbt_core_adapter(self, _args: Sequence[str]) -> None:
        return None


@dg.definitions
def resources() -> dg.Definitions:
    """Return the resources and the executor."""
    settings = load_settings()
    dbt = Dbt(
        project_dir=str(project.DBT_DIR),
        profiles_dir=str(project.DBT_DIR),
        dbt_executable=str(project.write_wrapper(settings.folders)),
    )
    in_process = settings.orchestration.executor == "in_process"
    return dg.Definitions(
        resources={"house": House(), "dbt": dbt},
        executor=dg.in_process_executor if in_process else dg.multiprocess_executor,
    )
