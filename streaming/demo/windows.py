"""What a demo ends with: the dashboard, Dagster and the reports, open for whoever looks, asked where nobody does."""

import http.cookiejar
import os
import socket
import sys
import time
import webbrowser
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlencode
from urllib.request import HTTPCookieProcessor, OpenerDirector, ProxyHandler, Request, build_opener

import orjson

from native.config import JsonObject
from streaming.cli.children import environment
from streaming.dashboard_process import TOKEN_NAME
from streaming.demo.commands import start_trader
from streaming.demo.telling import Teller
from streaming.errors import TraderError
from streaming.settings import Settings
from streaming.supervisor import Child, Progress, Supervisor

DASHBOARD_PORT, DAGSTER_PORT = 8080, 3000
"""Others are taken where these are in use."""
READY_S = 300.0
ANSWER_S = 30.0
LOOK_S = 0.2
SPARE_S = 120.0
"""Real time that a recording or a session may take beyond its market minutes: start, landing."""
LOCATION_QUERY = "{ repositoriesOrError { __typename } }"


@dataclass(frozen=True, slots=True)
class Windows:
    """Where they are."""

    dashboard: str
    dagster: str
    reports: str
    """The page that lists them."""
    token_file: str
    """Holds what opens the dashboard."""

    def to_json(self) -> JsonObject:
        """Return it as one JSON object."""
        return asdict(self)


def is_watched() -> bool:
    """Tell whether a person sits at the terminal."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def has_display() -> bool:
    """Tell whether a browser could be opened here."""
    return sys.platform == "darwin" or any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))


def open_windows(
    supervisor: Supervisor, settings: Settings, settings_file: Path, progress: Progress, journal: Path | None = None
) -> Windows:
    """Start dashboard and Dagster as children and return their addresses once both answer; open browsers on a display.

    With `journal` the dashboard replays it instead of showing a running trader.
    """
    opens = is_watched() and has_display()
    dagster_port = _free_port(DAGSTER_PORT)
    words = ["--port", str(_free_port(DASHBOARD_PORT)), "--open" if opens else "--no-open"]
    words += [] if journal is None else ["--replay", str(journal)]
    command = [sys.executable, "-m", "orchestration", "dagster", "--port", str(dagster_port)]
    dagster = supervisor.start("dagster", command, environment(settings_file))
    dashboard = start_trader(supervisor, settings_file, "dashboard", "dashboard", *words)
    supervisor.await_ready(dashboard, lambda: _address(dashboard) != "", READY_S, "the dashboard's address", progress)
    address = f"http://127.0.0.1:{dagster_port}"
    begins = f"Dagster begins on {address}"
    supervisor.await_ready(
        dagster,
        lambda: _answers(f"{address}/server_info"),
        READY_S,
        "Dagster to answer",
        lambda _: progress(begins),  # its own lines are about itself
    )
    if opens:
        webbrowser.open(address)
    shown = _address(dashboard)
    return Windows(shown, address, f"{shown}/data", str(settings.warehouse.run_dir / TOKEN_NAME))


def ask_windows(windows: Windows, report: Path | None = None) -> None:
    """Ask each window what a browser would; `report` is a path below the reports. TraderError names what failed."""
    opener = build_opener(ProxyHandler({}), HTTPCookieProcessor(http.cookiejar.CookieJar()))
    token = Path(windows.token_file).read_text(encoding="ascii").strip()
    form = Request(
        f"{windows.dashboard}/login",
        data=urlencode({"token": token}).encode(),
        headers={"Origin": windows.dashboard},
    )
    _read(opener, form)
    pages = [windows.dashboard, windows.reports]
    pages += [] if report is None else [f"{windows.dashboard}/reports/{quote(report.as_posix())}"]
    for page in pages:
        _read(opener, Request(page))
    asked = Request(
        f"{windows.dagster}/graphql",
        data=orjson.dumps({"query": LOCATION_QUERY}),
        headers={"Content-Type": "application/json"},
    )
    kind = orjson.loads(_read(opener, asked))["data"]["repositoriesOrError"]["__typename"]
    if kind != "RepositoryConnection":
        raise TraderError(f"{windows.dagster}: expected the asset graph, found {kind}")


def tell_windows(windows: Windows, teller: Teller) -> None:
    """Print the addresses."""
    teller.say("dashboard", f"{windows.dashboard}   (token: {windows.token_file})")
    teller.say("dagster", windows.dagster)
    teller.say("reports", windows.reports)


def stay(supervisor: Supervisor, teller: Teller) -> None:
    """Wait for Ctrl-C, then end every child in order; TraderError when one ends by itself."""
    names = ", ".join(child.name for child in supervisor.running)
    try:
        teller.say("running", f"{names}: Ctrl-C ends them   (trader status --watch, trader orders, trader halt --help)")
        while True:
            supervisor.check()
            time.sleep(LOOK_S)
    except KeyboardInterrupt:
        teller.say("stopping", f"{names}; a session is landed in the lake")
        for child in reversed(supervisor.running):
            supervisor.stop(child, SPARE_S)


def _address(dashboard: Child) -> str:
    """Return the address that the dashboard tells; empty while it tells none."""
    lines = dashboard.out.read_text(encoding="utf-8").splitlines()
    told = [line.split()[1] for line in lines if line.startswith("dashboard ")]
    return told[0] if told and any(line.startswith("token ") for line in lines) else ""


def _answers(address: str) -> bool:
    try:
        build_opener(ProxyHandler({})).open(address, timeout=2.0).close()
    except OSError:
        return False
    return True


def _read(opener: OpenerDirector, request: Request) -> bytes:
    try:
        with opener.open(request, timeout=ANSWER_S) as answer:
            found: bytes = answer.read()
    except HTTPError as error:
        raise TraderError(f"{request.full_url}: expected an answer, found {error.code} {error.reason}") from error
    except URLError as error:
        raise TraderError(f"{request.full_url}: expected an answer, found {error.reason}") from error
    return found


def _free_port(wanted: int) -> int:
    """Return `wanted` where nobody listens there, else any that is free."""
    for port in (wanted, 0):
        with socket.socket() as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                trial.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(trial.getsockname()[1])
    raise TraderError("expected a free port on this machine, found none")
