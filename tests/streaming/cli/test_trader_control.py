"""Commands to a running trader, as their user meets them."""

import json
import shutil
from pathlib import Path

import pytest
from paper_house import eager, emulator, make_house

from streaming.cli.main import main
from streaming.settings import PROJECT_ROOT

ASKING = ["status", "orders", "positions", "reduce", "halt", "flatten", "resume", "stop"]


@pytest.fixture
def house(settings_file):
    return make_house(settings_file)


@pytest.mark.parametrize("word", ASKING)
def test_where_nothing_runs_every_command_ends_with_4(word, house, capsys):
    assert main([word]) == 4
    assert "trader.sock: nothing is running there" in capsys.readouterr().err


def test_redis_that_is_off_ends_with_4(house, capsys):
    assert main(["status", "--via", "redis"]) == 4
    assert "off" in capsys.readouterr().err


def test_a_running_trader_answers_in_words_and_in_json(house, capsys):
    def script(house):
        house.until(lambda status: status["counts"]["fills"] >= 5)
        assert main(["status", "--json"]) == 0
        house.status = json.loads(capsys.readouterr().out)
        for words in (["status"], ["orders", "--limit", "3"], ["positions"]):
            assert main(words) == 0
        house.text = capsys.readouterr().out
        assert main(["resume", "--reason", "nothing to resume"]) == 3
        assert main(["reduce", "--reason", "lunch"]) == 0
        assert main(["resume"]) == 3
        house.refusals = capsys.readouterr()
        assert main(["resume", "--reason", "back", "--json"]) == 0
        house.resumed = json.loads(capsys.readouterr().out)
        assert main(["halt", "--reason", "evening"]) == 0
        assert main(["stop", "--no-wait", "--reason", "done"]) == 0
        house.end = capsys.readouterr().out

    with emulator(house.addresses_file):
        house.trade(script, eager())

    assert house.status["mode"] == "paper" and house.status["state"] == "active"
    assert "PAPER  ACTIVE" in house.text and "binance_usdm:BTCUSDT" in house.text and "socket -> engine" in house.text
    assert "ACTIVE -> REDUCING: " in house.refusals.out and "resume needs a reason" in house.refusals.err
    assert (house.resumed["state_before"], house.resumed["state"]) == ("reducing", "active")
    assert "-> HALTED: every order is cancelled" in house.end and "next: trader report" in house.end


def test_a_stop_that_takes_too_long_is_told_and_fails(house, capsys, monkeypatch):
    monkeypatch.setattr("streaming.cli.trader_control.END_TIMEOUT_S", 0.0)

    def script(house):
        house.until(lambda status: status["counts"]["steps"] >= 1)
        house.code = main(["stop", "--reason", "night"])
        house.out = capsys.readouterr().out

    with emulator(house.addresses_file):
        house.trade(script)

    assert (house.code, "it has not ended after 0 s" in house.out) == (1, True)
    assert "ending: night" in house.lines


def test_options_of_the_other_mode_are_named(house, capsys):
    assert main(["start", "--from", "2026-01-05", "--no-model"]) == 2
    assert "--from: makes no sense in mode paper" in capsys.readouterr().err
    assert main(["start", "--mode", "replay", "--seconds", "3", "--no-model"]) == 2
    assert "--seconds: makes no sense in mode replay" in capsys.readouterr().err


def test_without_a_champion_a_bare_start_is_refused_like_a_replay(house, capsys):
    assert main(["start"]) == 3
    assert "no champion" in capsys.readouterr().err


@pytest.mark.parametrize("words", [(), ("--json",)])
def test_a_session_ends_with_what_it_did(words, house, capsys):
    with emulator(house.addresses_file):
        code = main(["start", "--no-model", "--emulator", str(house.addresses_file), "--seconds", "5", *words])

    out = capsys.readouterr().out
    assert code == 0
    if words:
        document = json.loads(out)
        assert document["landed"]["identical"] and Path(document["journal"]).is_file()
        assert main(["report", document["run"]]) == 0
    else:
        assert "PAPER  ended ACTIVE  run paper-20260105T" in out and "no model: nothing is forecast" in out
        assert "next: trader report paper-" in out and "socket -> engine: p50" in out


def test_the_projects_settings_document_the_section(tmp_path):
    text = shutil.copy(PROJECT_ROOT / "settings.toml", tmp_path / "settings.toml").read_text()

    assert "[streaming.paper]" in text
