"""What a session gives to those that judge models, and what it is told by them."""

from pathlib import Path

import numpy as np
import orjson
import pytest
from paper_market import CONTEXT, NAMES, START_NS, Arrival, Feeder, arrivals, begin, silent

from streaming.journal import Journal
from streaming.replay import replay
from streaming.segments import KIND_COMMAND
from streaming.trader.session import GRIDS_MAX, TradingSession

BUNDLE = f"{9:08x}" + "e" * 56
"""Of the model that the feeder forecasts with."""


@pytest.fixture(scope="module")
def frames() -> list[Arrival]:
    return arrivals(120)


@pytest.fixture
def session(tmp_path: Path) -> TradingSession:
    return begin(tmp_path)


def test_the_same_step_is_given_over_other_contexts_until_the_next_is_given(
    session: TradingSession, frames: list[Arrival]
) -> None:
    Feeder(session, is_forecasting=False).feed(frames)
    assert session.window(CONTEXT) is None  # the feeder took it
    last = frames[-1].ts_ns
    session.timer(last + 200_000_000)
    given = session.window(CONTEXT)
    assert given is not None

    longer, same = session.window_again(2 * CONTEXT), session.window_again(CONTEXT)

    assert longer is not None and same is not None and longer[0] == same[0] == given[0]
    assert np.array_equal(longer[1][CONTEXT:], given[1], equal_nan=True)
    assert np.array_equal(same[1], given[1], equal_nan=True)
    assert session.window_again(10_000) is None
    session.timer(last + 400_000_000)
    assert session.window_again(CONTEXT) is None  # a newer step has closed and was not given yet


def test_every_closed_step_comes_out_of_the_grid_once(session: TradingSession, frames: list[Arrival]) -> None:
    feeder, rows = Feeder(session, is_forecasting=False), []
    for frame in frames:
        feeder.feed([frame])
        rows.append(session.take_grid())

    grid = np.concatenate(rows)
    assert len(grid) == len(NAMES) * session.counts.steps
    assert (np.diff(grid["ts_step_ns"][:: len(NAMES)]) == 100_000_000).all()
    assert len(session.take_grid()) == 0


def test_a_grid_that_nobody_takes_is_bounded(session: TradingSession, frames: list[Arrival]) -> None:
    Feeder(session, is_forecasting=False).feed(frames)

    assert session.counts.steps > GRIDS_MAX
    assert len(session.take_grid()) <= GRIDS_MAX * len(NAMES) * 2


def test_orders_refusals_and_fills_name_the_bundle_by_its_beginning(
    session: TradingSession, frames: list[Arrival]
) -> None:
    Feeder(session).feed(frames)
    assert {order["bundle"] for order in session.orders(100)} == {f"{9:08x}"}  # of a bundle that nobody told of

    session.know_bundles([BUNDLE, "f" * 64])

    orders = session.orders(100)
    assert orders and {order["bundle"] for order in orders} == {BUNDLE[:12]}
    fills = [event for event in session.take_events() if event.kind == "fill"]
    assert fills and {event.body["bundle"] for event in fills} == {f"{9:08x}"}  # told as it was when it happened


def test_facts_are_journaled_taken_in_any_state_and_replayed(session: TradingSession, frames: list[Arrival]) -> None:
    Feeder(session).feed(frames)
    last = frames[-1].ts_ns
    assert session.observe(last, "model_expires_ns", START_NS + 10**15)
    session.command(last, "halt", "test")

    assert session.observe(last, "drift_level", 2)

    assert session.counts.rejects == 0
    path = session.close()
    assert replay(path, silent).identical
    found = [
        orjson.loads(step.block[int(row["offset"]) : int(row["offset"]) + int(row["length"])])
        for step in Journal(path).steps()
        for row in step.records[step.records["kind"] == KIND_COMMAND]
    ]
    assert [item for item in found if item["op"] == "observe"] == [
        {"op": "observe", "fact": "model_expires_ns", "value": START_NS + 10**15},
        {"op": "observe", "fact": "drift_level", "value": 2},
    ]
