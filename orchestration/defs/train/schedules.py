"""When the model is retrained."""

import dagster as dg

from orchestration.defs.train.jobs import retraining
from orchestration.settings import load_settings

daily_retraining = dg.ScheduleDefinition(
    name="daily_retraining",
    job=retraining,
    cron_schedule=load_settings().orchestration.retraining_cron,
    execution_timezone="UTC",
    description="Trains a challenger on what the lake holds; the champion stays until somebody promotes.",
)
