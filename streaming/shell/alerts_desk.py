"""What running alerts answer: status, list, ack, silence, unsilence, test, stop. Over the socket and Redis alike.

list       {"alerts": [...], "silences": [...]}: how every alert stands that is open or ended lately, newest first
ack        id: the beginning of an alert's id; reason
silence    rule, subject (`*` for any signs), seconds, reason
unsilence  id: the beginning of a silence's id
test       route: one address's name, without it all; returns at once, `status` tells what became of it
"""

import os
from collections.abc import Callable
from dataclasses import asdict

from pydantic import JsonValue

from native.config import JsonObject
from streaming.alerts.config import SEVERITIES, AlertSettings
from streaming.alerts.desk import AlertDesk
from streaming.alerts.episode import Episode, Silence
from streaming.alerts.post import Box
from streaming.bus import ALERT_OPS
from streaming.errors import UsageError
from streaming.shell.alerts_names import PROCESS

OPS = ("status", *ALERT_OPS, "stop")
SIGNS_MAX = 500
LISTED_MAX = 100
"""Alerts of one answer; further ones stand in the lake."""


class AlertsAnswers:
    """Answers requests on the event loop; `test` and `stop` are handed on."""

    def __init__(
        self,
        settings: AlertSettings,
        desk: AlertDesk,
        now_ns: Callable[[], int],
        reading: Callable[[], JsonObject],
        test: Callable[[str], list[str]],
        stop: Callable[[str], None],
    ) -> None:
        self._settings = settings
        self._desk = desk
        self._now_ns = now_ns
        self._reading = reading
        self._test = test
        self._stop = stop

    def answer(self, request: JsonObject) -> JsonObject:
        """Answer one request; UsageError for a word that is none, RefusedError where it makes no sense now."""
        op = request.get("op")
        match op:
            case "status":
                return self.status()
            case "list":
                return self._list()
            case "ack":
                return self._acknowledge(request)
            case "silence":
                return self._silence(request)
            case "unsilence":
                return {"silence": silence_document(self._desk.unsilence(_text(request, "id")))}
            case "test":
                return {"routes": [*self._test(_text(request, "route"))]}
            case "stop":
                self._stop(_text(request, "reason"))
                return {"will": "nobody is told of anything any more, until: trader alerts run", "pid": os.getpid()}
        raise UsageError(f"control: expected one of {', '.join(OPS)}; found {op!r}")

    def status(self) -> JsonObject:
        """Return the status document."""
        desk, settings = self._desk, self._settings
        counts: dict[str, JsonValue] = {}
        for severity in SEVERITIES:
            counts[severity] = sum(episode.severity == severity for episode in desk.open.values())
        routes = [_box_document(name, settings, box) for name, box in desk.post.boxes.items()]
        return {
            "process": PROCESS,
            "state": "watching",
            "pid": os.getpid(),
            "ts_ns": self._now_ns(),
            "open": counts,
            "unacknowledged": sum(episode.state == "firing" for episode in desk.open.values()),
            "routes": [*routes],
            "routes_without_address": [*settings.without_address],
            "silences": [silence_document(silence) for silence in desk.silences.values()],
            "rules_off": [*settings.rules.off],
            "not_made": desk.not_made,
            **self._reading(),
        }

    def _list(self) -> JsonObject:
        shown = self._desk.shown()
        return {
            "alerts": [self._alert_document(episode) for episode in shown[:LISTED_MAX]],
            "left_out": max(0, len(shown) - LISTED_MAX),
            "silences": [silence_document(silence) for silence in self._desk.silences.values()],
        }

    def _acknowledge(self, request: JsonObject) -> JsonObject:
        reason = _text(request, "reason")
        episode = self._desk.acknowledge(_text(request, "id"), _by(request), self._now_ns(), reason)
        return {"alert": self._alert_document(episode)}

    def _silence(self, request: JsonObject) -> JsonObject:
        seconds = request.get("seconds")
        if not isinstance(seconds, int | float) or isinstance(seconds, bool):
            raise UsageError(f"silence: seconds: expected a number, found {seconds!r}")
        rule, subject, reason = (_text(request, name) for name in ("rule", "subject", "reason"))
        silence = self._desk.silence(rule, subject, float(seconds), _by(request), reason, self._now_ns())
        return {"silence": silence_document(silence)}

    def _alert_document(self, episode: Episode) -> JsonObject:
        now_ns = self._now_ns()
        return {
            **asdict(episode),
            "delivered": self._desk.post.outcome(episode.id),
            "silenced": self._desk.silenced(episode.id, now_ns),
        }


def silence_document(silence: Silence) -> JsonObject:
    """Return a silence as one JSON object."""
    return asdict(silence)


def _box_document(name: str, settings: AlertSettings, box: Box) -> JsonObject:
    route = settings.route(name)
    return {
        "name": name,
        "severity_min": route.severity_min,
        "heeds_quiet_hours": route.heeds_quiet_hours,
        "waiting": len(box.waiting) + len(box.in_flight),
        "sent": box.sent_count,
        "failed": box.failed_count,
        "dropped": box.dropped_count,
        "last_sent_ns": box.last_sent_ns,
        "last_problem": box.last_problem,
    }


def _by(request: JsonObject) -> str:
    return _text(request, "by") or "operator"


def _text(request: JsonObject, name: str) -> str:
    found = request.get(name, "")
    if not isinstance(found, str) or len(found) > SIGNS_MAX:
        raise UsageError(f"control: {name}: expected text of at most {SIGNS_MAX} signs")
    return found
