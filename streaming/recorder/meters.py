"""A recorder's numbers for people: one line a second, and the summary at the end."""

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from native.config import NS_PER_MS, JsonObject

_EVENT_MS = re.compile(rb'"(?:E|ts)":(\d{13})\b')


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueReading:
    """One venue's counters at one moment."""

    venue: str
    run: str
    is_synced: bool
    waiting_for: tuple[str, ...]
    """Instruments without a whole book."""
    resting: tuple[str, ...]
    """Instruments that the venue does not trade now; the others are recorded."""
    snapshot_attempts: int
    """Snapshots asked for in vain by the one that waits longest."""
    frames: int
    payload_bytes: int
    written_records: int
    """Records that the operating system has: a kill of this process cannot lose them."""
    written_bytes: int
    gaps_opened: int
    gaps_closed: int
    snapshots: int
    snapshot_requests: int
    rest_failures: int
    duplicates: int
    rejects: int
    connections_opened: int
    connections_lost: int
    stalls: int
    renewals: int
    """Subscriptions made again because one book was silent beside others."""
    unknown_messages: int
    """Messages that are neither a frame nor an answer; not recorded."""
    rotations: int
    lag_ms: float | None
    """From the venue's own time in the last book frame to our reading it; both clocks' errors are in it."""
    last_problem: str
    ts_first_ns: int
    ts_last_ns: int

    def to_json(self) -> JsonObject:
        """Return it as one JSON object."""
        return {**asdict(self), "waiting_for": list(self.waiting_for), "resting": list(self.resting)}


def lag_ms_of(frame: bytes, ts_recv_ns: int) -> float | None:
    """Return how old a frame was when it was received, None when it names no time."""
    event_ms = event_ms_of(frame)
    return None if event_ms is None else round(ts_recv_ns / NS_PER_MS - event_ms, 3)


def event_ms_of(frame: bytes) -> int | None:
    """Return the venue's own time in a frame, in ms; None when it names none."""
    found = _EVENT_MS.search(frame)
    return None if found is None else int(found.group(1))


def progress_text(
    readings: Sequence[VenueReading],
    before: Sequence[VenueReading],
    elapsed_s: float,
    waiting_bytes: int,
    is_paused: bool,
) -> str:
    """Return the progress line: rates are over the `elapsed_s` since `before`."""
    frames_before = {reading.run: reading.frames for reading in before}
    parts = []
    for reading in readings:
        rate = (reading.frames - frames_before.get(reading.run, 0)) / elapsed_s if elapsed_s > 0 else 0.0
        lag = "-" if reading.lag_ms is None else f"{reading.lag_ms:.0f} ms"
        text = f"{reading.venue} {rate:.0f}/s lag {lag} gaps {reading.gaps_opened} {reading.written_bytes / 1e6:.1f} MB"
        if not reading.is_synced:
            text += f" NO BOOK ({reading.snapshot_attempts} snapshots asked)"
        if reading.resting:
            text += f" not traded: {', '.join(reading.resting)}"
        parts.append(text)
    if is_paused:
        parts.append(f"PAUSED: disk behind by {waiting_bytes / 1e6:.0f} MB")
    return " | ".join(parts)
