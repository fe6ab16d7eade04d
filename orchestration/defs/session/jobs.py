"""The job over one session of the trader."""

import dagster as dg

sessions = dg.define_asset_job(
    "sessions",
    selection=dg.AssetSelection.groups("session") | dg.AssetSelection.checks_for_assets("trader_sessions"),
    description="Land the trader's session, prove its replay, measure skew on its own frames, judge its drift.",
)
