"""The operator's words with Redis gone, and `trader kill` with whatever is left to reach a trader by."""

import json
import re
import signal

import pytest
from paper_house import emulator, make_house
from redis_processes import is_gone, signal_server
from waiting import until
from watched_trader import watchdogs_of, watched

from streaming.cli.main import main
from streaming.shell.trader_names import SOCKET_NAME
from streaming.watchdog.latch import read_latch


@pytest.fixture
def house(settings_file):
    return make_house(settings_file)


@pytest.fixture
def house_on_redis(settings_file):
    """A house whose trader uses the embedded Redis."""
    return make_house(settings_file, redis="")


def until_on_the_bus(house):
    """Wait until the trader is on the bus."""
    house.until(lambda status: status["bus"] is not None and status["bus"]["is_connected"])


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_the_operators_words_work_with_redis_gone_or_hung(house_on_redis, number, capsys):
    house = house_on_redis
    with emulator(house.addresses_file), watched(house) as trader:
        trader.until_trades()
        until_on_the_bus(house)
        signal_server(house.run_dir, number)

        codes = [
            main([word, "--reason", "redis is gone"]) for word in ("reduce", "resume", "halt", "resume", "flatten")
        ]
        house.until(lambda status: status["state"] == "halted")
        trader.send(signal.SIGTERM)
        assert trader.code() == 0, trader.lines

    out = capsys.readouterr().out
    assert codes == [0, 0, 0, 0, 0]
    moves = re.findall(r"^PAPER  (\w+) -> (\w+):", out, re.MULTILINE)
    assert [to for _, to in moves] == ["REDUCING", "ACTIVE", "HALTED", "ACTIVE", "FLATTENING"]
    until(lambda: is_gone(house.run_dir), "the end of Redis")


def test_kill_halts_confirms_and_ends_with_redis_gone(house_on_redis, capsys):
    house = house_on_redis
    with emulator(house.addresses_file), watched(house) as trader:
        trader.until_trades()
        until_on_the_bus(house)
        signal_server(house.run_dir, signal.SIGKILL)

        code = main(["kill", "--reason", "drill " * 200])  # longer than what a trader takes as a reason

        assert trader.code() == 0, trader.lines
    out = capsys.readouterr().out
    assert code == 0 and "socket: halted" in out and "open orders: none, confirmed" in out
    assert out.splitlines()[-1] == "KILLED, all confirmed"
    latch = read_latch(house.run_dir)
    assert (latch.by, latch.pid) == ("operator", trader.process.pid)
    assert latch.reason.startswith("trader kill: drill drill")
    assert watchdogs_of(house.run_dir) == [] and list(house.settings.warehouse.journal_dir.glob("paper-*.seg.zst"))


def test_kill_reaches_a_trader_without_its_socket_over_redis(house_on_redis, capsys):
    house = house_on_redis
    with emulator(house.addresses_file), watched(house) as trader:
        trader.until_trades()
        until_on_the_bus(house)
        (house.run_dir / SOCKET_NAME).unlink()

        code = main(["kill", "--reason", "drill", "--json"])

        assert trader.code() == 0, trader.lines
    report = json.loads(capsys.readouterr().out)
    assert (code, report["halted_by"], report["open_orders"]) == (0, "redis", 0)
    assert report["is_confirmed"] and report["is_sealed"] and report["lines"][0].startswith("socket: ")
    until(lambda: is_gone(house.run_dir), "the end of Redis")


def test_kill_ends_a_trader_that_does_not_answer_and_says_what_it_could_not_confirm(house, capsys):
    with emulator(house.addresses_file), watched(house) as trader:
        trader.until_trades()
        trader.send(signal.SIGSTOP)

        code = main(["kill", "--reason", "it hangs"])

        assert trader.code() == -signal.SIGKILL
    out = capsys.readouterr().out
    assert code == 1 and "socket: " in out and "no answer in 2 s" in out and "redis: Redis is off" in out
    assert "killed by SIGKILL" in out or "is gone" in out  # or the watchdog was the quicker one
    assert "open orders: NOT CONFIRMED" in out and "the next trader start goes on with it, halted" in out
    assert read_latch(house.run_dir) is not None and watchdogs_of(house.run_dir) == []


def test_kill_where_nothing_runs_ends_with_4_and_sets_no_latch(house, capsys):
    assert main(["kill"]) == 4
    assert "no trader runs there" in capsys.readouterr().err
    assert read_latch(house.run_dir) is None
