"""A shadow trader: accounts are heard, orders are held against the venues' rules, and nothing reaches a venue."""

import dataclasses

import pytest
from live_house import LiveHouse, make_live_house, truths
from paper_house import eager, emulator

from streaming.live.shadow import RULES_UNKNOWN
from streaming.live.venues_file import read_venues_file
from streaming.replay import replay
from streaming.trader.modes import Mode


class ShadowHouse(LiveHouse):
    """A house in which nothing is sent."""

    def request(self, *words, **named):
        return dataclasses.replace(super().request(*words, **named), mode=Mode.shadow)


@pytest.fixture
def house(settings_file):
    small = '[native.limits."bybit_spot:BTCUSDT"]\norder_size = "0.01"'
    text = settings_file.read_text()
    assert text.count(small) == 1, "the project's settings trade on Bybit"
    settings_file.write_text(text.replace(small, small.replace("0.01", "0.0001")))
    made = make_live_house(settings_file)
    return ShadowHouse(made.settings_file, made.addresses_file, live=made.live)


def test_orders_meet_the_venues_rules_and_the_simulated_venue_and_no_other(house):
    seen = {}

    def is_enough(status):
        live = status["live"]
        return (
            status["counts"]["fills"] >= 5
            and "bybit_spot minOrderAmt" in live["would_be_refused"]
            and all(venue["rounds"] for venue in live["venues"])
        )

    def script(house):
        seen["status"] = house.until(is_enough)
        seen["orders"] = house.ask("orders", limit=10_000)["orders"]

    with emulator(house.addresses_file, speed=2.0) as held:
        summary = house.trade(script, eager())
        placed = {venue: (list(truth.orders), list(truth.trades)) for venue, truth in truths(held).items()}

    status, live = seen["status"], seen["status"]["live"]
    assert (status["mode"], live["is_sending"], summary.exit_code) == ("shadow", False, 0)
    assert placed == dict.fromkeys(placed, ([], []))
    told = {rule for rule in live["would_be_refused"] if RULES_UNKNOWN not in rule}  # of the first moments
    assert told == {"bybit_spot minOrderAmt"}
    states = {order["state"] for order in seen["orders"] if order["instrument"] == "bybit_spot:BTCUSDT"}
    assert states <= {"rejected", "pending_new", "refused"} and "rejected" in states
    assert [event for event in live["recent"] if "the venue would refuse it by " in event["text"]]
    assert all(venue["rounds"] > 0 and not venue["blocked_by"] for venue in live["venues"])
    assert read_venues_file(house.run_dir) is None, "nothing of it is anywhere"
    assert summary.journal.name.startswith("shadow-") and replay(summary.journal, str).identical
