"""Quiet hours: whether a moment lies in them, and when they end. Pure; the time is an argument."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from streaming.alerts.config import QuietHours


def quiet_until_ns(hours: QuietHours | None, now_ns: int) -> int | None:
    """Return when the quiet that holds now ends, None when it does not hold.

    Begin and end are times of day in the zone, also over a change of its clocks; the span may reach over midnight.
    """
    if hours is None:
        return None
    zone = ZoneInfo(hours.zone)
    now = datetime.fromtimestamp(now_ns // 1_000_000_000, tz=UTC).astimezone(zone)
    for days in (-1, 0):
        day = now.date() + timedelta(days=days)
        begin, end = (datetime.combine(day, _clock(text), zone) for text in (hours.begin, hours.end))
        if hours.end < hours.begin:
            end = datetime.combine(day + timedelta(days=1), _clock(hours.end), zone)
        if begin.astimezone(UTC) <= now.astimezone(UTC) < end.astimezone(UTC):
            return int(end.timestamp()) * 1_000_000_000
    return None


def _clock(text: str) -> time:
    return time.fromisoformat(text)
