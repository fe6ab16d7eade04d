"""How much of each limit is in use: by whom, in the rule's unit, beside the cap, and nothing where nothing tells it."""

from pathlib import Path

import pytest

from native.config import NS_PER_MS, EngineSettings, JsonObject
from native.risk_tables import risk_rows, watch_rows
from streaming.limit_uses import NEVER_NS, uses_of
from streaming.limits import limit_rows
from streaming.settings import load_settings

PERPETUAL, SPOT = "binance_usdm:BTCUSDT", "binance_spot:BTCUSDT"
NOW_NS = 20_000 * 86_400_000 * NS_PER_MS + 5
RISK = """max_venue_exposure_quote = "80000"
max_capital_quote = "140000"
order_rate_max = 20
gaps_max = 3
in_flight_max = 4
private_age_max_ms = 5000
clock_offset_max_ms = 100
"""
WATCH = """[native.risk.watch]
stop_loss_bps = 50.0
stop_loss_quote = "100"
take_profit_bps = 200.0
max_drawdown_quote = "500"
max_daily_loss_quote = "400"
drift_level_max = 2
model_expiry_grace_ms = 1000
heartbeat_age_max_ms = 10000
"""


@pytest.fixture
def settings(settings_file: Path) -> EngineSettings:
    text = settings_file.read_text(encoding="utf-8")
    before, after = text.split("[native.limits.", 1)
    settings_file.write_text(f"{before}{RISK}{WATCH}[native.limits.{after}", encoding="utf-8")
    return load_settings().native


def status(**changed: object) -> JsonObject:
    """A running trader's, as far as limits ask; changes are of its parts."""
    document: JsonObject = {
        "ts_ns": NOW_NS,
        "risk": {
            "refused_by_rule": {row.name: 0 for row in risk_rows()},
            "tripped_by_rule": {row.name: 0 for row in watch_rows()},
            "money": [{"equity": "-30.5", "net_exposure": "-100.5", "gross_exposure": "300.5"}],
            "marks": [{"peak_equity": "12", "day_first_equity": "-20.5", "ts_ns": NOW_NS - 4}],
            "recent": {"orders": {PERPETUAL: 7, SPOT: 0}, "gaps": {PERPETUAL: 1}},
            "awaited": {"orders": {PERPETUAL: 3, SPOT: 0}, "unknown": {PERPETUAL: 1, SPOT: 0}},
        },
        "instruments": [
            {"instrument": PERPETUAL, "position": "-0.010", "average_price": "50000", "unrealised": "-1.25",
             "bid": "50000", "ask": "50002"},
            {"instrument": SPOT, "position": "0", "average_price": None, "unrealised": "0", "bid": None, "ask": None},
        ],
        "facts": {"clock_offset_ns": -25 * NS_PER_MS, "heartbeat_ns": NOW_NS - 2_000 * NS_PER_MS,
                  "drift_level": 1, "model_expires_ns": NOW_NS - 250 * NS_PER_MS},
    }  # fmt: skip
    return {**document, **changed}  # type: ignore[dict-item]


def uses(settings: EngineSettings, when: str, rule: str, **changed: object) -> list[tuple[object, ...]]:
    found = uses_of(when, rule, settings, status(**changed))
    return [(row["of"], row["used"], row["cap"], row["unit"], row["share"]) for row in found]


