"""A trader that is killed at any moment: the next one goes on, and nothing is lost, doubled or invented."""

import os
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import polars as pl
import pytest
from paper_house import WAIT_S, emulator, make_house
from talking_process import TalkingProcess

from streaming.journal import Journal
from streaming.replay import replay
from streaming.trading_records import TABLES_OF_KINDS
from warehouse.lake import Lake


class Trader(TalkingProcess):
    """A running process; its lines are collected by a thread."""

    def __init__(self, house):
        super().__init__("paper_process.py", house)

    def until(self, condition):
        """Wait until a line holds what is waited for."""
        deadline = time.monotonic() + WAIT_S
        while not any(condition(line) for line in list(self.lines)):
            assert time.monotonic() < deadline and self.process.poll() is None, self.lines
            time.sleep(0.01)

    def end(self, number):
        """Send a signal and return the exit code."""
        self.process.send_signal(number)
        code = self.process.wait(WAIT_S)
        self._reader.join(WAIT_S)
        self.process.stdout.close()
        return code


def fills_in(line):
    """How many fills a progress line tells of."""
    found = re.search(r"(\d+) fills", line)
    return 0 if found is None else int(found.group(1))


def trades(line):
    return fills_in(line) > 0


def records_of(path):
    """Every record of a journal but its header: (seq, kind, payload)."""
    found = []
    for step in Journal(path).steps():
        for row in step.records:
            begin = int(row["offset"])
            found.append((int(row["seq"]), int(row["kind"]), step.block[begin : begin + int(row["length"])]))
        if step.digest:
            found.append((step.seq, -1, step.digest))
    return found


@pytest.fixture
def house(settings_file):
    return make_house(settings_file)


@pytest.mark.parametrize("seed", [1, 2, *(pytest.param(seed, marks=pytest.mark.torture) for seed in range(3, 21))])
def test_a_killed_trader_is_gone_on_with_and_nothing_is_lost_or_doubled(house, tmp_path, seed):
    wait_s = random.Random(seed).uniform(0.0, 0.6)
    folder = house.settings.warehouse.journal_dir
    with emulator(house.addresses_file):
        first = Trader(house)
        first.until(trades)
        time.sleep(wait_s)
        assert first.end(signal.SIGKILL) == -signal.SIGKILL
        (part,) = folder.glob("paper-*.part")
        left = shutil.copy(part, tmp_path / part.name)

        second = Trader(house)
        second.until(lambda line: "going on with" in line)
        before = max(map(fills_in, first.lines))
        second.until(lambda line: fills_in(line) > before + 3)
        assert second.end(signal.SIGTERM) == 0, second.lines

    (journal,) = folder.glob("paper-*.seg.zst")
    assert not list(folder.glob("*.part"))
    killed, whole = records_of(left), records_of(journal)
    assert whole[: len(killed)] == killed and len(whole) > len(killed)
    assert (np.diff([seq for seq, _, _ in whole]) > 0).all()
    assert replay(journal, str).identical
    check_orders(Lake(house.settings.lake_root), journal)


def check_orders(lake, journal):
    """No client order id leaves twice, every fill counts once, and positions are the sum of the fills."""
    run = journal.name.removesuffix(".seg.zst")
    tables = {name: pl.from_arrow(lake.read_partition(name, {"run": run})) for name in TABLES_OF_KINDS.values()}
    sent = tables["orders"].filter(
        (pl.col("state_from_name") == "pending_new") & (pl.col("state_to_name") != "refused")
    )
    sent = sent.filter(pl.col("state_to_name") == "pending_new")
    assert sent["client_order_id"].is_unique().all() and len(sent) > 0
    fills = tables["fills"]
    assert fills.select("venue", "instrument", "trade_id").is_unique().all()
    signed = fills.with_columns(units=pl.when(pl.col("side") == 0).then(1).otherwise(-1) * pl.col("size_units"))
    booked = signed.group_by("venue", "instrument").agg(pl.col("units").sum()).sort("venue")
    held = tables["positions"].group_by("venue", "instrument", maintain_order=True).agg(pl.col("position_units").last())
    assert held.sort("venue")["position_units"].to_list() == booked["units"].to_list()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_seals_the_session_and_a_second_one_corrupts_nothing(house, number):
    folder = house.settings.warehouse.journal_dir
    with emulator(house.addresses_file):
        trader = Trader(house)
        trader.until(trades)
        trader.process.send_signal(number)
        code = trader.end(number)

    assert code in (0, 1, -number), trader.lines
    (journal,) = folder.glob("paper-*.seg.zst")
    assert replay(journal, str).identical and not list(folder.glob("*.part"))


def test_a_disk_that_takes_no_more_ends_it_in_one_line_and_the_journal_is_gone_on_with(house):
    # How it died is what the watchdog must tell here: on a busy machine it would tell of silence before.
    text = house.settings_file.read_text()
    assert "limit_ms = 3000 " in text
    house.settings_file.write_text(text.replace("limit_ms = 3000 ", "limit_ms = 60000 "))
    folder = house.settings.warehouse.journal_dir
    words = ["start", "--no-model", "--emulator", str(house.addresses_file)]
    with emulator(house.addresses_file):
        full = subprocess.run(
            [sys.executable, "-m", "streaming", *words],
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            timeout=60,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000)),
        )
        (part,) = folder.glob("paper-*.part")
        left = records_of(part)
        freed = house.trade(lambda house: house.until(lambda status: status["counts"]["steps"] > 0))

    assert full.returncode == 1 and "Traceback" not in full.stderr
    told = [line for line in full.stderr.splitlines() if not line.startswith("watchdog: ")]
    assert told[-1].startswith(f"trader: {part}: File too large")
    assert any("begins HALTED: watchdog: the trader died" in line for line in house.lines)
    assert any("going on with the interrupted session" in line for line in house.lines)
    assert len(left) > 100 and records_of(freed.journal)[: len(left)] == left
    assert freed.landed.identical and not list(folder.glob("*.part"))
