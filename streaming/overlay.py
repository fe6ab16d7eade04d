"""A settings file made from the present settings with some sections replaced: what the demo hands to its children."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from pydantic import JsonValue

from native.config import FeeSettings, GridConfig, InstrumentLimits, JsonObject, RiskSettings
from streaming.settings import Settings
from warehouse.files import write_atomically

DEMO_RISK = RiskSettings(price_deviation_bps=50.0, max_exposure_quote="100000", forecast_age_max_ms=500)
"""For settings without limits, which have no defaults: this is no one's money."""
BARE_KEY = re.compile(r"^[A-Za-z0-9_-]+$")


def write_overlay(
    path: Path,
    settings: Settings,
    data_dir: Path,
    grid: GridConfig,
    limits: Mapping[str, InstrumentLimits],
    fees: Mapping[str, FeeSettings] | None = None,
) -> None:
    """Write `settings` to `path` with another data folder and `grid` as the one that is learned and traded.

    `fees` by venue stand for what the venues' instruments say.
    """
    document: JsonObject = settings.model_dump(mode="json", exclude_none=True)
    native = _section(document, "native")
    native.setdefault("risk", DEMO_RISK.model_dump(mode="json", exclude_none=True))
    sizes = {name: limit.model_dump(exclude_none=True) for name, limit in limits.items()}
    native["limits"] = {**_section(native, "limits"), **sizes}
    if fees is not None:
        native["fees"] = {venue: fee.model_dump() for venue, fee in fees.items()}
    document["native"] = native
    document["warehouse"] = {**_section(document, "warehouse"), "data_dir": str(data_dir)}
    document["streaming"] = {**_section(document, "streaming"), "grid": grid.name}
    conducted = _section(document, "orchestration")
    conducted.pop("storage_url", None)  # another folder's runs are its own, and the address may hold a password
    document["orchestration"] = {**conducted, "grid": grid.name}
    others = [other.model_dump(mode="json") for other in settings.grid if other.name != grid.name]
    document["grid"] = [grid.model_dump(mode="json"), *others]
    text = "# Written by `trader demo` from the project's settings; a later demo writes it again.\n" + toml_text(
        document
    )
    write_atomically(path, text.encode())


def toml_text(document: Mapping[str, JsonValue]) -> str:
    """Return TOML of nested objects, lists of objects and plain values; None is not allowed anywhere."""
    return "".join(_table_lines((), document))


def _table_lines(path: Sequence[str], table: Mapping[str, JsonValue]) -> Iterator[str]:
    for key, value in table.items():
        if not isinstance(value, dict) and not _is_table_list(value):
            yield f"{_key(key)} = {json.dumps(value)}\n"
    for key, value in table.items():
        inner = (*path, key)
        name = ".".join(_key(part) for part in inner)
        if isinstance(value, dict):
            yield f"\n[{name}]\n"
            yield from _table_lines(inner, value)
        elif _is_table_list(value):
            assert isinstance(value, list)
            for item in value:
                assert isinstance(item, dict)
                yield f"\n[[{name}]]\n"
                yield from _table_lines(inner, item)


def _is_table_list(value: JsonValue) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, dict) for item in value)


def _key(key: str) -> str:
    return key if BARE_KEY.match(key) else json.dumps(key)


def _section(document: Mapping[str, JsonValue], key: str) -> JsonObject:
    value = document.get(key, {})
    assert isinstance(value, dict), f"settings section {key} is no table"
    return value