@pytest.mark.parametrize(
    ("when", "rule", "expected"),
    [
        ("order", "max_position", [(PERPETUAL, "0.01", "0.05", "coins", 0.2), (SPOT, "0", "0.05", "coins", 0.0)]),
        ("order", "short_position", [(PERPETUAL, "0.01", "0.05", "coins", 0.2), (SPOT, "0", "0", "coins", 0.0)]),
        ("order", "net_exposure", [("", "100.5", "100000", "quote", 0.001)]),
        ("order", "gross_exposure", [("", "300.5", "100000", "quote", 0.003)]),
        ("order", "max_capital", [("", "300.5", "140000", "quote", 0.0021)]),
        ("order", "venue_exposure", [("binance_usdm", "500.01", "80000", "quote", 0.0063),
                                     ("binance_spot", "0", "80000", "quote", 0.0)]),
        ("order", "order_rate", [("binance_spot", "0", "20", "orders", 0.0),
                                 ("binance_usdm", "7", "20", "orders", 0.35)]),
        ("order", "in_flight", [("binance_spot", "0", "4", "orders", 0.0), ("binance_usdm", "3", "4", "orders", 0.75)]),
        ("order", "data_quality", [(PERPETUAL, "1", "3", "gaps", 0.3333), (SPOT, "0", "3", "gaps", 0.0)]),
        ("order", "clock", [("", "25", "100", "ms", 0.25)]),
        ("order", "drift", [("", "1", "1", "level", 1.0)]),
        ("step", "stop_loss", [(PERPETUAL, "25", "50", "bps", 0.5), (PERPETUAL, "1.25", "100", "quote", 0.0125)]),
        ("step", "take_profit", [(PERPETUAL, "0", "200", "bps", 0.0)]),
        ("step", "drawdown", [("", "42.5", "500", "quote", 0.085)]),
        ("step", "daily_loss", [("", "10", "400", "quote", 0.025)]),
        ("step", "drift", [("", "1", "2", "level", 0.5)]),
        ("step", "model_expiry", [("", "250", "1000", "ms", 0.25)]),
        ("step", "heartbeat", [("", "2000", "10000", "ms", 0.2)]),
    ],
)  # fmt: skip
def test_a_limit_says_what_is_used_of_it(
    settings: EngineSettings, when: str, rule: str, expected: list[tuple[object, ...]]
) -> None:
    assert uses(settings, when, rule) == expected


def test_rules_of_live_accounts_say_what_is_used_of_them_where_orders_go_to_venues(settings: EngineSettings) -> None:
    heard = [{"venue": "binance_usdm", "private_heard_ns": NOW_NS - 1_250 * NS_PER_MS}]
    never = [{"venue": "binance_spot", "private_heard_ns": 0}]
    live = {"mode": "live", "live": {"venues": [*heard, *never]}}

    assert uses(settings, "order", "private_stream", **live) == [("binance_usdm", "1250", "5000", "ms", 0.25)]
    assert uses(settings, "order", "unresolved", **live) == [
        (PERPETUAL, "1", "0", "orders", 1.0),
        (SPOT, "0", "0", "orders", 0.0),
    ]
    for rule in ("private_stream", "unresolved"):
        assert uses(settings, "order", rule, **{**live, "mode": "shadow"}) == []


def test_without_a_cap_or_a_measure_there_is_no_use(settings: EngineSettings) -> None:
    assert uses(settings, "step", "clock") == uses(settings, "step", "net_exposure") == []
    assert uses(settings, "order", "lot") == uses(settings, "order", "duplicate") == []
    assert uses(settings, "step", "heartbeat", facts={"heartbeat_ns": 0}) == []
    assert uses(settings, "step", "model_expiry", facts={"model_expires_ns": NEVER_NS}) == []
    assert uses(settings, "order", "clock", facts={}) == []
    assert uses_of("order", "max_position", settings, None) == []
    assert uses_of("order", "max_position", settings, {"state": "starting"}) == []


def test_a_position_without_a_price_has_no_value_that_could_be_told(settings: EngineSettings) -> None:
    held: JsonObject = {"instrument": PERPETUAL, "position": "1", "average_price": "1", "unrealised": "0"}

    assert uses(settings, "order", "venue_exposure", instruments=[{**held, "bid": None, "ask": "2"}]) == []


def test_beyond_its_limit_a_share_is_above_one_and_a_spot_that_is_short_uses_all_of_nothing(
    settings: EngineSettings,
) -> None:
    beyond = status()["instruments"]
    assert isinstance(beyond, list)
    rows = [{**row, "position": "-0.1"} for row in beyond if isinstance(row, dict)]

    assert [row[4] for row in uses(settings, "order", "max_position", instruments=rows)] == [2.0, 2.0]
    assert uses(settings, "order", "short_position", instruments=rows)[1] == (SPOT, "0.1", "0", "coins", 1.0)


def test_a_loss_of_yesterday_is_none_of_today(settings: EngineSettings) -> None:
    assert uses(settings, "step", "daily_loss", ts_ns=NOW_NS + 86_400_000 * NS_PER_MS) == [
        ("", "0", "400", "quote", 0.0)
    ]


def test_every_row_of_the_limits_carries_its_uses_and_formula(settings: EngineSettings) -> None:
    rows = {(row["when"], row["rule"]): row for row in limit_rows(settings, status())}

    assert rows["step", "drawdown"]["uses"] and rows["step", "drawdown"]["formula"]
    assert all(isinstance(row["uses"], list) and row["formula"] for row in rows.values())
    assert all(row["uses"] == [] for row in limit_rows(settings, None))
