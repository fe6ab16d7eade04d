"""Bad data stop everything behind them, in the run that finds them and in every later one."""

from collections.abc import Callable

import dagster as dg
import polars as pl
import pytest

from orchestration.conduct import refused_checks
from orchestration.defs.promote.promotion import crown, decide
from orchestration.defs.train.jobs import LAKE_CHECKS
from orchestration.defs.validate.assets import sealed_hash
from orchestration.errors import RefusedError
from orchestration.settings import Settings
from warehouse.lake import hour_keys

LEARNED = dg.AssetSelection.assets("dataset", "candidate", "validation", "challenger", "champion")

Run = Callable[[], dg.ExecuteInProcessResult]


@pytest.fixture
def run(definitions: dg.Definitions, instance: dg.DagsterInstance) -> Run:
    """Run `learning` without dbt and the drift report, which nothing here depends on."""
    gated = dg.define_asset_job("gated", selection=LAKE_CHECKS | LEARNED)
    job = dg.Definitions.merge(definitions, dg.Definitions(jobs=[gated])).resolve_job_def("gated")
    return lambda: job.execute_in_process(instance=instance, raise_on_error=False)


def spoil_trades(house: Settings) -> None:
    """Give one trade of the first hour the price -1, as one of the corrupted recordings does."""
    hour = house.lake.hours("binance_usdm")[0]
    keys = {"venue": "binance_usdm", "instrument": "BTCUSDT", **hour_keys(hour)}
    rows = pl.DataFrame(house.lake.read_partition("trades", keys)).with_row_index("row")
    bad = rows.with_columns(price_ticks=pl.when(pl.col("row") == 3).then(-1).otherwise("price_ticks")).drop("row")
    house.lake.write_table("trades", keys, bad.to_arrow())


def ran(result: dg.ExecuteInProcessResult) -> set[str]:
    return {event.step_key for event in result.all_events if event.is_step_start}


def test_bad_data_block_what_is_downstream_in_the_same_run_and_promotion_in_a_later_one(
    converted_house: Settings, run: Run, instance: dg.DagsterInstance
):
    house = converted_house
    clean = run()
    bundle = sealed_hash(house)
    assert clean.success
    assert decide(house, instance, bundle).objections == ()

    with dg.DagsterInstance.ephemeral() as forgetful:
        unknown = decide(house, forgetful, bundle, reason="I want it")
    spoil_trades(house)
    unjudged = decide(house, instance, bundle, reason="I want it")
    blocked = run()
    later = decide(house, instance, bundle, reason="I want it")

    assert unknown.objections and all("no verdict is recorded" in line for line in unknown.objections)
    assert any("changed after the verdict" in line for line in unjudged.objections)
    assert ["captured_books: trades_sane" in line for line in refused_checks(blocked)] == [True]
    assert not blocked.success
    assert ran(blocked) == {"captured_books_checks", "grid_checks"}
    assert any("trades_sane: the data were refused" in line for line in later.objections)
    for decision in (unknown, unjudged, later):
        with pytest.raises(RefusedError, match="no reason overrides data checks") as refused:
            crown(house, decision, "a person")
        assert "\n" not in str(refused.value)
