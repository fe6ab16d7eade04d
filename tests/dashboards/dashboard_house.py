"""A house for tests of pages: the venues' emulator, a paper trader and the dashboard, each a process of its own.

    house.url                       where the dashboard is
    house.ask("status")             asks the trader over its control socket
    house.until(condition)          waits for a status of the trader
    house.freeze("trader")          SIGSTOP, of emulator, trader or dashboard; `thaw` lets it go on
    house.kill("trader")            kill -9; `start_trader()` starts the next one
    house.signal_redis(SIGSTOP)     ... of the embedded Redis
    house.settings                  folders, lake and all: what a page reads may be written there beforehand

The trader's model turns its mind every few steps, so orders are sent and filled all the time.
"""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
from held_lake import write_lake, write_reports
from paper_house import House, make_house
from playwright.sync_api import BrowserContext, Page, expect
from redis_processes import signal_server
from shared import Shared

from streaming.settings import Settings
from streaming.shell.trader_names import SOCKET_NAME
from streaming.supervisor import Child, Supervisor
from warehouse.lake import Lake

ROOT = Path(__file__).parents[2]
PATHS = [ROOT, ROOT / "tests" / "streaming"]
PAPER = ROOT / "tests" / "streaming" / "paper_process.py"
START = "2026-01-05T00:00:00"
START_S = 40.0
LINKS = {"trader": "paper_process.py", "dashboard": "dashboards", "emulator": "emulate"}
"""A word in the command of the process that does the work: above it stand guards and commands that started it."""


