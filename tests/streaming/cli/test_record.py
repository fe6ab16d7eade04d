"""`trader record` as its user meets it."""

import argparse
import asyncio
import json

import pytest
from small_venue import BYBIT, SmallVenue, market_frames, path_of

from streaming.cli import record
from streaming.errors import NotRunningError, UsageError
from streaming.shell.clock import Clock


def run(*words):
    parser = argparse.ArgumentParser()
    record.add_commands(parser.add_subparsers())
    options = parser.parse_args(["record", *words])
    return options.run(options)


def addresses_file(tmp_path, port):
    """The file that an emulator on `port` would keep."""
    file = tmp_path / "emulator.json"
    place = f"127.0.0.1:{port}"
    file.write_text(json.dumps({"addresses": {"bybit_spot": place}, "clock": Clock.wall().to_json()}))
    return str(file)


async def a_short_session(venue):
    await venue.subscribed(BYBIT)
    for frame in market_frames(10):
        if frame.slot == 2 and path_of(frame):
            await venue.send(BYBIT, frame.payload)


@pytest.mark.parametrize("words", [(), ("--json",)])
def test_a_session_ends_with_what_was_recorded(tmp_path, data_dir, capsys, words):
    with SmallVenue(a_short_session) as venue:
        code = run("--instrument", "bybit_spot:BTCUSDT", "--emulator", addresses_file(tmp_path, venue.port), *words)

    out = capsys.readouterr().out
    assert code == 0
    if words:
        document = json.loads(out)
        assert document["venues"][0]["is_synced"] is True
        assert document["venues"][0]["gaps_opened"] == 0
        assert [(data_dir / "lake" / name).is_file() for name in document["files"]] == [True]
    else:
        assert "RECORDED  bybit_spot" in out and "0 gaps" in out


def test_a_span_that_is_over_ends_it(tmp_path, data_dir, capsys):
    async def script(venue):
        await venue.subscribed(BYBIT)

    with SmallVenue(script, is_ending=False) as venue:
        file = addresses_file(tmp_path, venue.port)
        assert run("--instrument", "bybit_spot:BTCUSDT", "--emulator", file, "--seconds", "0.3") == 0
    assert "without a whole book: bybit_spot:BTCUSDT" in capsys.readouterr().out


def test_words_that_make_no_sense_are_named(data_dir):
    with pytest.raises(UsageError, match="--instrument"):
        run("--instrument", "BTCUSDT")
    with pytest.raises(UsageError, match="cannot record venue 'kraken'"):
        run("--instrument", "kraken:BTCUSD")
    with pytest.raises(UsageError, match="--seconds"):
        run("--seconds", "0")
    with pytest.raises(NotRunningError, match="no emulator"):
        run("--emulator", str(data_dir / "none.json"))


def test_status_and_stop_reach_the_running_recorder(tmp_path, data_dir, capsys):
    async def script(venue):
        await a_short_session(venue)
        await venue.read_by_all()
        await asyncio.to_thread(run, "status", "--json")
        venue.status = json.loads(capsys.readouterr().out)
        await asyncio.to_thread(run, "stop", "--reason", "enough", "--json")

    with SmallVenue(script, is_ending=False) as venue:
        assert run("--instrument", "bybit_spot:BTCUSDT", "--emulator", addresses_file(tmp_path, venue.port)) == 0
        venue.until_script_ends()

    out = capsys.readouterr().out
    assert venue.status["process"] == "recorder" and venue.status["venues"][0]["venue"] == "bybit_spot"
    assert "ended: stop: enough" in out and '"has_ended": true' in out


@pytest.mark.parametrize("word", ["status", "stop"])
def test_a_recorder_that_is_not_there_is_exit_code_4(data_dir, word):
    with pytest.raises(NotRunningError, match=r"record\.sock: nothing is running there") as caught:
        run(word)
    assert caught.value.exit_code == 4


def test_words_for_a_recording_are_not_for_the_one_that_runs(data_dir):
    with pytest.raises(UsageError, match="--seconds begins a recording"):
        run("status", "--seconds", "5")
    with pytest.raises(UsageError, match="--reason belongs to trader record stop"):
        run("--reason", "x")
