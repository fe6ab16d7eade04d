"""A running recorder is asked and ended from outside, over its socket and over Redis, and tells how it fares."""

import asyncio

import orjson
import pytest
import redis
from recorded_session import ALL, FAST_REST, FAST_WATCH, record
from small_venue import BYBIT, SmallVenue, market_frames, path_of

from streaming.bus import TELEMETRY, Telemetry, message_from_json
from streaming.bus_config import RedisSettings
from streaming.cli.record import status_text
from streaming.errors import NotRunningError, UsageError
from streaming.redis_server import socket_path
from streaming.shell import recorder as recorder_module
from streaming.shell.bus_client import ask_over_redis
from streaming.shell.control import ask
from streaming.shell.recorder_asking import ask_recorder, recorder_status
from streaming.shell.recorder_names import PROCESS, SOCKET_NAME

FRAMES = [frame.payload for frame in market_frames(10) if frame.slot == 2 and path_of(frame)]


async def a_whole_book(venue):
    await venue.subscribed(BYBIT)
    for data in FRAMES:
        await venue.send(BYBIT, data)
    await venue.books_whole()


def test_a_running_recorder_says_what_it_does_and_ends_when_told(tmp_path):
    seen = {}

    async def script(venue):
        await a_whole_book(venue)
        seen["mode"] = (tmp_path / "run" / SOCKET_NAME).stat().st_mode & 0o777
        seen["status"] = await asyncio.to_thread(recorder_status, tmp_path / "run")
        with pytest.raises(UsageError, match="expected one of status, stop; found 'dance'"):
            await asyncio.to_thread(ask_recorder, tmp_path / "run", {"op": "dance"})
        with pytest.raises(UsageError, match="reason"):
            await asyncio.to_thread(ask_recorder, tmp_path / "run", {"op": "stop", "reason": 5})
        seen["stop"] = await asyncio.to_thread(ask_recorder, tmp_path / "run", {"op": "stop", "reason": "enough"})

    assert recorder_status(tmp_path / "run") is None
    with SmallVenue(script, is_ending=False) as venue:
        summary = record(tmp_path, venue, ALL[2:])

    status = seen["status"]
    assert (status["process"], status["state"], status["bus"], status["runs_ended"]) == (
        "recorder",
        "recording",
        None,
        0,
    )
    (reading,) = status["venues"]
    assert reading["venue"] == "bybit_spot" and reading["is_synced"] and reading["frames"] == len(FRAMES) + 1
    assert "books whole" in status_text(status) and "RECORD  recording" in status_text(status)
    assert seen["mode"] == 0o600 and seen["stop"]["reason"] == "enough"
    assert summary.ended_by == "stop: enough" and summary.venues[0].is_synced
    assert not (tmp_path / "run" / SOCKET_NAME).exists()
    with pytest.raises(NotRunningError):
        ask_recorder(tmp_path / "run", {"op": "status"})


def test_a_recorder_that_still_waits_for_its_venue_can_be_asked_and_ended(tmp_path):
    seen = {}

    async def script(venue):
        await venue.until(lambda: venue.requests["/v5/market/instruments-info"] >= 1)
        seen["status"] = await asyncio.to_thread(recorder_status, tmp_path / "run")
        await asyncio.to_thread(ask_recorder, tmp_path / "run", {"op": "stop"})

    with SmallVenue(script, is_ending=False) as venue:
        venue.listed = lambda target: (503, b"", ())
        summary = record(tmp_path, venue, ALL[2:])
    assert (seen["status"]["state"], seen["status"]["venues"]) == ("starting", [])
    assert summary.venues == () and summary.ended_by == "stop"


def test_telemetry_and_control_go_over_redis_alike(tmp_path, monkeypatch):
    monkeypatch.setattr(recorder_module, "TELEMETRY_S", 0.05)
    seen = {}

    async def script(venue):
        await a_whole_book(venue)
        server = redis.Redis(unix_socket_path=str(socket_path(tmp_path / "run")))
        async with asyncio.timeout(10):
            while "told" not in seen:
                await asyncio.sleep(0.02)
                if socket_path(tmp_path / "run").exists():
                    entries = await asyncio.to_thread(server.xrevrange, TELEMETRY, count=1)
                    told = [message_from_json(Telemetry, fields[b"json"]) for _, fields in entries]
                    if told and told[0].body["bus"]["is_connected"]:  # not one that waited for Redis
                        seen["told"] = told[0]
        server.close()
        ask = {"op": "stop", "reason": "by redis"}
        await asyncio.to_thread(ask_over_redis, RedisSettings(), tmp_path / "run", PROCESS, ask)

    with SmallVenue(script, is_ending=False) as venue:
        summary = record(tmp_path, venue, ALL[2:], redis=RedisSettings())

    told = seen["told"]
    assert (told.process, told.mode) == ("recorder", "record")
    assert told.body["bus"]["is_connected"] and told.body["venues"][0]["venue"] == "bybit_spot"
    assert summary.ended_by == "stop: by redis"


def test_recording_goes_on_where_redis_is_not(tmp_path):
    seen = {}

    async def script(venue):
        await a_whole_book(venue)
        seen.update(await asyncio.to_thread(recorder_status, tmp_path / "run"))

    with SmallVenue(script) as venue:
        nowhere = RedisSettings(url=f"unix://{tmp_path}/nowhere.sock")
        summary = record(tmp_path, venue, ALL[2:], redis=nowhere)

    assert seen["bus"]["is_connected"] is False and "recording goes on without it" in status_text(seen)
    assert summary.venues[0].is_synced and summary.venues[0].frames == len(FRAMES) + 1


def test_what_the_status_says_is_json_whatever_a_venue_sent(tmp_path):
    seen = {}

    async def script(venue):
        await venue.subscribed(BYBIT)
        await venue.send(BYBIT, '{"topic":"orderbook.50.BTCUSDT","type":"\u2028\x7f"}'.encode())
        await venue.read_by_all()
        seen.update(await asyncio.to_thread(ask, tmp_path / "run" / SOCKET_NAME, {"op": "status"}))

    with SmallVenue(script) as venue:
        record(tmp_path, venue, ALL[2:], watch=FAST_WATCH, rest=FAST_REST)
    assert orjson.loads(orjson.dumps(seen)) == seen and seen["venues"][0]["rejects"] == 1
