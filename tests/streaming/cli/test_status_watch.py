"""`trader status --watch`: the screen, over both ways, against a running trader."""

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from io import StringIO

import pytest
from paper_house import WAIT_S, eager, emulator, make_house
from rich.console import Console

from dashboards.overview.money import PARTS, shown_money
from streaming.cli.watch_screen import NOTHING, Watched, draw
from streaming.cli.watching import Watch
from streaming.errors import NotRunningError
from streaming.shell.bus_client import ask_over_redis
from streaming.shell.control import ask
from streaming.shell.trader_names import PROCESS, SOCKET_NAME

BARE = {"mode": "paper", "state": "active", "run": "r", "pid": 1, "model": None, "facts": {}, "counts": {}}
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@pytest.fixture
def house(settings_file):
    return make_house(settings_file, redis="")


def text_of(watched, width=140):
    console = Console(width=width, height=60, file=StringIO())
    console.print(draw(watched, width))
    return console.file.getvalue()


def shown_in_terminal(settings_file, *words):
    """Return what the command shows on a terminal of 140 columns until Ctrl-C, and its exit code."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 140, 0, 0))
    environment = {**os.environ, "LOB_SETTINGS": str(settings_file), "TERM": "xterm"}
    command = [sys.executable, "-m", "streaming", "status", "--watch", *words]
    child = subprocess.Popen(
        command, env=environment, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )  # fmt: skip
    os.close(theirs)
    shown, deadline = b"", time.monotonic() + WAIT_S
    while b"limits nearest" not in shown and time.monotonic() < deadline:
        if select.select([ours], [], [], 0.1)[0]:
            shown += os.read(ours, 65_536)
    os.write(ours, b"\x03")
    code = child.wait(WAIT_S)
    os.close(ours)
    return ESCAPES.sub("", shown.decode(errors="replace")), code


def test_the_screen_shows_the_overviews_figures_over_socket_and_redis_until_ctrl_c(house, monkeypatch):
    monkeypatch.setenv("LOB_SETTINGS", str(house.settings_file))
    seen = {}

    def script(house):
        house.until(lambda status: status["counts"]["fills"] >= 3 and status["bus"]["is_connected"])
        settings = house.settings
        seen["socket"] = ask(house.run_dir / SOCKET_NAME, {"op": "status"})
        seen["redis"] = ask_over_redis(settings.streaming.redis, house.run_dir, PROCESS, {"op": "status"})
        seen["terminal"] = shown_in_terminal(house.settings_file)
        seen["terminal over redis"] = shown_in_terminal(house.settings_file, "--via", "redis")
        seen["watch"] = Watch(lambda: ask(house.run_dir / SOCKET_NAME, {"op": "status"}), "socket")

    with emulator(house.addresses_file):
        house.trade(script, eager())

    for way in ("socket", "redis"):
        text, total = text_of(Watched(seen[way], way=way)), seen[way]["performance"]["total"]
        assert all(str(shown_money(total[part])) in text for part in PARTS)
        assert "PAPER" in text and "ACTIVE" in text and f"over {way}" in text
        assert all(item["instrument"] in text for item in seen[way]["instruments"])
    for way in ("terminal", "terminal over redis"):
        text, code = seen[way]
        assert code == 0 and "PAPER" in text and "binance_usdm:BTCUSDT" in text, text
    watch = seen["watch"]
    watch.look()
    assert "NOT ANSWERING" in text_of(watch.now()) and "ACTIVE" in text_of(watch.now())


def test_what_nobody_told_is_not_shown_as_zero():
    known = {"instruments": [{"instrument": "a:B"}], "venues": [{"venue": "a"}]}

    text = text_of(Watched({**BARE, **known}))

    assert not re.search(r"\b0\b", text.split("session")[1].split("latency")[0])
    assert NOTHING in text


@pytest.mark.parametrize(("age_s", "is_marked"), [(0.5, False), (4.0, True)])
def test_figures_older_than_they_should_be_are_marked(age_s, is_marked):
    assert ("STALE" in text_of(Watched({"mode": "paper", "state": "active"}, age_s))) == is_marked


def test_a_narrow_terminal_cuts_no_number():
    money = {"unrealised": "-1234567.25", "pnl": "1234567.5"}
    row = {"instrument": "binance_usdm:BTCUSDT", "feed": "synced", "position": "0.12345678", "open_orders": 3, **money}

    text = text_of(Watched({**BARE, "instruments": [row]}), width=80)

    assert all(number in text for number in ("0.12345678", "-1234567.25", "+1234567.50")) and "…" not in text


def test_the_first_question_without_an_answer_is_an_error():
    def nobody():
        raise NotRunningError("nobody")

    with pytest.raises(NotRunningError, match="nobody"):
        Watch(nobody, "socket")
