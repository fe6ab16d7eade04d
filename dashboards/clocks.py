"""Times for people. All are UTC; whose clock it is stands beside them."""

from datetime import UTC, datetime
from typing import Final

NS_PER_S: Final = 1_000_000_000
NS_PER_MS: Final = 1_000_000


def market_time(ts_ns: int) -> str:
    """Return a time of day with its ms; UTC, of the session's clock."""
    return f"{datetime.fromtimestamp(ts_ns // NS_PER_S, tz=UTC):%H:%M:%S}.{ts_ns % NS_PER_S // NS_PER_MS:03d}"


def day_time(ts_ns: int) -> str:
    """Return a date and time of day to the second; UTC, of the session's clock."""
    return f"{datetime.fromtimestamp(ts_ns // NS_PER_S, tz=UTC):%Y-%m-%d %H:%M:%S}"
