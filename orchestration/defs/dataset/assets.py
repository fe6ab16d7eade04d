"""Dataset: windows and labels of the grid, split in time."""

from pathlib import Path

import dagster as dg

from orchestration.defs.ingest.assets import captured_books, grid, moment
from orchestration.defs.resources import House
from orchestration.settings import Settings


def dataset_dir(settings: Settings) -> Path:
    """Return the folder of the dataset that the model learns from."""
    return settings.folders.datasets_dir / settings.orchestration.grid


# Both lake assets are named although one follows from the other: a blocking check stops direct consumers only.
@dg.asset(group_name="dataset", kinds={"polars", "numpy"}, deps=[captured_books, grid])
def dataset(house: House) -> dg.MaterializeResult[None]:
    """Training, validation and test windows; none crosses a gap, and a purge lies between the parts."""
    from ml.dataset import build

    settings = house.settings()
    slots = settings.learning_grid.instruments
    manifest = build(settings.lake, settings.learning_grid.name, settings.ml, dataset_dir(settings), instruments=slots)
    return dg.MaterializeResult(
        metadata={
            "steps": manifest.step_count,
            "windows": dg.MetadataValue.json(manifest.anchor_counts),
            "contiguous_test_steps": manifest.contiguous_test_steps,
            "instruments": dg.MetadataValue.json([slot.instrument for slot in manifest.slots if slot.is_present]),
            "span": f"{moment(manifest.first_step_ns)} .. {moment(manifest.last_step_ns)}",
            "trained_until": moment(manifest.train_last_step_ns),
            "hash": manifest.hash,
            "folder": dg.MetadataValue.path(str(dataset_dir(settings))),
        }
    )