class DashboardHouse:
    """See the head of the file. An `Address` of `browser.py`."""

    def __init__(self, folder: Path, supervisor: Supervisor, speed: float) -> None:
        self.folder = folder
        self._supervisor = supervisor
        self._speed = speed
        self._children: dict[str, Child] = {}
        file = folder / "settings.toml"
        file.write_text((ROOT / "settings.toml").read_text(encoding="utf-8"), encoding="utf-8")
        self.house: House = make_house(file, redis="")
        self.url = ""
        self.started_s = 0.0

    # --- what it is made of ---

    @property
    def settings(self) -> Settings:
        """Its settings; its data folder is its own."""
        found: Settings = self.house.settings
        return found

    @property
    def run_dir(self) -> Path:
        """Where sockets, locks and tokens are."""
        return self.settings.warehouse.run_dir

    @property
    def token(self) -> str:
        """What opens the dashboard."""
        return (self.run_dir / "dashboard.token").read_text(encoding="utf-8").strip()

    def start(self) -> None:
        """Start all three, side by side as far as one does not need the other."""
        began_s = time.monotonic()
        self._begin_dashboard()
        self.start_emulator()
        self.start_trader()
        self._await_dashboard()
        self.started_s = time.monotonic() - began_s

    def start_emulator(self) -> None:
        """Serve the venues on free ports."""
        file = self.house.addresses_file
        words = ["emulate", "--start", START, "--speed", f"{self._speed}", "--port", "0", "--addresses", str(file)]
        self._begin("emulator", [sys.executable, "-m", "streaming", *words])
        self._await("emulator", file.is_file)

    def start_trader(self) -> None:
        """Trade, until orders were filled."""
        self._begin("trader", [sys.executable, str(PAPER), str(self.house.settings_file)])
        self._await("trader", self._is_trading)

    def start_dashboard(self, *words: str) -> None:
        """Serve pages; `words` are further words of `trader dashboard`."""
        self._begin_dashboard(*words)
        self._await_dashboard()

    def log(self, name: str) -> str:
        """Return what a process wrote on its errors and its output."""
        child = self._children[name]
        return child.log.read_text(encoding="utf-8") + child.out.read_text(encoding="utf-8")

    # --- the trader ---

    def ask(self, op: str, **words: object) -> dict[str, Any]:
        """Ask the trader over its control socket."""
        found: dict[str, Any] = self.house.ask(op, **words)
        return found

    def until(self, condition: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
        """Wait until a condition of the trader's status holds; return that status."""
        found: dict[str, Any] = self.house.until(condition)
        return found

    # --- faults ---

    def process(self, name: str) -> psutil.Process:
        """Return the process that does a child's work."""
        guard = psutil.Process(self._children[name]._guard.pid)
        below = [each for each in guard.children(recursive=True) if LINKS[name] in each.cmdline()]
        named = below or [
            each for each in guard.children(recursive=True) if any(LINKS[name] in word for word in each.cmdline())
        ]
        assert named, f"{name} does not run: {self.log(name)}"
        return named[-1]

    def freeze(self, name: str) -> None:
        """Let a process hang."""
        self.process(name).send_signal(signal.SIGSTOP)

    def thaw(self, name: str) -> None:
        """Let it go on."""
        self.process(name).send_signal(signal.SIGCONT)

    def kill(self, name: str) -> None:
        """End a process at once."""
        process = self.process(name)
        process.kill()
        child = self._children.pop(name)
        self._supervisor.stop(child, 0.0)

    def signal_redis(self, number: signal.Signals) -> None:
        """Send a signal to the embedded Redis."""
        signal_server(self.run_dir, number)

    # --- what the browser asks; see `browser.Address` ---

    def prepare(self, context: BrowserContext, theme: str) -> None:
        """Sign in as a person does: the token is exchanged for a cookie."""
        answer = context.request.post(
            f"{self.url}/login", form={"token": self.token}, headers={"Origin": self.url}, max_redirects=0
        )
        assert answer.status == 303, f"{answer.status} {answer.text()}"

    def until_shown(self, page: Page) -> None:
        """Wait until the page shows a running trader's numbers."""
        expect(page.get_by_test_id("mode")).to_contain_text("PAPER")
        expect(page.get_by_test_id("freshness")).to_contain_text("live")

    # --- inside ---

    def _begin(self, name: str, command: list[str]) -> None:
        self._children[name] = self._supervisor.start(name, command, self._environment())

    def _await(self, name: str, is_ready: Callable[[], bool]) -> None:
        self._supervisor.await_ready(self._children[name], is_ready, START_S, f"{name} to be ready")

    def _begin_dashboard(self, *words: str) -> None:
        self._begin("dashboard", [sys.executable, "-m", "streaming", "dashboard", "--port", "0", "--no-open", *words])

    def _await_dashboard(self) -> None:
        self._await("dashboard", lambda: bool(self._address()))
        self.url = self._address()

    def _environment(self) -> dict[str, str]:
        plain = {name: value for name, value in os.environ.items() if not name.startswith("LOB_")}
        paths = os.pathsep.join(map(str, PATHS))
        return {**plain, "LOB_SETTINGS": str(self.house.settings_file), "PYTHONPATH": paths, "OMP_NUM_THREADS": "1"}

    def _is_trading(self) -> bool:
        if not (self.run_dir / SOCKET_NAME).exists():
            return False
        with suppress(Exception):  # it listens in a moment
            counts = self.ask("status").get("counts") or {}
            return bool(counts.get("fills"))
        return False

    def _address(self) -> str:
        lines = self._children["dashboard"].out.read_text(encoding="utf-8").splitlines()
        words = [line.split() for line in lines if line.startswith("dashboard") and line.endswith(tuple("0123456789"))]
        return words[0][1] if words and len(lines) > 1 else ""


MakeHouse = Callable[..., DashboardHouse]


@contextmanager
def running_house(
    folder: Path, *, speed: float = 1.0, prepare: Callable[[DashboardHouse], None] | None = None
) -> Iterator[DashboardHouse]:
    """Start all three; `prepare` is called before any of them. Nothing of them is left afterwards."""
    with Supervisor(folder / "log", patience_s=0.0) as supervisor:
        house = DashboardHouse(folder, supervisor, speed)
        if prepare is not None:
            prepare(house)
        house.start()
        yield house


def hold_market(house: DashboardHouse) -> None:
    """Give a house a lake with something in it, and reports."""
    write_lake(Lake(house.settings.warehouse.lake_dir))
    write_reports(house.settings.warehouse.reports_dir)


@pytest.fixture(scope="session")
def shared_house(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Shared[DashboardHouse]:
    """The house of `house`, which ends behind the last page test."""
    return Shared(request.session, lambda: running_house(tmp_path_factory.mktemp("house"), prepare=hold_market))


@pytest.fixture(scope="module")
def house(shared_house: Shared[DashboardHouse]) -> DashboardHouse:
    """One house for all tests of a worker that change nothing in it."""
    return shared_house.get()


@pytest.fixture
def make_own_house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MakeHouse]:
    """A way to have a house of the test's own, to halt, freeze and kill in; `running_house`'s words."""
    with ExitStack() as stack:

        def make(**words: Any) -> DashboardHouse:
            return stack.enter_context(running_house(tmp_path_factory.mktemp("own"), **words))

        yield make
