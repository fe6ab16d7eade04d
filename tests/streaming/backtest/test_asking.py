"""Strategies in Python in a pass: asked at each step, told nothing of the future, and what they wish is traded."""

import shutil

import numpy as np
import pytest
from small_lake import BUNDLE, START_NS, imbalance_model, make_lake, silent

from streaming.backtest.evaluate import evaluate
from streaming.backtest.request import BacktestRequest
from streaming.backtest.run import run_backtest
from streaming.errors import UsageError
from streaming.settings import load_settings
from streaming.strategies.interface import Action, Wish

SECOND = 1_000_000_000
FROM_NS = START_NS + 12 * SECOND
STEP_NS = SECOND // 10
PERIOD = 20


class InAndOut:
    """Buys one order of the first slot and sells it again, every `PERIOD` steps; keeps what it was shown."""

    views: list = []

    def __init__(self, is_silent: bool = False) -> None:
        self.is_silent = is_silent
        InAndOut.views = []

    def decide(self, view):
        self.views.append(view)
        slot = view.slots[0]
        if self.is_silent or not slot.is_usable:
            return []
        target = slot.order_size_units if len(self.views) // PERIOD % 2 == 0 else 0
        action = Action.ENTER if target > slot.position_units else Action.EXIT
        return [Wish(0, action if target != slot.position_units else Action.HOLD, target)]


FORECAST = """
[[native.strategies]]
name = "forecast"
kind = "forecast"
"""
PYTHON = """
[[native.strategies]]
name = "mine"
kind = "external"
python = "{module}:InAndOut"
settings = {{ is_silent = {silent} }}
"""


@pytest.fixture(scope="module")
def market(tmp_path_factory):
    """36 seconds of market, made once."""
    root = tmp_path_factory.mktemp("market") / "lake"
    make_lake(root, 0.01)
    return root


@pytest.fixture
def with_strategies(market, data_dir, settings_file):
    """Return a function that gives settings with these strategies over the market."""
    shutil.copytree(market, data_dir / "lake")
    text = settings_file.read_text()

    def ready(sections: str):
        settings_file.write_text(text + sections)
        return load_settings()

    return ready


def backtest(settings, **words):
    request = BacktestRequest(**({"grid": "main", "model": None, "ts_from_ns": FROM_NS} | words))
    return run_backtest(settings, request, silent, imbalance_model)


def test_wishes_become_orders_and_the_strategy_knows_what_it_holds(with_strategies):
    run = backtest(with_strategies(PYTHON.format(module=__name__, silent="false")))

    fills, views = run.records.table("fills"), InAndOut.views
    assert len(fills) >= 10 and run.asked == ("mine",)
    assert {view.slots[0].position_units for view in views} == {0, int(fills["size_units"][0])}
    assert evaluate(run).earnings.pnl_e8 == run.summary["equity_e8"][0] != 0


def test_each_step_of_the_span_is_asked_about_once_with_its_own_book(with_strategies):
    run = backtest(with_strategies(PYTHON.format(module=__name__, silent="true")))

    views = InAndOut.views
    asked = [view.ts_step_ns for view in views]
    assert asked == list(range(FROM_NS, asked[-1] + 1, STEP_NS)) and run.ts_to_ns - asked[-1] <= STEP_NS
    mids = dict(zip(run.ts_step_ns.tolist(), run.mid_x2_ticks[:, 0].tolist(), strict=True))
    seen = [(view.slots[0], mids[view.ts_step_ns]) for view in views if view.ts_step_ns in mids]
    assert len(seen) > 200
    for slot, mid_x2 in seen:
        assert not slot.is_usable or slot.bids[0].price_ticks + slot.asks[0].price_ticks == mid_x2


def test_an_order_is_decided_after_its_step_and_filled_after_its_latency(with_strategies):
    run = backtest(with_strategies(PYTHON.format(module=__name__, silent="false")))

    decided, fills = run.records.table("decisions"), run.records.table("fills")
    ordered = decided[decided["client_order_id"] != 0]
    assert np.all(ordered["ts_ns"] == ordered["ts_step_ns"] + 1)
    first = dict(zip(ordered["client_order_id"].tolist(), ordered["ts_ns"].tolist(), strict=True))
    delays = [int(row["ts_ns"]) - first[int(row["client_order_id"])] for row in fills]
    assert min(delays) >= 10_000_000  # five milliseconds each way


def test_going_step_by_step_changes_nothing_for_the_others(with_strategies):
    alone = backtest(with_strategies(FORECAST), model=BUNDLE)
    beside = backtest(with_strategies(FORECAST + PYTHON.format(module=__name__, silent="true")), model=BUNDLE)

    for kind in ("fills", "order_requests"):
        ours, theirs = (run.records.table(kind) for run in (alone, beside))
        names = [name for name in ours.dtype.names if name not in ("client_order_id", "seq")]
        assert len(ours) > 10 and all((ours[name] == theirs[name]).all() for name in names)


def test_other_settings_of_a_class_make_another_run(with_strategies):
    first = backtest(with_strategies(PYTHON.format(module=__name__, silent="false")))
    second = backtest(with_strategies(PYTHON.format(module=__name__, silent="true")))

    assert first.run != second.run and first.settings_hash != second.settings_hash


def test_many_lanes_cannot_ask_one_strategy(with_strategies):
    settings = with_strategies(FORECAST + PYTHON.format(module=__name__, silent="true"))

    with pytest.raises(UsageError, match=r"--sensitivity: .* mine"):
        backtest(settings, is_sensitivity=True)
    assert backtest(settings, is_sensitivity=True, strategies=("forecast",)).asked == ()
