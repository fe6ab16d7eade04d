"""A recorder that is killed loses nothing that it had acknowledged, and the next one goes on."""

import asyncio
import os
import random
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

import pytest
from small_venue import BYBIT, SmallVenue, market_frames, path_of
from websockets.exceptions import ConnectionClosed

from streaming.live_segments import recover_segments
from streaming.runs import read_manifest
from streaming.segments import KIND_FRAME, read_block, scan

PROCESS = Path(__file__).with_name("recorder_process.py")
FRAMES = [frame for frame in market_frames(60) if frame.slot == 2 and path_of(frame)]


def start(tmp_path, port, *, limit_bytes=0):
    """Start the recorder; its lines are collected by a thread. No file may grow beyond `limit_bytes`, 0: no limit."""
    paths = [str(PROCESS.parents[1]), str(PROCESS.parents[3])]
    process = subprocess.Popen(
        [sys.executable, str(PROCESS), str(tmp_path / "lake"), str(tmp_path / "run"), str(port), str(limit_bytes)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        stdout=subprocess.PIPE,
        text=True,
    )
    lines = []
    reader = threading.Thread(target=lambda: lines.extend(iter(process.stdout.readline, "")), daemon=True)
    reader.start()
    return process, lines, reader


def acknowledged(lines):
    """Records that the process said are written."""
    return max((int(line.split()[1]) for line in lines if line.startswith("acknowledged")), default=0)


def websocket_frames(path):
    block = read_block(path)
    table = scan(path, block)
    frames = table[(table["kind"] == KIND_FRAME) & (table["source"] == 0)]
    return [block[row["offset"] : row["offset"] + row["length"]] for row in frames], len(table) - 1


def test_what_a_killed_recorder_had_written_is_kept_and_a_torn_tail_cut(tmp_path):
    sent = []

    async def script(venue):
        await venue.subscribed(BYBIT)
        for frame in FRAMES:
            await venue.send(BYBIT, frame.payload)
            sent.append(frame.payload)
        await venue.read_by_all()
        seen = len(venue.lines)
        while len(venue.lines) < seen + 4:  # two flushes at least
            await asyncio.sleep(0.01)
        venue.process.send_signal(signal.SIGKILL)

    with SmallVenue(script, is_ending=False) as venue:
        venue.process, venue.lines, venue.reader = start(tmp_path, venue.port)
        assert venue.process.wait(15) == -signal.SIGKILL
        venue.reader.join(5)
        venue.process.stdout.close()

    (part,) = (tmp_path / "lake").rglob("*.part")
    with part.open("ab") as file:
        file.write(part.read_bytes()[:100])  # as if killed in the middle of a write

    (recovered,) = recover_segments(tmp_path / "lake")

    assert recovered.cut_bytes == 100
    assert websocket_frames(recovered.path)[0] == sent
    manifest = read_manifest(tmp_path / "lake", recovered.run)
    assert manifest is not None and manifest.frames == len(sent) + 1
    assert recover_segments(tmp_path / "lake") == []


def test_a_recorder_ends_cleanly_by_sigint_and_leaves_no_live_file(tmp_path):
    async def script(venue):
        await venue.subscribed(BYBIT)
        for frame in FRAMES:
            await venue.send(BYBIT, frame.payload)
        await venue.read_by_all()
        venue.process.send_signal(signal.SIGINT)

    with SmallVenue(script, is_ending=False) as venue:
        venue.process, venue.lines, venue.reader = start(tmp_path, venue.port)
        assert venue.process.wait(15) == 0
        venue.reader.join(5)
        venue.process.stdout.close()

    assert not list((tmp_path / "lake").rglob("*.part"))
    (segment,) = (tmp_path / "lake").rglob("*.seg.zst")
    assert websocket_frames(segment)[0] == [frame.payload for frame in FRAMES]


def test_a_file_that_may_not_grow_ends_the_process_with_whole_files(tmp_path):
    """RLIMIT_FSIZE stands for a full disk: the write that breaks it is cut in the middle by the kernel."""

    async def script(venue):
        await venue.subscribed(BYBIT)
        with suppress(IndexError, ConnectionClosed):
            for frame in FRAMES:
                await venue.send(BYBIT, frame.payload)
                await asyncio.sleep(0.002)

    with SmallVenue(script, is_ending=False) as venue:
        venue.process, venue.lines, venue.reader = start(tmp_path, venue.port, limit_bytes=6_000)
        assert venue.process.wait(15) == 1
        venue.reader.join(5)
        venue.process.stdout.close()

    assert any("File too large" in line for line in venue.lines)
    assert not [*(tmp_path / "lake").rglob("*.part"), *(tmp_path / "lake").rglob("*.tmp")]
    (segment,) = (tmp_path / "lake").rglob("*.seg.zst")
    frames, records = websocket_frames(segment)
    assert 0 < segment.stat().st_size <= 6_000 and records == acknowledged(venue.lines)
    assert frames == [frame.payload for frame in FRAMES][: len(frames)]


@pytest.mark.parametrize("seed", [1, 2, *(pytest.param(seed, marks=pytest.mark.torture) for seed in range(3, 21))])
def test_a_kill_at_any_moment_keeps_every_acknowledged_record_once(tmp_path, seed):
    wait_s = random.Random(seed).uniform(0.0, 0.25)

    async def script(venue):
        await venue.subscribed(BYBIT)
        asyncio.get_running_loop().call_later(wait_s, venue.process.kill)
        with suppress(IndexError, ConnectionClosed):
            for frame in FRAMES:
                await venue.send(BYBIT, frame.payload)
                await asyncio.sleep(0.002)

    with SmallVenue(script, is_ending=False) as venue:
        venue.process, venue.lines, venue.reader = start(tmp_path, venue.port)
        assert venue.process.wait(15) == -signal.SIGKILL
        venue.reader.join(5)
        venue.process.stdout.close()

    found = recover_segments(tmp_path / "lake")
    sent = [frame.payload for frame in FRAMES]
    told = acknowledged(venue.lines)
    assert len(found) == 1 or told == 0
    for recovered in found:
        frames, records = websocket_frames(recovered.path)
        assert records >= told
        assert frames == sent[: len(frames)]
