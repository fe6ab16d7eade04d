"""Times and spans for people."""

from datetime import UTC, datetime
from typing import Final

NS_PER_S: Final = 1_000_000_000


def utc_text(ts_ns: int) -> str:
    """Return a moment in UTC, to the second."""
    return f"{datetime.fromtimestamp(ts_ns // NS_PER_S, tz=UTC):%Y-%m-%d %H:%M:%S}"


def span_text(span_ns: int) -> str:
    """Return a span of time in its two largest units."""
    seconds = abs(span_ns) // NS_PER_S
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3_600:
        return f"{seconds // 60} min {seconds % 60} s"
    if seconds < 86_400:
        return f"{seconds // 3_600} h {seconds % 3_600 // 60} min"
    return f"{seconds // 86_400} d {seconds % 86_400 // 3_600} h"
