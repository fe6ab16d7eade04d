"""Real recordings through import, checks, marts, model, gate, bundle and replayed trading."""

import json
from pathlib import Path

import pytest
from whole_job import Job, MakeJob

from warehouse.lake import Lake

ETH_GRID = """
[[grid]]
name = "eth"
instruments = ["binance_usdm:ETHUSDT", "binance_spot:ETHUSDT", "bybit_spot:ETHUSDT"]
reference = "binance_usdm:ETHUSDT"

[native.limits."binance_usdm:ETHUSDT"]
order_size = "0.1"
max_order_size = "0.5"
max_position = "0.5"

[native.limits."binance_spot:ETHUSDT"]
order_size = "0.1"
max_order_size = "0.5"
max_position = "0.5"

[native.limits."bybit_spot:ETHUSDT"]
order_size = "0.1"
max_order_size = "0.5"
max_position = "0.5"
"""
BYBIT_GRID = """
[[grid]]
name = "eth"
instruments = ["bybit_spot:ETHUSDT"]
reference = "bybit_spot:ETHUSDT"

[native.limits."bybit_spot:ETHUSDT"]
order_size = "0.1"
max_order_size = "0.5"
max_position = "0.5"
"""
# Real moves of half a second do not pay a taker's fee; without fees in the threshold the trader has something to do.
TRADE_ANYWAY = {
    "cost_multiple = 1.0 ": "cost_multiple = 0.0 ",
    'grid = "main"\n\n[streaming.replay]': 'grid = "eth"\n\n[streaming.replay]',
}
LEARN_ON_ETH = '\n[orchestration]\ngrid = "eth"\n'
UNITS = {
    "binance_spot": ("--tick", "0.01", "--size-unit", "0.00000001", "--lot", "0.0001"),
    "binance_usdm": ("--tick", "0.01", "--size-unit", "0.001", "--lot", "0.001"),
    "bybit_spot": ("--tick", "0.01", "--size-unit", "0.00001", "--lot", "0.00001"),
}


def import_eth(job: Job, venue: str, *files: Path) -> None:
    imported = job.trader("import", *map(str, files), "--venue", venue, "--instrument", "ETHUSDT", *UNITS[venue])
    assert imported.code == 0, imported.err


def promote_by_hand(job: Job, reason: str) -> str:
    promoted = job.trader("models", "promote", "--reason", reason, "--json")
    assert promoted.code == 0, promoted.err
    return str(promoted.json["bundle"])


@pytest.fixture(scope="module")
def eth(make_job: MakeJob, recordings: Path) -> Job:
    job = make_job("eth", TRADE_ANYWAY, ETH_GRID + LEARN_ON_ETH + "\n[ml]\nsteps = 150\n")
    raw = recordings / "binance-raw"
    import_eth(job, "binance_spot", raw / "spot/ethusdt_20240808.gz", raw / "spot/ethusdt_20240809.gz")
    import_eth(job, "binance_usdm", raw / "usdm/ethusdt_20240808.gz")
    return job


def test_ethusdt_is_refused_for_too_few_steps_then_promoted_by_hand_and_traded(eth: Job) -> None:
    learned = eth.learn()
    assert learned.code == 3, learned.out + learned.err
    assert any("contiguous test steps, at least 4,000" in reason for reason in learned.json["reasons"])
    assert not (eth.data / "models" / "champion.json").exists()

    bundle = promote_by_hand(eth, "a try on a short recording")
    champion = json.loads((eth.data / "models" / "champion.json").read_text())
    assert champion["hash"] == bundle
    assert champion["reason"].startswith("by hand, against")
    assert champion["reason"].endswith("a try on a short recording")

    replayed = eth.trader("start", "--mode", "replay", "--from", "2024-08-08T23:58:50", "--json")
    assert replayed.code == 0, replayed.err
    assert replayed.json["masked"] == ["bybit_spot:ETHUSDT"]
    assert replayed.json["counts"]["forecasts"] > 300
    fills = Lake(eth.data / "lake").scan("fills").collect()
    assert fills.height > 0
    assert (fills["fee_quote_units"] > 0).all()
    assert eth.trader("replay", replayed.json["journal"], "--json").json["identical"] is True
    assert eth.trader("report").code == 0


def test_books_of_the_recording_can_be_questioned(eth: Job) -> None:
    asked = eth.trader(
        "sql", "select side, price, size from book_at('binance_usdm', 'ETHUSDT', 1723161400000000000)", "--json"
    )

    assert asked.code == 0, asked.err
    best = {row["side"]: row["price"] for row in reversed(asked.json)}
    assert set(best) == {"bid", "ask"}
    assert eth.trader("gaps", "--json").json == []


def test_bybit_alone_with_a_short_preset_is_refused_promoted_by_hand_and_traded(
    make_job: MakeJob, recordings: Path
) -> None:
    short = '\n[ml]\npreset = "nano_short"\nsteps = 60\n'
    job = make_job("bybit", TRADE_ANYWAY, BYBIT_GRID + LEARN_ON_ETH + short)
    import_eth(job, "bybit_spot", recordings / "bybit-raw/bybit_20260809_dev.jsonl.zst")

    learned = job.learn()
    assert learned.code == 3, learned.out + learned.err
    assert any("contiguous test steps" in reason for reason in learned.json["reasons"])

    promote_by_hand(job, "a try on 44 seconds")
    replayed = job.trader("start", "--mode", "replay", "--json")
    assert replayed.code == 0, replayed.err
    assert replayed.json["counts"]["forecasts"] > 100
    assert job.trader("replay", replayed.json["journal"], "--json").json["identical"] is True
