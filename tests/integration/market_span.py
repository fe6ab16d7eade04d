"""One stretch of one instrument's market in two forms: frames for the core, and ready events for another backtester.

Both forms hold the same levels and trades: the events are what the core itself made of those frames, so that a
difference in fills is one of matching and never one of decoding.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from pathlib import Path

import numpy as np
import orjson
from numpy.typing import NDArray

import native
from native.config import EngineSettings, GridConfig, engine_document
from streaming.emulator.generator import generate
from streaming.importer import ImportRequest, import_recording
from streaming.segments import KIND_FRAME, RECORD_HEAD_BYTES, InstrumentEntry, SourceEntry
from streaming.shell.feed import open_feed
from warehouse.lake import Lake

STEP_MS = 100
BEST_QUOTES = (b"@bookTicker", b"tickers.")
SUBJECT_BYTES = 64
GENERATED_HOURS, GENERATED_SEED = 0.1, 5

Structured = NDArray[np.void]
Ints = NDArray[np.int64]

EVENT = np.dtype(
    [
        ("ev", "u8"),
        ("exch_ts", "i8"),
        ("local_ts", "i8"),
        ("px", "f8"),
        ("qty", "f8"),
        ("order_id", "u8"),
        ("ival", "i8"),
        ("fval", "f8"),
    ]
)
"""An event as hftbacktest reads it; its interpreter checks that the layout is still this one."""
DEPTH, TRADE, CLEAR, SNAPSHOT = 1, 2, 3, 4
BOTH_ENDS = (1 << 31) | (1 << 30)
BUY, SELL = 1 << 29, 1 << 28


@dataclass(frozen=True, slots=True)
class MarketSpan:
    """Frames of one instrument, without the venue's own best quotes, and what they say."""

    title: str
    instruments: tuple[InstrumentEntry, ...]
    """The span's own first; the others are only named by `sources`."""
    sources: tuple[SourceEntry, ...]
    block: bytes
    frames: int
    levels: Structured
    """`book_updates` of the core, in order."""
    trades: Structured
    """`trades` of the core that count as news, in order."""
    raw_files: tuple[Path, ...] = ()
    """The recordings themselves, where another program may read them."""

    @property
    def instrument(self) -> InstrumentEntry:
        """What is traded."""
        return self.instruments[0]

    @property
    def tick(self) -> float:
        """The price step."""
        return float(self.instrument.tick)

    @property
    def lot(self) -> float:
        """The size step of orders."""
        return float(self.instrument.lot)

    @property
    def lot_units(self) -> int:
        """Size units in a lot."""
        return int(Decimal(self.instrument.lot) / Decimal(self.instrument.size_unit))

    @property
    def events(self) -> int:
        """Changed levels and trades."""
        return len(self.levels) + len(self.trades)

    @property
    def ends_ns(self) -> tuple[int, int]:
        """Receive times of the first and the last event."""
        times = np.concatenate([self.levels["ts_recv_ns"], self.trades["ts_recv_ns"]])
        return int(times.min()), int(times.max())


def grid_of(instrument: InstrumentEntry) -> GridConfig:
    """Return the grid that has this instrument alone."""
    return GridConfig(name="bench", step_ms=STEP_MS, instruments=(instrument.name,), reference=instrument.name)


def recorded_span(lake_dir: Path, request: ImportRequest) -> MarketSpan:
    """Import one recording and return all of it."""
    imported = import_recording(lake_dir, request, lambda _: None)
    title = f"{request.instrument}, {(imported.ts_to_ns - imported.ts_from_ns) / 1e9:.0f} s recorded"
    return _span(title, Lake(lake_dir), request.instrument, request.files)


def generated_span(lake_dir: Path) -> MarketSpan:
    """Generate some minutes and return those of one venue."""
    generate(lake_dir, GENERATED_HOURS, GENERATED_SEED)
    title = f"binance_usdm:BTCUSDT, {GENERATED_HOURS * 3600:.0f} s generated"
    return _span(title, Lake(lake_dir), "binance_usdm:BTCUSDT", ())


