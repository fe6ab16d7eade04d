"""One real `dbt build` over a small generated market, with readers at work beside it."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import TextIO

import duckdb
import orjson
import pytest

from native.config import GridConfig
from streaming.convert import convert_grid_hour, convert_hour
from streaming.emulator.generator import generate
from warehouse.config import WarehouseConfig
from warehouse.lake import Lake
from warehouse.marts import dbt_environment, prepare, publish
from warehouse.views import connect

ROOT = Path(__file__).resolve().parents[2]
START = datetime(2026, 1, 5, tzinfo=UTC)
INSTRUMENTS = ("binance_usdm:BTCUSDT", "binance_spot:BTCUSDT", "bybit_spot:BTCUSDT")


@dataclass(frozen=True, slots=True)
class Built:
    """A published build, and what was seen while dbt was at work."""

    config: WarehouseConfig
    lake: Lake
    reads_while_building: int
    answers_while_building: set[tuple[int, int]]
    trader_sql: str
    old_reader_after_publishing: list[tuple[int]]


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Iterator[Built]:
    config = WarehouseConfig(data_dir=tmp_path_factory.mktemp("data"))
    lake = Lake(config.lake_dir)
    generate(lake.root, 0.02, 7, 1.0, START)
    for venue in lake.venues():
        convert_hour(lake, venue, START)
    convert_grid_hour(lake, GridConfig(name="main", instruments=INSTRUMENTS, reference=INSTRUMENTS[0]), START)
    publish_placeholder(lake, config)
    prepare(lake, config.marts_build_path)

    answers: set[tuple[int, int]] = set()
    reads = 0
    log = config.data_dir / "dbt.log"
    with log.open("w") as output, start_dbt_build(config, output) as process:
        told = trader_sql(config, "select count(*) as trades from trades")
        while process.poll() is None:
            answers.add(read_once(lake, config))
            reads += 1
            time.sleep(0.1)
    assert process.returncode == 0, log.read_text()

    with connect(lake, config.marts_path) as old_reader:
        publish(config.marts_build_path, config.marts_path)
        old_answer = old_reader.execute("select count(*) from placeholder").fetchall()
    yield Built(config, lake, reads, answers, told, old_answer)


def start_dbt_build(config: WarehouseConfig, output: TextIO) -> subprocess.Popen[str]:
    dbt, project = Path(sys.executable).with_name("dbt"), ROOT / "dbt"
    return subprocess.Popen(
        [dbt, "build", "--project-dir", project, "--profiles-dir", project],
        env={**os.environ, **dbt_environment(config)},
        stdout=output,
        stderr=subprocess.STDOUT,
        text=True,
    )


def publish_placeholder(lake: Lake, config: WarehouseConfig) -> None:
    """Marts of an earlier day, which readers see while the new ones are built."""
    prepare(lake, config.marts_build_path)
    with duckdb.connect(str(config.marts_build_path)) as connection:
        connection.execute("create table placeholder as select 1 as x")
    publish(config.marts_build_path, config.marts_path)


def read_once(lake: Lake, config: WarehouseConfig) -> tuple[int, int]:
    with connect(lake, config.marts_path) as connection:
        ((trades,),) = connection.execute("select count(*) from trades").fetchall()
        ((old,),) = connection.execute("select count(*) from placeholder").fetchall()
    return trades, old


def trader_sql(config: WarehouseConfig, query: str) -> str:
    """What `trader sql --json` prints."""
    done = subprocess.run(
        [sys.executable, "-m", "streaming", "sql", "--json", query],
        cwd=ROOT,
        env={**os.environ, "LOB_WAREHOUSE__DATA_DIR": str(config.data_dir)},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def ask(built: Built, query: str) -> list[tuple]:
    with connect(built.lake, built.config.marts_path) as connection:
        return connection.execute(query).fetchall()


def test_readers_are_answered_from_lake_and_old_marts_while_dbt_builds(built):
    trades = built.lake.scan("trades").collect().height

    assert built.reads_while_building > 3
    assert built.answers_while_building == {(trades, 1)}
    assert orjson.loads(built.trader_sql) == [{"trades": trades}]


def test_a_reader_keeps_the_old_marts_when_new_ones_are_published(built):
    assert built.old_reader_after_publishing == [(1,)]
    assert not built.config.marts_build_path.exists()


def test_marts_are_named_without_their_catalog(built):
    assert ask(built, "select count(*) from dim_instruments") == [(3,)]
    assert ask(built, "select count(*) from stg_trades") == ask(built, "select count(*) from trades")


def test_bars_hold_exact_volumes(built):
    """The bars' volumes are the sums of size_units times the exact unit."""
    bars = ask(built, "select instrument_id, sum(volume) from fct_minute_bars group by 1 order by 1")
    units = ask(
        built,
        "select venue || ':' || instrument, sum(size_units)::varchar, min(size_unit)::varchar"
        " from trades inner join instruments using (venue, instrument) group by 1 order by 1",
    )

    expected = [(name, Decimal(count) * Decimal(unit)) for name, count, unit in units]
    assert bars == expected


def test_grid_coverage_counts_every_step(built):
    rows = ask(built, "select instrument_id, step_count, valid_count from fct_grid_coverage order by instrument_id")
    grid = built.lake.scan("grid").collect()

    assert [row[0] for row in rows] == sorted(INSTRUMENTS)
    assert sum(row[1] for row in rows) == grid.height
    assert sum(row[2] for row in rows) == int(grid["is_valid"].sum())


def test_feed_health_tells_what_was_heard(built):
    rows = ask(built, "select sum(trade_count), sum(quote_count), min(sync_count) from fct_feed_health")

    assert rows == [
        (built.lake.scan("trades").collect().height, built.lake.scan("quotes").collect().height, 1),
    ]


def test_nothing_was_written_into_the_project(built):
    assert not (ROOT / "dbt" / "target").exists()
    assert not (ROOT / "dbt" / "logs").exists()
    assert (built.config.dbt_dir / "target" / "manifest.json").is_file()
