"""The emulator as a demo uses it: where it is, what time it is there, and what it is told to do."""

from dataclasses import dataclass
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import ProxyHandler, Request, build_opener

import orjson
from pydantic import JsonValue

from native.config import JsonObject
from streaming.errors import NotRunningError, TraderError
from streaming.shell.clock import Clock

ANSWER_S = 10.0
_OPENER = build_opener(ProxyHandler({}))
"""Loopback: a proxy that the environment names is none of its business."""


@dataclass(frozen=True, slots=True)
class Emulated:
    """A running emulator."""

    file: Path
    control: str
    """`host:port` of its control port."""
    clock: Clock

    @classmethod
    def at(cls, file: Path) -> "Emulated":
        """Return the emulator that keeps `file`."""
        document = orjson.loads(file.read_bytes())
        return cls(file, document["addresses"]["control"], Clock.from_json(document["clock"]))

    def ask(self, path: str, body: JsonObject | None = None) -> JsonValue:
        """GET `path`, or POST `body` to it; NotRunningError when nobody answers, TraderError when it is refused."""
        data = None if body is None else orjson.dumps(body)
        request = Request(f"http://{self.control}{path}", data=data)
        try:
            with _OPENER.open(request, timeout=ANSWER_S) as reply:
                answer: JsonValue = orjson.loads(reply.read())
        except HTTPError as error:
            raise TraderError(f"emulator: {path}: {error.read().decode(errors='replace')}") from error
        except (URLError, TimeoutError) as error:
            raise NotRunningError(f"emulator at {self.control}: no answer to {path}: {error}") from error
        return answer

    def are_all_heard(self) -> bool:
        """Tell whether somebody is connected to every venue."""
        status = self.ask("/status")
        assert isinstance(status, dict)
        venues = status["venues"]
        assert isinstance(venues, dict)
        return all(isinstance(venue, dict) and venue["connections"] for venue in venues.values())

    def lag_ms_max(self) -> float:
        """Return by how much the market was late at most, in market time."""
        status = self.ask("/status")
        assert isinstance(status, dict) and isinstance(status["lag_ns_max"], int)
        return status["lag_ns_max"] / 1e6

    def losses(self) -> list["Loss"]:
        """Return the depth frames that clients did not get by what was armed, in the order of the losses."""
        rows = self.ask("/faults")
        assert isinstance(rows, list)
        found = []
        for row in rows:
            assert isinstance(row, dict)
            fault, losses = row["fault"], row["losses"]
            assert isinstance(fault, dict) and isinstance(losses, list)
            found += [Loss.of(str(fault["venue"]), loss) for loss in losses if isinstance(loss, dict)]
        return sorted(found, key=lambda loss: loss.ts_ns)


@dataclass(frozen=True, slots=True)
class Loss:
    """Depth frames that one client did not get."""

    instrument: str
    ts_ns: int
    """When the first was due."""
    frames: int
    previous_id: int
    """Last update id before the hole."""

    @classmethod
    def of(cls, venue: str, row: JsonObject) -> "Loss":
        """Read a row of the emulator's fault log."""
        ts_ns, frames, previous_id = row["ts_first_ns"], row["frames"], row["previous_id"]
        assert isinstance(ts_ns, int) and isinstance(frames, int) and isinstance(previous_id, int), "by the emulator"
        return cls(f"{venue}:{row['symbol']}", ts_ns, frames, previous_id)
