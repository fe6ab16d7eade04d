"""Books rebuilt from real recordings agree with what the venue itself calls its best bid and ask."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from recorded_frames import (
    BTCUSDT_PERP,
    BTCUSDT_SPOT,
    ETHUSDT_PERP,
    ETHUSDT_SPOT,
    document_for,
    recorded_lines,
)

import native

Top = tuple[int, int, int, int]


@dataclass
class Session:
    engine: native.Engine
    tops: dict[int, Top] = field(default_factory=dict)
    """Best bid and ask of our book by the last update id applied."""
    quotes: dict[int, Top] = field(default_factory=dict)
    """The venue's own best bid and ask by update id."""
    gaps: int = 0
    requests: int = 0
    crossed: int = 0


def play(instrument: tuple[str, str, str, str, str], lines: Iterator[tuple[int, bytes]]) -> Session:
    session = Session(native_engine := native.Engine(json.dumps(document_for(*instrument))))
    for seq, (ts_recv_ns, payload) in enumerate(lines, start=1):
        is_snapshot = payload.startswith(b'{"lastUpdateId"')
        native_engine.frame(seq, 1 if is_snapshot else 0, ts_recv_ns, payload)
        if b"@depth" in payload[:40] and native_engine.feed_state(0) == "synced":
            note_top(session, json.loads(payload)["data"]["u"])
        if seq % 1000 == 0:
            note_outputs(session)
    note_outputs(session)
    return session


def note_top(session: Session, update_id: int) -> None:
    bids, asks = session.engine.book(0, 1)
    session.crossed += bool(bids[0][0] >= asks[0][0])
    session.tops[update_id] = (*map(int, bids[0]), *map(int, asks[0]))


def note_outputs(session: Session) -> None:
    outputs = session.engine.drain()
    session.gaps += int((outputs["gaps"]["is_closed"] == 0).sum())
    session.requests += len(outputs["feed_requests"])
    fields = ("update_id", "bid_price_ticks", "bid_size_units", "ask_price_ticks", "ask_size_units")
    for row in outputs["quotes"][list(fields)].tolist():
        session.quotes[row[0]] = row[1:]


@pytest.mark.parametrize(
    ("instrument", "files", "matches"),
    [
        (ETHUSDT_SPOT, ["spot/ethusdt_20240808.gz", "spot/ethusdt_20240809.gz"], 1056),
        (ETHUSDT_PERP, ["usdm/ethusdt_20240808.gz"], 551),
        (BTCUSDT_PERP, ["usdm/btcusdt_20240718.gz", "usdm/btcusdt_20240719.gz"], 625),
    ],
    ids=["spot ETHUSDT", "usdm ETHUSDT", "usdm BTCUSDT"],
)
def test_book_equals_the_venues_own_quote_wherever_update_ids_match(
    recordings: Path, instrument: tuple[str, str, str, str, str], files: list[str], matches: int
) -> None:
    session = play(instrument, recorded_lines([recordings / "binance-raw" / name for name in files]))

    shared = session.tops.keys() & session.quotes.keys()
    different = [update_id for update_id in shared if session.tops[update_id] != session.quotes[update_id]]

    assert len(shared) == matches
    assert different == []
    assert session.crossed == 0
    assert session.gaps == 0


def test_recording_without_a_snapshot_stays_unsynchronised(recordings: Path) -> None:
    session = play(BTCUSDT_SPOT, recorded_lines([recordings / "binance-raw/spot/btcusdt_20230405.dat.gz"]))

    assert session.engine.feed_state(0) == "buffering"
    assert session.tops == {}
    assert session.requests >= 1
    assert session.quotes


def test_one_dropped_depth_line_gives_one_ledger_row_and_one_request(recordings: Path) -> None:
    lines = list(recorded_lines([recordings / "binance-raw/usdm/ethusdt_20240808.gz"]))
    depth = [i for i, (_, payload) in enumerate(lines) if b"@depth" in payload[:40]]
    whole = play(ETHUSDT_PERP, iter(lines))

    dropped = depth[len(depth) // 2]
    session = play(ETHUSDT_PERP, iter(lines[:dropped] + lines[dropped + 1 :]))

    assert session.gaps == whole.gaps + 1
    assert session.requests == whole.requests + 1
    assert session.engine.feed_state(0) == "gap"
    last_good = json.loads(lines[dropped][1])["data"]["pu"]
    assert max(session.tops) == last_good
