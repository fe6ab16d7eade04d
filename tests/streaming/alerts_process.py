"""`trader alerts run` in tests: in this process while a script acts, or as one of its own that can be killed."""

import os
import subprocess
import sys
import threading
from contextlib import contextmanager

from waiting import PATIENCE_S, until

from streaming.errors import NotRunningError
from streaming.settings import load_settings
from streaming.shell.alerts import run_alerts
from streaming.shell.alerts_names import SOCKET_NAME
from streaming.shell.control import ask

QUICK = {
    "look_ms": 50,
    "gather_ms": 0,
    "resolve_after_s": 0.3,
    "rules": {"heartbeat_s_max": 1.5, "disk_free_gib_min": 0.0},
}


class Alerts:
    """How a script asks the alerts of a data folder."""

    def __init__(self, settings):
        self.settings = settings
        self.lines = []
        self.failure = None

    def ask(self, op, **words):
        """Ask over the socket."""
        return ask(self.settings.warehouse.run_dir / SOCKET_NAME, {"op": op, **words}, PATIENCE_S)

    def shown(self):
        """Return what `list` tells, by title."""
        return {alert["title"]: alert for alert in self.ask("list")["alerts"]}

    def until_looking(self):
        """Wait for the first look."""
        until(self._looks, "the first look")

    def _looks(self):
        try:
            return self.ask("status")["looks"]
        except NotRunningError:
            return 0


def settings_with(settings_file, urls=None, **words):
    """Return settings with addresses by name; further words are keys of the section."""
    settings = load_settings(settings_file)
    section = {**QUICK, "urls": urls or {}, **words}
    alerts = type(settings.streaming.alerts).model_validate(section)
    streaming = settings.streaming.model_copy(update={"alerts": alerts})
    return settings.model_copy(update={"streaming": streaming})


def alert_while(settings, script):
    """Run alerts in this process until the script, in a thread, has ended; return them and what they did."""
    alerts = Alerts(settings)

    def act():
        try:
            alerts.until_looking()
            script(alerts)
        except BaseException as error:
            alerts.failure = error
        finally:
            alerts.ask("stop", reason="the script has ended")

    acting = threading.Thread(target=act, daemon=True)
    acting.start()
    summary = run_alerts(settings, alerts.lines.append)
    acting.join(PATIENCE_S)
    if alerts.failure is not None:
        raise alerts.failure
    return alerts, summary


@contextmanager
def alerts_process(settings_file, urls):
    """Run them as a process of their own, to be killed; nothing of it is left at the end."""
    named = {f"LOB_STREAMING__ALERTS__URLS__{name.upper()}": url for name, url in urls.items()}
    quick = {"LOB_STREAMING__ALERTS__LOOK_MS": "50", "LOB_STREAMING__ALERTS__GATHER_MS": "0"}
    process = subprocess.Popen(
        [sys.executable, "-m", "streaming", "alerts", "run"],
        env={**os.environ, "LOB_SETTINGS": str(settings_file), **named, **quick},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        alerts = Alerts(load_settings(settings_file))
        alerts.until_looking()
        yield alerts, process
    finally:
        process.kill()
        process.wait(PATIENCE_S)
