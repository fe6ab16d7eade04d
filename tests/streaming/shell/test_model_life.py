"""The life of real models in a running trader: shadow, probation, and the way back, by itself and by command."""

import json
import re
import shutil
import time

import polars as pl
import pytest
from live_bundles import changed_copy, seal_bundle, turn_signs
from paper_house import EagerModel, eager, emulator, make_house
from paper_market import START_NS
from redis_processes import is_gone
from waiting import until

from ml.registry import challenge, history, promote, read_pointer
from streaming.cli.main import main
from streaming.errors import BadDataError, RefusedError
from streaming.replay import replay
from streaming.shell.inference import LoadedModel
from streaming.shell.probation_file import NAME, read_record
from streaming.shell.trader_model import bundle_loader, first_model
from streaming.trader.probation import FailedModel, Phase, ProbationRecord
from streaming.trader.shadow import read_shadow, shadow_path
from warehouse.lake import Lake

PROBATION = {
    "steps": 2_000,
    "forecasts_min": 150,
    "check_every_steps": 50,
    "confidence": 0.9,
    "p99_ms_max": 5_000,
    "lost_share_max": 1.0,
}


@pytest.fixture(scope="module")
def sealed(tmp_path_factory):
    """A models folder with a trained bundle, a twin of it, and one whose signs are turned."""
    source, good = seal_bundle(tmp_path_factory.getbasetemp() / "live-bundles")
    models = shutil.copytree(source, tmp_path_factory.mktemp("sealed") / "models")
    return models, {
        "good": good,
        "twin": changed_copy(models, good, "twin"),
        "turned": changed_copy(models, good, "turned", turn_signs),
    }


@pytest.fixture
def house(settings_file, sealed):
    words = "\n".join(f"{key} = {value}" for key, value in PROBATION.items())
    section = re.compile(r"(?<=\[streaming\.probation\])[^\[]*")
    text, count = section.subn(f"\n{words}\n\n", settings_file.read_text())
    assert count == 1, "the project's settings hold the section"
    settings_file.write_text(text)
    house = make_house(settings_file)
    models = house.settings.warehouse.models_dir
    models.parent.mkdir(parents=True, exist_ok=True)
    shutil.copytree(sealed[0], models)
    return house


def move(house, act, bundle, by="ann"):
    act(house.settings.warehouse.models_dir, bundle, by, "why", time.time_ns())


def trade(house, script, speed=10.0):
    """Trade with the champion in an emulated market while a script acts."""
    settings = house.settings
    with emulator(house.addresses_file, start_ns=START_NS, speed=speed):
        load = bundle_loader(settings, settings.grid_named("main"), house.request().clock)
        return house.trade(script, first_model(settings, "champion", load), load)


def phase(status):
    return status["probation"]["phase"]


def test_a_planted_bad_champion_is_rolled_back_by_itself_and_not_taken_again_by_a_machine(house, sealed):
    models, bundles = house.settings.warehouse.models_dir, sealed[1]

    def script(house):
        house.until(lambda status: status["counts"]["forecasts"] >= 20)
        move(house, promote, bundles["turned"])
        house.until(lambda status: status["model"]["hash"] == bundles["turned"])
        assert phase(house.ask("status")) == "on_probation"
        deadline = time.monotonic() + 60.0
        while house.ask("status")["model"]["hash"] != bundles["good"]:
            assert time.monotonic() < deadline, house.ask("status")["scores"]
            time.sleep(0.05)
        house.until(lambda status: phase(status) == "settled" and status["model"]["generation"] == 3)
        move(house, promote, bundles["turned"], by="dagster")
        house.refused = house.until(lambda status: status["model"]["refused"])
        forecasts = house.refused["counts"]["forecasts"]
        house.until(lambda status: status["counts"]["forecasts"] > forecasts + 5)

    move(house, promote, bundles["good"])
    summary = trade(house, script)

    status = summary.status
    assert status["model"]["hash"] == bundles["good"] and status["state"] == "active"
    assert "failed its probation as generation 2" in house.refused["model"]["last_problem"]
    (failed,) = status["probation"]["failed"]
    assert failed["hash"] == bundles["turned"] and re.match("calibration|skill", failed["why"])
    back = history(models)[2].pointer
    assert (back.hash, back.by) == (bundles["good"], "trader") and back.reason.startswith("rollback: probation: ")
    told = [line for line in house.lines if line.startswith("probation of")]
    assert [line.split(":")[0].split()[-1] for line in told] == ["begun", "failed", "rolled_back"]
    assert replay(summary.journal, str).identical


