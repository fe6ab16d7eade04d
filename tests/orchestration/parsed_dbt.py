"""dbt's manifest for houses of tests."""

import shutil

from orchestration.defs.transform.project import is_parsed, manifest_path, parse
from orchestration.settings import load_settings
from streaming.settings import PROJECT_ROOT
from warehouse.config import WarehouseConfig


def give_manifest(folders: WarehouseConfig) -> None:
    """Copy the manifest that `make setup` left when it is fresh, else parse: that takes ten seconds."""
    made = load_settings(PROJECT_ROOT / "settings.toml").folders
    if is_parsed(made):
        manifest_path(folders).parent.mkdir(parents=True)
        shutil.copy2(manifest_path(made), manifest_path(folders))
    else:
        parse(folders)
