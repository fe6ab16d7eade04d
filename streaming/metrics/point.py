"""One point of a time series, and its form on the wire: InfluxDB's line protocol of 1.x, which 2.x and 3.x take too.

    measurement,tag=value,tag=value field=1i,field=0.5,field="text" 1767578400000000000

Writing a point twice is writing it once: the same measurement, tags and time replace what stood there. So a batch that
may have arrived is simply sent again.
"""

from dataclasses import dataclass
from typing import Final

Value = int | float | str
TEXT_SIGNS_MAX: Final = 1_000

_MEASUREMENT = str.maketrans({",": r"\,", " ": r"\ ", "\n": " "})
_KEY = str.maketrans({",": r"\,", "=": r"\=", " ": r"\ ", "\n": r"\ ", "\\": "/"})
"""The protocol knows no escape for a backslash in a tag: one at the end would swallow the comma behind it."""
_TEXT = str.maketrans({'"': r"\"", "\\": r"\\", "\n": " "})


@dataclass(frozen=True, slots=True)
class MetricPoint:
    """What was measured at one moment. `fields` is not empty; numbers are finite and whole ones fit into int64."""

    measurement: str
    tags: tuple[tuple[str, str], ...]
    """In the order of their names; no value is empty."""
    fields: tuple[tuple[str, Value], ...]
    ts_ns: int

    def line(self) -> str:
        """Return it as one line of the protocol, without its end."""
        tags = "".join(f",{name}={value.translate(_KEY)}" for name, value in self.tags)
        fields = ",".join(f"{name}={_value_text(value)}" for name, value in self.fields)
        return f"{self.measurement.translate(_MEASUREMENT)}{tags} {fields} {self.ts_ns}"


def lines_of(points: list[MetricPoint]) -> bytes:
    """Return points as lines, each with its end."""
    return "".join(f"{point.line()}\n" for point in points).encode()


def _value_text(value: Value) -> str:
    if isinstance(value, int):
        return f"{value}i"
    if isinstance(value, float):
        return repr(value)
    return f'"{value[:TEXT_SIGNS_MAX].translate(_TEXT)}"'
