"""What the core makes of an import's frames, asked before the segments appear: wrong steps and wrong venues show here.

The frames go through an engine of their own, with the header's instrument. A price off the tick or a size finer than
the size unit refuses the import: the options do not fit the recording, and every book would have holes. Other frames
that the core cannot decode are counted; many of them mean that the venue is another one.
"""

from decimal import Decimal
from pathlib import Path

import orjson

import native
from native.config import EngineSettings, engine_document
from streaming.errors import RecordingError, UsageError
from streaming.forms import RecordedFrame
from streaming.segments import KIND_FRAME, SegmentHeader
from streaming.venues.subjects import KIND_DEPTH, KIND_WEBSOCKET

SLICE_FRAMES = 20_000
UNDECODED_SHARE_MAX = 0.01
_DECODE_ERRORS = native.enums["DecodeError"]
_PRICE = _DECODE_ERRORS.index("a price is not a positive multiple of the tick")
_SIZE = _DECODE_ERRORS.index("a size is not a multiple of the size unit")
_PERPETUAL_KEY = b'"pu":'


class DecodeProbe:
    """Hears every frame of an import in order (`add`), then judges (`verdict`)."""

    def __init__(self, header: SegmentHeader) -> None:
        self._entry = header.instruments[0]
        document = engine_document(header.instrument_rows(), header.source_rows(), EngineSettings())
        try:
            self._engine = native.Engine(orjson.dumps(document).decode())
        except ValueError as error:
            raise UsageError(f"--tick, --size-unit, --lot: {error}") from error
        self._places: list[tuple[Path, RecordedFrame]] = []
        self._block: list[bytes] = []
        self._first_seq = 1
        self._frames = 0
        self._undecoded = 0
        self._first_undecoded = ""
        self._told = 0
        self._updates = 0
        self._snapshots = 0

    def add(self, path: Path, frame: RecordedFrame, source: int) -> None:
        """Take the next frame; RecordingError names the line of the first one that does not fit the options."""
        if not self._places:
            self._first_seq = self._frames + 1
        self._frames += 1
        self._snapshots += frame.subject.kind == KIND_DEPTH
        self._places.append((path, frame))
        self._block.append(native.encode_record(KIND_FRAME, source, self._frames, frame.ts_recv_ns, frame.payload))
        if len(self._places) == SLICE_FRAMES:
            self._ask()

    def verdict(self, path: Path) -> list[str]:
        """Return warnings; RecordingError when the frames cannot be those of the venue."""
        self._ask()
        venue = self._entry.venue
        if self._undecoded > UNDECODED_SHARE_MAX * self._frames:
            raise RecordingError(
                path,
                0,
                f"{self._undecoded} of {self._frames} frames are none of {venue}, first {self._first_undecoded}",
            )
        if not self._told:
            raise RecordingError(
                path, 0, f"none of {self._frames} frames is a book, trade or quote message of {venue}; check --venue"
            )
        warnings = []
        if self._undecoded:
            warnings.append(f"{self._undecoded} frames cannot be decoded, first {self._first_undecoded}")
        if self._snapshots and not self._updates:
            warnings.append("the snapshots and the updates do not meet: the book stays unsynchronised")
        return warnings

    def _ask(self) -> None:
        if not self._places:
            return
        self._engine.process(b"".join(self._block))
        outputs = self._engine.drain()
        self._updates += len(outputs["book_updates"])
        self._told += sum(len(outputs[kind]) for kind in ("book_updates", "trades", "quotes", "feed_events"))
        for reject in outputs["rejects"]:
            begin = int(reject["text_offset"])
            text = outputs["arena"][begin : begin + int(reject["text_length"])].decode("utf-8", "replace")
            self._note(int(reject["code"]), int(reject["seq"]), text)
        if self._entry.venue == "binance_spot":
            self._check_spot()
        self._places.clear()
        self._block.clear()

    def _note(self, code: int, seq: int, text: str) -> None:
        path, frame = self._places[seq - self._first_seq]
        if code in (_PRICE, _SIZE):
            advice = (
                f"--tick {self._entry.tick}: give the finest step in the file (orders from before a change of the tick"
                f" count too), such as {_finer(self._entry.tick)}"
                if code == _PRICE
                else f"--size-unit {self._entry.size_unit}: give the finest decimal that the venue prints for a size"
            )
            raise RecordingError(path, frame.line, f"{text} ...; expected multiples of {advice}")
        self._undecoded += 1
        self._first_undecoded = self._first_undecoded or f"line {frame.line} of {path.name}: {text}"

    def _check_spot(self) -> None:
        """A spot decoder reads past `pu`, which only the perpetual's updates carry: its ids would never meet."""
        for path, frame in self._places:
            if frame.subject.kind == KIND_WEBSOCKET and _PERPETUAL_KEY in frame.payload:
                raise RecordingError(
                    path, frame.line, "an update with the key pu is of binance_usdm, not binance_spot; check --venue"
                )


def _finer(step: str) -> str:
    exponent = Decimal(step).as_tuple().exponent
    assert isinstance(exponent, int), f"{step} is finite"
    return format(Decimal(1).scaleb(exponent - 1), "f")
