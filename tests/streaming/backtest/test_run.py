"""A pass over a small lake: a replay's orders, wherever the grid comes from, and nothing earned from noise."""

import shutil

import numpy as np
import pytest
from small_lake import BUNDLE, START, START_NS, ImbalanceModel, imbalance_model, make_lake, silent, write_market

from streaming.backtest.evaluate import evaluate
from streaming.backtest.request import BacktestRequest
from streaming.backtest.run import run_backtest
from streaming.errors import RefusedError, UsageError
from streaming.settings import load_settings
from streaming.trader_document import horizon_step_of
from streaming.trading_run import StartRequest, start_replay
from warehouse.gaps import not_recorded
from warehouse.lake import Lake, hour_keys
from warehouse.records import to_table

SECOND = 1_000_000_000
FROM_NS = START_NS + 12 * SECOND


@pytest.fixture(scope="module")
def market(tmp_path_factory):
    """36 seconds of market, made once."""
    root = tmp_path_factory.mktemp("market") / "lake"
    make_lake(root, 0.01)
    return root


@pytest.fixture
def settings(market, data_dir, monkeypatch):
    monkeypatch.setattr("streaming.trading_run.load_forecaster", imbalance_model)
    shutil.copytree(market, data_dir / "lake")
    return load_settings()


def backtest(settings, **words):
    request = BacktestRequest(**({"grid": "main", "model": BUNDLE, "ts_from_ns": FROM_NS} | words))
    return run_backtest(settings, request, silent, imbalance_model)


def test_orders_and_fills_are_those_of_a_replay_of_the_same_span(settings):
    summary = start_replay(settings, StartRequest(grid="main", model=BUNDLE, ts_from_ns=FROM_NS), silent)
    lake = Lake(settings.warehouse.lake_dir)

    run = backtest(settings)

    names = [(entry.venue, entry.symbol) for entry in run.entries]
    for table, kind in (("orders", "order_events"), ("fills", "fills")):
        landed = lake.read_partition(table, {"run": summary.run}).to_pandas()
        own = to_table(table, run.records.table(kind), instruments=names, arena=b"").to_pandas()
        ends = landed["ts_ns"] <= run.ts_to_ns  # a replay closes one step more at its end
        differing = ["seq", "client_order_id", "trade_id"]
        landed, own = (frame.drop(columns=differing, errors="ignore") for frame in (landed[ends], own))
        assert len(own) > 10
        assert own.reset_index(drop=True).equals(landed.reset_index(drop=True))


def test_grid_made_of_the_frames_gives_the_run_that_the_lakes_grid_gives(settings):
    with_grid = backtest(settings)
    lake = Lake(settings.warehouse.lake_dir)
    for path in list(lake.files("grid")):
        path.unlink()

    without = backtest(settings)

    assert without.forecasted.mid_bps.tobytes() == with_grid.forecasted.mid_bps.tobytes()
    for kind in ("order_requests", "fills"):
        assert without.records.table(kind).tobytes() == with_grid.records.table(kind).tobytes()
    assert without.mid_x2_ticks.tobytes() == with_grid.mid_x2_ticks.tobytes()


def test_same_request_gives_the_same_run_byte_for_byte(settings):
    first, second = backtest(settings), backtest(settings)

    assert first.run == second.run and first.settings_hash == second.settings_hash
    assert first.records.table("fills").tobytes() == second.records.table("fills").tobytes()
    assert backtest(settings, queue="front").run != first.run


def test_figures_agree_with_the_cores_own_sums(settings):
    run = backtest(settings)

    evaluation = evaluate(run)

    (row,) = run.summary
    earnings, execution = evaluation.earnings, evaluation.execution
    assert earnings.pnl_e8 == row["equity_e8"] != 0
    assert earnings.turnover_e8 == row["turnover_e8"]
    assert (execution.orders, execution.refused, execution.fills) == (row["orders"], row["refused"], row["fills"])
    assert execution.filled_lots == row["filled_lots"]
    assert earnings.costs.spread_e8 == -row["spread_earned_e8"]
    assert earnings.costs.fees_maker_e8 + earnings.costs.fees_taker_e8 == row["fees_e8"]
    assert earnings.profit_factor == pytest.approx(row["gross_profit_e8"] / row["gross_loss_e8"], rel=1e-9)


def test_nothing_is_ordered_before_the_span(settings):
    run = backtest(settings)

    requests = run.records.table("order_requests")
    assert len(requests) and requests["ts_ns"].min() >= FROM_NS
    assert run.ts_from_ns == FROM_NS
    assert np.all(run.ts_step_ns >= FROM_NS)


def test_lanes_of_one_pass_are_told_apart(settings):
    run = backtest(settings, is_sensitivity=True)

    assert len(run.summary) == len(run.lanes) == 12
    assert run.summary["lane"].tolist() == list(range(12))
    assert (run.summary["orders"] > 0).all()


def test_a_ledgered_gap_withholds_forecasts_and_is_told(settings):
    lake = Lake(settings.warehouse.lake_dir)
    keys = {"venue": "bybit_spot", "instrument": "BTCUSDT", **hour_keys(START)}
    gap = not_recorded("run", 1, FROM_NS + 5 * SECOND, FROM_NS + 6 * SECOND)
    lake.write_table("gaps", keys, gap)

    whole, masked = backtest(settings).counts, backtest(settings)

    assert [(span.instrument, span.cause) for span in masked.masked] == [("bybit_spot:BTCUSDT", "not_recorded")]
    assert masked.counts.withheld == whole.withheld == 14  # ten steps within, and four that look back on them
    assert evaluate(masked).masked_ns == SECOND


