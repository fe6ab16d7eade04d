"""What the alerts' process sees of the house: heartbeats, locks and sockets, the disk, and what the bus told.

Nothing here needs Redis: a status that the bus does not bring is asked for over the control socket. Process ids are not
looked at, as another container's are not ours; a lock on a shared folder is, and so is the machine's monotonic clock.
"""

import shutil
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import orjson

from native.config import JsonObject
from streaming.alerts.config import AlertSettings
from streaming.alerts.report import Report
from streaming.alerts.sight import DriftSight, Life, ProcessSight, Sight, text_at
from streaming.bus import BusMessageError, Telemetry, TradingEvent, event_from_json, message_from_json
from streaming.bus_view import View, view_from_json
from streaming.errors import NotRunningError
from streaming.lock import is_held
from streaming.shell import recorder_names, trader_names
from streaming.shell.control import ask
from streaming.watchdog.heartbeat import Beat, last_beat
from streaming.watchdog.latch import read_latch
from warehouse.config import WarehouseConfig

TOLD_S: Final = 3.0
"""A status that the bus brought is taken for so long; then the process is asked."""
ASK_EVERY_S: Final = 2.0
ASK_S: Final = 1.0
VIEW_S: Final = 5.0
EVENTS_MAX: Final = 1_000
BEATING_S: Final = 1.0
"""A heart beats four times a second: within this nothing else needs to be looked at."""


class Hearing:
    """What the bus told, taken over between its thread and ours."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._told: dict[str, tuple[JsonObject, float]] = {}
        self._view: tuple[bytes, float] | None = None
        self._events: list[TradingEvent] = []

    def hear_telemetry(self, payload: bytes) -> None:
        """Take a status; one that cannot be read is passed over."""
        try:
            told = message_from_json(Telemetry, payload)
        except BusMessageError:
            return
        self.note(told.process, told.body)

    def hear_event(self, payload: bytes) -> None:
        """Take a trading event, likewise."""
        try:
            event = event_from_json(payload)
        except BusMessageError:
            return
        with self._lock:
            self._events = [*self._events[1 - EVENTS_MAX :], event]

    def hear_view(self, payload: bytes) -> None:
        """Take a view; it is read when somebody looks."""
        with self._lock:
            self._view = (payload, time.monotonic())

    def note(self, process: str, status: JsonObject) -> None:
        """Take a status however it came."""
        with self._lock:
            self._told[process] = (status, time.monotonic())

    def status(self, process: str) -> tuple[JsonObject | None, float | None]:
        """Return a process's last status and how old it is in s."""
        with self._lock:
            found = self._told.get(process)
        return (None, None) if found is None else (found[0], time.monotonic() - found[1])

    def view(self) -> View | None:
        """Return the newest view, where it is not old."""
        with self._lock:
            found = self._view
        if found is None or time.monotonic() - found[1] > VIEW_S:
            return None
        try:
            return view_from_json(found[0])
        except BusMessageError:
            return None

    def take_events(self) -> tuple[TradingEvent, ...]:
        """Take the events since the last time."""
        with self._lock:
            events, self._events = self._events, []
        return tuple(events)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a process is found."""

    name: str
    lock: Path
    socket: Path


class Eyes:
    """Looks at everything; blocks for as long as an asked process takes to answer, `ASK_S` at most each."""

    def __init__(self, settings: AlertSettings, folders: WarehouseConfig, hearing: Hearing) -> None:
        run_dir = folders.run_dir
        self._settings = settings
        self._folders = folders
        self._hearing = hearing
        self._trader = _Place("trader", run_dir / trader_names.LOCK_NAME, run_dir / trader_names.SOCKET_NAME)
        self._recorder = _Place("recorder", run_dir / recorder_names.LOCK_NAME, run_dir / recorder_names.SOCKET_NAME)
        self._asked_s: dict[str, float] = {}
        self._silent_since_s: dict[str, float] = {}
        self._trained: tuple[str, int | None] = ("", None)
        self._drift = DriftReports(folders.reports_dir)

    def look(self, now_ns: int, reports: tuple[Report, ...], bus_problem: str) -> Sight:
        """Return everything at this moment; `now_ns` is the world's time."""
        trader = self._see_trader()
        latch = read_latch(self._folders.run_dir)
        return Sight(
            now_ns=now_ns,
            trader=trader,
            recorder=self._see_recorder(),
            latch="" if latch is None else f"{latch.reason} (by {latch.by})",
            view=self._hearing.view(),
            trained_until_ns=self._trained_until_ns(text_at(trader.status, "model", "hash")),
            drift=self._drift.newest(),
            disk_free_bytes=_free_bytes(self._folders.data_dir),
            disk_place=str(self._folders.data_dir),
            events=self._hearing.take_events(),
            reports=reports,
            bus_problem=bus_problem,
        )

    # --- processes ---

    def _see_trader(self) -> ProcessSight:
        beat, place = last_beat(self._folders.run_dir), self._trader
        life, words = self._life_by_heart(beat, place)
        if life in ("running", "hanging"):
            self._ask_if_untold(place)
        status, age_s = self._hearing.status(place.name)
        return ProcessSight(name=place.name, life=life, words=words, status=status, status_age_s=age_s)

    def _life_by_heart(self, beat: Beat | None, place: _Place) -> tuple[Life, str]:
        if beat is None:
            return "absent", ""
        if beat.has_ended:
            return "ended", ""
        silent_s = (time.monotonic_ns() - beat.beat_ns) / 1e9
        if 0.0 <= silent_s <= BEATING_S:
            return "running", ""
        # Below zero: the machine has started anew since, and its monotonic clock with it.
        silence = "since this machine started" if silent_s < 0.0 else f"for {silent_s:.1f} s"
        if not is_held(place.lock):
            return "dead", f"process {beat.pid} is gone and had not ended in order; no heartbeat {silence}"
        if 0.0 <= silent_s <= self._settings.rules.heartbeat_s_max:
            return "running", ""
        return "hanging", f"process {beat.pid} holds its lock, and its heartbeat stopped {silence}"

    def _see_recorder(self) -> ProcessSight:
        """A recorder has no heartbeat: it tells, or answers, or hangs. Its socket's file outlives a death, no end."""
        place = self._recorder
        status, age_s = self._hearing.status(place.name)
        if not place.socket.exists():
            self._silent_since_s.pop(place.name, None)
            life: Life = "ended" if place.lock.exists() else "absent"
            return ProcessSight(name=place.name, life=life, status=status, status_age_s=age_s)
        if age_s is None or age_s > TOLD_S:
            self._ask_if_untold(place)
            status, age_s = self._hearing.status(place.name)
        life, words = self._life_by_voice(place, age_s)
        return ProcessSight(name=place.name, life=life, words=words, status=status, status_age_s=age_s)

    def _life_by_voice(self, place: _Place, age_s: float | None) -> tuple[Life, str]:
        now_s = time.monotonic()
        if age_s is not None and age_s <= TOLD_S:
            self._silent_since_s.pop(place.name, None)
            return "running", ""
        if not is_held(place.lock):
            self._silent_since_s.pop(place.name, None)
            return "dead", f"it is gone and left {place.socket.name} behind: it had not ended in order"
        silent_s = now_s - self._silent_since_s.setdefault(place.name, now_s - (age_s or 0.0))
        if silent_s <= self._settings.rules.heartbeat_s_max:
            return "running", ""
        return "hanging", f"it holds its lock, and neither told nor answered anything for {silent_s:.1f} s"

    def _ask_if_untold(self, place: _Place) -> None:
        """Ask a process for its status, where neither the bus brought it lately nor it was asked just now."""
        _, age_s = self._hearing.status(place.name)
        now_s = time.monotonic()
        is_asked = now_s - self._asked_s.get(place.name, -ASK_EVERY_S) < ASK_EVERY_S
        if is_asked or (age_s is not None and age_s <= TOLD_S):
            return
        self._asked_s[place.name] = now_s
        try:
            answer = ask(place.socket, {"op": "status"}, ASK_S)
        except NotRunningError:
            return
        if answer.pop("ok", False) is True:
            self._hearing.note(place.name, answer)

    # --- files ---

    def _trained_until_ns(self, bundle: str) -> int | None:
        """Return the end of the data that a model learned from, by its sealed manifest."""
        if bundle != self._trained[0]:
            found = _read_object(self._folders.models_dir / bundle / "manifest.json").get("trained_until_ns")
            self._trained = (bundle, found if isinstance(found, int) else None)
        return self._trained[1]


