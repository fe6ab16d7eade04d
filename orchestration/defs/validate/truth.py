"""The generator's truth file of a dataset, where the dataset is wholly of one generated run."""

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from orchestration.defs.partitions import VenueHour
from warehouse.lake import Lake


def truth_of(lake: Lake, partitions: Sequence[VenueHour], first_step_ns: int, last_step_ns: int) -> Path | None:
    """Return the truth file whose steps span the dataset's, None for recorded or mixed data.

    `partitions` are the venue-hours that the dataset was made of: a segment of any other run than the generated one
    among them means that nobody knows the truth.
    """
    runs = {path.name for partition in partitions for path in lake.segments(partition.venue, partition.hour)}
    for path in sorted((lake.root / "truth").glob("*.parquet")):
        steps = (
            pl.scan_parquet(path).select(first=pl.col("ts_step_ns").min(), last=pl.col("ts_step_ns").max()).collect()
        )
        spans = steps["first"].item() <= first_step_ns and last_step_ns <= steps["last"].item()
        if spans and all(name.startswith(f"{path.stem}-") for name in runs):
            return path
    return None
