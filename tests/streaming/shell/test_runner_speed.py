"""Timing of the replay loop, printed and never asserted."""

import time
from pathlib import Path

import pytest

from streaming.importer import import_recording
from streaming.recordings import read_recordings
from streaming.settings import load_settings
from streaming.trading_run import StartRequest, start_replay

GRID = """
[[grid]]
name = "eth"
instruments = ["binance_usdm:ETHUSDT", "binance_spot:ETHUSDT"]
reference = "binance_usdm:ETHUSDT"
"""


def silent(message: str) -> None:
    """Progress for tests."""


@pytest.mark.bench
def test_frames_a_second_through_import_and_replay(recordings: Path, settings_file: Path) -> None:
    settings_file.write_text(settings_file.read_text() + GRID)
    settings = load_settings()
    asks = [ask for ask in read_recordings(recordings) if ask.symbol == "ETHUSDT" and ask.venue.startswith("binance")]
    begin = time.perf_counter()
    frames = sum(import_recording(settings.warehouse.lake_dir, ask, silent).frames for ask in asks)
    imported = time.perf_counter()

    summary = start_replay(settings, StartRequest(grid="eth", model=None), silent)

    seconds = time.perf_counter() - imported
    assert summary.counts.frames == frames
    print(f"\nimport {frames / (imported - begin):,.0f} frames/s; replay with journal {frames / seconds:,.0f} frames/s")
