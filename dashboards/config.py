"""Section `[dashboards]` of the settings."""

from pydantic import BaseModel, ConfigDict, Field, field_validator

LOOPBACK = ("127.0.0.1", "localhost", "::1")


class DashboardsConfig(BaseModel):
    """Section `[dashboards]`: the web dashboard, and where other windows are."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = "127.0.0.1"
    """Address to listen on. Another than loopback wants a proxy with TLS before it, and its names in `hosts`."""
    port: int = Field(default=8080, ge=0, le=65_535)
    """0 takes a free one."""
    hosts: tuple[str, ...] = ()
    """Further names under which it may be asked, such as `books.example.org`; asked under any other it refuses."""
    refresh_ms: int = Field(default=150, ge=50, le=5_000)
    """How often an open page is brought up to date."""
    stale_ms: int = Field(default=2_000, ge=200)
    """Views older than this are marked stale."""
    dagster_url: str = "http://127.0.0.1:3000"
    mlflow_url: str = ""
    """Linked to where it is given."""
    grafana_url: str = ""

    @field_validator("hosts")
    @classmethod
    def check_hosts(cls, hosts: tuple[str, ...]) -> tuple[str, ...]:
        """Accept host names, without scheme, port or path."""
        for host in hosts:
            if not host or any(sign in host for sign in "/:@ "):
                raise ValueError(f"expected a host name such as books.example.org, found {host!r}")
        return hosts
