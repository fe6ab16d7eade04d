"""Keys of partitions and the ranges that cover what the lake holds."""

from datetime import UTC, datetime, timedelta

import dagster as dg

from orchestration.defs.partitions import (
    KeyRange,
    VenueHour,
    hour_key,
    hour_ranges,
    hours,
    hours_of_venues,
    parse_hour,
    parse_venue_hour,
    venue_hour_ranges,
)

HOUR = datetime(2026, 1, 5, 13, tzinfo=UTC)
LATER = HOUR + timedelta(hours=1)
MUCH_LATER = HOUR + timedelta(days=3)


def test_keys_are_those_of_dagster_and_read_back():
    partition = VenueHour(HOUR, "bybit_spot")

    with dg.partition_loading_context(effective_dt=HOUR + timedelta(days=1)):
        assert hours.has_partition_key(hour_key(HOUR))
        assert hours_of_venues.has_partition_key(partition.key)
    assert parse_hour(hour_key(HOUR)) == HOUR
    assert parse_venue_hour(partition.key) == partition


def test_a_hole_between_hours_splits_the_range():
    assert hour_ranges([MUCH_LATER, LATER, HOUR]) == [
        KeyRange("2026-01-05-13:00", "2026-01-05-14:00"),
        KeyRange("2026-01-08-13:00", "2026-01-08-13:00"),
    ]


def test_each_venue_has_ranges_of_its_own():
    found = [VenueHour(HOUR, "a"), VenueHour(LATER, "a"), VenueHour(HOUR, "b")]

    assert venue_hour_ranges(found) == [
        KeyRange("2026-01-05-13:00|a", "2026-01-05-14:00|a"),
        KeyRange("2026-01-05-13:00|b", "2026-01-05-13:00|b"),
    ]


def test_nothing_held_gives_no_range():
    assert hour_ranges([]) == []
    assert venue_hour_ranges([]) == []
