"""What the dashboard's process is told at its start, as one JSON document on its standard input."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from dashboards.config import DashboardsConfig
from warehouse.config import WarehouseConfig


class Surroundings(BaseModel):
    """See the head of the file. Made by `trader dashboard`; secrets travel here and never among a process's words."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    warehouse: WarehouseConfig
    """Absolute folders."""
    dashboards: DashboardsConfig = DashboardsConfig()
    redis_socket: Path | None = None
    """Of the embedded server."""
    redis_url: SecretStr = SecretStr("")
    """Of the user's own server; empty with an embedded one. Both missing: Redis is off."""
    token: SecretStr
    """Opens the dashboard."""
    ticket: SecretStr | None = None
    """Opens it once, for the browser that `trader dashboard` itself starts."""
    control_key: SecretStr = SecretStr("")
    """Signs requests to the trader; hexadecimal."""
    settings_file: Path
    """For commands that the dashboard starts."""
    user: str = Field(default="dashboard", max_length=100)
    """Who gives commands, as far as the system knows."""
    tape: Path | None = None
    """Views of a journal to be replayed instead of a running trader."""
