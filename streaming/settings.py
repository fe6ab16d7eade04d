"""One frozen settings object for a process: explicit argument > environment > `settings.toml` > default.

`LOB_SETTINGS` names the file (default: `settings.toml` beside the project's folders) and `LOB_SECTION__KEY` one key.
A key or section that nobody declares fails at start with its path. Sections of higher floors (`ml`,
`orchestration`) are carried unread: `orchestration/settings.py` extends this class with their types.
"""

import os
from pathlib import Path
from typing import ClassVar, TypeVar

from pydantic import Field, JsonValue, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from native.config import EngineSettings, GridConfig
from streaming.config import StreamingConfig
from streaming.errors import SettingsError
from warehouse.config import WarehouseConfig

PROJECT_ROOT = Path(__file__).resolve().parents[1]
ENV_PREFIX = "LOB_"


class Settings(BaseSettings):
    """What the trader's processes need: warehouse, native, streaming and the grids."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", env_prefix=ENV_PREFIX, env_nested_delimiter="__")
    toml_file: ClassVar[Path] = PROJECT_ROOT / "settings.toml"

    warehouse: WarehouseConfig = WarehouseConfig()
    native: EngineSettings = EngineSettings()
    streaming: StreamingConfig = StreamingConfig()
    ml: dict[str, JsonValue] = Field(default_factory=dict)
    orchestration: dict[str, JsonValue] = Field(default_factory=dict)
    grid: tuple[GridConfig, ...] = Field(min_length=1)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read arguments, then the environment, then the file; nothing else."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, cls.toml_file)

    def grid_named(self, name: str) -> GridConfig:
        """Return the grid called `name`; SettingsError lists the names that exist."""
        for grid in self.grid:
            if grid.name == name:
                return grid
        known = ", ".join(grid.name for grid in self.grid)
        raise SettingsError(str(type(self).toml_file), "grid", f"no grid is called {name!r}; the file has: {known}")

    @property
    def data_dir(self) -> Path:
        """Absolute folder of everything the project writes."""
        return self.warehouse.data_dir

    @property
    def lake_root(self) -> Path:
        """Absolute folder of the lake."""
        return self.warehouse.lake_dir


SettingsT = TypeVar("SettingsT", bound=Settings)


def settings_path(path: Path | None = None) -> Path:
    """Return the settings file to read: `path`, else `LOB_SETTINGS`, else the project's own."""
    chosen = path or Path(os.environ.get(f"{ENV_PREFIX}SETTINGS", PROJECT_ROOT / "settings.toml"))
    return chosen.resolve()


def load_settings(path: Path | None = None) -> Settings:
    """Return the settings of this process; SettingsError names file and key."""
    return load_settings_as(Settings, path)


def load_settings_as(kind: type[SettingsT], path: Path | None = None) -> SettingsT:
    """Return the settings as `kind`, a class that declares more sections than `Settings` does.

    A relative `warehouse.data_dir` is taken from the settings file's folder, wherever the command was started.
    """
    file = settings_path(path)
    if not file.is_file():
        raise SettingsError(str(file), "file", "not found; set LOB_SETTINGS to your settings.toml")
    _check_environment(file, kind)
    bound: type[SettingsT] = type(kind.__name__, (kind,), {"toml_file": file, "__module__": kind.__module__})
    try:
        settings = bound()  # type: ignore[call-arg]  # fields come from the sources
    except ValidationError as error:
        raise _settings_error(file, error) from error
    except ValueError as error:  # a file that is not TOML
        raise SettingsError(str(file), "file", f"expected TOML: {error}") from error
    data_dir = (file.parent / settings.warehouse.data_dir).resolve()
    return settings.model_copy(update={"warehouse": settings.warehouse.model_copy(update={"data_dir": data_dir})})


def _check_environment(file: Path, kind: type[Settings]) -> None:
    for name in os.environ:
        section, nested, _ = name.removeprefix(ENV_PREFIX).partition("__")
        if name.startswith(ENV_PREFIX) and nested and section.lower() not in kind.model_fields:
            sections = ", ".join(kind.model_fields)
            raise SettingsError(str(file), name, f"environment names no section; expected one of: {sections}")


def _settings_error(file: Path, error: ValidationError) -> SettingsError:
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"]) or "file"
    if first["type"] == "extra_forbidden":
        return SettingsError(str(file), key, "unknown key; check its spelling or remove it")
    return SettingsError(str(file), key, f"{first['msg']} (found {first.get('input')!r})")