def test_a_rollback_by_command_ends_a_probation_while_the_trader_runs(house, sealed, capfd):
    models, bundles = house.settings.warehouse.models_dir, sealed[1]

    def script(house):
        house.until(lambda status: status["counts"]["forecasts"] >= 5)
        move(house, promote, bundles["twin"])
        house.until(lambda status: status["model"]["hash"] == bundles["twin"] and phase(status) == "on_probation")
        assert main(["models", "rollback", "--reason", "a bad feeling"]) == 0
        house.back = house.until(lambda status: status["model"]["hash"] == bundles["good"])
        assert main(["status"]) == 0
        assert main(["orders"]) == 0

    move(house, promote, bundles["good"])
    trade(house, script)

    assert house.back["probation"]["failed"] == [] and phase(house.back) == "settled"
    assert (house.back["model"]["swaps"], house.back["model"]["generation"]) == (2, 3)
    assert read_pointer(models, "champion").reason == "rollback: a bad feeling"
    assert f"champion is {bundles['good'][:12]} again" in capfd.readouterr().out


def test_a_rollback_by_command_is_heard_over_the_bus_though_nobody_looks_at_the_pointer(house, sealed):
    """A trader that looks by itself only after ten minutes: what it follows, it was told."""
    models, bundles = house.settings.warehouse.models_dir, sealed[1]
    text = house.settings_file.read_text().replace('[streaming.redis]\nurl = "off"', '[streaming.redis]\nurl = ""')
    assert 'url = ""' in text and "model_watch_ms = 1000" in text
    house.settings_file.write_text(text.replace("model_watch_ms = 1000", "model_watch_ms = 600000"))

    def script(house):
        house.until(lambda status: status["bus"]["is_connected"] and status["counts"]["forecasts"] >= 5)
        assert main(["models", "rollback", "--reason", "a bad feeling"]) == 0
        house.back = house.until(lambda status: status["model"]["hash"] == bundles["good"])
        house.until(lambda status: status["counts"]["forecasts"] > house.back["counts"]["forecasts"])

    move(house, promote, bundles["good"])
    move(house, promote, bundles["twin"])
    summary = trade(house, script)

    assert (house.back["model"]["swaps"], house.back["model"]["generation"]) == (1, 3)
    assert (house.back["model"]["previous"], read_pointer(models, "champion").hash) == (
        bundles["twin"],
        bundles["good"],
    )
    assert replay(summary.journal, str).identical
    until(lambda: is_gone(house.run_dir), "the embedded server to end")


def test_the_challenger_forecasts_the_same_steps_in_the_shadow_and_lands_in_the_lake(house, sealed, capsys):
    bundles = sealed[1]

    def script(house):
        house.until(lambda status: status["counts"]["forecasts"] >= 5)
        move(house, challenge, bundles["twin"])

        def both_scored(status):
            scores = status["scores"]
            return {"champion", "challenger"} <= scores.keys() and all(
                card["horizons"][0]["scored"] >= 60 for card in scores.values()
            )

        house.both = house.until(both_scored)
        capsys.readouterr()
        assert main(["status"]) == 0
        house.shown = capsys.readouterr().out

    move(house, promote, bundles["good"])
    summary = trade(house, script)

    assert house.both["challenger"]["hash"] == bundles["twin"]
    assert f"challenger {bundles['twin'][:12]} forecasts in the shadow" in house.shown
    assert re.search(rf"champion +{bundles['good'][:12]} +1 ", house.shown)
    assert re.search(rf"challenger +{bundles['twin'][:12]} +5 ", house.shown)
    journal, run = summary.journal, summary.status["run"]
    kept = list(read_shadow(shadow_path(journal.parent, run)))
    lake = Lake(house.settings.warehouse.lake_dir)
    shadow = pl.from_arrow(lake.read_partition("shadow_forecasts", {"run": run}))
    traded = pl.from_arrow(lake.read_partition("forecasts", {"run": run}))
    assert shadow.height == summary.landed.rows["shadow_forecasts"] == 3 * len(kept) > 0
    assert shadow["model_id"].unique().to_list() == [int(bundles["twin"][:8], 16)]
    # The twin is the same model under another name: on the same steps it said the same.
    same = shadow.join(traded, on=["ts_step_ns", "slot"], suffix="_traded")
    assert same.height > 0 and same["mid_bps_5"].to_list() == same["mid_bps_5_traded"].to_list()
    assert replay(journal, str).identical


