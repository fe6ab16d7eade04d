"""docs/live.md is walked through from its first command to its last, at an emulator; and nobody ever says a secret."""

import json
import os
import pty
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from streaming.segments import stream_blocks
from streaming.settings import PROJECT_ROOT, load_settings
from streaming.shell.control import ask
from streaming.trader.modes import session_files

TEXT = (PROJECT_ROOT / "docs" / "live.md").read_text(encoding="utf-8")
COMMANDS = [
    line.partition("#")[0].strip()
    for block in re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL)
    for line in block.splitlines()
]
SETTINGS = re.search(r"```toml\n(.*?)```", TEXT, re.DOTALL)
SESSION_S, WAIT_S = 2, 90.0
STATUS, ASKED = "trader status", "trader start --mode live --no-model"
ACCOUNT = "first-steps"


@dataclass
class Walk:
    """One walk: what was typed, what came of it, and where everything lies."""

    folder: Path
    outputs: dict[str, str] = field(default_factory=dict)
    """By command; of all runs of it together."""
    codes: dict[str, list[int]] = field(default_factory=dict)
    words: list[str] = field(default_factory=list)
    """Of the processes that ran meanwhile."""
    documents: list[str] = field(default_factory=list)
    accounts: dict[str, dict[str, str]] = field(default_factory=dict, repr=False)
    """The emulator's, by venue, keys and all."""

    @property
    def run_dir(self) -> Path:
        return self.folder / "data" / "run"

    @property
    def addresses(self) -> Path:
        return self.folder / "emulator.json"

    def environment(self, settings: str) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("LOB_")}
        return {**kept, "LOB_SETTINGS": str(self.folder / settings), "PYTHONPATH": str(PROJECT_ROOT)}

    def begin(self, command: str, settings: str, stdin: int = subprocess.DEVNULL) -> "subprocess.Popen[str]":
        """Start one command of the guide in the folder."""
        program, *words = shlex.split(command)
        assert program == "trader", command
        return subprocess.Popen(
            [sys.executable, "-m", "streaming.cli.main", *words],
            cwd=self.folder,
            env=self.environment(settings),
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def end(self, command: str, process: "subprocess.Popen[str]") -> int:
        """Wait for a command's end and keep what it said."""
        said, _ = process.communicate(timeout=WAIT_S)
        self.outputs[command] = self.outputs.get(command, "") + said
        self.codes.setdefault(command, []).append(process.returncode)
        return process.returncode

    def run(self, command: str, settings: str = "own.toml") -> int:
        """Run one command to its end; a session's span is cut to what a test can wait for."""
        typed = command.replace("--seconds 20", f"--seconds {SESSION_S}")
        typed = typed.replace("JOURNAL", str(self.newest_journal()) if "JOURNAL" in typed else "")
        return self.end(command, self.begin(typed, settings))

    def newest_journal(self) -> Path:
        return session_files(self.folder / "data" / "journal", ".seg.zst")[-1]

    def until_ready(self, process: "subprocess.Popen[str]") -> None:
        """Wait until live orders may leave, and note what is told and how the processes are called."""
        end_s = time.monotonic() + WAIT_S
        while True:
            assert process.poll() is None and time.monotonic() < end_s, process.communicate()[0]
            with suppress(Exception):
                status = ask(self.run_dir / "trader.sock", {"op": "status"})
                if isinstance(status["live"], dict) and status["live"]["ready_after_s"] is not None:
                    self.documents.append(json.dumps(status))
                    break
            time.sleep(0.05)
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            with suppress(OSError):
                self.words.append(path.read_bytes().replace(b"\0", b" ").decode(errors="replace"))


def write_settings(walk: Walk) -> None:
    """The guide's settings as they stand, and as they are once a person has named addresses and keys."""
    assert SETTINGS is not None, "the guide shows settings"
    (walk.folder / "guide.toml").write_text(SETTINGS.group(1), encoding="utf-8")
    document = json.loads(walk.addresses.read_bytes())
    walk.accounts = document["accounts"]
    lines = [SETTINGS.group(1)]
    for venue, own in document["accounts"].items():
        place = document["addresses"][venue]
        lines += [f"[streaming.record.addresses.{venue}]", f'rest = "http://{place}"', f'websocket = ["ws://{place}"]']
        lines += [
            f"[streaming.live.accounts.{venue}]",
            f'account_id = "{own["account_id"]}"',
            f'rest = "http://{place}"',
        ]
        lines += [f'order_socket = "ws://{place}"', f'user_socket = "ws://{place}"']
        for name in ("api_key", "secret", "watchdog_api_key", "watchdog_secret"):
            lines.append(f'{name} = "file:{walk.addresses}#accounts.{venue}.{name}"')
    (walk.folder / "own.toml").write_text("\n".join(lines), encoding="utf-8")


@pytest.fixture(scope="module")
def walk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walk]:
    walk = Walk(tmp_path_factory.mktemp("guide"))
    emulate = COMMANDS[0]
    (walk.folder / "guide.toml").write_text(SETTINGS.group(1) if SETTINGS else "", encoding="utf-8")
    emulator = walk.begin(f"{emulate} --port 0", "guide.toml")
    try:
        end_s = time.monotonic() + WAIT_S
        while not walk.addresses.exists():
            assert emulator.poll() is None and time.monotonic() < end_s, emulator.communicate()[0]
            time.sleep(0.05)
        write_settings(walk)
        go(walk)
    finally:
        emulator.send_signal(signal.SIGTERM)
        walk.end(emulate, emulator)
    yield walk


