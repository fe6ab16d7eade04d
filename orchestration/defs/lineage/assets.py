"""Lineage: which raw segments each sealed model learned from, so that an order is followed back, a segment on."""

import dagster as dg

from orchestration.defs.resources import House
from orchestration.defs.validate.assets import validation
from orchestration.progress import say


@dg.asset(group_name="lineage", kinds={"parquet", "duckdb"}, deps=[validation])
def lineage(house: House) -> dg.MaterializeResult[None]:
    """Table `bundle_lineage` and view `order_lineage`: order, model, grid files and raw segments with their hashes."""
    from streaming.why.lineage import bundles_waiting, write_lineage

    settings = house.settings()
    written, left = [], []
    for bundle in bundles_waiting(settings.lake, settings.folders.models_dir):
        say(f"lineage of bundle {bundle[:12]}")
        one = write_lineage(settings.lake, settings.folders.models_dir, bundle)
        if one is None:
            left.append(bundle)
        else:
            written.append(one)
    return dg.MaterializeResult(
        metadata={
            "bundles": dg.MetadataValue.json([one.bundle for one in written]),
            "altered_bundles": dg.MetadataValue.json(left),
            "files": sum(one.files for one in written),
            "segments": sum(one.segments for one in written),
        }
    )
