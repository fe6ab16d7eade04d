"""A connection to InfluxDB by its 1.x paths: `/write`, `/query`, `/ping`. Blocks; lives in a thread of its own.

InfluxDownError      not there, hanging, busy, or our password is wrong: what was written may be sent again
InfluxRefusedError   it will never take this: sending it again is of no use
"""

import base64
import http.client
from http import HTTPStatus
from typing import Final
from urllib.parse import quote, unquote, urlencode, urlsplit

import orjson

from streaming.errors import TraderError
from streaming.metrics.config import MetricsSettings

ANSWER_BYTES_MAX: Final = 64 << 10
PROBLEM_SIGNS_MAX: Final = 300
REFUSED: Final = (HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNPROCESSABLE_ENTITY)
RETIRED: Final = (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError)
"""What a kept connection that the server closed meanwhile shows at its next use."""


class InfluxDownError(TraderError):
    """The server cannot take points now."""


class InfluxRefusedError(TraderError):
    """The server does not take these points, now or later."""


class InfluxClient:
    """Use it from one thread. The connection is kept, and made again after any failure."""

    def __init__(self, settings: MetricsSettings) -> None:
        self._settings = settings
        self._parts = urlsplit(settings.url.get_secret_value())
        self._headers = _headers(self._parts.username, self._parts.password)
        self._connection: http.client.HTTPConnection | None = None
        self._version = ""

    def write(self, body: bytes) -> None:
        """Write lines that were compressed by gzip; the database is made where it is missing.

        InfluxDownError, InfluxRefusedError.
        """
        status, answer = self._write(body)
        if status == HTTPStatus.NOT_FOUND:
            self._make_database()
            status, answer = self._write(body)
        if status in REFUSED:
            raise InfluxRefusedError(self._problem(status, answer))
        if status not in (HTTPStatus.NO_CONTENT, HTTPStatus.OK):
            raise InfluxDownError(self._problem(status, answer))

    def version(self) -> str:
        """Ask who is there and whether our points would be taken; return the server's version. InfluxDownError."""
        status, answer = self._ask("GET", "/ping", b"")
        if status not in (HTTPStatus.NO_CONTENT, HTTPStatus.OK):
            raise InfluxDownError(self._problem(status, answer))
        self.query("SHOW MEASUREMENTS LIMIT 1", self._settings.database)
        return self._version

    def query(self, text: str, database: str = "") -> bytes:
        """Run InfluxQL and return the answer's JSON; a database that is missing is no failure. InfluxDownError."""
        words = {"q": text, **({"db": database} if database else {})}
        status, answer = self._ask("POST", f"/query?{urlencode(words)}", b"")
        problem = _error_of(answer)
        if status not in (HTTPStatus.OK, HTTPStatus.NOT_FOUND) or (problem and "not found" not in problem):
            raise InfluxDownError(self._problem(status, answer))
        return answer

    def close(self) -> None:
        """Close the connection; the next use makes another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _write(self, body: bytes) -> tuple[int, bytes]:
        path = f"/write?db={quote(self._settings.database)}&precision=ns"
        return self._ask("POST", path, body, {"Content-Encoding": "gzip", "Content-Type": "text/plain; charset=utf-8"})

    def _make_database(self) -> None:
        self.query(f'CREATE DATABASE "{self._settings.database}"')

    def _ask(self, method: str, path: str, body: bytes, headers: dict[str, str] | None = None) -> tuple[int, bytes]:
        """Return the status and the beginning of the answer."""
        is_kept = self._connection is not None
        try:
            try:
                return self._exchange(method, path, body, headers or {})
            except RETIRED:
                self.close()
                if not is_kept:
                    raise
                return self._exchange(method, path, body, headers or {})
        except (OSError, http.client.HTTPException, ValueError) as error:
            self.close()
            text = " ".join(str(error).split()) or type(error).__name__
            raise InfluxDownError(self._words(text)) from None

    def _exchange(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        if self._connection is None:
            self._connection = self._connect()
        self._connection.request(method, self._parts.path.rstrip("/") + path, body, {**self._headers, **headers})
        response = self._connection.getresponse()
        self._version = response.getheader("X-Influxdb-Version", "") or "of an unknown version"
        answer = response.read(ANSWER_BYTES_MAX)
        if response.read(1):  # an answer that long is no answer to us
            self.close()
        return response.status, answer

    def _connect(self) -> http.client.HTTPConnection:
        kind = http.client.HTTPSConnection if self._parts.scheme == "https" else http.client.HTTPConnection
        assert self._parts.hostname is not None, "the settings were checked"
        return kind(self._parts.hostname, self._parts.port, timeout=self._settings.timeout_ms / 1_000)

    def _problem(self, status: int, answer: bytes) -> str:
        words = _error_of(answer) or " ".join(answer.decode("utf-8", "replace").split())
        hint = "; correct user and password in streaming.metrics.url" if status in (401, 403) else ""
        return self._words(f"{status} {words[:PROBLEM_SIGNS_MAX]}".rstrip() + hint)

    def _words(self, text: str) -> str:
        return self._settings.without_secrets(f"InfluxDB ({self._settings.shown}): {text}")


def _headers(user: str | None, password: str | None) -> dict[str, str]:
    if user is None and password is None:
        return {}
    words = f"{unquote(user or '')}:{unquote(password or '')}".encode()
    return {"Authorization": f"Basic {base64.b64encode(words).decode()}"}


def _error_of(answer: bytes) -> str:
    """Return the error in an answer, of the request or of its first statement; nothing where there is none."""
    try:
        document = orjson.loads(answer)
    except orjson.JSONDecodeError:
        return ""
    if not isinstance(document, dict):
        return ""
    found = document.get("error")
    results = document.get("results")
    if found is None and isinstance(results, list) and results and isinstance(results[0], dict):
        found = results[0].get("error")
    return " ".join(str(found).split()) if found else ""
