"""The one code location: everything under `defs/`, run in this process unless the settings say otherwise."""

from pathlib import Path

from orchestration.settings import load_settings

load_settings().prepare_environment()  # before dagster is imported: it reads the variables while it loads

import dagster as dg  # noqa: E402


@dg.definitions
def defs() -> dg.Definitions:
    """Return all assets, checks, jobs, schedules, sensors and resources."""
    return dg.load_from_defs_folder(path_within_project=Path(__file__).parent)
