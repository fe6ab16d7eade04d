"""True books made again offline are those that the emulator had, through regimes and restarts."""

from itertools import islice

import orjson
import pytest
from emulator.machine import START_NS, Bench

from streaming.emulator.control import ControlDesk
from streaming.emulator.faults import Fault, FaultKind
from streaming.emulator.instruments import SYMBOL
from streaming.emulator.regime import STRESS, Regime
from streaming.emulator.source import MadeFrom
from streaming.emulator.true_books import made_from_json, true_books
from streaming.shell.clock import Clock

NAMES = [f"{venue}:{SYMBOL}" for venue in ("binance_usdm", "binance_spot", "bybit_spot")]
BYBIT = NAMES[2]


def served(seconds_then_do):
    """Play a market with a Bybit client, doing things at times; return what it followed from and its books."""
    bench = Bench()
    session = bench.open("bybit_spot", "/v5/public/spot")
    bench.ask(session, op="subscribe", args=[f"orderbook.50.{SYMBOL}"])
    tops = {name: {} for name in NAMES}
    for seconds, do in seconds_then_do:
        for _ in range(round(seconds * 10)):
            bench.wait(0.1)
            session.data_to_send(10**6)
            for name in NAMES:
                state = bench.emulator.truth_at(name, 20)
                tops[name][state.ts_ns, state.last_id] = (state.bids, state.asks)
        do(bench)
    desk = ControlDesk(bench.emulator, Clock.wall())
    document = orjson.loads(desk.answer("GET", "/made-from", {}, b"", bench.now_ns).body)
    return made_from_json(document), tops, bench.now_ns


def restart(bench):
    bench.emulator.arm(Fault(kind=FaultKind.server_restart, venue="bybit_spot"), bench.now_ns)


def test_every_book_of_a_served_market_is_made_again() -> None:
    made, tops, end_ns = served(
        [
            (2, restart),
            (4, lambda bench: bench.emulator.set_regime(STRESS, bench.now_ns)),
            (7, restart),
            (3, lambda bench: bench.emulator.set_regime(Regime(), bench.now_ns)),
            (7, lambda bench: None),
        ]
    )

    seen = dict.fromkeys(NAMES, 0)
    for step in true_books(made.market, end_ns, restarts=made.restarts):
        wanted = tops[step.instrument].get((step.ts_ns, step.last_id))
        if wanted is not None:
            assert step.top(20) == wanted
            seen[step.instrument] += 1

    assert seen == {name: len(own) for name, own in tops.items()}
    assert len(made.restarts) == len(made.market.regimes) == 2


def test_ids_of_bybit_begin_anew_at_each_restart_and_its_sequence_does_not() -> None:
    made, _, end_ns = served([(1, restart), (2, restart), (1, lambda bench: None)])

    steps = [
        (step.last_id, step.sequence)
        for step in true_books(made.market, end_ns, restarts=made.restarts, instruments=[BYBIT])
    ]

    assert [last_id for last_id, _ in steps].count(1) == 2
    assert [sequence for _, sequence in steps] == sorted({sequence for _, sequence in steps})


def test_only_what_is_asked_for_is_yielded_up_to_the_end() -> None:
    end_ns = START_NS + 10**9

    steps = [*true_books(MadeFrom(seed=1, start_ns=START_NS), end_ns, instruments=NAMES[:1])]

    assert {step.instrument for step in steps} == {NAMES[0]}
    assert end_ns - 10**8 < steps[-1].ts_ns <= end_ns


def test_equal_origins_give_equal_books_and_other_seeds_do_not() -> None:
    def first(seed):
        steps = true_books(MadeFrom(seed=seed, start_ns=START_NS), START_NS + 10**10)
        return [(step.instrument, step.last_id, step.top(1)) for step in islice(steps, 100)]

    assert first(1) == first(1) != first(2)


def test_a_document_that_says_something_else_is_refused() -> None:
    with pytest.raises(ValueError, match="market"):
        made_from_json({"seed": 1})
