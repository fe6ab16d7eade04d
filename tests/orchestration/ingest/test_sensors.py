"""What waits to be converted is told by the lake's files."""

import os

import dagster as dg

from orchestration.defs.ingest.capture import convert_grid_hours, convert_venue_hours
from orchestration.defs.ingest.sensors import run_requests
from orchestration.defs.quality.span import capturable_grid_hours, captured_hours
from orchestration.settings import Settings

VENUES = ("binance_spot", "binance_usdm", "bybit_spot")
BOOK_RANGES = [(f"2026-01-05-00:00|{venue}", f"2026-01-05-01:00|{venue}") for venue in VENUES]
GRID_RANGE = ("2026-01-05-00:00", "2026-01-05-01:00")


def asked(requests: list[dg.RunRequest]) -> list[tuple[str | None, str, str]]:
    names = ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end")
    return [(request.job_name, request.tags[names[0]], request.tags[names[1]]) for request in requests]


def test_new_segments_ask_for_books_then_for_the_grid_then_for_nothing(house: Settings):
    lake, grid_config = house.lake, house.learning_grid

    books = run_requests(house)
    convert_venue_hours(lake, house.native, captured_hours(lake, VENUES))
    grid = run_requests(house)
    convert_grid_hours(lake, house.native, grid_config, capturable_grid_hours(lake, grid_config))

    assert asked(books) == [("capture", start, end) for start, end in BOOK_RANGES]
    assert asked(grid) == [("sample", *GRID_RANGE)]
    assert run_requests(house) == []


def test_unchanged_segments_are_asked_for_under_one_run_key(house: Settings):
    first, again = run_requests(house), run_requests(house)
    hour = house.lake.hours("bybit_spot")[1]
    os.utime(house.lake.segments("bybit_spot", hour)[0])
    changed = run_requests(house)

    assert [request.run_key for request in first] == [request.run_key for request in again]
    assert [a.run_key == b.run_key for a, b in zip(first, changed, strict=True)] == [True, True, False]
