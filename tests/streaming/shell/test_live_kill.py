"""A live trader that is killed under fire: the next one reconciles, and orders, fills and positions are the venues'."""

import random
import re
import signal
import time

import pytest
from live_house import add_strategies, check_truth, make_live_house
from paper_house import WAIT_S, emulator
from talking_process import TalkingProcess

from streaming.emulator.faults import Fault, FaultKind
from streaming.replay import replay

KILLS_IN_ONE_HOUSE = 5
READY = re.compile(r"ready for orders after ([0-9.]+) s")
FAULTS = (
    FaultKind.order_unknown_done,
    FaultKind.order_unknown_lost,
    FaultKind.order_cut_done,
    FaultKind.order_cut_lost,
)


class LiveTrader(TalkingProcess):
    """A running process; its lines are collected by a thread."""

    def __init__(self, house):
        super().__init__("live_process.py", house)

    def until(self, words):
        deadline = time.monotonic() + 2 * WAIT_S
        while not any(words in line for line in list(self.lines)):
            assert time.monotonic() < deadline and self.process.poll() is None, "".join(self.lines)
            time.sleep(0.01)

    def ready_s(self):
        """How long it took from the begin of recovery until orders could leave."""
        return [float(found[1]) for line in self.lines if (found := READY.search(line))]

    def end(self, number):
        self.process.send_signal(number)
        code = self.process.wait(2 * WAIT_S)
        self._reader.join(WAIT_S)
        self.process.stdout.close()
        return code


@pytest.fixture
def house(settings_file):
    house = make_live_house(settings_file)
    add_strategies(house)
    return house


@pytest.mark.parametrize("seed", [1, 2, *(pytest.param(seed, marks=pytest.mark.torture) for seed in range(3, 21))])
def test_killed_under_fire_again_and_again_it_sends_no_order_twice_and_loses_no_fill(house, seed):
    moments = random.Random(seed)
    ready = []
    with emulator(house.addresses_file, seed=seed, speed=2.0) as held:
        for _ in range(KILLS_IN_ONE_HOUSE):
            trader = LiveTrader(house)
            trader.until("ready for orders")
            arm(held, moments)
            time.sleep(moments.uniform(0.0, 1.0))
            assert trader.end(signal.SIGKILL) == -signal.SIGKILL
            ready += trader.ready_s()
        last = LiveTrader(house)
        last.until("ready for orders")
        time.sleep(0.5)
        assert last.end(signal.SIGTERM) == 0, "".join(last.lines)
        (journal,) = house.settings.warehouse.journal_dir.glob("live-*.seg.zst")
        check_truth(house, journal, held)
    assert replay(journal, str).identical
    print(f"seconds from the begin of recovery to ready for orders: {[*ready, *last.ready_s()]}")


def arm(held, moments):
    """Arm a fault of the next order at some venue."""
    market, loop = held["market"], held["loop"]
    venue, kind = moments.choice(list(market.venues)), moments.choice(FAULTS)
    fault = Fault(venue=venue, kind=kind, request=moments.choice(["place", "cancel"]))
    loop.call_soon_threadsafe(lambda: market.arm(fault, held["served"].clock.now_ns()))
