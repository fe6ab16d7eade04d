"""Reading parts of status documents: what is not there, or is something else, is as good as empty."""

from collections.abc import Mapping

from pydantic import JsonValue

from native.config import JsonObject

BUNDLE_SIGNS = 12
"""Of a bundle's hash, by which people know it."""


def part(document: Mapping[str, JsonValue], name: str) -> JsonObject:
    """Return an object in a document."""
    found = document.get(name)
    return found if isinstance(found, dict) else {}


def parts(document: Mapping[str, JsonValue], name: str) -> list[JsonObject]:
    """Return the objects in a list in a document."""
    found = document.get(name)
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []


def count(document: Mapping[str, JsonValue], name: str) -> int | None:
    """Return how long a list in a document is."""
    found = document.get(name)
    return len(found) if isinstance(found, list) else None


def number(value: JsonValue) -> float | None:
    """Return a number that is one, or decimal text."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return float(value)
    except ValueError:
        return None


def whole(value: JsonValue) -> int:
    """Return a whole number; 0 for what is none."""
    return value if isinstance(value, int) else 0


def word(value: JsonValue) -> str:
    """Return text that is one, else nothing."""
    return value if isinstance(value, str) else ""


def model_name(bundle: JsonValue) -> str:
    """Return the beginning of a bundle's hash; nothing for none."""
    return word(bundle)[:BUNDLE_SIGNS]
