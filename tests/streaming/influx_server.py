"""A real influxd of a test's own: on a free port of loopback, in the test's folder; it can die, hang and come back."""

import json
import os
import re
import shutil
import urllib.error
import urllib.parse
import urllib.request
from http import HTTPStatus
from pathlib import Path

import pytest
from waiting import until
from window_services import Service

from native.config import JsonObject
from streaming.metrics.config import MetricsSettings

PROJECT_ROOT = Path(__file__).resolve().parents[2]
UNPACKED = PROJECT_ROOT / "build/services/influxdb/usr/bin/influxd"
LISTENING = re.compile(r'"Listening on HTTP".* addr=127\.0\.0\.1:(\d+) ')
ASK_S = 20.0

CONFIG = """
reporting-disabled = true
bind-address = "127.0.0.1:0"
[meta]
dir = "{folder}/meta"
logging-enabled = false
[data]
dir = "{folder}/data"
wal-dir = "{folder}/wal"
query-log-enabled = false
[http]
bind-address = "127.0.0.1:{port}"
auth-enabled = {is_guarded}
log-enabled = false
[monitor]
store-enabled = false
[continuous_queries]
enabled = false
"""


def influxd() -> str:
    """Return the server's program; a test that needs it fails where there is none."""
    found = str(UNPACKED) if UNPACKED.exists() else shutil.which("influxd")
    if found is None:
        pytest.fail(f"no influxd at {UNPACKED} and none on PATH: make services", pytrace=False)
    return found


class InfluxServer(Service):
    """Give it a folder; `start` it. It keeps port and data over `stop` and `start`, and ends with a `with` block."""

    def __init__(self, folder: Path, *, is_guarded: bool = False) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._config = folder / "influxdb.conf"
        self._words = {"folder": folder, "is_guarded": str(is_guarded).lower()}
        command = [influxd(), "-config", str(self._config)]
        super().__init__(command, folder, lambda said: LISTENING.search(said) is not None, {**os.environ})
        self.port = 0

    def __enter__(self) -> "InfluxServer":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def settings(self, **words: object) -> MetricsSettings:
        """Return settings of a writer to it; quick to try again."""
        return MetricsSettings.model_validate({"url": self.url, "timeout_ms": 300, "retry_max_ms": 200, **words})

    def start(self) -> None:
        """Start it and wait until it listens, on the port that it had before."""
        self._config.write_text(CONFIG.format(port=self.port, **self._words))
        super().start()
        found = LISTENING.search(self.said)
        assert found is not None, self.said
        self.port = int(found[1])

    def add_user(self, name: str, password: str) -> str:
        """Make the one user of a guarded server; return the address with name and password."""
        words = urllib.parse.urlencode({"q": f"CREATE USER {name} WITH PASSWORD '{password}' WITH ALL PRIVILEGES"})
        self.post(f"/query?{words}")
        known = urllib.parse.urlencode({"q": "SHOW DATABASES", "u": name, "p": password})
        until(lambda: self.post(f"/query?{known}") == HTTPStatus.OK, "the user to be known")
        return self.url.replace("http://", f"http://{name}:{password}@")

    def post(self, path: str, body: bytes = b"") -> int:
        """Send a request as it is; return the answer's status."""
        request = urllib.request.Request(self.url + path, body, method="POST")
        try:
            with urllib.request.urlopen(request, timeout=ASK_S) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code

    def query(self, text: str, database: str = "lob") -> list[JsonObject]:
        """Return the series that an InfluxQL query gives, times in ns; none where the database is not there."""
        words = urllib.parse.urlencode({"q": text, "db": database, "epoch": "ns"})
        with urllib.request.urlopen(f"{self.url}/query?{words}", timeout=ASK_S) as response:
            (result,) = json.load(response)["results"]
        assert "error" not in result or "not found" in result["error"], f"{text}: {result['error']}"
        return list(result.get("series", []))

    def values(self, text: str) -> list[list[object]]:
        """Return the rows of the one series that a query gives; none where it gives nothing."""
        series = self.query(text)
        assert len(series) <= 1, f"{text}: {len(series)} series"
        return list(series[0]["values"]) if series else []
