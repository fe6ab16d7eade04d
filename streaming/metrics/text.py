"""How writing series fares, for people."""

from native.config import JsonObject
from streaming.metrics.documents import part, word


def metrics_lines(status: JsonObject) -> list[str]:
    """Return the line of a status document about InfluxDB; none where it is off."""
    told = part(status, "metrics")
    if not told:
        return []
    lost = f"{told.get('dropped')} dropped, {told.get('refused')} refused"
    if told.get("is_connected"):
        return [f"influxdb: {told.get('written')} points written, {told.get('spilled')} wait on the disk, {lost}"]
    problem = word(told.get("last_problem")) or "nothing was written yet"
    return [f"influxdb: NOT THERE, {told.get('spilled')} points wait on the disk, {lost}; {problem}"]
