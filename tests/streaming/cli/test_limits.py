"""`trader limits`: every rule is named, with its limit and, where a trader runs, what it did."""

import json
from pathlib import Path

import pytest
from serving_control import serving

from native.config import JsonObject
from native.risk_tables import risk_rows, watch_rows
from streaming.cli.main import main
from streaming.limits import limit_rows
from streaming.settings import load_settings
from streaming.shell.trader_names import SOCKET_NAME

JsonRows = dict[tuple[str, str], dict[str, object]]


def shown(capsys: pytest.CaptureFixture[str]) -> tuple[dict[str, object], JsonRows]:
    assert main(["limits", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    return document, {(row["when"], row["rule"]): row for row in document["rules"]}


def test_without_a_trader_every_rule_stands_there_with_its_limit_and_switch(
    settings_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    document, rows = shown(capsys)

    assert list(rows) == [*(("order", row.name) for row in risk_rows()), *(("step", row.name) for row in watch_rows())]
    assert document["run"] is None
    assert {row["count"] for row in rows.values()} == {None}
    assert (rows["order", "price_deviation"]["limit"], rows["order", "price_deviation"]["state"]) == ("50.0", "on")
    assert rows["order", "lot"]["state"] == "on"
    assert rows["order", "gross_exposure"]["limit"] == "as max_exposure_quote"
    assert rows["step", "drawdown"]["state"] == "off: no limit"
    missing = document["missing_for_live"]
    assert isinstance(missing, list)
    assert "watch.drawdown" in missing
    assert main(["limits"]) == 0
    text = capsys.readouterr().out
    assert "no trader runs" in text and "heartbeat" in text


def test_a_switched_off_rule_and_another_action_are_shown(settings_file: Path) -> None:
    text = settings_file.read_text(encoding="utf-8")
    watch = '[native.risk.watch]\nstop_loss_bps = 50\nstop_loss_quote = "7"\nactions = { stop_loss = "halt" }\n'
    text = text.replace("[native.limits.", f'off = ["price_deviation"]\n{watch}[native.limits.', 1)
    settings_file.write_text(text, encoding="utf-8")
    rows = {(row["when"], row["rule"]): row for row in limit_rows(load_settings().native, None)}

    assert rows["order", "price_deviation"]["state"] == "off: switched off"
    stop_loss = rows["step", "stop_loss"]
    assert (stop_loss["limit"], stop_loss["action"]) == ("stop_loss_bps 50.0, stop_loss_quote 7", "halt")


def test_a_running_trader_tells_what_is_used_and_how_often_a_rule_objected(
    settings_file: Path, data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status: JsonObject = {
        "run": "paper-1",
        "risk": {
            "refused_by_rule": {row.name: int(row.name == "order_rate") for row in risk_rows()},
            "tripped_by_rule": {row.name: 2 * int(row.name == "drawdown") for row in watch_rows()},
            "money": [{"equity": "1.5", "net_exposure": "-100.5", "gross_exposure": "300.5"}],
        },
        "instruments": [{"instrument": "binance_usdm:BTCUSDT", "position": "-0.010"}],
    }
    run_dir = load_settings().warehouse.run_dir
    run_dir.mkdir(parents=True)
    with serving(run_dir / SOCKET_NAME, lambda _: status):
        document, rows = shown(capsys)

    assert document["run"] == "paper-1"
    assert (rows["order", "order_rate"]["count"], rows["step", "drawdown"]["count"]) == (1, 2)
    assert rows["order", "net_exposure"]["used"] == "-100.5"
    assert rows["step", "gross_exposure"]["used"] == "300.5"
    assert rows["order", "max_position"]["used"] == "binance_usdm:BTCUSDT -0.010"
