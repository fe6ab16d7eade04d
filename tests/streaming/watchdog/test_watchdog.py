"""The last line of defence, with real processes: a trader that hangs or dies is halted by what is left of it."""

import os
import re
import signal
import subprocess
import sys

import pytest
from paper_house import emulator, make_house
from waiting import until
from watched_trader import watchdogs_of, watched

from streaming.lock import is_held
from streaming.watchdog.latch import read_latch
from streaming.watchdog.process import LOCK_NAME

QUICK = "limit_ms = 1500\npatience_ms = 200"


@pytest.fixture
def house(settings_file):
    text = settings_file.read_text()
    settings_file.write_text(re.sub(r"limit_ms = 3000.*\npatience_ms = 2000", QUICK, text))
    house = make_house(settings_file)
    assert house.settings.streaming.watchdog.limit_ms == 1500
    return house


def test_a_trader_that_hangs_is_killed_and_the_next_one_begins_halted_until_it_is_resumed(house):
    with emulator(house.addresses_file):
        with watched(house) as trader:
            trader.until_trades()
            trader.send(signal.SIGSTOP)
            assert trader.code() == -signal.SIGKILL
            lines = "".join(trader.lines)
        latch = read_latch(house.run_dir)
        with watched(house) as second:
            second.until_said("begins HALTED: watchdog: no heartbeat for")
            status = house.until(lambda status: status["counts"]["steps"] > 0)
            orders = status["counts"]["orders"]
            later = house.until(lambda now: now["counts"]["steps"] > status["counts"]["steps"] + 20)
            stood = read_latch(house.run_dir)
            resumed = house.ask("resume", reason="looked at it")
            second.until_trades()
            house.until(lambda now: now["counts"]["orders"] > orders)
            second.send(signal.SIGTERM)
            assert second.code() == 0, second.lines

    assert "watchdog: halt: no answer" in lines and "watchdog: end: process" in lines and "SIGKILL" in lines
    assert (latch.by, "no heartbeat for" in latch.reason) == ("watchdog", True)
    assert (status["state"], later["state"], later["counts"]["orders"]) == ("halted", "halted", orders)
    assert stood == latch and resumed["state"] == "active"
    assert read_latch(house.run_dir) is None and watchdogs_of(house.run_dir) == []


def test_kill_9_leaves_the_latch_and_no_process(house):
    with emulator(house.addresses_file), watched(house) as trader:
        trader.until_trades()
        assert len(watchdogs_of(house.run_dir)) == 1
        trader.send(signal.SIGKILL)
        assert trader.code() == -signal.SIGKILL

        until(lambda: watchdogs_of(house.run_dir) == [], "the watchdog's end")
    latch = read_latch(house.run_dir)
    assert f"the trader died, process {trader.process.pid}" in latch.reason and latch.pid == trader.process.pid


def test_a_normal_end_leaves_no_latch_and_no_process(house):
    with emulator(house.addresses_file), watched(house) as trader:
        trader.until_trades()
        trader.send(signal.SIGTERM)
        assert trader.code() == 0

    assert trader.said("sealed") and not trader.said("watchdog:"), trader.lines
    assert read_latch(house.run_dir) is None and watchdogs_of(house.run_dir) == []


def test_a_trader_that_cannot_begin_leaves_no_latch(house):
    house.addresses_file.write_text('{"addresses": {}, "clock": {"epoch_ns": 1, "speed": 10.0, "start_ns": 0}}')
    with watched(house) as trader:
        assert trader.code() == 1

    assert trader.said("clock speed 10") and read_latch(house.run_dir) is None


def test_a_watchdog_that_dies_is_replaced_and_told_of(house):
    with emulator(house.addresses_file), watched(house) as trader:
        trader.until_trades()
        (first,) = watchdogs_of(house.run_dir)
        os.kill(first, signal.SIGKILL)
        trader.until_said("the watchdog died (exit code -9); another one watches now")
        until(lambda: watchdogs_of(house.run_dir) not in ([], [first]), "another watchdog")
        trader.send(signal.SIGKILL)
        trader.code()

    assert "the trader died" in read_latch(house.run_dir).reason


def by_hand():
    """Run `trader watchdog` to its end."""
    command = [sys.executable, "-m", "streaming", "watchdog"]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)


def test_by_hand_it_needs_a_trader_that_nobody_watches(house):
    nothing = by_hand()
    with emulator(house.addresses_file), watched(house) as trader:
        trader.until_trades()
        until(
            lambda: is_held(house.run_dir / LOCK_NAME), "the trader's own watchdog"
        )  # on a busy machine it comes later
        second = by_hand()
        trader.send(signal.SIGTERM)
        trader.code()
    after = by_hand()

    assert (nothing.returncode, "no trader runs there" in nothing.stderr) == (4, True)
    assert (second.returncode, "another watchdog watches already" in second.stderr) == (3, True)
    assert (after.returncode, "which ended" in after.stderr) == (4, True)


def test_a_trader_whose_rule_asks_for_it_halts_when_its_watchdog_looks_no_more(house):
    text = house.settings_file.read_text().replace("# [native.risk.watch] ", "[native.risk.watch] ")
    text = re.sub(r"# (heartbeat_age_max_ms = )10000", r"\g<1>15000", text)  # of the market: 1.5 s
    house.settings_file.write_text(text)
    assert house.settings.native.risk.watch.heartbeat_age_max_ms == 15_000
    with emulator(house.addresses_file), watched(house) as trader:
        trader.until_trades()
        (watchdog,) = watchdogs_of(house.run_dir)
        os.kill(watchdog, signal.SIGSTOP)
        halted = house.until(lambda status: status["state"] == "halted")
        os.kill(watchdog, signal.SIGCONT)
        trader.send(signal.SIGTERM)
        assert trader.code() == 0, trader.lines

    assert (halted["reason"], halted["trigger"]) == ("heartbeat", "watchdog")
    assert halted["risk"]["tripped_by_rule"]["heartbeat"] == 1
