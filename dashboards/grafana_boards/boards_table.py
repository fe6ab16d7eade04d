"""All boards, by the names of their files."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from grafana_foundation_sdk.models.dashboard import Dashboard

from dashboards.grafana_boards.board import board_text
from dashboards.grafana_boards.data_platform import data_platform
from dashboards.grafana_boards.latency import latency
from dashboards.grafana_boards.market_data import market_data
from dashboards.grafana_boards.model_drift import model_drift
from dashboards.grafana_boards.overview import overview
from dashboards.grafana_boards.risk_pnl import risk_pnl

FOLDER: Final = Path(__file__).resolve().parents[1] / "grafana" / "boards"
BOARDS: Final[dict[str, Callable[[], Dashboard]]] = {
    "overview": overview,
    "latency": latency,
    "market_data": market_data,
    "model_drift": model_drift,
    "risk_pnl": risk_pnl,
    "data_platform": data_platform,
}


def write_boards(folder: Path) -> None:
    """Write every board's file into a folder."""
    for name, make in BOARDS.items():
        (folder / f"{name}.json").write_text(board_text(make()), encoding="utf-8")