class DriftReports:
    """The newest verdict about drift among the reports, read when the folder has changed."""

    def __init__(self, reports_dir: Path) -> None:
        self._folder = reports_dir / "drift"
        self._seen_ns = 0
        self._newest: DriftSight | None = None

    def newest(self) -> DriftSight | None:
        """Return it; None where nothing was judged."""
        try:
            changed_ns = self._folder.stat().st_mtime_ns
        except OSError:
            return None
        if changed_ns != self._seen_ns:
            self._seen_ns, self._newest = changed_ns, self._read()
        return self._newest

    def _read(self) -> DriftSight | None:
        dated = []
        for path in self._folder.glob("*.json"):
            try:
                dated.append((path.stat().st_mtime_ns, path))
            except OSError:  # replaced meanwhile: the folder has changed again
                continue
        for _, path in sorted(dated, reverse=True):
            verdict = _read_object(path)
            level = verdict.get("level")
            if verdict.get("not_judged") or not isinstance(level, int) or not 0 <= level <= 3:
                continue
            beyond, compared = verdict.get("features"), verdict.get("compared")
            count = len(beyond) if isinstance(beyond, list) else 0
            words = f"{count} of {compared} measures beyond their threshold, severity {verdict.get('severity')}"
            return DriftSight(bundle=text_at(verdict, "bundle"), level=level, name=path.stem, words=words)
        return None


def _read_object(path: Path) -> JsonObject:
    """Return the object in a JSON file, empty where it cannot be had: a torn file is one that is not there yet."""
    try:
        found = orjson.loads(path.read_bytes())
    except (OSError, orjson.JSONDecodeError):
        return {}
    return found if isinstance(found, dict) else {}


def _free_bytes(folder: Path) -> int | None:
    place = folder
    while not place.exists() and place != place.parent:
        place = place.parent
    try:
        return shutil.disk_usage(place).free
    except OSError:
        return None
