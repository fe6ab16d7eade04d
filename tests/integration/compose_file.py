"""compose.yaml as compose itself reads it: anchors merged, variables filled in."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "compose.yaml"
VARIABLE = re.compile(r"\$\{(?P<name>[A-Z_]+)(?:(?P<how>:-|:\?)(?P<rest>[^}]*))?\}")

Service = dict[str, Any]


def read_compose(variables: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Return the document; without `variables` as it is written, anchors apart."""
    document = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    return document if variables is None else _filled(document, variables)


def in_order(services: Mapping[str, Service]) -> list[str]:
    """Return the services' names so that each comes after those that it waits for."""
    found: list[str] = []
    while len(found) < len(services):
        ready = [name for name in services if name not in found and set(waits_for(services[name])) <= set(found)]
        assert ready, f"these wait for each other: {set(services) - set(found)}"
        found += ready
    return found


def waits_for(service: Service) -> list[str]:
    """Return the services that must be healthy before this one begins."""
    return list(service.get("depends_on", ()))


def _filled(value: Any, variables: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _filled(item, variables) for key, item in value.items()}
    if isinstance(value, list):
        return [_filled(item, variables) for item in value]
    return VARIABLE.sub(lambda found: _word(found, variables), value) if isinstance(value, str) else value


def _word(found: re.Match[str], variables: Mapping[str, str]) -> str:
    given, how = variables.get(found["name"]), found["how"]
    assert given or how != ":?", f"{found['name']}: {found['rest']}"
    return given or (found["rest"] if how == ":-" else "")
