"""The pages, in the order of the navigation."""

from types import ModuleType
from typing import Final

from dashboards.pages import alerts, data, latency, market, model, overview, risk, trading

PAGES: Final[tuple[ModuleType, ...]] = (overview, market, model, trading, risk, data, latency, alerts)
"""Each has `PATH`, `TITLE` and `build(desk) -> Update`."""
