"""Page Model: what it forecasts and what came true, how well, where it looks, who trades, and who may trade next."""

import asyncio

from nicegui import ui

from dashboards.desk import Desk, Update
from dashboards.model import attention_panel, bundles_panel, forecast_panel, life_panel, scores_panel
from dashboards.model.change_panel import ChangePanel
from dashboards.model.folder import ModelsFolder, ModelsOnDisk
from dashboards.snapshot import Snapshot

PATH = "/model"
TITLE = "Model"
LOOK_S = 2.0
"""Between two looks into the models' folder."""


def build(desk: Desk) -> Update:
    """Draw the page and return what brings it up to date."""
    folder, disk = ModelsFolder(desk.surroundings.warehouse.models_dir), ModelsOnDisk()

    async def look() -> None:
        nonlocal disk
        disk = await asyncio.to_thread(folder.look)

    with ui.element("div").classes("panels model"):
        parts = (
            forecast_panel.build(desk),
            ChangePanel(desk, lambda: disk).build(),
            life_panel.build(desk),
            scores_panel.build(desk),
            attention_panel.build(desk),
            bundles_panel.build(desk, lambda: disk),
            life_panel.build_news(desk),
        )
    desk.on_interval(LOOK_S, look)

    def update(snapshot: Snapshot) -> None:
        for part in parts:
            part(snapshot)

    return update
