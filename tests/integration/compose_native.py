"""The services of compose.yaml as plain processes of this machine.

Commands, surroundings and health checks are those of the file. Replaced is what a container brings of its own: its
address and ports, its folders, its programs; and what the image of PostgreSQL does before its first start.
"""

import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import psycopg2
from compose_file import ROOT, Service, in_order, read_compose, waits_for
from parsed_dbt import give_manifest

from streaming.redis_server import packaged_binary
from warehouse.config import WarehouseConfig

PORTS = {
    "redis": (6379,),
    "influxdb": (8086, 8088),
    "postgres": (5432,),
    "dagster-webserver": (3000,),
    "mlflow": (5000,),
    "dashboard": (8080,),
}
"""Where each listens in its container."""
SERVICES = ROOT / "build" / "services"
NOBODY = 65_534
WAIT_S = 180.0
LOOK_S = 1.0
STOP_SIGNALS = {"postgres": signal.SIGINT}
"""Of images that name another than SIGTERM."""


class NativeHouse:
    """The services, started as compose would start them; see `running_house`."""

    def __init__(self, folder: Path, variables: Mapping[str, str]) -> None:
        self.folder = folder
        self.ports = {(name, port): _free_port() for name, ports in PORTS.items() for port in ports}
        told = {"DAGSTER_PORT": "dagster-webserver", "MLFLOW_PORT": "mlflow", "DASHBOARD_PORT": "dashboard"}
        published = {variable: str(self.port(name)) for variable, name in told.items()}
        services: dict[str, Service] = read_compose({**published, **variables})["services"]
        self.services = {name: service for name, service in services.items() if name != "grafana"}
        self._postgres = tempfile.mkdtemp(prefix="postgres-")
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._healthy: set[str] = set()

    @property
    def data_dir(self) -> Path:
        """What is mounted as the volume `data`."""
        return self.folder / "data"

    def port(self, name: str) -> int:
        """Return the port at which a service listens here."""
        return self.ports[name, PORTS[name][0]]

    def start(self) -> None:
        """Start all of them, each after those that it waits for, and wait until every one is healthy."""
        give_manifest(WarehouseConfig(data_dir=self.data_dir))
        for name in in_order(self.services):
            self._await_healthy(waits_for(self.services[name]))
            if name == "postgres":
                self._make_database()
            self._running[name] = self._process(name)
        self._await_healthy(self.services)

    def stop_all(self) -> dict[str, int]:
        """End them as `docker compose stop` does, those first that nobody waits for; return the exit codes."""
        codes: dict[str, int] = {}
        while self._running:
            needed = {other for name in self._running for other in waits_for(self.services[name])}
            codes |= self._stop([name for name in self._running if name not in needed])
        return codes

    def _stop(self, names: Iterable[str]) -> dict[str, int]:
        ending = {name: self._running[name] for name in names}
        for name, process in ending.items():
            process.send_signal(STOP_SIGNALS.get(name, signal.SIGTERM))
        codes = {name: process.wait(WAIT_S) for name, process in ending.items()}
        self._running = {name: process for name, process in self._running.items() if name not in codes}
        return codes

    def close(self) -> None:
        """Leave nothing running, nor what a service started."""
        for process in self._running.values():
            with suppress(psutil.NoSuchProcess):
                started = psutil.Process(process.pid)
                for each in (*started.children(recursive=True), started):
                    each.kill()
            process.wait()
        shutil.rmtree(self._postgres, ignore_errors=True)

    def log(self, name: str) -> str:
        """Return what a service said."""
        return (self.folder / f"{name}.log").read_text(errors="replace")

    # --- one service ---

    def _process(self, name: str) -> "subprocess.Popen[bytes]":
        command = self.services[name]["command"]
        words = shlex.split(command) if isinstance(command, str) else command
        more = ["-c", f"unix_socket_directories={self._postgres}"] if name == "postgres" else []
        with (self.folder / f"{name}.log").open("wb") as log:
            return subprocess.Popen(
                [*(self._native(name, word) for word in words), *more],
                cwd=ROOT,
                env=self._environment(name),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                **self._user(name),
            )

    def _is_healthy(self, name: str) -> bool:
        kind, *words = (self._native(name, word) for word in self.services[name]["healthcheck"]["test"])
        command = words if kind == "CMD" else ["sh", "-c", *words]
        asked = subprocess.run(command, cwd=ROOT, env=self._environment(name), capture_output=True, check=False)
        return asked.returncode == 0

    def _await_healthy(self, names: Any) -> None:
        deadline_s = time.monotonic() + WAIT_S
        while waiting := [name for name in names if name not in self._healthy]:
            for name in waiting:
                if self._is_healthy(name):
                    self._healthy.add(name)
                ended = self._running[name].poll()
                assert ended is None, f"{name} ended with {ended}: {self.log(name)[-2_000:]}"
            assert time.monotonic() < deadline_s, {name: self.log(name)[-2_000:] for name in waiting}
            time.sleep(LOOK_S)

    def _environment(self, name: str) -> dict[str, str]:
        programs = [
            Path(sys.executable).parent,
            packaged_binary().parent,
            SERVICES / "influxdb/usr/bin",
            Path(self._postgres) / "bin",
        ]
        path = os.pathsep.join([*map(str, programs), "/usr/local/bin", "/usr/bin", "/bin"])
        told = {
            key: self._native(name, str(value)) for key, value in self.services[name].get("environment", {}).items()
        }
        return {"PATH": path, "HOME": str(self.folder), "LANG": "C.UTF-8", "OMP_NUM_THREADS": "1", **told}

    def _user(self, name: str) -> dict[str, Any]:
        """PostgreSQL refuses to be root."""
        is_other = name == "postgres" and os.geteuid() == 0
        return {"user": NOBODY, "group": NOBODY, "extra_groups": []} if is_other else {}

    # --- what is of a container ---

    def _native(self, name: str, text: str) -> str:
        """Return a word of a service's as it is called here."""
        for (other, port), native in self.ports.items():
            text = text.replace(f"{other}:{port}", f"127.0.0.1:{native}")
            if other == name:
                text = re.sub(rf"(?<!\d){port}(?!\d)", str(native), text)
        text = re.sub(r"0\.0\.0\.0|(?<==)\*$|^(?=:\d+$)", "127.0.0.1", text)
        for volume in self.services[name].get("volumes", ()):
            source, inside = volume.split(":")[:2]
            text = text.replace(inside, str(self._place(source)))
        return text

    def _place(self, source: str) -> Path:
        """Return what is mounted: a folder of the project's, or one of the test's own for a volume."""
        if source.startswith("."):
            return ROOT / source
        place = Path(self._postgres) / "volume" if source == "postgres" else self.folder / source
        place.mkdir(parents=True, exist_ok=True)
        return place

    def _make_database(self) -> None:
        """Make a cluster with user and database, as the image does when its volume is empty."""
        place = Path(self._postgres)
        shutil.copytree(SERVICES / "postgresql", place, symlinks=True, dirs_exist_ok=True)
        told = self._environment("postgres")
        (place / "password").write_text(told["POSTGRES_PASSWORD"])
        for path in (place, place / "password", self._place("postgres")):
            os.chown(path, *([NOBODY, NOBODY] if self._user("postgres") else [-1, -1]))
        words = ["initdb", "-U", told["POSTGRES_USER"], "--pwfile", str(place / "password"), "--no-sync"]
        made = subprocess.run(
            [*words, *told["POSTGRES_INITDB_ARGS"].split(), "-E", "UTF8", "--locale", "C.UTF-8"],
            env=told,
            capture_output=True,
            text=True,
            check=False,
            **self._user("postgres"),
        )
        assert made.returncode == 0, made.stderr
        self._running["postgres"] = self._process("postgres")
        self._await_answer()
        address = {"host": "127.0.0.1", "port": self.port("postgres"), "user": told["POSTGRES_USER"]}
        connection = psycopg2.connect(**address, password=told["POSTGRES_PASSWORD"], dbname="postgres")
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(f"create database {told['POSTGRES_DB']}")
        connection.close()
        assert self._stop(["postgres"]) == {"postgres": 0}, self.log("postgres")

    def _await_answer(self) -> None:
        """Its health check asks for no database: it answers before ours is made."""
        self._await_healthy(["postgres"])
        self._healthy.discard("postgres")


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@contextmanager
def running_house(folder: Path, variables: Mapping[str, str]) -> Iterator[NativeHouse]:
    """Run all services but Grafana until the block is left."""
    house = NativeHouse(folder, variables)
    try:
        house.start()
        yield house
    finally:
        house.close()
