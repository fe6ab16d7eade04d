"""The generator's truth file of a dataset, where the dataset is wholly of one generated run."""

from pathlib import Path

import polars as pl

from warehouse.lake import Lake


def truth_of(lake: Lake, first_step_ns: int, last_step_ns: int) -> Path | None:
    """Return the truth file whose steps span the dataset's, None for recorded or mixed data."""
    for path in sorted((lake.root / "truth").glob("*.parquet")):
        steps = (
            pl.scan_parquet(path).select(first=pl.col("ts_step_ns").min(), last=pl.col("ts_step_ns").max()).collect()
        )
        if steps["first"].item() <= first_step_ns and last_step_ns <= steps["last"].item():
            return path
    return None