def go(walk: Walk) -> None:
    """Type every command once, in the guide's order; those after the last start while its session runs."""
    typed = list(dict.fromkeys(COMMANDS[1:]))
    before, after = typed[: typed.index(ASKED)], typed[typed.index(ASKED) + 1 :]
    before.remove(STATUS)  # the first that is asked while a session runs
    after.insert(0, STATUS)
    live = f"{ASKED} --yes-live {ACCOUNT}"
    for command in before:
        walk.run(command, "guide.toml" if "--emulator" in command else "own.toml")
    keyboard, terminal = pty.openpty()
    trader = walk.begin(ASKED, "own.toml", stdin=terminal)
    try:
        os.write(keyboard, f"{ACCOUNT}\n".encode())
        walk.until_ready(trader)
        for command in [item for item in after if "kill" not in item]:
            walk.run(command)
        walk.end(ASKED, trader)
        second = walk.begin(live, "own.toml")
        walk.until_ready(second)
        second.kill()
        walk.end(live, second)
        walk.run(next(item for item in after if "kill" in item))
    finally:
        for process in (trader, *([second] if "second" in locals() else [])):
            if process.poll() is None:
                process.kill()
                process.communicate()
        os.close(keyboard)
        os.close(terminal)


def test_every_command_of_the_guide_does_what_it_says(walk: Walk) -> None:
    asked = [command for command in dict.fromkeys(COMMANDS) if command not in walk.codes]
    failed = {command: (codes, walk.outputs[command][-2_000:]) for command, codes in walk.codes.items() if any(codes)}
    killed = f"{ASKED} --yes-live {ACCOUNT}"

    assert asked == []
    assert set(failed) <= {killed}, failed
    assert walk.codes[killed] == [-signal.SIGKILL]


def test_the_mode_stands_on_every_screen_order_and_run(walk: Walk) -> None:
    modes = {"shadow": "SHADOW", "live": "LIVE"}
    for mode, word in modes.items():
        said = [text for command, text in walk.outputs.items() if f"--mode {mode}" in command]
        assert said and all(word in text for text in said)
    status = json.loads(walk.documents[0])

    assert status["mode"] == "live" and status["run"].startswith("live-")
    assert walk.outputs["trader status"].startswith("LIVE")
    assert walk.outputs["trader orders"].startswith("LIVE")
    assert walk.outputs["trader positions"].startswith("LIVE")


def test_status_tells_what_is_left_of_the_countdown_and_of_limits_and_when_each_account_was_heard(walk: Walk) -> None:
    dead_man = json.loads(walk.documents[0])["live"]["dead_man"]

    assert dead_man["is_armed"] and 0 < dead_man["left_s"] <= dead_man["span_s"] == 30.0
    assert re.search(r"dead-man.*: armed, \d+\.\d s left", walk.outputs["trader status"])
    venues = json.loads(walk.documents[0])["live"]["venues"]
    assert all(venue["private_age_s"] is not None and venue["budget"] for venue in venues)
    heard = re.findall(r"heard \d+\.\d s ago, \d+ calls under way, \w+ \d+ of \d+ used", walk.outputs["trader status"])
    assert len(heard) == len(venues)


def test_a_shadow_sends_nothing(walk: Walk) -> None:
    shadows = [text for command, text in walk.outputs.items() if "--mode shadow" in command]

    assert all("shadow-" in text for text in shadows)
    assert not [path for path in walk.run_dir.glob("*") if path.name == "trader.venues.json"], "all was confirmed"


def test_kill_finds_what_a_killed_trader_left(walk: Walk) -> None:
    (said,) = [text for command, text in walk.outputs.items() if command.startswith("trader kill")]

    assert "KILLED, all confirmed" in said, said
    assert said.count("none of ours is open, confirmed by its list") == 3
    (watched,) = [text for command, text in walk.outputs.items() if command == f"{ASKED} --yes-live {ACCOUNT}"]
    confirmed = watched.partition("watchdog: confirm: ")[2].partition("\n")[0]
    assert confirmed.count("none of ours is open, confirmed by its list") == 3, watched


def secrets_of(walk: Walk) -> list[str]:
    values = [value for own in walk.accounts.values() for name, value in own.items() if name != "account_id"]
    lines = [line for value in values for line in value.splitlines() if not line.startswith("-----")]
    assert len(lines) >= 12 and min(map(len, lines)) >= 16
    return lines


def test_no_secret_is_said_or_written_anywhere(walk: Walk) -> None:
    said = {**walk.outputs, "status": "".join(walk.documents), "words": "\n".join(walk.words)}
    for path in (*walk.run_dir.glob("*"), walk.folder / "own.toml"):
        if path.is_file():
            said[str(path)] = path.read_bytes().decode("latin-1")
    for suffix in (".seg.zst", ".seg.zst.part"):
        for path in session_files(walk.folder / "data" / "journal", suffix):
            said[str(path)] = b"".join(block for _, block in stream_blocks(path)).decode("latin-1")
    found = [(place, secret[:4]) for place, text in said.items() for secret in secrets_of(walk) if secret in text]

    assert any("streaming.watchdog.process" in words for words in walk.words)
    assert any(place.endswith(".seg.zst") for place in said)
    assert found == []
    assert not re.findall(r"signature=[0-9a-zA-Z%]{16}|listenKey=[0-9a-zA-Z]{8}", "\n".join(said.values()))


def test_the_settings_of_the_guide_are_whole(walk: Walk) -> None:
    from native.risk_settings import missing_limits

    settings = load_settings(walk.folder / "guide.toml", reads_environment=False)

    assert missing_limits(settings.native) == []
    assert settings.streaming.live.account == ACCOUNT
