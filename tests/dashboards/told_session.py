"""A short session of trader and recorder against emulated venues that tells all of it to a real InfluxDB."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from influx_server import InfluxServer
from numpy.typing import NDArray
from paper_house import START_NS, EagerModel, House, emulator
from waiting import until

from streaming.emulator.faults import Fault, FaultKind
from streaming.performance import equity
from streaming.settings import PROJECT_ROOT
from streaming.shell.inference import LoadedModel
from streaming.shell.trader_model import FirstModel
from warehouse.files import write_atomically

FIRST, SECOND = "a" * 64, "b" * 64
WEEK_NS = 7 * 86_400 * 10**9
SPEED = 3.0
"""Market seconds a second: a busy machine's forecasts are still in time."""
STATUSES_MIN = 4
"""Of a process, told once a second: rates are over intervals of five market seconds."""
DRIFTED = {"bundle": SECOND, "level": 2, "not_judged": ""}


class KnownModel(EagerModel):
    """An eager model that says what a bundle's model says: when it expires, and what its training knew."""

    expires_ns = START_NS + WEEK_NS

    def outside_training(self, features_VF: NDArray[np.float32], valid_V: NDArray[np.uint8]) -> NDArray[np.bool_]:
        return np.zeros(features_VF.shape, dtype=np.bool_)


@dataclass(frozen=True)
class ToldSession:
    """What a session left behind."""

    influx: InfluxServer
    run: str
    first_ns: int
    last_ns: int

    @property
    def time_filter(self) -> str:
        return f"time >= {self.first_ns} AND time <= {self.last_ns}"


def settings_file(folder: Path, influx: InfluxServer) -> Path:
    """Write the project's settings with our database, and with the rule of the watch that drift breaks."""
    text = (PROJECT_ROOT / "settings.toml").read_text(encoding="utf-8")
    text, metrics = re.subn(r'(\[streaming\.metrics\].*\nurl = )""', rf'\g<1>"{influx.url}"', text)
    text, rules = re.subn(r"^# (\[native\.risk\.watch\]|drift_level_max = )", r"\g<1>", text, flags=re.M)
    assert (metrics, rules) == (1, 2), "the project's settings show both"
    file = folder / "settings.toml"
    file.write_text(text, encoding="utf-8")
    return file


def point_champion(house: House, bundle: str, generation: int) -> None:
    pointer = {"hash": bundle, "generation": generation, "reason": "better by a test", "by": "test", "ts_ns": 1}
    folder = house.settings.warehouse.models_dir
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(folder / "champion.json", json.dumps(pointer).encode())


def is_earning(status: dict) -> bool:
    """Whether every figure of the session and of its model is defined."""
    total = status["performance"]["total"]
    horizons = status["scores"]["champion"]["horizons"]
    figures = ("sharpe", "profit_factor", "hit_rate", "fill_rate", "mse_bps2")
    return all(total[name] is not None for name in figures) and all(row["slope"] is not None for row in horizons)


def act(house: House, venues: dict) -> None:
    """Trade, lose a frame, promote another model, and let the data drift until risk objects."""
    house.until(lambda status: status["counts"]["fills"] > 5 and is_earning(status))
    fault = Fault(kind=FaultKind.drop_depth, venue="binance_spot")
    venues["loop"].call_soon_threadsafe(venues["market"].arm, fault, venues["served"].clock.now_ns())
    house.until(lambda status: status["counts"]["gaps_closed"] > 0)
    point_champion(house, SECOND, generation=2)
    house.until(lambda status: status["model"]["hash"] == SECOND and is_earning(status))
    verdicts = house.settings.warehouse.reports_dir / "drift"
    verdicts.mkdir(parents=True, exist_ok=True)
    write_atomically(verdicts / "one.json", json.dumps(DRIFTED).encode())
    house.until(lambda status: status["risk"]["tripped_by_rule"]["drift"] > 0)


def told_often(influx: InfluxServer, process: str) -> bool:
    """Whether a process has told enough for its counters to have a rate."""
    rows = influx.values(f'select count("written") from "writer" where "process" = \'{process}\'')
    return bool(rows) and int(str(rows[0][1])) >= STATUSES_MIN


@contextmanager
def recorder(house: House) -> Iterator[None]:
    """Record the same venues in a process of its own, which ends clean."""
    words = [sys.executable, "-m", "streaming", "record", "--emulator", str(house.addresses_file)]
    said = house.settings_file.parent / "record.out"
    with said.open("wb") as out:
        process = subprocess.Popen(words, stdout=out, stderr=out, cwd=PROJECT_ROOT, env={**os.environ})
    try:
        yield
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0, said.read_text()
    finally:
        process.kill()
        process.wait()


@contextmanager
def told_session(folder: Path) -> Iterator[ToldSession]:
    """Run the session; its series can be asked for inside the block."""
    with pytest.MonkeyPatch.context() as patch, InfluxServer(folder / "influx") as influx:
        house = House(settings_file(folder, influx), folder / "emulator.json")
        patch.setenv("LOB_SETTINGS", str(house.settings_file))
        # A ratio of ten minutes would take minutes to wait for; what is asked here is whether it arrives.
        patch.setattr(equity, "SECONDS_MIN", 2)
        point_champion(house, FIRST, generation=1)
        first = FirstModel(LoadedModel(FIRST, KnownModel()), 1)
        with emulator(house.addresses_file, speed=SPEED) as venues, recorder(house):

            def script(house: House) -> None:
                act(house, venues)
                for process in ("recorder", "trader"):
                    until(lambda process=process: told_often(influx, process), f"the {process} to tell enough")

            summary = house.trade(script, first, lambda bundle: KnownModel())
        assert summary is not None
        ((first_ns, _),) = influx.values('select first("frames") from "trader"')
        ((last_ns, _),) = influx.values('select last("frames") from "trader"')
        yield ToldSession(influx, str(summary.status["run"]), int(str(first_ns)), int(str(last_ns)))
