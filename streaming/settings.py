"""One frozen settings object for a process: explicit argument > environment > `settings.toml` > default.

`LOB_SETTINGS` names the file (default: `settings.toml` beside the project's folders) and `LOB_SECTION__KEY` one key.
A key or section that nobody declares fails at start with its path. Sections of higher floors (`ml`,
`orchestration`, `dashboards`) are carried unread: `orchestration/settings.py` extends this class with their types.
"""

import os
import reprlib
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, TypeVar

from pydantic import BaseModel, Field, JsonValue, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)
from pydantic_settings import (
    SettingsError as SourceError,
)

from native.config import EngineSettings, GridConfig
from streaming.config import StreamingConfig
from streaming.errors import SettingsError
from warehouse.config import WarehouseConfig

PROJECT_ROOT = Path(__file__).resolve().parents[1]
ENV_PREFIX = "LOB_"
ACCOUNTS = "streaming.live.accounts"
"""Section of which nothing that was found is shown: somebody may have written a key there."""
OTHER_VARIABLES = frozenset({"LOB_SETTINGS", "LOB_RECORDINGS", "LOB_MARTS_BUILD_PATH"})
"""Names with our prefix that are no settings: the settings file, the tests' recordings, dbt's database."""


class Settings(BaseSettings):
    """What the trader's processes need: warehouse, native, streaming and the grids."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", env_prefix=ENV_PREFIX, env_nested_delimiter="__")
    toml_file: ClassVar[Path] = PROJECT_ROOT / "settings.toml"
    reads_environment: ClassVar[bool] = True

    warehouse: WarehouseConfig = WarehouseConfig()
    native: EngineSettings = EngineSettings()
    streaming: StreamingConfig = StreamingConfig()
    ml: dict[str, JsonValue] = Field(default_factory=dict)
    orchestration: dict[str, JsonValue] = Field(default_factory=dict)
    dashboards: dict[str, JsonValue] = Field(default_factory=dict)
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
        file = TomlConfigSettingsSource(settings_cls, cls.toml_file)
        return (init_settings, env_settings, file) if cls.reads_environment else (init_settings, file)

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


def load_settings(path: Path | None = None, *, reads_environment: bool = True) -> Settings:
    """Return the settings of this process; SettingsError names file and key."""
    return load_settings_as(Settings, path, reads_environment=reads_environment)


def load_settings_as(kind: type[SettingsT], path: Path | None = None, *, reads_environment: bool = True) -> SettingsT:
    """Return the settings as `kind`, a class that declares more sections than `Settings` does.

    A relative `warehouse.data_dir` is taken from the settings file's folder, wherever the command was started.
    `reads_environment=False` is for a file that was made with the environment's words in it already.
    """
    file = settings_path(path)
    if not file.is_file():
        raise SettingsError(str(file), "file", "not found; set LOB_SETTINGS to your settings.toml")
    _check_environment(kind)
    words = {"toml_file": file, "reads_environment": reads_environment, "__module__": kind.__module__}
    bound: type[SettingsT] = type(kind.__name__, (kind,), words)
    try:
        settings = bound()  # type: ignore[call-arg]  # fields come from the sources
    except ValidationError as error:
        raise _settings_error(file, bound, error) from error
    except SourceError as error:  # an environment's value that is not JSON
        names = ", ".join(name for name in overriding(kind) if "__" not in name)
        raise SettingsError(
            "environment", names, f"expected JSON of a whole section, or LOB_SECTION__KEY: {error}"
        ) from error
    except ValueError as error:  # a file that is not TOML
        raise SettingsError(str(file), "file", f"expected TOML: {error}") from error
    data_dir = (file.parent / settings.warehouse.data_dir).resolve()
    return settings.model_copy(update={"warehouse": settings.warehouse.model_copy(update={"data_dir": data_dir})})


def overriding(kind: type[Settings] = Settings) -> dict[str, str]:
    """Return the environment's variables that set a section or key, by name."""
    return {name: value for name, value in os.environ.items() if _section_of(name) in kind.model_fields}


def _section_of(variable: str) -> str:
    if not variable.upper().startswith(ENV_PREFIX):
        return ""
    return variable[len(ENV_PREFIX) :].partition("__")[0].lower()


def _check_environment(kind: type[Settings]) -> None:
    for name in os.environ:
        if name.startswith(ENV_PREFIX) and name not in OTHER_VARIABLES and _section_of(name) not in kind.model_fields:
            sections = ", ".join(kind.model_fields)
            raise SettingsError(
                "environment", name, f"names no section; expected LOB_SECTION__KEY with one of: {sections}; unset it"
            )


def _settings_error(file: Path, kind: type[Settings], error: ValidationError) -> SettingsError:
    first = error.errors()[0]
    parts = [str(part) for part in first["loc"]]
    key, source = ".".join(parts) or "file", str(file)
    for name in overriding(kind) if kind.reads_environment else ():
        path = name[len(ENV_PREFIX) :].lower().split("__")
        if path == [part.lower() for part in parts[: len(path)]]:
            source = f"environment {name}"
    if first["type"] == "extra_forbidden":
        return SettingsError(source, key, f"unknown key; {_expected_keys(kind, parts)}check its spelling or remove it")
    problem = first["msg"].removeprefix("Value error, ")
    if first["type"] == "missing":
        return SettingsError(source, key, f"expected a value, found none; {_expected_keys(kind, parts)}add it")
    is_shown = "found" not in problem and not key.startswith(ACCOUNTS)
    found = f" (found {reprlib.repr(first.get('input'))})" if is_shown else ""
    return SettingsError(source, key, f"{problem}{found}")


def _expected_keys(kind: type[BaseModel], parts: Sequence[str]) -> str:
    """Return the words that list the keys beside the one at `parts`, nothing where they are free."""
    model: object = kind
    for part in parts[:-1]:
        known = model.model_fields.get(part) if isinstance(model, type) and issubclass(model, BaseModel) else None
        model = None if known is None else known.annotation
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        return ""
    return f"expected one of: {', '.join(model.model_fields)}; "
