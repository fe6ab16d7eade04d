"""Jobs over what the lake holds, without partitions: conversion, the gates and their consumers run together.

`extension` stops at the marts, `retraining` ends with a challenger, which the trader may run in shadow; `learning`
goes on to the champion. `watch` looks at the champion's drift.
"""

import dagster as dg

LAKE = dg.AssetSelection.assets("market_segments", "converted_hours")
LAKE_CHECKS = dg.AssetSelection.checks_for_assets("captured_books", "grid")
RETRAINED = dg.AssetSelection.groups("transform", "dataset", "train", "validate", "lineage") | dg.AssetSelection.assets(
    "challenger", "drift_report"
)

extension = dg.define_asset_job(
    "extension",
    selection=LAKE | LAKE_CHECKS | dg.AssetSelection.groups("transform"),
    description="Convert what waits, judge the lake and build the marts; nothing is trained.",
)
retraining = dg.define_asset_job(
    "retraining",
    selection=LAKE | LAKE_CHECKS | RETRAINED,
    description="Convert what waits, judge the lake, build marts and dataset, train, validate, seal a challenger.",
)
learning = dg.define_asset_job(
    "learning",
    selection=LAKE | LAKE_CHECKS | RETRAINED | dg.AssetSelection.assets("backtest", "champion"),
    description="The whole job on any lake (an empty one is filled with a generated market): retraining, then the "
    "promotion of the challenger where checks and gate allow it.",
)
watch = dg.define_asset_job(
    "watch",
    selection=LAKE | LAKE_CHECKS | dg.AssetSelection.assets("drift_watch"),
    description="Convert what waits, judge the lake, and tell running traders how far it is from what the champion "
    "learned from.",
)
