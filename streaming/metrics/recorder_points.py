"""A recorder's status document as points."""

from native.config import JsonObject
from streaming.metrics.catalogue import BUS, FEED, RECORDER
from streaming.metrics.documents import count, part, parts, whole, word
from streaming.metrics.point import MetricPoint

RECORDING = "recording"


def recorder_points(document: JsonObject) -> list[MetricPoint]:
    """Return the points of one status document of a recorder, all of its `ts_ns`. A venue's `run` is its own."""
    ts_ns, process = whole(document.get("ts_ns")), {"process": word(document.get("process"))}
    told: JsonObject = {"is_recording": document.get("state") == RECORDING}
    points = [RECORDER.point(ts_ns, process, {**document, **told}), BUS.point(ts_ns, process, part(document, "bus"))]
    for venue in parts(document, "venues"):
        waiting: JsonObject = {"waiting": count(venue, "waiting_for"), "resting": count(venue, "resting")}
        tags = {**process, "venue": word(venue.get("venue")), "run": word(venue.get("run"))}
        points.append(FEED.point(ts_ns, tags, {**venue, **waiting}))
    return [point for point in points if point is not None]