def test_every_order_and_fill_names_the_bundle_that_caused_it(settings_file):
    house = make_house(settings_file)

    def script(house):
        house.until(lambda status: status["counts"]["fills"] >= 3)
        house.orders = house.ask("orders", limit=50)["orders"]

    with emulator(house.addresses_file):
        house.trade(script, eager("ab" * 32))

    assert house.orders and {order["bundle"] for order in house.orders} == {"ab" * 6}


# --- at the start ----------------------------------------------------------------------------------------------------


def record_of(house, **words):
    path = house.run_dir / NAME
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(ProbationRecord(**words).to_json()))


def start(house, bundles):
    settings = house.settings
    return first_model(settings, "champion", lambda bundle: bundle if bundle in bundles else refuse(bundle))


def refuse(bundle):
    raise RefusedError(f"{bundle} is rotten")


def test_a_trader_that_was_ended_while_it_rolled_back_starts_with_the_model_before_and_moves_the_pointer(house, sealed):
    bundles = sealed[1]
    move(house, promote, bundles["good"])
    move(house, promote, bundles["turned"])
    failed = [FailedModel(bundles["turned"], 2, "calibration: slope -1")]
    words = {"champion": bundles["turned"], "generation": 2, "previous": bundles["good"], "failed": failed}
    record_of(house, phase=Phase.rolling_back, **words)

    def script(house):
        house.until(lambda status: phase(status) == "settled" and status["model"]["generation"] == 3)

    summary = trade(house, script)

    assert summary.status["model"]["hash"] == bundles["good"] and summary.status["model"]["swaps"] == 0
    assert read_pointer(house.settings.warehouse.models_dir, "champion").by == "trader"
    assert read_record(house.run_dir).phase is Phase.settled


def test_a_probation_goes_on_after_a_restart_with_the_model_before_kept(house, sealed):
    bundles = sealed[1]
    move(house, promote, bundles["good"])
    move(house, promote, bundles["twin"])
    record_of(
        house, phase=Phase.on_probation, champion=bundles["twin"], generation=2, previous=bundles["good"], steps=70
    )

    first = start(house, bundles.values())

    assert (first.loaded.hash, first.previous.hash, first.record.steps) == (bundles["twin"], bundles["good"], 70)


def test_a_model_before_that_may_not_trade_any_more_is_no_way_back(house, sealed):
    bundles = sealed[1]
    move(house, promote, bundles["twin"])
    record_of(house, phase=Phase.on_probation, champion=bundles["twin"], generation=1, previous=bundles["good"])

    assert start(house, [bundles["twin"]]).previous is None


def test_a_record_that_cannot_be_read_is_one_clear_error(house, sealed):
    move(house, promote, sealed[1]["good"])
    (house.run_dir).mkdir(parents=True)
    (house.run_dir / NAME).write_text("{")

    with pytest.raises(BadDataError, match=r"probation\.json: expected the record of a probation"):
        start(house, sealed[1].values())


# --- with a model that nothing can save -------------------------------------------------------------------------------


def test_a_model_on_probation_with_nobody_to_go_back_to_leaves_the_trader_reducing(house, sealed):
    class Rotten(EagerModel):
        def forecast(self, features, valid):
            raise ValueError("not finite")

    settings_file = house.settings_file
    settings_file.write_text(settings_file.read_text().replace("lost_share_max = 1.0", "lost_share_max = 0.5"))
    model = eager("c" * 64, generation=1)
    record = ProbationRecord(phase=Phase.on_probation, champion="c" * 64, generation=1)
    for name, value in (("loaded", LoadedModel("c" * 64, Rotten())), ("record", record)):
        object.__setattr__(model, name, value)

    def script(house):
        house.until(lambda status: status["state"] == "reducing")
        house.until(lambda _: any("was not moved back" in line for line in house.lines))

    with emulator(house.addresses_file, start_ns=START_NS):
        summary = house.trade(script, model)

    assert re.search(r"failed its probation \(lost: (9\d|100)%", summary.status["reason"])
    assert summary.status["probation"]["phase"] == "rolling_back"
