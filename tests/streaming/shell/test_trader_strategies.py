"""Configured strategies in a real `trader start`: the core's own and one in Python, without any model."""

import json
import os
import subprocess
import sys

import polars as pl
from paper_house import emulator, make_house

from streaming.cli.main import main
from streaming.replay import replay
from warehouse.lake import Lake

VENUES = ("binance_usdm", "binance_spot", "bybit_spot")
STRATEGIES = """
[[native.strategies]]
name = "quotes"
kind = "market_making"
min_half_width_bps = 0.0
instruments = ["binance_spot:BTCUSDT", "binance_usdm:BTCUSDT"]

[[native.strategies]]
name = "spots"
kind = "arbitrage"
edge_bps = 0.0
instruments = ["binance_spot:BTCUSDT", "bybit_spot:BTCUSDT"]

[[native.strategies]]
name = "reversion"
kind = "external"
python = "streaming.strategies.mean_reversion:MeanReversion"
settings = { window_steps = 10, entry_z = 0.5, exit_z = 0.1 }
"""
BROKEN = """
[[native.strategies]]
name = "quotes"
kind = "market_making"
min_half_width_bps = 0.0
instruments = ["binance_usdm:BTCUSDT"]

[[native.strategies]]
name = "broken"
kind = "external"
python = "broken_strategy:Broken"
"""
BROKEN_CODE = '''
class Broken:
    """Fails at every other step."""

    asked = 0

    def decide(self, view):
        self.asked += 1
        if self.asked % 2:
            raise ZeroDivisionError("no width")
        return []
'''


def house_with(settings_file, strategies):
    """A house whose settings name strategies, coins to sell and no fees: all of them have something to do."""
    fees = "".join(f'[native.fees.{venue}]\nmaker_bps = "0"\ntaker_bps = "0"\n' for venue in VENUES)
    text = settings_file.read_text().replace('max_position = "0.05"\n', 'max_position = "0.05"\ninventory = "0.05"\n')
    settings_file.write_text(text + fees + strategies)
    return make_house(settings_file)


def test_quotes_arbitrage_and_a_python_strategy_trade_replay_and_backtest_identically(settings_file, capsys):
    house = house_with(settings_file, STRATEGIES)
    with emulator(house.addresses_file):
        words = ["start", "--no-model", "--emulator", str(house.addresses_file), "--seconds", "40", "--json"]
        done = subprocess.run(
            [sys.executable, "-m", "streaming", *words],
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            timeout=120,
        )

    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["landed"]["identical"] and told["counts"]["rejects"] == told["counts"]["strategy_failures"] == 0
    orders = pl.from_arrow(Lake(house.settings.lake_root).read_partition("orders", {"run": told["run"]}))
    assert set(orders["strategy"]) == {0, 1, 2}, "each of them sent orders"
    assert told["counts"]["fills"] > 0

    assert main(["replay", told["journal"]]) == 0 and capsys.readouterr().out.startswith("identical: ")
    assert main(["backtest", "--journal", told["run"], "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["identical"]


def test_a_python_strategy_that_raises_is_counted_and_told_and_the_others_trade_on(
    settings_file, tmp_path, monkeypatch
):
    (tmp_path / "broken_strategy.py").write_text(BROKEN_CODE)
    monkeypatch.syspath_prepend(tmp_path)
    house = house_with(settings_file, BROKEN)

    def script(house):
        house.until(lambda status: status["counts"]["strategy_failures"] >= 5 and status["counts"]["orders"] > 0)
        house.until(lambda status: "A STRATEGY FAILS" in "".join(house.lines))

    with emulator(house.addresses_file):
        summary = house.trade(script)

    assert summary.status["last_strategy_problem"] == "ZeroDivisionError: no width"
    assert summary.landed.identical and replay(summary.journal, str).identical
