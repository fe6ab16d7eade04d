"""The dashboard as a child: what it is told, and how it begins and ends with us."""

import secrets
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import orjson

from native.config import JsonObject
from streaming.control_key import control_key, own_key
from streaming.errors import TraderError
from streaming.redis_server import EmbeddedRedis
from streaming.settings import Settings, settings_path
from streaming.shell.bus_client import asking_user

TOKEN_NAME = "dashboard.token"
TOKEN_BYTES = 24
STOP_S = 5.0


@dataclass(frozen=True, slots=True)
class DashboardRequest:
    """What is to be served."""

    settings: Settings
    port: int | None = None
    """None: that of the settings."""
    replay: Path | None = None
    """A journal to be shown instead of a running trader."""


@dataclass(frozen=True, slots=True)
class ServedDashboard:
    """A dashboard that answers."""

    address: str
    ticket_address: str
    """Opens it once, without the token."""
    token_path: Path
    process: "subprocess.Popen[bytes]"


@contextmanager
def running_dashboard(request: DashboardRequest) -> Iterator[ServedDashboard]:
    """Serve the dashboard while the block lasts; TraderError when it cannot be."""
    settings = request.settings
    token_path = settings.warehouse.run_dir / TOKEN_NAME
    ticket = secrets.token_urlsafe(TOKEN_BYTES)
    with ExitStack() as stack:
        tape = None if request.replay is None else stack.enter_context(_tape(settings, request.replay))
        document = surroundings(settings, own_key(token_path).hex(), ticket, request.port, tape)
        if settings.streaming.redis.is_embedded and tape is None:
            embedded = EmbeddedRedis(settings.warehouse.run_dir)
            stack.callback(embedded.close)
            embedded.ensure()
        process = _start(document)
        stack.callback(_stop, process)
        address = _address(process)
        yield ServedDashboard(address, f"{address}/login?ticket={ticket}", token_path, process)


def surroundings(
    settings: Settings, token: str, ticket: str, port: int | None = None, tape: Path | None = None
) -> JsonObject:
    """Return what the dashboard's process is told; see `dashboards.surroundings`."""
    redis, run_dir = settings.streaming.redis, settings.warehouse.run_dir
    url = "" if redis.is_embedded or redis.is_off else redis.url.get_secret_value()
    section = {**settings.dashboards, **({} if port is None else {"port": port})}
    return {
        "warehouse": {"data_dir": str(settings.warehouse.data_dir)},
        "dashboards": section,
        "redis_socket": str(EmbeddedRedis(run_dir).socket) if redis.is_embedded else None,
        "redis_url": url,
        "token": token,
        "ticket": ticket,
        "control_key": control_key(run_dir).hex(),
        "settings_file": str(settings_path()),
        "user": asking_user(),
        "tape": None if tape is None else str(tape),
    }


@contextmanager
def _tape(settings: Settings, journal: Path) -> Iterator[Path]:
    """Write the views of a journal beside the run's files while the block lasts."""
    from streaming.cli.grammar import ProgressLine
    from streaming.view.tape import write_tape

    with tempfile.TemporaryDirectory(prefix="tape-") as folder:
        path, progress = Path(folder) / "views.tape", ProgressLine()
        try:
            write_tape(settings, journal, path, progress)
        finally:
            progress.close()
        yield path


def _start(document: JsonObject) -> "subprocess.Popen[bytes]":
    process = subprocess.Popen(
        [sys.executable, "-m", "dashboards"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    )
    assert process.stdin is not None
    with suppress(BrokenPipeError):  # it ended at once and said why on our stderr
        process.stdin.write(orjson.dumps(document) + b"\n")
        process.stdin.flush()  # and left open: it ends when we do, be it by kill -9
    return process


def _address(process: "subprocess.Popen[bytes]") -> str:
    assert process.stdout is not None
    with process.stdout:  # it says nothing after it
        line = process.stdout.readline().decode().strip()
    if not line:
        raise TraderError(f"the dashboard ended with exit code {process.wait()} before it answered; see above")
    return line


def _stop(process: "subprocess.Popen[bytes]") -> None:
    """End it, at once if it does not end by itself."""
    assert process.stdin is not None
    with suppress(BrokenPipeError):
        process.stdin.close()
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
