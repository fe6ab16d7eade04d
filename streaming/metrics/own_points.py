"""What a process says of itself beside its status document: its use of the machine, and the writer's own counters."""

from native.config import JsonObject
from streaming.metrics.catalogue import PROCESS, WRITER
from streaming.metrics.documents import whole, word
from streaming.metrics.point import MetricPoint


def own_points(document: JsonObject, writer: JsonObject, usage: JsonObject) -> list[MetricPoint]:
    """Return the points that go with a status document, of its process and `ts_ns`."""
    ts_ns, process = whole(document.get("ts_ns")), {"process": word(document.get("process"))}
    points = (WRITER.point(ts_ns, process, writer), PROCESS.point(ts_ns, process, usage))
    return [point for point in points if point is not None]
