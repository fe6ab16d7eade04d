"""Is the InfluxDB that is to hear of us there, and would it take our points."""

from streaming.doctor.findings import Finding, ok, warn
from streaming.metrics.config import MetricsSettings
from streaming.shell.influx_client import InfluxClient, InfluxDownError

FIX = "start it or correct streaming.metrics.url; points wait on the disk meanwhile, and nothing else waits for it"


def check_metrics(config: MetricsSettings) -> Finding:
    """Ask the server who it is and whether we may ask it for points; nothing is written."""
    if config.is_off:
        return ok("metrics", "off by streaming.metrics.url; nothing is written to InfluxDB")
    client = InfluxClient(config)
    try:
        version = client.version()
    except InfluxDownError as error:
        return warn("metrics", str(error), FIX)
    finally:
        client.close()
    return ok("metrics", f"InfluxDB {version} at {config.shown}, database {config.database}")
