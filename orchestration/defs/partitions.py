"""Partitions, defined once: hour x venue for the lake, hour alone for the cross-venue grid.

Keys are `2026-01-05-13:00|binance_usdm` and `2026-01-05-13:00`. What exists is told by the lake, never by keys.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby

import dagster as dg

from orchestration.settings import load_settings

HOUR_FORMAT = "%Y-%m-%d-%H:%M"
HOUR = timedelta(hours=1)

# Keys must be known when definitions load, so this is the one setting that is read at import time.
_config = load_settings().orchestration
VENUE_NAMES = tuple(sorted(_config.venues))  # a range of keys then goes by the alphabet, as people expect

hours = dg.HourlyPartitionsDefinition(start_date=f"{_config.start_date:%Y-%m-%d}-00:00", fmt=HOUR_FORMAT)
hours_of_venues = dg.MultiPartitionsDefinition(
    {"hour": hours, "venue": dg.StaticPartitionsDefinition(list(VENUE_NAMES))}
)


@dataclass(frozen=True, slots=True, order=True)
class VenueHour:
    """One partition of the lake: one UTC hour of one venue."""

    hour: datetime
    venue: str

    @property
    def key(self) -> str:
        """The partition's key."""
        return f"{hour_key(self.hour)}|{self.venue}"


@dataclass(frozen=True, slots=True)
class KeyRange:
    """First and last key of a partition range, both included."""

    start: str
    end: str

    @property
    def tags(self) -> dict[str, str]:
        """Run tags that make one run cover the range."""
        return {"dagster/asset_partition_range_start": self.start, "dagster/asset_partition_range_end": self.end}


def hour_key(hour: datetime) -> str:
    """Return the key of a UTC hour."""
    return hour.astimezone(UTC).strftime(HOUR_FORMAT)


def parse_hour(key: str) -> datetime:
    """Return the UTC hour of a key."""
    return datetime.strptime(key, HOUR_FORMAT).replace(tzinfo=UTC)


def parse_venue_hour(key: str) -> VenueHour:
    """Return the partition of a key such as `2026-01-05-13:00|binance_usdm`."""
    hour, _, venue = key.partition("|")
    return VenueHour(parse_hour(hour), venue)


def partition_keys(context: dg.AssetExecutionContext | dg.AssetCheckExecutionContext) -> list[str]:
    """Return the keys that a partitioned run covers; dg.Failure when its range holds none (its ends are swapped)."""
    keys = list(context.partition_keys)
    if not keys:
        covered = context.partition_key_range
        raise dg.Failure(f"partitions {covered.start} .. {covered.end}: the range holds no partition; swap its ends")
    return keys


def contiguous(found: Iterable[datetime]) -> list[list[datetime]]:
    """Split hours into ascending runs without a hole, so that one Dagster run covers one stretch and no empty key."""
    ordered = sorted(set(found))
    numbered = ((hour - index * HOUR, hour) for index, hour in enumerate(ordered))
    return [[hour for _, hour in run] for _, run in groupby(numbered, key=lambda pair: pair[0])]


def hour_ranges(found: Iterable[datetime]) -> list[KeyRange]:
    """Return ranges of hourly keys that cover `found` and nothing else."""
    return [KeyRange(hour_key(run[0]), hour_key(run[-1])) for run in contiguous(found)]


def venue_hour_ranges(found: Iterable[VenueHour]) -> list[KeyRange]:
    """Return ranges of hour x venue keys, one venue each, that cover `found` and nothing else."""
    partitions = set(found)
    return [
        KeyRange(VenueHour(run[0], venue).key, VenueHour(run[-1], venue).key)
        for venue in sorted({partition.venue for partition in partitions})
        for run in contiguous(partition.hour for partition in partitions if partition.venue == venue)
    ]
