"""Jobs that convert partitions of the lake and judge them in the same run."""

import dagster as dg

capture = dg.define_asset_job(
    "capture",
    selection=dg.AssetSelection.assets("captured_books") | dg.AssetSelection.checks_for_assets("captured_books"),
    description="Convert and judge hours of venues.",
)
sample = dg.define_asset_job(
    "sample",
    selection=dg.AssetSelection.assets("grid") | dg.AssetSelection.checks_for_assets("grid"),
    description="Convert and judge hours of the grid.",
)
