"""One recording of the small venue, and what it left in the lake."""

import numpy as np
from small_venue import START_NS

from native.config import EngineSettings, engine_document
from streaming.pump import build_engine
from streaming.record_config import RecordConfig
from streaming.segments import KIND_FRAME, header_of, read_block, scan
from streaming.shell.clock import Clock
from streaming.shell.recorder import RecordRequest, run_recorder

ALL = ("binance_usdm:BTCUSDT", "binance_spot:BTCUSDT", "bybit_spot:BTCUSDT")
FAST_WATCH = {"backoff_min_ms": 20, "backoff_max_ms": 100, "connect_ms": 2_000}
FAST_REST = {"retry_min_ms": 20, "retry_max_ms": 100, "start_timeout_ms": 2_000, "timeout_ms": 1_000}


def record(tmp_path, venue, instruments=ALL, *, span_s=15, begin_ns=START_NS, **words):
    """Record from the small venue (or a port) until it ends the recording; return the summary."""
    port, lines = (venue, []) if isinstance(venue, int) else (venue.port, venue.lines)
    rest_url, websocket = (
        words.pop("rest_url", f"http://127.0.0.1:{port}"),
        words.pop("websocket", f"ws://127.0.0.1:{port}"),
    )
    address = {"rest": rest_url, "websocket": [websocket]}
    redis = words.pop("redis", None)
    watch, rest = FAST_WATCH | words.pop("watch", {}), FAST_REST | words.pop("rest", {})
    config = RecordConfig(
        addresses=dict.fromkeys(("binance_usdm", "binance_spot", "bybit_spot"), address),
        watch=watch,
        rest=rest,
        flush_ms=20,
        **words,
    )
    request = RecordRequest(
        lake_root=tmp_path / "lake",
        run_dir=tmp_path / "run",
        instruments=instruments,
        config=config,
        engine=EngineSettings(),
        clock=Clock.starting_at(begin_ns, 1.0),
        span_ns=span_s * 1_000_000_000,
        progress_s=0.01,
        redis=redis,
    )
    return run_recorder(request, lines.append)


def records_of(tmp_path, summary, venue):
    """Header and (kind, source, payload) of all records of a venue's run, each file whole and in order."""
    out, header = [], None
    names = [name for name in summary.files if f"venue={venue}/" in name]
    assert names
    for name in sorted(names):
        path = tmp_path / "lake" / name
        block = read_block(path)
        header = header_of(path, block)
        table = scan(path, block)[1:]
        assert (np.diff(table["ts_ns"]) >= 0).all()
        assert (np.diff(table["seq"].astype(np.int64)) == 1).all()
        for row in table:
            begin = int(row["offset"])
            out.append((int(row["kind"]), int(row["source"]), block[begin : begin + int(row["length"])]))
    return header, out


def frames_of(header, records, kind):
    """Payloads of the frames of all sources of a kind."""
    sources = {source.id for source in header.sources if source.kind == kind}
    return [payload for k, source, payload in records if k == KIND_FRAME and source in sources]


def replayed(header, records):
    """An engine that has heard the recorded frames, and its gaps."""
    document = engine_document(header.instrument_rows(), header.source_rows(), EngineSettings())
    engine = build_engine(document, "test")
    for seq, (kind, source, payload) in enumerate(records, 1):
        if kind == KIND_FRAME:
            engine.frame(seq, source, START_NS + seq, payload)
    return engine, engine.drain()["gaps"]


def reading(summary, venue):
    return next(item for item in summary.venues if item.venue == venue)
