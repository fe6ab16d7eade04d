"""A live trader against the emulator's accounts over loopback."""

import pytest
from live_house import add_strategies, check_truth, make_live_house, truths
from paper_house import eager, emulator

from streaming.live.venues_file import read_venues_file
from streaming.replay import replay
from streaming.shell.live_access import LiveAccess


@pytest.fixture
def house(settings_file):
    house = make_live_house(settings_file)
    add_strategies(house)
    return house


def test_a_live_session_orders_at_the_venues_ends_confirmed_and_replays_byte_for_byte(house):
    def script(house):
        status = house.until(lambda status: status["counts"]["fills"] >= 5)
        assert status["mode"] == "live" and status["live"]["is_trusted"]
        assert status["live"]["dead_man"]["is_armed"]
        assert {venue.venue for venue in read_venues_file(house.run_dir).venues} == set(truths(held))

    with emulator(house.addresses_file, speed=2.0) as held:
        summary = house.trade(script, eager())
        check_truth(house, summary.journal, held)

    assert summary.exit_code == 0, summary.unconfirmed
    assert read_venues_file(house.run_dir) is None
    assert replay(summary.journal, str).identical
    assert summary.landed.frames == summary.status["counts"]["frames"]


def test_no_secret_is_in_what_a_live_session_shows_or_writes(house):
    shown = []

    def script(house):
        house.until(lambda status: status["counts"]["fills"] >= 1)
        shown.append(str(house.ask("status")))

    with emulator(house.addresses_file, speed=2.0) as held:
        house.trade(script, eager())
        accounts = held["served"].accounts.values()
    secrets = [text for account in accounts for name, text in account.keys.items() if name.endswith("secret")]
    keys = [account.keys["api_key"] for account in accounts]
    written = [path.read_bytes() for path in house.settings_file.parent.rglob("data/**/*") if path.is_file()]
    for word in [*secrets, *keys]:
        assert word not in "\n".join([*house.lines, *shown])
        assert not [data for data in written if word.encode() in data]
    assert "api_key" not in repr(LiveAccess.__repr__(house.access()))
