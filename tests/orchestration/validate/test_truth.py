"""The truth is told of a generated market, and of nothing that holds a frame of another run."""

from pathlib import Path

import polars as pl

from orchestration.defs.quality.span import captured_hours
from orchestration.defs.validate.truth import truth_of
from orchestration.settings import Settings

VENUES = ("binance_spot", "binance_usdm", "bybit_spot")


def span(truth: Path) -> tuple[int, int]:
    steps = pl.read_parquet(truth)["ts_step_ns"]
    return int(steps.min()), int(steps.max())


def test_truth_of_a_generated_dataset_is_found_and_none_beyond_its_span(house: Settings) -> None:
    lake, hours = house.lake, captured_hours(house.lake, VENUES)
    (truth,) = (lake.root / "truth").glob("*.parquet")
    first_ns, last_ns = span(truth)

    assert truth_of(lake, hours, first_ns, last_ns) == truth
    assert truth_of(lake, hours, first_ns, last_ns + 1) is None


def test_one_segment_of_another_run_means_that_nobody_knows_the_truth(house: Settings) -> None:
    lake, hours = house.lake, captured_hours(house.lake, VENUES)
    (truth,) = (lake.root / "truth").glob("*.parquet")
    segment = lake.segments(hours[0].venue, hours[0].hour)[0]
    (segment.parent / f"recorded-1-0{''.join(segment.suffixes[-2:])}").write_bytes(segment.read_bytes())

    assert truth_of(lake, hours, *span(truth)) is None
