"""What a measurement is: a name, its tags, and fields whose kind never changes.

InfluxDB takes the kind of a field from its first point and refuses every point of another: so kinds stand in a table,
and a value is brought to its kind or left out. Money and sizes, decimals as text in documents, are floats here: series
are for looking at, accounts are in the lake.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from pydantic import JsonValue

from streaming.metrics.point import MetricPoint, Value

INT64 = 1 << 63


class Kind(StrEnum):
    """Of a field's values."""

    whole = "whole number"
    number = "number"
    flag = "flag"
    """1 yes, 0 no: whole, so that windows can count and average it."""
    text = "text"


@dataclass(frozen=True, slots=True)
class Field:
    """One value of a point."""

    name: str
    kind: Kind
    words: str
    unit: str = ""


def whole(name: str, words: str, unit: str = "") -> Field:
    """Return a field of whole numbers."""
    return Field(name, Kind.whole, words, unit)


def number(name: str, words: str, unit: str = "") -> Field:
    """Return a field of any numbers."""
    return Field(name, Kind.number, words, unit)


def flag(name: str, words: str) -> Field:
    """Return a field that is 1 or 0."""
    return Field(name, Kind.flag, words)


def text(name: str, words: str) -> Field:
    """Return a field of words."""
    return Field(name, Kind.text, words)


@dataclass(frozen=True, slots=True)
class Measurement:
    """One table of the database."""

    name: str
    words: str
    tags: tuple[str, ...]
    """In the order of their names."""
    fields: tuple[Field, ...]

    def point(self, ts_ns: int, tags: Mapping[str, str], values: Mapping[str, JsonValue]) -> MetricPoint | None:
        """Return a point of what is known among `values`, under the fields' names; None when nothing is.

        Tags without a value are left out. What is no field of ours is passed over.
        """
        found = tuple(
            (field.name, value)
            for field in self.fields
            if (value := value_of(field.kind, values.get(field.name))) is not None
        )
        if not found:
            return None
        named = tuple((name, tags[name]) for name in self.tags if tags.get(name))
        return MetricPoint(self.name, named, found, ts_ns)


def value_of(kind: Kind, value: JsonValue) -> Value | None:
    """Return a value as its field keeps it; None for what is not known, or is no such value."""
    if value is None or isinstance(value, dict | list):
        return None
    if kind is Kind.text:
        return str(value)
    try:
        found = float(value) if kind is Kind.number else int(value)
    except (ValueError, OverflowError):
        return None
    if kind is Kind.flag:
        return int(bool(found))
    return found if math.isfinite(found) and abs(found) < INT64 else None
