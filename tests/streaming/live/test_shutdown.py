"""The end of a live session: every cell of its table, and walks through it."""

from dataclasses import replace
from itertools import product

import pytest

from streaming.live.config import ShutdownSettings
from streaming.live.shutdown import NS_PER_S, TRANSITIONS, Do, Seen, Shutdown, Standing, State

TRADING = Standing(is_halted=False, open_orders=3, listed=None, positions=1)
DRAWN = """
trading     stop           halting     halt
halting     halted         cancelling  cancel
halting     time_over      cancelling  cancel
cancelling  no_orders      confirming  ask
cancelling  time_over      confirming  ask
confirming  still_listed   confirming  cancel ask
confirming  none_listed    flushing    flush
confirming  positions_left flattening  flatten
confirming  time_over      flushing    flush
flattening  is_flat        confirming  cancel ask
flattening  time_over      confirming  halt cancel ask
flushing    flushed        ended       exit
flushing    time_over      ended       exit
"""


def test_the_table_is_the_one_drawn_here_and_nothing_else() -> None:
    drawn = {(words[0], words[1]): words[2:] for words in map(str.split, DRAWN.strip().splitlines())}

    for state, seen in product(State, Seen):
        found = TRANSITIONS.get((state, seen))
        assert (None if found is None else [found[0], *found[1]]) == drawn.get((state, seen)), (state, seen)


def test_orders_are_cancelled_and_confirmed_before_anything_is_flushed() -> None:
    shutdown = Shutdown(ShutdownSettings())

    assert shutdown.begin(0) == (Do.halt,)
    assert shutdown.look(TRADING, 1) == ()
    halted = replace(TRADING, is_halted=True)
    assert shutdown.look(halted, 2) == (Do.cancel,)
    assert shutdown.look(halted, 3) == ()
    gone = replace(halted, open_orders=0)
    assert shutdown.look(gone, 4) == (Do.ask,)
    assert shutdown.look(replace(gone, listed=1), 5) == (Do.cancel, Do.ask)
    assert shutdown.look(gone, 6) == ()
    assert shutdown.look(replace(gone, listed=0), 7) == (Do.flush,)
    assert shutdown.exit_code is None
    assert shutdown.look(replace(gone, is_flushed=True), 8) == (Do.exit,)
    code = shutdown.exit_code
    assert (code, shutdown.unconfirmed) == (0, [])


def test_positions_are_closed_where_that_is_asked_and_orders_confirmed_again() -> None:
    shutdown = at_confirming(ShutdownSettings(flatten=True))
    gone = replace(TRADING, is_halted=True, open_orders=0, listed=0)

    assert shutdown.look(gone, 10) == (Do.flatten,)
    assert shutdown.look(replace(gone, positions=1), 11) == ()
    assert shutdown.look(replace(gone, positions=0), 12) == (Do.cancel, Do.ask)
    assert shutdown.look(replace(gone, positions=0), 13) == (Do.flush,)
    assert shutdown.look(replace(gone, is_flushed=True), 14) == (Do.exit,)
    assert shutdown.exit_code == 0


def test_a_position_that_does_not_close_is_given_up_once_and_named() -> None:
    settings = ShutdownSettings(flatten=True, flatten_s=5)
    shutdown = at_confirming(settings)
    gone = replace(TRADING, is_halted=True, open_orders=0, listed=0)
    shutdown.look(gone, 10)

    assert shutdown.look(gone, 6 * NS_PER_S) == (Do.halt, Do.cancel, Do.ask)
    assert shutdown.look(gone, 6 * NS_PER_S + 1) == (Do.flush,)
    assert shutdown.unconfirmed == ["1 positions are not closed"]


def test_a_venue_that_still_lists_orders_is_asked_until_the_time_is_over() -> None:
    shutdown = at_confirming(ShutdownSettings(cancel_s=5))
    stuck = replace(TRADING, is_halted=True, open_orders=0, listed=None)

    assert shutdown.look(replace(stuck, listed=2), NS_PER_S) == (Do.cancel, Do.ask)
    assert shutdown.look(stuck, 6 * NS_PER_S) == (Do.flush,)
    assert shutdown.look(replace(stuck, is_flushed=True), 6 * NS_PER_S) == (Do.exit,)
    assert shutdown.exit_code == 1
    assert shutdown.unconfirmed == ["the venues did not all answer: look there, or trader kill"]


@pytest.mark.parametrize("step_s", [0.5, 3.0, 60.0])
def test_it_ends_whatever_never_happens(step_s: float) -> None:
    shutdown = Shutdown(ShutdownSettings(flatten=True))
    shutdown.begin(0)
    now_ns = 0
    for _ in range(1_000):
        now_ns += int(step_s * NS_PER_S)
        shutdown.look(TRADING, now_ns)
        if shutdown.exit_code is not None:
            break

    assert shutdown.exit_code == 1
    assert len(shutdown.unconfirmed) == 4


def at_confirming(settings: ShutdownSettings) -> Shutdown:
    shutdown = Shutdown(settings)
    shutdown.begin(0)
    shutdown.look(replace(TRADING, is_halted=True), 1)
    shutdown.look(replace(TRADING, is_halted=True, open_orders=0), 2)
    return shutdown
