"""What happens in a session as points, for the annotations of charts.

Fills and refusals are counted and are no events here: there may be many a second. Trips of the watch and changes of the
drift level are told by no message; they are what changed from one status document to the next.
"""

from collections.abc import Iterator

from native.config import JsonObject
from streaming.bus import GapEvent, ModelSwapEvent, ProbationEvent, StateEvent, TradingEvent
from streaming.metrics.catalogue import EVENT
from streaming.metrics.documents import BUNDLE_SIGNS, part, whole, word
from streaming.metrics.point import MetricPoint

KEPT = (StateEvent, GapEvent, ModelSwapEvent, ProbationEvent)
"""Messages that become points."""


class EventPoints:
    """Give it every event and every status document of a process, in order."""

    def __init__(self) -> None:
        self._last_ns = 0
        self._run = ""
        self._trips: JsonObject = {}
        self._drift_level: int | None = None

    def of_event(self, event: TradingEvent) -> MetricPoint | None:
        """Return the point of an event; None for one that is not kept."""
        match event:
            case StateEvent():
                return self._point(event.ts_ns, "state", event.run, f"trading {event.state}", event.reason, event.state)
            case GapEvent():
                words = f"book {'broken' if event.is_open else 'whole'}: {event.instrument}"
                return self._point(event.ts_ns, "gap", event.run, words, event.reason, event.instrument)
            case ModelSwapEvent():
                before, after = event.hash_from[:BUNDLE_SIGNS] or "none", event.hash_to[:BUNDLE_SIGNS] or "none"
                return self._point(
                    event.ts_ns, "model_swap", event.run, f"model {before} to {after}", event.reason, after
                )
            case ProbationEvent():
                model = event.hash[:BUNDLE_SIGNS]
                title = f"probation of {model} {event.outcome}"
                return self._point(event.ts_ns, "probation", event.run, title, event.reason, model)
        return None

    def of_document(self, document: JsonObject) -> list[MetricPoint]:
        """Return what changed since the document before; nothing in the first one of a run, as nobody saw it happen."""
        run, ts_ns = word(document.get("run")), whole(document.get("ts_ns"))
        trips = part(part(document, "risk"), "tripped_by_rule")
        level = part(document, "facts").get("drift_level")
        changes = list(self._changes(run, ts_ns, trips, level)) if run and run == self._run else []
        self._run, self._trips = run, trips
        self._drift_level = level if isinstance(level, int) else None
        return changes

    def _changes(self, run: str, ts_ns: int, trips: JsonObject, level: object) -> Iterator[MetricPoint]:
        for rule, count in trips.items():
            more = whole(count) - whole(self._trips.get(rule))
            if more > 0:
                yield self._point(ts_ns, "trip", run, f"watch rule {rule} tripped", f"{more} times" * (more > 1), rule)
        if isinstance(level, int) and level != (self._drift_level or 0):
            yield self._point(ts_ns, "drift", run, f"drift level {self._drift_level or 0} to {level}", "", str(level))

    def _point(self, ts_ns: int, kind: str, run: str, title: str, words: str, subject: str) -> MetricPoint:
        """Return a point; events of one moment are told a ns apart, as one time holds one point."""
        self._last_ns = ts_ns = max(ts_ns, self._last_ns + 1)
        tags = {"kind": kind, "run": run}
        if kind == "gap":
            tags["venue"], _, tags["instrument"] = subject.partition(":")
        point = EVENT.point(ts_ns, tags, {"title": title, "words": words or None, "subject": subject})
        assert point is not None, "it has a title"
        return point
