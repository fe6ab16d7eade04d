"""`trader backtest` as a user meets it: help, answer, page, table, refusals."""

import json
import shutil

import pytest
from small_lake import BUNDLE, START_NS, ImbalanceModel, imbalance_model, make_lake

from streaming.cli.main import main
from streaming.settings import load_settings

FROM = "2026-01-05T00:00:12"


@pytest.fixture(scope="module")
def market(tmp_path_factory):
    """36 seconds of market, made once."""
    root = tmp_path_factory.mktemp("market") / "lake"
    make_lake(root, 0.01)
    return root


@pytest.fixture
def lake(market, data_dir, monkeypatch):
    monkeypatch.setattr("streaming.backtest.run.load_forecaster", imbalance_model)
    shutil.copytree(market, data_dir / "lake")
    return data_dir


def answer(capsys, *words):
    capsys.readouterr()
    code = main(["backtest", *words, "--no-tracking", "--json"])
    shown = capsys.readouterr()
    assert code == 0, shown.err
    return json.loads(shown.out)


def test_help_names_both_ways_and_every_queue_model(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["backtest", "--help"])

    text = capsys.readouterr().out
    assert ended.value.code == 0
    assert all(word in text for word in ("--journal RUN", "pessimistic", "proportional", "front", "docs/kpis.md"))


def test_answer_page_document_and_row_tell_the_same(lake, capsys):
    found = answer(capsys, "--model", BUNDLE, "--from", FROM, "--sensitivity")

    page = (lake / "reports" / "backtest" / f"{found['run']}.html").read_text(encoding="utf-8")
    stored = json.loads((lake / "reports" / "backtest" / f"{BUNDLE}.json").read_bytes())
    assert all(stored[name] == found[name] for name in stored if name != "counts")
    assert all(word in page for word in ("pessimistic:", "constant 5 ms", BUNDLE, found["settings_hash"], "<svg"))
    assert "http://" not in page.replace("http://www.w3.org", "") and "<script" not in page
    assert len(found["sensitivity"]) == 12
    seconds = [int(ts_ns) for ts_ns in found["equity_e8"]]
    assert all(ts_ns % 10**9 == 0 for ts_ns in seconds) and len(seconds) > 20
    assert main(["sql", "select * from backtests", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["run"], row["pnl_e8"]) == (found["run"], found["earnings"]["pnl_e8"])
    assert row["fill_rate"] == found["execution"]["fill_rate"]


def test_text_says_plainly_what_is_shown(lake, capsys):
    assert main(["backtest", "--model", BUNDLE, "--from", FROM, "--no-tracking"]) == 0

    shown = capsys.readouterr()
    assert "BACKTEST  run backtest-" in shown.out and "maximum drawdown" in shown.out
    assert "includes zero" in shown.out or "beyond chance" in shown.out
    assert "report " in shown.out
    assert "forecasts" in shown.err  # progress


def test_a_span_that_the_model_was_fitted_on_is_told(lake, monkeypatch, capsys):
    fitted = ImbalanceModel(fitted_until_ns=START_NS + 24 * 10**9)
    monkeypatch.setattr("streaming.backtest.run.load_forecaster", lambda *_: fitted)

    assert main(["backtest", "--model", BUNDLE, "--from", FROM, "--no-tracking"]) == 0
    assert "! In sample: the model was fitted on 50% of this span." in capsys.readouterr().out


def test_wrong_words_are_usage_errors(data_dir, capsys):
    assert main(["backtest", "--latency-ms", "soon"]) == 2
    assert main(["backtest", "--recompute"]) == 2
    assert main(["backtest", "--model", "none", "--strategy", "martingale"]) == 2
    assert "Traceback" not in capsys.readouterr().err


def test_no_champion_is_refused_by_a_safety_rule(lake, capsys):
    assert main(["backtest", "--no-tracking"]) == 3
    assert "no champion" in capsys.readouterr().err


def test_a_backtest_of_another_queue_is_another_row(lake, capsys):
    first = answer(capsys, "--model", BUNDLE, "--from", FROM)
    second = answer(capsys, "--model", BUNDLE, "--from", FROM, "--queue", "front", "--latency", "lognormal:5:0.5:1")

    assert first["run"] != second["run"] and first["settings_hash"] != second["settings_hash"]
    assert (second["queue"], second["latency"]) == ("front", "lognormal, median 5 ms, sigma 0.5, seed 1")
    assert len(list((load_settings().warehouse.lake_dir / "backtests").glob("run=*"))) == 2
