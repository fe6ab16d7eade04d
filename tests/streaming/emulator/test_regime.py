"""A regime moves what a drift detector looks at by its factors, keeps books valid, and is its seed's and time's."""

from itertools import islice, pairwise, takewhile

import numpy as np
import orjson
import pytest
from emulator.machine import BYBIT, SPOT, START_NS, USDM, Bench

from streaming.emulator.control import ControlDesk
from streaming.emulator.faults import Fault, FaultKind, FaultSchedule
from streaming.emulator.instruments import SYMBOL
from streaming.emulator.market import MarketEmulator
from streaming.emulator.regime import NORMAL, STRESS, Regime
from streaming.emulator.source import LIVE_BLOCK_NS, EndlessMarket, MadeFrom
from streaming.emulator.streams import MarketFrame
from streaming.emulator.trade_tape import is_trade
from streaming.emulator.true_books import true_books
from streaming.shell.clock import Clock

MINUTES = 2
END_NS = START_NS + MINUTES * 60 * 10**9


def measured(regime):
    """By venue: spread, size of the best bid, root mean square of moves, and trades of a market under `regime`."""
    made = MadeFrom(seed=5, start_ns=START_NS, regimes=((START_NS, regime),))
    bests = {USDM: [], SPOT: [], BYBIT: []}
    for step in true_books(made, END_NS):
        bid, ask = (side[0] for side in step.top(1))
        bests[step.instrument.partition(":")[0]].append((float(bid[0]), float(ask[0]), float(bid[1])))
    trades = dict.fromkeys(bests, 0)
    for item in takewhile(lambda item: item.ts_ns <= END_NS, EndlessMarket.again(made).items()):
        trades[item.venue] += isinstance(item, MarketFrame) and is_trade(item.stream)
    found = {}
    for venue, rows in bests.items():
        bids, asks, sizes = np.array(rows).T
        assert np.all(bids < asks)
        moves = np.diff(bids + asks) / 2
        found[venue] = np.array([np.mean(asks - bids), np.mean(sizes), np.sqrt(np.mean(moves**2)), trades[venue]])
    return found


def test_each_factor_moves_what_it_names_by_itself() -> None:
    nervous, normal = measured(STRESS), measured(NORMAL)

    for venue in (USDM, SPOT, BYBIT):
        ratios = nervous[venue] / normal[venue]
        assert ratios[0] == pytest.approx(STRESS.spread_factor, rel=0.01)
        assert ratios[1] == pytest.approx(STRESS.size_factor, rel=0.01)
        assert ratios[2] == pytest.approx(STRESS.volatility_factor, rel=0.05)
        assert ratios[3] == pytest.approx(STRESS.trade_rate_factor, rel=0.1)


def test_the_same_command_at_the_same_time_gives_the_same_market_again() -> None:
    def heard(after_s):
        bench = Bench()
        bench.wait(after_s)
        record = bench.emulator.set_regime(STRESS, bench.now_ns)
        bench.wait(14 - after_s)
        return record.ts_fired_ns, [bench.emulator.truth_at(f"{venue}:{SYMBOL}", 20) for venue in (USDM, SPOT, BYBIT)]

    assert heard(6) == heard(7)  # the same block of five seconds
    assert heard(6)[1] != heard(1)[1]
    assert heard(6)[0] == START_NS + 2 * LIVE_BLOCK_NS


def test_a_market_that_turns_normal_again_goes_on_from_where_it_is() -> None:
    made = MadeFrom(
        seed=5, start_ns=START_NS, regimes=((START_NS + LIVE_BLOCK_NS, STRESS), (START_NS + 3 * LIVE_BLOCK_NS, NORMAL))
    )
    mids = []
    for step in islice(true_books(made, END_NS, instruments=[f"{USDM}:{SYMBOL}"]), 300):
        bid, ask = (side[0] for side in step.top(1))
        mids.append((float(bid[0]) + float(ask[0])) / 2)

    assert max(abs(after - before) for before, after in pairwise(mids)) < 60
    assert len(mids) == 300


@pytest.mark.parametrize(
    "options",
    [{"spread_factor": 2}, {"volatility_factor": 0}, {"size_factor": 1e9}, {"trade_rate_factor": 3}],
)
def test_a_strength_that_no_market_has_is_refused(options) -> None:
    with pytest.raises(ValueError, match="expected"):
        Regime(**options)


@pytest.mark.parametrize(
    ("body", "regime"), [(b"", STRESS), (b"{}", STRESS), (b'{"size_factor":2}', Regime(size_factor=2.0))]
)
def test_control_begins_a_nervous_market_unless_told_otherwise(body, regime) -> None:
    bench = Bench()
    desk = ControlDesk(bench.emulator, Clock.wall())

    reply = desk.answer("POST", "/regime", {}, body, bench.now_ns)

    assert reply.status == 200
    assert bench.emulator.source.made_from.regimes == ((orjson.loads(reply.body)["ts_from_ns"], regime),)


def test_control_names_what_is_wrong_with_a_regime() -> None:
    bench = Bench()
    desk = ControlDesk(bench.emulator, Clock.wall())

    reply = desk.answer("POST", "/regime", {}, b'{"spread_factor":2}', bench.now_ns)

    assert reply.status == 400
    assert "spread_factor: expected 1, 3, 5, 7 or 9, found 2" in orjson.loads(reply.body)["error"]


def test_a_schedule_turns_the_market_nervous_and_normal_by_turns() -> None:
    schedule = FaultSchedule(1, 600, START_NS, [USDM], [FaultKind.regime])
    emulator = MarketEmulator(EndlessMarket(3, START_NS), schedule=schedule)
    emulator.prime()
    while not emulator.advance(START_NS + 60 * 10**9):
        pass

    regimes = [regime for _, regime in emulator.source.made_from.regimes]

    assert regimes[:4] == [STRESS, NORMAL, STRESS, NORMAL]


def test_a_regime_is_no_fault_to_arm() -> None:
    bench = Bench()

    with pytest.raises(ValueError, match="POST /regime"):
        bench.emulator.arm(Fault(kind=FaultKind.regime, venue=USDM), bench.now_ns)