def test_a_span_with_a_gap_is_refused_on_request(settings):
    lake = Lake(settings.warehouse.lake_dir)
    keys = {"venue": "bybit_spot", "instrument": "BTCUSDT", **hour_keys(START)}
    lake.write_table("gaps", keys, not_recorded("run", 1, FROM_NS + 5 * SECOND, FROM_NS + 6 * SECOND))

    with pytest.raises(RefusedError, match=r"1 ledgered gap\(s\): bybit_spot:BTCUSDT not_recorded"):
        backtest(settings, on_gap="refuse")


def test_an_empty_lake_says_what_to_do(data_dir):
    with pytest.raises(UsageError, match="the lake holds no segment"):
        backtest(load_settings())


def test_a_span_behind_the_data_is_refused(settings):
    with pytest.raises(UsageError, match="no segment"):
        backtest(settings, ts_from_ns=START_NS + 10**16)


def test_without_a_model_no_order_is_sent_and_nothing_is_claimed(settings):
    evaluation = evaluate(backtest(settings, model=None))

    assert evaluation.execution.orders == 0 and evaluation.execution.fill_rate is None
    assert evaluation.prediction.count == 0 and evaluation.earnings.sharpe is None


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_on_a_market_without_effect_nothing_is_earned_after_fees(data_dir, seed, monkeypatch):
    monkeypatch.setenv("LOB_NATIVE__FEES", '{"binance_usdm": {"maker_bps": "0", "taker_bps": "0.05"}}')
    settings = write_market(0.04, seed=seed, effect=0.0, is_converted=False)

    evaluation = evaluate(backtest(settings))

    interval = evaluation.earnings.pnl_interval
    assert evaluation.execution.fills > 50
    assert interval is not None and interval.low <= 0
    assert evaluation.leak.warning == ""


class Peeking(ImbalanceModel):
    """Knows where the mids stand one step later: given the grid of the whole span, each row's next one."""

    def __init__(self, ts_step_ns, mid_x2_ticks):
        super().__init__()
        assert len(ts_step_ns) == len(mid_x2_ticks)
        mids = np.where(mid_x2_ticks > 0, mid_x2_ticks, np.nan).astype(float)
        self.moves = np.nan_to_num(1e4 * np.log(mids[1:] / mids[:-1]))
        self.asked = 0

    def forecast_batch(self, features, valid, rows):
        values = np.zeros((len(rows), 20, 3, 20), dtype=np.float32)
        known = self.moves[self.asked : self.asked + len(rows)]
        values[: len(known), :, :, 0] = known[:, None, :]
        self.asked += len(rows)
        return values.reshape(len(rows), 20, 60)


def test_a_model_that_knows_the_next_step_is_caught(settings):
    seen = backtest(settings, model=None)
    request = BacktestRequest(grid="main", model=BUNDLE, ts_from_ns=FROM_NS)
    model = Peeking(seen.ts_step_ns, seen.mid_x2_ticks)

    run = run_backtest(settings, request, silent, lambda *_: model)

    assert "future" in evaluate(run).leak.warning


def test_other_fees_or_another_delay_are_other_settings_and_another_span_is_not(settings, monkeypatch):
    first = backtest(settings)
    assert backtest(settings, ts_from_ns=FROM_NS + 5 * SECOND).settings_hash == first.settings_hash
    with monkeypatch.context() as fees:
        fees.setenv("LOB_NATIVE__FEES", '{"binance_usdm": {"maker_bps": "0", "taker_bps": "0.05"}}')
        costly = backtest(load_settings())
    monkeypatch.setenv("LOB_STREAMING__REPLAY__FORECAST_DELAY_MS", "40")
    late = backtest(load_settings())

    assert len({first.settings_hash, costly.settings_hash, late.settings_hash}) == 3


def test_a_gap_just_before_the_span_withholds_the_forecasts_that_look_back_on_it(settings):
    lake = Lake(settings.warehouse.lake_dir)
    keys = {"venue": "bybit_spot", "instrument": "BTCUSDT", **hour_keys(START)}
    lake.write_table("gaps", keys, not_recorded("run", 1, FROM_NS - SECOND, FROM_NS - SECOND // 20))

    run = backtest(settings)

    assert run.counts.withheld == 4
    assert run.masked == ()  # of the span itself nothing is masked


def test_a_gap_that_never_closed_is_masked_up_to_the_end_and_no_longer(settings):
    lake = Lake(settings.warehouse.lake_dir)
    keys = {"venue": "bybit_spot", "instrument": "BTCUSDT", **hour_keys(START)}
    lake.write_table("gaps", keys, not_recorded("run", 1, FROM_NS + 5 * SECOND, START_NS + 10**15))

    run = backtest(settings)

    assert run.masked[0].ts_to_ns == run.ts_to_ns and 0 < evaluate(run).masked_share < 1


def test_a_span_behind_the_last_frame_of_its_hour_is_refused(settings):
    with pytest.raises(UsageError, match="holds no frame"):
        backtest(settings, ts_from_ns=START_NS + 1_800 * SECOND)


@pytest.mark.parametrize(
    ("document", "horizon"),
    [
        ({"signal": {"horizon_step": 5}}, 5),
        ({"strategies": [{"name": "a"}, {"name": "b", "horizon_step": 10}], "signal": {"horizon_step": 5}}, 10),
        ({"strategies": [{"name": "a", "settings": {"horizon_step": 3}}]}, 3),
        ({}, 1),
    ],
)
def test_figures_look_as_far_ahead_as_the_first_strategy_that_says(document, horizon):
    assert horizon_step_of(document) == horizon
