"""Recorded frames and the engine settings that fit them."""

import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ETHUSDT_SPOT = ("binance_spot", "ETHUSDT", "0.01", "0.00000001", "0.0001")
ETHUSDT_PERP = ("binance_usdm", "ETHUSDT", "0.01", "0.001", "0.001")
BTCUSDT_PERP = ("binance_usdm", "BTCUSDT", "0.1", "0.001", "0.001")
BTCUSDT_SPOT = ("binance_spot", "BTCUSDT", "0.01", "0.00000001", "0.00001")


def document_for(venue: str, symbol: str, tick: str, size_unit: str, lot: str) -> dict[str, Any]:
    """Engine settings of one instrument: source 0 its socket, source 1 its REST snapshots."""
    return {
        "instruments": [
            {
                "id": 0,
                "venue": venue,
                "symbol": symbol,
                "market_type": "perpetual" if venue == "binance_usdm" else "spot",
                "tick": tick,
                "size_unit": size_unit,
                "lot": lot,
                "maker_fee_bps": "0",
                "taker_fee_bps": "0",
            }
        ],
        "sources": [
            {"id": 0, "venue": venue, "instrument": None, "kind": "websocket"},
            {"id": 1, "venue": venue, "instrument": symbol, "kind": "rest_depth"},
        ],
        "emit": {"trades": True, "quotes": True},
    }


def recorded_lines(files: list[Path]) -> Iterator[tuple[int, bytes]]:
    """(ts_recv_ns, frame) of recordings in the form `<receive time> <json>`."""
    for file in files:
        with gzip.open(file, "rb") as lines:
            for line in lines:
                stamp, payload = line.split(b" ", 1)
                yield int(stamp), payload.rstrip(b"\r\n")
