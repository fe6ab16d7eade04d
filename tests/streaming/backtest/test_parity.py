"""A paper session heard again as a backtest: the same bytes, or where they differ, and why it earned otherwise."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from paper_market import CONTEXT, HORIZON, Feeder, arrivals, begin, plan_of, scripted, settings_of

from native.strategy_settings import ExternalStrategy, MarketMakingStrategy
from streaming.backtest import anew
from streaming.backtest.parity import compare_session
from streaming.backtest.session import compare_tables
from streaming.cli.main import main
from streaming.errors import RefusedError, UsageError
from streaming.session_tables import land_session
from streaming.settings import load_settings
from streaming.trader.python_strategies import PythonStrategies
from warehouse.lake import Lake

STEPS = 120


def silent(_message):
    pass


class Scripted:
    """The session's own model, in batch; `off_bps` makes it say something else."""

    context_steps, horizon_steps = CONTEXT, HORIZON

    def __init__(self, ts_step_ns, off_bps=0.0):
        self.ts_step_ns, self.off_bps = ts_step_ns, off_bps

    def forecast_batch(self, _features, _valid, steps):
        found = np.array([scripted(int(self.ts_step_ns[step])) for step in steps], dtype=np.float32)
        found = found.reshape(len(steps), HORIZON, 60)
        found[:, :, ::20] -= self.off_bps * np.sign(found[:, :, ::20])
        return found


@pytest.fixture(scope="module")
def sealed(tmp_path_factory):
    session = begin(tmp_path_factory.mktemp("sealed"))
    Feeder(session).feed(arrivals(STEPS))
    return session.close()


@pytest.fixture
def session(sealed, data_dir):
    """A landed session in the data folder of the settings in force: settings and run."""
    folder = data_dir / "journal"
    folder.mkdir(parents=True)
    (folder / sealed.name).write_bytes(sealed.read_bytes())
    return load_settings(), sealed.name.removesuffix(".seg.zst")


def recompute(session, monkeypatch, off_bps=0.0):
    settings, run = session
    land_session(Lake(settings.warehouse.lake_dir), settings.warehouse.journal_dir / f"{run}.seg.zst", silent)
    seen = anew.seen

    def models_of(_settings, _session, given, _now_ns):
        grid = seen(settings, _session)
        return {model_id: Scripted(grid.ts_step_ns, off_bps) for model_id in set(given.model_id)}

    monkeypatch.setattr(anew, "models_of", models_of)
    return compare_session(settings, run, is_recomputed=True, progress=silent)


def test_a_session_heard_again_gives_its_orders_and_fills_byte_for_byte(session):
    settings, run = session

    verdict = compare_session(settings, run, is_recomputed=False, progress=silent)

    assert verdict.is_identical
    assert [(table.table, table.differing) for table in verdict.tables] == [("orders", 0), ("fills", 0)]
    assert all(table.session_rows > 10 for table in verdict.tables)


def test_a_live_session_is_refused_as_no_simulated_venue_fills_its_orders_the_same(session):
    settings, _ = session
    run = "live-20260105T120000.000"
    (settings.warehouse.journal_dir / f"{run}.seg.zst").touch()

    with pytest.raises(RefusedError, match="trader replay"):
        compare_session(settings, run, is_recomputed=False, progress=silent)


def test_the_command_prints_the_verdict_and_ends_well(session, capsys):
    assert main(["backtest", "--journal", session[1]]) == 0
    assert "IDENTICAL  session" in capsys.readouterr().out


def test_a_session_whose_table_says_otherwise_is_told_as_different(session, sealed, capsys):
    settings, run = session
    lake = Lake(settings.warehouse.lake_dir)
    land_session(lake, settings.warehouse.journal_dir / sealed.name, silent)
    fills = lake.read_partition("fills", {"run": run}).to_pylist()
    fills[3]["price_ticks"] += 1
    lake.write_table("fills", {"run": run}, pa.Table.from_pylist(fills))

    code = main(["backtest", "--journal", run])

    out = capsys.readouterr().out
    price = fills[3]["price_ticks"]
    assert code == 1
    assert "DIFFERENT  session" in out
    assert f"row 3: price_ticks was {price}, is {price - 1}" in out


def test_forecasts_made_anew_that_agree_change_nothing(session, monkeypatch):
    verdict = recompute(session, monkeypatch)

    found = verdict.recomputed
    assert found is not None and verdict.is_identical
    assert (found.difference.differing, found.difference.max_bps) == (0, 0.0)
    assert found.difference.compared > 50
    assert [table.differing for table in found.tables] == [0, 0]
    assert (found.attribution.unknown_e8, found.attribution.forecasts_e8) == (0, 0)


def test_forecasts_made_anew_that_differ_are_counted_and_their_share_is_named(session, monkeypatch):
    found = recompute(session, monkeypatch, off_bps=100.0).recomputed

    assert found is not None
    assert found.difference.differing == found.difference.compared
    assert found.difference.max_bps == pytest.approx(100.0)
    assert any(table.differing for table in found.tables)
    parts = found.attribution
    assert parts.forecasts_e8 != 0
    assert parts.session_e8 + parts.unknown_e8 + parts.forecasts_e8 + parts.latency_e8 == parts.stated_e8


def test_an_unknown_session_is_refused_with_the_names_that_exist(session):
    settings, run = session

    with pytest.raises(UsageError, match=f"no sealed session is called 'paper-never'; the newest are: {run}"):
        compare_session(settings, "paper-never", is_recomputed=False, progress=silent)


def test_options_of_the_lake_make_no_sense_beside_a_journal(session, capsys):
    assert main(["backtest", "--journal", session[1], "--queue", "front"]) == 2
    assert "--queue" in capsys.readouterr().err


def test_tables_are_compared_row_by_row_with_the_first_difference_named():
    own = pa.table({"seq": [1, 2, 3], "side": ["buy", "sell", "buy"]})
    again = pa.table({"seq": [1, 2], "side": ["buy", "buy"]})

    found = compare_tables("orders", own, again)

    assert (found.session_rows, found.backtest_rows, found.differing) == (3, 2, 2)
    assert found.first == "row 1: side was sell, is buy"
    assert not found.is_identical
    assert replace(found, differing=0).is_identical


def test_quotes_and_wishes_of_a_session_are_heard_again_to_the_byte(data_dir):
    changes = {
        "strategies": (
            MarketMakingStrategy(name="maker", kind="market_making", min_half_width_bps=0.0, volatility_weight=0.0),
            ExternalStrategy(
                name="mine",
                kind="external",
                python="streaming.strategies.mean_reversion:MeanReversion",
                settings={"window_steps": 10, "entry_z": 1.0, "exit_z": 0.2},
            ),
        )
    }
    plan, folder = plan_of(**changes), data_dir / "journal"
    folder.mkdir(parents=True)
    session = begin(folder, plan)
    askers = PythonStrategies.of(plan, settings_of(**changes).native).askers()
    feeder, steps = Feeder(session, is_forecasting=False), 0
    for frame in arrivals(300):
        feeder.feed([frame])
        if session.counts.steps != steps:
            steps = session.counts.steps
            for ask in askers:
                session.wishes(frame.ts_ns, ask(session))
    run = session.close().name.removesuffix(".seg.zst")

    verdict = compare_session(load_settings(), run, is_recomputed=False, progress=silent)

    fills = Lake(load_settings().warehouse.lake_dir).read_partition("fills", {"run": run}).to_pandas()
    assert verdict.is_identical and set(fills["strategy"]) == {0, 1} and fills["is_maker"].any()