def _span(title: str, lake: Lake, name: str, raw_files: tuple[Path, ...]) -> MarketSpan:
    feed = open_feed(lake, [name], None, None)
    parts = [_without_best_quotes(hour.block, hour.records) for hour in feed.read()]
    block = b"".join(part for part, _ in parts)
    levels, trades = _decoded(feed.instruments, feed.sources, block)
    return MarketSpan(
        title=title,
        instruments=feed.instruments,
        sources=feed.sources,
        block=block,
        frames=sum(count for _, count in parts),
        levels=levels,
        trades=trades,
        raw_files=raw_files,
    )


def _without_best_quotes(block: bytes, records: Structured) -> tuple[bytes, int]:
    """Return the frames that carry levels or trades, and their number."""
    kept = []
    for record in records[records["kind"] == KIND_FRAME]:
        payload_at, size = int(record["offset"]), int(record["length"])
        subject = block[payload_at : payload_at + min(size, SUBJECT_BYTES)]
        if not any(word in subject for word in BEST_QUOTES):
            kept.append(_record(block, payload_at, size))
    return b"".join(kept), len(kept)


def _record(block: bytes, payload_at: int, size: int) -> bytes:
    """Return the whole record around a payload: its head before, its checksum behind."""
    return block[payload_at - RECORD_HEAD_BYTES : payload_at + size + 4]


def _decoded(
    instruments: Sequence[InstrumentEntry], sources: Sequence[SourceEntry], block: bytes
) -> tuple[Structured, Structured]:
    """Return changed levels and trades as the core applied them; a gap would make two forms of the market, so none."""
    settings = EngineSettings()
    document = engine_document([asdict(entry) for entry in instruments], [asdict(entry) for entry in sources], settings)
    engine = native.Engine(orjson.dumps(document).decode())
    engine.process(block)
    records = engine.drain()
    assert len(records["gaps"]) == 0, "a span without gaps"
    assert not records["book_updates"]["instrument"].any(), "a span of one instrument"
    trades = records["trades"]
    first = trades["is_aggregate"][0] if len(trades) else 0
    trades = trades[trades["is_aggregate"] == first]  # as the simulated venue counts: of two streams one,
    fresh = np.r_[True, trades["trade_id"][1:] > np.maximum.accumulate(trades["trade_id"])[:-1]]
    return records["book_updates"], trades[fresh[: len(trades)]]  # ... and each print once


def ready_events(span: MarketSpan) -> Structured:
    """Return the span's events in the layout of hftbacktest, heard by venue and trader at our receive time."""
    unit, levels, trades = float(span.instrument.size_unit), span.levels, span.trades
    out = np.zeros(2 + span.events, EVENT)
    depth, prints = out[2 : 2 + len(levels)], out[2 + len(levels) :]
    depth["ev"] = np.where(levels["is_snapshot"] == 1, SNAPSHOT, DEPTH) | np.where(levels["side"] == 0, BUY, SELL)
    prints["ev"] = TRADE | np.where(trades["aggressor_side"] == 0, BUY, SELL)
    for part, rows in ((depth, levels), (prints, trades)):
        part["local_ts"] = rows["ts_recv_ns"]
        part["px"] = rows["price_ticks"] * span.tick
        part["qty"] = rows["size_units"] * unit
    order = np.argsort(np.concatenate([levels["seq"], trades["seq"]]), kind="stable")
    out[2:] = out[2:][order]
    out["local_ts"][2:] = np.maximum.accumulate(out["local_ts"][2:])  # a frame never is earlier than the one before
    _clear_first(out, levels)
    out["exch_ts"] = out["local_ts"]
    out["ev"] |= BOTH_ENDS
    return out


def _clear_first(out: Structured, levels: Structured) -> None:
    """Let the book begin as a snapshot does: emptied on both sides."""
    assert np.count_nonzero(np.diff(levels["is_snapshot"].astype(np.int8)) == 1) == 0, "one snapshot, at the start"
    out["ev"][:2] = CLEAR | np.array([BUY, SELL], np.uint64)
    out["local_ts"][:2] = out["local_ts"][2]
    out["px"][:2] = out["px"][2:].min(), out["px"][2:].max()
