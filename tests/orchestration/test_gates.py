"""Bad data stop everything behind them, in the run that finds them and in every later one."""

from collections.abc import Callable

import dagster as dg
import polars as pl
import pytest

from ml.registry import Pointer
from orchestration.conduct import refused_checks
from orchestration.defs.promote.promotion import Decision, crown, decide
from orchestration.defs.train.jobs import LAKE_CHECKS
from orchestration.defs.validate.assets import sealed_hash
from orchestration.errors import RefusedError
from orchestration.settings import Settings, load_settings
from warehouse.lake import hour_keys

NOBODYS_REDIS = '\n[streaming.redis]\nurl = "redis://127.0.0.1:1/0"\n'
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


def crowned_without_redis(house: Settings, decision: Decision, caplog: pytest.LogCaptureFixture) -> Pointer:
    """Promote while nobody serves the Redis that traders would hear of it by: told, and no failure."""
    file = house.data_dir.parent / "settings.toml"
    file.write_text(file.read_text() + NOBODYS_REDIS)
    pointer = crown(load_settings(), decision, "a person")
    assert "traders were not told of the promotion" in caplog.text
    return pointer


def test_bad_data_block_what_is_downstream_in_the_same_run_and_promotion_in_a_later_one(
    converted_house: Settings, run: Run, instance: dg.DagsterInstance, caplog: pytest.LogCaptureFixture
):
    house = converted_house
    clean = run()
    bundle = sealed_hash(house)
    assert clean.success
    granted = decide(house, instance, bundle, reason="I want it")
    assert granted.objections == ()
    assert crowned_without_redis(house, granted, caplog).hash == bundle

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
