"""What a fault of a window costs the way from a frame to an order; printed, never asserted.

A journal is played to the whole trader beside a Redis, an InfluxDB and a dashboard. One of them is well and ails by
turns, several times within one run: so what else the machine does weighs on both alike. Times are real, from a frame's
sending by another process: to the engine's outputs of it, and to the simulated venue having the orders that its step's
forecast gave. The ratio is that of the p99 while a service ails, and for a moment after, to the p99 while all are well,
with the lowest and highest of single turns. Beside a run in which none ails it says what chance alone does.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from bench_table import Row, show
from influx_server import InfluxServer
from numpy.typing import NDArray
from paper_market import Arrival, arrivals
from played_shell import Act, Played, play
from window_services import Service, dashboard, house_in, own_redis

STEPS, SPEED = 1_800, 5.0
"""36 s: each turn is three seconds well, and three seconds of an ailment and its end."""
TURNS = 6
AILS, ENDS = 0.5, 0.85
"""Shares of a turn: when the ailment begins, and when it ends; what follows still counts as its time."""

Times = NDArray[np.int64]


@dataclass(frozen=True)
class Ailment:
    """What is done to a service when its time begins and ends."""

    begin: Callable[[Service], object]
    end: Callable[[Service], object]


def begin_again(service: Service) -> None:
    """Start a stopped one; InfluxDB must be told its port anew, the others are waited for by nobody."""
    if isinstance(service, InfluxServer):
        service.start()
    else:
        service.launch()


def restart(service: Service) -> None:
    service.stop()
    begin_again(service)


AILMENTS = {
    "hangs": Ailment(Service.hang, Service.go_on),
    "is stopped": Ailment(Service.stop, begin_again),
    "restarts": Ailment(restart, restart),
}


@contextmanager
def services(folder: Path) -> Iterator[tuple[Mapping[str, Service], str, str]]:
    """Run all three; yield them, and the addresses of Redis and InfluxDB."""
    with ExitStack() as stack:
        redis, redis_url = own_redis(folder / "redis")
        redis.start()
        stack.callback(redis.stop)
        influx = stack.enter_context(InfluxServer(folder / "influx"))
        shown = dashboard(folder / "dashboard", house_in(folder, redis_url, influx.url).settings_file)
        shown.start()
        stack.callback(shown.stop)
        yield {"Redis": redis, "InfluxDB": influx, "dashboard": shown}, redis_url, influx.url


def turns(service: Service, ailment: Ailment) -> list[Act]:
    """Return what is done when."""
    found = []
    for turn in range(TURNS):
        found.append(Act((turn + AILS) / TURNS, lambda: ailment.begin(service)))
        found.append(Act((turn + ENDS) / TURNS, lambda: ailment.end(service)))
    return found


def run_case(folder: Path, frames: Sequence[Arrival], name: str, ailment: Ailment | None) -> Played:
    """Play the journal once, with what ails a service by turns, or nothing."""
    folder.mkdir(parents=True)
    with services(folder) as (beside, redis_url, influx_url):
        acts = [] if ailment is None else turns(beside[name], ailment)
        return play(house_in(folder, redis_url, influx_url), frames, speed=SPEED, is_in_step=False, acts=acts)


def halves(times: Times, numbers: Times, frames: int) -> list[tuple[Times, Times]]:
    """Return the times of each turn, well and ailing, by the numbers of their frames."""
    bounds = [int(frames * place / (2 * TURNS)) for place in range(2 * TURNS + 1)]
    parts = [times[(numbers >= begin) & (numbers < end)] for begin, end in pairwise(bounds)]
    return list(zip(parts[0::2], parts[1::2], strict=True))


def p99(parts: Sequence[Times]) -> float:
    return float(np.percentile(np.concatenate(parts), 99))


def ratio_text(found: Sequence[tuple[Times, Times]]) -> str:
    """Return the ratio of both p99 over all turns, and the range of single turns."""
    well, ailing = zip(*found, strict=True)
    single = sorted(p99([bad]) / p99([good]) for good, bad in zip(well, ailing, strict=True))
    return f"{p99(ailing) / p99(well):.2f} ({single[0]:.2f} to {single[-1]:.2f})"


def row(case: str, found: Played) -> Row:
    count = len(found.frame_ns)
    by_frame = halves(found.frame_ns, np.arange(count), count)
    by_order = halves(found.order_ns, found.order_frames, count)
    well, ailing = zip(*by_frame, strict=True)
    return {
        "service": case,
        "frames": count,
        "p99 well us": round(p99(well) / 1e3),
        "p99 ailing us": round(p99(ailing) / 1e3),
        "ratio": ratio_text(by_frame),
        "orders": len(found.order_ns),
        "order p50 us": round(float(np.percentile(found.order_ns, 50)) / 1e3),
        "order p99 us": round(p99([found.order_ns]) / 1e3),
        "ratio of orders": ratio_text(by_order),
    }


@pytest.mark.bench
def test_frame_to_order_beside_windows_that_fail(tmp_path: Path) -> None:
    frames = arrivals(STEPS)
    cases = {
        f"{name} {words}": (name, each)
        for name in ("Redis", "InfluxDB", "dashboard")
        for words, each in AILMENTS.items()
    }
    rows = [row("none ails", run_case(tmp_path / "none", frames, "", None))]
    for case, (name, ailment) in cases.items():
        rows.append(row(case, run_case(tmp_path / case.replace(" ", "-"), frames, name, ailment)))

    title = f"from a frame to an order while windows ail by turns, {STEPS / 10:g} s of market at speed {SPEED:g}"
    show("window_faults", title, rows)
