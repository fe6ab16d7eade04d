"""Figures, stages and ways of orders as rows for people: nothing undefined becomes a zero."""

import pytest

from dashboards.performance import figures, stages, tables, ways
from dashboards.performance.courses import position_series
from dashboards.performance.earlier import session_rows
from dashboards.performance.stage_charts import waterfall
from dashboards.snapshot import Point

TOLD = {
    "pnl": "-12.3456",
    "inventory": "-2",
    "spread": "8.3456",
    "fees": "2",
    "funding": "0",
    "fill_rate": 0.5,
    "trades": 3,
    "hit_rate": None,
    "profit_factor": None,
    "profit": "4",
    "loss": "0",
    "max_drawdown": "13",
    "sharpe": None,
    "sharpe_period_s": 1,
    "samples": 40,
}
CLOSING = dict.fromkeys(TOLD)


def told(**more):
    return {"total": TOLD, "venues": {"bybit_spot": TOLD}, "strategies": {"closing": CLOSING}, "rows": [], **more}


def way(number, total_us=1_000.0, *, is_answered=True):
    return {"client_order_id": number, "total_us": total_us, "is_answered": is_answered, "stages": []}


def test_a_row_a_scope_with_exact_amounts_in_the_titles():
    rows, keys = figures.scope_rows(told(rows=[{**TOLD, "venue": "bybit_spot", "strategy": "trend"}]))

    assert keys == ["all", "bybit_spot", "closing", "trend on bybit_spot"]
    assert rows[0][1] == {"text": "-12.35", "title": "exactly -12.3456", "state": "ok"}
    assert len({len(row) for row in rows}) == 1 and len(rows[0]) == len(figures.COLUMNS)


def test_what_is_not_defined_is_no_data_and_never_zero():
    rows, _ = figures.scope_rows(told())
    closing = rows[2]

    assert [closing[place] for place in range(1, 6)] == [None] * 5 and closing[7] is None and closing[9] is None
    assert rows[0][8] is None, "no hit rate"


def test_without_a_loss_there_is_no_factor_but_a_word():
    assert figures.factor(TOLD) == {"text": "no loss", "title": "earned 4, lost nothing"}
    assert figures.factor({**TOLD, "loss": "2", "profit_factor": 2.0})["text"] == "2.00"
    assert figures.factor({**TOLD, "trades": 0}) is None


def test_nobody_heard_of_gives_no_row():
    assert figures.scope_rows(figures.section(None)) == ([], [])
    assert stages.stage_rows(None, "recent") == ([], [])
    assert tables.order_rows(None) == ([], []) and tables.position_rows(None) == ([], [])
    assert ways.ChosenWay("").of(None) is None


@pytest.mark.parametrize(
    ("us", "words"),
    [(0.5, "0.5 µs"), (250.0, "250 µs"), (1_234.0, "1.23 ms"), (250_000.0, "250 ms"), (2_000_000.0, "2.00 s")],
)
def test_durations_are_told_in_a_unit_that_suits_them(us, words):
    assert stages.duration(us) == words


def test_a_stage_that_did_not_happen_in_the_last_minute_has_no_percentile():
    stage = {"count": 3, "p50_us": 2.0, "p99_us": 3.0, "p99.9_us": 3.0, "max_us": 3.0}
    status = {"latency": {"feed_age.bybit_spot": {**stage, "recent": {**dict.fromkeys(stage, 0.0), "count": 0}}}}

    recent, keys = stages.stage_rows(status, "recent")
    whole, _ = stages.stage_rows(status, "whole")

    assert keys == ["feed_age.bybit_spot"] and recent[0][0]["text"] == "Feed age, bybit_spot"
    assert recent[0][1:] == [None, None, None, None, "0"]
    assert whole[0][1:] == ["2.0 µs", "3.0 µs", "3.0 µs", "3.0 µs", "3"]


def test_the_newest_answered_the_slowest_or_the_one_asked_for_is_shown():
    status = {"waterfalls": [way("3", is_answered=False), way("2", 5.0), way("1", 9.0)]}
    chosen = ways.ChosenWay("")

    assert chosen.of(status)["client_order_id"] == "2"
    chosen.choose(ways.SLOWEST)
    assert chosen.of(status)["client_order_id"] == "1"
    assert ways.ChosenWay("3").of(status)["client_order_id"] == "3"


def test_the_order_asked_for_stays_when_newer_ones_push_it_out():
    chosen = ways.ChosenWay("1")
    assert chosen.of({"waterfalls": [way("1")]})["client_order_id"] == "1"

    kept = chosen.of({"waterfalls": [way("9")]})

    assert kept["client_order_id"] == "1"
    assert not chosen.is_wanted


def test_an_order_that_is_not_told_of_is_asked_for_and_a_refusal_is_said():
    chosen = ways.ChosenWay("5")
    assert chosen.of({"waterfalls": [way("9")]}) is None and chosen.is_wanted

    chosen.problem = "it is gone"

    assert not chosen.is_wanted and ways.way_words(chosen.of({"waterfalls": []}), chosen.problem) == "it is gone"
    chosen.choose(ways.NEWEST)
    assert chosen.of({"waterfalls": [way("9")]})["client_order_id"] == "9" and not chosen.problem


def test_a_waterfalls_bar_begins_where_its_stage_began():
    options = waterfall([("receive", 0.0, 500.0), ("inference", 1_500.0, 2_000.0)])

    assert options["yAxis"]["data"] == ["Receive", "Model"]
    assert [series["data"] for series in options["series"]] == [[0.0, 1.5], [0.5, 2.0]]


def test_positions_are_drawn_where_they_change():
    points = [Point(ts * 10**6, 0.0, None, {}, {"a:X": held}) for ts, held in enumerate([0.0, 0.0, 1.0, 1.0, 1.0])]

    (line,) = position_series(points)

    assert (line["name"], line["data"]) == ("a:X", [[0.0, 0.0], [2.0, 1.0], [4.0, 1.0]])


def test_a_landed_figure_that_is_not_a_number_is_no_data():
    names = ("pnl", "inventory", "spread", "fees", "funding", "max_drawdown")
    row = {"run": "r", "ts_ns": 10**18, "quote": "USDT", "trades": 0, **{f"{name}_e8": 5 for name in names}}
    ratios = dict.fromkeys(("fill_rate", "hit_rate", "sharpe", "mse_bps2"), float("nan"))

    (shown,) = session_rows([{**row, **ratios}])

    assert shown[1] == "2001-09-09 01:46:40" and shown[2]["text"] == "0.00"
    assert [shown[place] for place in (8, 10, 11, 12)] == [None] * 4
