"""What a dead live trader left at venues is cancelled by `trader kill` and by the watchdog's guard; others' stays."""

import json
import os
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from left_orders import VENUES, VenueByHand, leave_orders, until_listed
from paper_house import emulator

from streaming.cli.main import main
from streaming.live.config import LiveConfig
from streaming.live.venues_file import FILE_NAME, read_venues_file, write_venues_file
from streaming.shell.clock import Clock
from streaming.watchdog.guard import load_guard
from streaming.watchdog.guard_file import read_readiness
from streaming.watchdog.latch import read_latch

OURS, THEIRS = "lob", "web"


class House:
    """An emulator, a run folder, and what was left at the venues."""

    def __init__(self, run_dir: Path, addresses: Path, clock: Clock) -> None:
        self.run_dir = run_dir
        self.clock = clock
        self.live: LiveConfig = leave_orders(addresses, run_dir, clock)
        self.ours = [VenueByHand(self.live, venue, clock, OURS) for venue in VENUES]
        self.theirs = [VenueByHand(self.live, venue, clock, THEIRS) for venue in VENUES]

    def place(self) -> None:
        """Two of ours and a stranger's at each venue, far below the market."""
        for ours, theirs in zip(self.ours, self.theirs, strict=True):
            ours.place(0xA1, "25000")
            ours.place(0xA2, "25010")
            theirs.place(0xB1, "25020")
        for venue in self.ours:
            until_listed(venue, [f"lob-{0xA1:016x}", f"lob-{0xA2:016x}", f"web-{0xB1:016x}"])

    def left(self) -> list[list[str]]:
        return [venue.open_texts() for venue in self.ours]

    def close(self) -> None:
        for venue in (*self.ours, *self.theirs):
            venue.close()


STRANGERS = [[f"web-{0xB1:016x}"]] * len(VENUES)


@pytest.fixture
def house(settings_file: Path) -> Iterator[House]:
    addresses = settings_file.parent / "emulator.json"
    with emulator(addresses, speed=1.0) as held:
        house = House(settings_file.parent / "data" / "run", addresses, held["served"].clock)
        try:
            yield house
        finally:
            house.close()


def test_kill_cancels_at_every_venue_though_no_trader_runs(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    house.place()

    code = main(["kill", "--reason", "it is dead", "--json"])

    report = json.loads(capsys.readouterr().out)
    assert code == 0, report["lines"]
    assert house.left() == STRANGERS
    assert [len(venue["cancelled"]) for venue in report["venues"]] == [2, 2, 2]
    assert [venue["strangers"] for venue in report["venues"]] == STRANGERS
    assert not (house.run_dir / FILE_NAME).exists(), "nothing is left to see to"
    latch = read_latch(house.run_dir)
    assert latch is not None and latch.reason == "trader kill: it is dead"
    assert main(["kill"]) == 4


def test_kill_takes_everybodys_orders_only_when_that_is_said_and_names_them(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    house.place()

    code = main(["kill", "--all-orders"])

    out = capsys.readouterr().out
    assert (code, house.left()) == (0, [[], [], []]), out
    assert f"cancelling every order: lob-{0xA1:016x}, lob-{0xA2:016x}, web-{0xB1:016x}" in out


def test_kill_gives_a_silent_venue_up_and_the_word_of_it_stays(
    house: House, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    monkeypatch.setattr("streaming.watchdog.venues.PAUSE", waits.append)
    monkeypatch.setattr("streaming.watchdog.venues.SILENCE_S", 1.0)
    house.place()
    left = read_venues_file(house.run_dir)
    assert left is not None
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes connections, and says nothing
        dead = left.venues[2].account.model_copy(update={"rest": f"http://127.0.0.1:{silent.getsockname()[1]}"})
        gone = left.venues[2].model_copy(update={"account": dead})
        write_venues_file(house.run_dir, left.model_copy(update={"venues": (*left.venues[:2], gone)}))

        code = main(["kill"])

    out = capsys.readouterr().out
    assert code == 1
    assert "bybit_spot: cancelling with the key of the watchdog" in out
    assert "no answer within 1 s" in out and "bybit_spot: cancelling with the key of the trader" not in out
    assert "bybit_spot: NOT CONFIRMED" in out and "KILLED, NOT ALL CONFIRMED" in out
    assert house.left()[:2] == STRANGERS[:2]
    assert (house.run_dir / FILE_NAME).exists()


def test_a_venue_that_hangs_under_the_guard_holds_up_no_other(house: House) -> None:
    house.place()
    guard = load_guard(house.run_dir, os.getpid(), print)
    assert guard is not None
    hung = guard._hands[2]
    with hung.lock, ThreadPoolExecutor(1) as pool:
        cancelling = pool.submit(guard.cancel_ours)
        for venue in house.ours[:2]:
            until_listed(venue, STRANGERS[0])
        assert not cancelling.done()
        hung.lock.release()
        assert cancelling.result().count("2 of ours cancelled") == 3
        hung.lock.acquire()
    guard.keep_fresh()
    ready = read_readiness(house.run_dir, guard.run)
    guard.close()
    assert ready is not None and ready.ready == dict.fromkeys(VENUES, True)


def test_kill_goes_on_with_the_traders_key_where_the_watchdogs_is_gone(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    house.place()
    left = read_venues_file(house.run_dir)
    assert left is not None
    bare = tuple(
        entry.model_copy(
            update={"account": entry.account.model_copy(update={"watchdog_api_key": "", "watchdog_secret": ""})}
        )
        for entry in left.venues
    )
    write_venues_file(house.run_dir, left.model_copy(update={"venues": bare}))

    code = main(["kill"])

    assert (code, house.left()) == (0, STRANGERS)
    assert "(key of the trader)" in capsys.readouterr().out


def test_the_guard_stands_ready_and_cancels_with_the_watchdogs_key(house: House) -> None:
    house.place()
    said: list[str] = []
    guard = load_guard(house.run_dir, os.getpid(), said.append)
    assert guard is not None

    guard.keep_fresh()
    ready = read_readiness(house.run_dir, guard.run)
    line = guard.cancel_ours()
    guard.close()

    assert ready is not None and ready.ready == dict.fromkeys(VENUES, True), said
    assert house.left() == STRANGERS, line
    assert line.count("2 of ours cancelled, none of ours is open, confirmed by its list") == 3
    assert read_readiness(house.run_dir, "live-another") is None


def test_a_guard_is_of_its_own_trader_alone(house: House) -> None:
    assert load_guard(house.run_dir, os.getpid() + 1, print) is None


def test_the_venues_file_is_for_its_owner_alone_and_holds_no_key(house: House) -> None:
    path = house.run_dir / FILE_NAME
    keys = json.loads((house.run_dir.parents[1] / "emulator.json").read_bytes())["accounts"]
    secrets = [value for account in keys.values() for name, value in account.items() if name != "account_id"]

    text = path.read_text()

    assert path.stat().st_mode & 0o777 == 0o600
    assert not [secret for secret in secrets if secret in text]
