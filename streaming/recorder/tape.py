"""Where received bytes go: numbered, handed to the segment writer, and heard by an engine beside the recorder.

The engine decides nothing that is written. It follows every book as the conversion will, and so knows at once when a
snapshot is wanted, when a gap opens, and when the book is whole again. It emits no market rows.
"""

from dataclasses import dataclass, field
from typing import Protocol

import native
from streaming.segments import KIND_FRAME, KIND_REQUEST

SYNCED = native.enums["FeedState"].index("synced")


class RecordSink(Protocol):
    """Takes records in order; never drops one."""

    def append(self, kind: int, source: int, seq: int, ts_ns: int, payload: bytes) -> None:
        """Append one record."""


@dataclass(slots=True)
class News:
    """What the engine said since the last time: instrument ids."""

    wanted: list[int] = field(default_factory=list)
    """Books that need a snapshot, over REST or by subscribing anew."""
    synced: list[int] = field(default_factory=list)


@dataclass(slots=True)
class TapeCounts:
    """What was written and what the engine made of it."""

    frames: int = 0
    payload_bytes: int = 0
    gaps_opened: int = 0
    gaps_closed: int = 0
    rejects: int = 0
    last_reject: str = ""


class FrameTape(Protocol):
    """Where a venue's core puts frames, and what it learns of its books there; `ts_ns` must never go back."""

    def frame(self, source: int, ts_ns: int, payload: bytes) -> bool:
        """Take a received frame; True when there are `news`."""

    def request(self, source: int, ts_ns: int, text: bytes) -> None:
        """Take the moment at which a REST request left."""

    def news(self) -> News:
        """Take what was learnt since the last time."""

    def is_synced(self, instrument: int) -> bool:
        """Tell whether a book is whole."""


class Tape:
    """One run's records; `ts_ns` must never go back."""

    def __init__(self, engine: native.Engine, sink: RecordSink) -> None:
        self._engine = engine
        self._sink = sink
        self._seq = 0
        self.counts = TapeCounts()
        self.ts_first_ns = 0
        self.ts_last_ns = 0

    def frame(self, source: int, ts_ns: int, payload: bytes) -> bool:
        """Write a received frame; True when the engine has something to say (`news`)."""
        seq = self._next_seq(ts_ns)
        self._sink.append(KIND_FRAME, source, seq, ts_ns, payload)
        self.counts.frames += 1
        self.counts.payload_bytes += len(payload)
        return self._engine.frame(seq, source, ts_ns, payload) > 0

    def request(self, source: int, ts_ns: int, text: bytes) -> None:
        """Write the moment at which a REST request left."""
        self._sink.append(KIND_REQUEST, source, self._next_seq(ts_ns), ts_ns, text)

    def news(self) -> News:
        """Take what the engine said."""
        outputs = self._engine.drain()
        self.counts.gaps_opened += int((outputs["gaps"]["is_closed"] == 0).sum())
        self.counts.gaps_closed += int((outputs["gaps"]["is_closed"] == 1).sum())
        rejects = outputs["rejects"]
        if len(rejects):
            self.counts.rejects += len(rejects)
            begin = int(rejects["text_offset"][-1])
            text: bytes = outputs["arena"][begin : begin + int(rejects["text_length"][-1])]
            self.counts.last_reject = text.decode("utf-8", "replace")
        events = outputs["feed_events"]
        return News(
            wanted=outputs["feed_requests"]["instrument"].tolist(),
            synced=events["instrument"][events["state_to"] == SYNCED].tolist(),
        )

    def is_synced(self, instrument: int) -> bool:
        """Tell whether a book is whole."""
        return self._engine.feed_state(instrument) == "synced"

    def _next_seq(self, ts_ns: int) -> int:
        assert ts_ns >= self.ts_last_ns, f"time goes back from {self.ts_last_ns} to {ts_ns} ns"
        self._seq += 1
        self.ts_first_ns = self.ts_first_ns or ts_ns
        self.ts_last_ns = ts_ns
        return self._seq
