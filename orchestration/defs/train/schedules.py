"""When the model is retrained, and when the drift of the one that trades is looked at."""

import dagster as dg

from orchestration.defs.train.jobs import retraining, watch
from orchestration.settings import load_settings

drift_watching = dg.ScheduleDefinition(
    name="drift_watching",
    job=watch,
    cron_schedule=load_settings().orchestration.drift.watch_cron,
    execution_timezone="UTC",
    description="Holds what was recorded against the champion's training span and tells running traders the level.",
)
daily_retraining = dg.ScheduleDefinition(
    name="daily_retraining",
    job=retraining,
    cron_schedule=load_settings().orchestration.retraining_cron,
    execution_timezone="UTC",
    description="Trains a challenger on what the lake holds; the champion stays until somebody promotes.",
)
