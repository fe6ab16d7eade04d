"""The whole trader fed one journal: `run_paper` itself, but its venues are played from a list of frames.

Everything between a frame and an order, and every window beside it, is the real one: event loop, session, journal,
inference thread, bus, view, performance, metrics, control socket. Three things are played: the venues' sockets (a
process sends when each frame is due, in real time at a chosen speed), the clock (it shows the time of the newest
frame), and the model (it turns its mind every few steps). So the trader's inputs, and with them its outputs, depend on
nothing that windows do, while windows run at their own pace beside it.

`is_in_step=True` hands the next frame in when the forecast of the step before was taken: then two runs are equal byte
for byte. For measuring it is False, and frames are handed in as they come.
"""

import asyncio
import os
import signal
import socket
import struct
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from paper_house import House, eager, no_bundle
from paper_market import INFO, Arrival

from native.config import JsonObject
from streaming.record_config import RecordConfig
from streaming.recorder.listing import Listed
from streaming.recorder.plan import VenuePlan, VenueTarget
from streaming.recorder.tape import FrameTape
from streaming.segments import read_block
from streaming.shell import trader as trader_module
from streaming.shell import trader_parts as trader_parts_module
from streaming.shell.clock import Clock
from streaming.shell.inference import Forecast, Window
from streaming.shell.model_life import LifeSurroundings, ModelLife
from streaming.shell.trader import run_paper
from streaming.shell.trader_model import FirstModel
from streaming.shell.trader_request import PaperRequest, PaperSummary
from streaming.shell.trading_loop import TradingLoop
from streaming.shell.venue_client import ExchangeInfo
from streaming.venues.exchange_info import listings

SENDER = Path(__file__).parent / "played_sender.py"
PAIR = struct.Struct("=qq")
READ_BYTES = 1 << 16
FAR_S = 3_600.0
SETTLE_TRIES = 1_000


class PlayedClock:
    """Shows the time of the newest frame; no alarm rings, since every deadline passes with a frame. A `Clock`."""

    speed = 1.0

    def __init__(self, now_ns: int) -> None:
        self.ns = now_ns

    def now_ns(self) -> int:
        return self.ns

    def delay_s(self, ts_ns: int) -> float:
        return FAR_S

    def to_json(self) -> JsonObject:
        return {"epoch_ns": self.ns, "speed": 1.0, "start_ns": 0}


@dataclass(slots=True)
class Act:
    """Something done to a window's service when a share of the frames was sent, in a thread."""

    share: float
    do: Callable[[], object]


@dataclass(slots=True)
class Played:
    """What a run gave."""

    summary: PaperSummary
    journal_sha256: str
    """Of all records of the journal: frames, forecasts, replies, hashes of outputs."""
    frame_ns: NDArray[np.int64]
    """Real ns from the sending of each frame to the engine's outputs of it being taken."""
    order_ns: NDArray[np.int64]
    """Real ns from the sending of the frame that closed a step to the venue having the orders of its forecast."""
    order_frames: NDArray[np.int64]
    """Numbers of those frames."""
    lines: list[str]


@dataclass(slots=True)
class PlayedMarket:
    """Feeds the frames to whoever started the venues; one market is one run."""

    frames: Sequence[Arrival]
    speed: float
    is_in_step: bool
    acts: Sequence[Act] = ()
    clock: PlayedClock = field(init=False)
    trading: TradingLoop | None = None
    life: ModelLife | None = None
    tapes: dict[str, FrameTape] = field(default_factory=dict)
    frame_ns: list[int] = field(default_factory=list)
    order_ns: list[int] = field(default_factory=list)
    order_frames: list[int] = field(default_factory=list)
    problems: list[BaseException] = field(default_factory=list)
    _due: deque[tuple[int, int]] = field(default_factory=deque)
    _left: bytes = b""
    _fed: int = 0
    _answered: int = 0
    _closings: dict[int, tuple[int, int]] = field(default_factory=dict)
    """Number and sending of the frames that closed steps, by their time."""
    _is_over: bool = False
    _acting: list["asyncio.Future[object]"] = field(default_factory=list)
    _sender: "subprocess.Popen[bytes] | None" = None
    _pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, "acts"))

    def __post_init__(self) -> None:
        self.clock = PlayedClock(self.frames[0].ts_ns - 1)

    # --- called by what the trader takes for its venues ---

    def add(self, venue: str, tape: FrameTape, venues: int) -> None:
        """Take a venue's tape; with the last one the market begins."""
        self.tapes[venue] = tape
        if len(self.tapes) == venues:
            self._begin()

    def close(self) -> None:
        """Let nothing of it run on."""
        if self._sender is not None:
            self._sender.kill()
            self._sender.wait()
            assert self._sender.stdin is not None and self._sender.stdout is not None
            self._sender.stdin.close()
            self._sender.stdout.close()
        self._pool.shutdown()

    # --- on the trader's loop ---

    def _begin(self) -> None:
        command = [sys.executable, "-I", "-S", str(SENDER), f"{self.speed}"]
        self._sender = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._sender.stdin is not None and self._sender.stdout is not None
        self._sender.stdin.write(np.array([frame.ts_ns for frame in self.frames], np.int64).tobytes())
        self._sender.stdin.close()
        asyncio.get_running_loop().add_reader(self._sender.stdout.fileno(), self._on_readable)

    def _on_readable(self) -> None:
        assert self._sender is not None and self._sender.stdout is not None
        found = os.read(self._sender.stdout.fileno(), READ_BYTES)
        if not found:
            asyncio.get_running_loop().remove_reader(self._sender.stdout.fileno())
        data = self._left + found
        whole = len(data) - len(data) % PAIR.size
        self._due.extend(PAIR.iter_unpack(data[:whole]))
        self._left = data[whole:]
        self.pump()

    def pump(self) -> None:
        """Hand in what is due, unless a forecast is waited for."""
        if self._is_over:
            return
        try:
            while self._due and not (self.is_in_step and self._is_forecasting()):
                self._feed(*self._due.popleft())
            if self._fed == len(self.frames) and not self._is_forecasting():
                self._is_over = True
                self._end()
        except Exception as error:
            self._is_over = True
            self._stop([error])

    def on_answered(self, forecast: Forecast | None, orders: int) -> None:
        """Take note of a window's end, with a forecast or without, after which `orders` were sent."""
        self._answered += 1
        if forecast is not None and orders:
            number, sent_ns = self._closings[forecast.window.ts_closed_ns]
            self.order_ns.append(time.monotonic_ns() - sent_ns)
            self.order_frames.append(number)
        asyncio.get_running_loop().call_soon(self.pump)

    def _is_forecasting(self) -> bool:
        assert self.life is not None
        return self.life.lane.counts.windows - self.life.lane.counts.windows_skipped > self._answered

    def _feed(self, number: int, sent_ns: int) -> None:
        assert self.life is not None
        frame, windows = self.frames[number], self.life.lane.counts.windows
        self.clock.ns = max(self.clock.ns, frame.ts_ns)
        tape = self.tapes[frame.venue]
        if tape.frame(frame.source, frame.ts_ns, frame.payload):
            tape.news()
        self.frame_ns.append(time.monotonic_ns() - sent_ns)
        if self.life.lane.counts.windows > windows:  # its forecast comes by the loop, not before this returns
            self._closings[frame.ts_ns] = (number, sent_ns)
        self._fed += 1
        for act in self.acts:
            if number == int(act.share * len(self.frames)):
                self._acting.append(asyncio.get_running_loop().run_in_executor(self._pool, act.do))

    def _end(self) -> None:
        """Let replies come home at their own time, wait for what is being done, and end the trader as a signal does."""
        assert self.trading is not None
        session = self.trading.session
        for _ in range(SETTLE_TRIES):
            if not session.open_orders():
                break
            self.clock.ns = session.next_deadline_ns()
            session.timer(self.clock.ns)
        ending = asyncio.gather(*self._acting, return_exceptions=True)
        ending.add_done_callback(self._on_acted)

    def _on_acted(self, ending: "asyncio.Future[list[object]]") -> None:
        self._stop([found for found in ending.result() if isinstance(found, BaseException)])

    def _stop(self, problems: Sequence[BaseException]) -> None:
        """End the trader as a signal does, while it listens: any other one would meet the tests themselves."""
        self.problems += problems
        if signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
            signal.raise_signal(signal.SIGTERM)


class _PlayedVenue:
    """What the trader takes for a `VenueClient`."""

    def __init__(self, market: PlayedMarket, target: VenueTarget, venues: int) -> None:
        self.target = target
        self.core = None
        self._market = market
        self._venues = venues

    async def learn(self, progress: Callable[[str], None]) -> ExchangeInfo:
        dialect = self.target.dialect
        body, now_ns = INFO[dialect.venue], self._market.clock.now_ns()
        listed = Listed(listings(dialect.venue, self.target.symbols, body), body)
        return ExchangeInfo(dialect.exchange_info(self.target.symbols), now_ns, body, now_ns, listed)

    def start(self, plan: VenuePlan, tape: FrameTape, info: ExchangeInfo, on_listing: object = None) -> None:
        self._market.add(plan.dialect.venue, tape, self._venues)

    def tick(self) -> None:
        """Nothing is due."""

    def lag_ms(self) -> float | None:
        return None

    async def stop(self) -> None:
        """There is no connection."""


def _played_loop(market: PlayedMarket) -> type[TradingLoop]:
    class PlayedLoop(TradingLoop):
        """Tells the market of each forecast that came back."""

        def __init__(self, *words: object) -> None:
            super().__init__(*words)  # type: ignore[arg-type]  # handed on
            market.trading = self

        def on_forecast(self, forecast: Forecast) -> bool:
            orders = self.session.counts.orders
            is_taken = super().on_forecast(forecast)
            market.on_answered(forecast, self.session.counts.orders - orders)
            return is_taken

        def on_forecast_failed(self, window: Window, problem: str) -> None:
            super().on_forecast_failed(window, problem)
            market.on_answered(None, 0)

    return PlayedLoop


def _played_life(market: PlayedMarket) -> type[ModelLife]:
    class PlayedLife(ModelLife):
        """Is known to the market."""

        def __init__(self, around: LifeSurroundings, first: FirstModel) -> None:
            super().__init__(around, first)
            market.life = self

    return PlayedLife


@contextmanager
def _playing(market: PlayedMarket, venues: int) -> Iterator[None]:
    """Put the market in the place of the venues' sockets, for one run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            trader_module, "VenueClient", lambda target, *_, **__: _PlayedVenue(market, target, venues), raising=True
        )
        patch.setattr(trader_module, "TradingLoop", _played_loop(market))
        patch.setattr(trader_parts_module, "ModelLife", _played_life(market))
        try:
            yield
        finally:
            market.close()


def play(
    house: House, frames: Sequence[Arrival], *, speed: float, is_in_step: bool = True, acts: Sequence[Act] = ()
) -> Played:
    """Run a trader in `house` over these frames at `speed` market seconds a second; `acts` happen meanwhile.

    Raises what the trader raises, and what went wrong in an act.
    """
    settings = house.settings
    market = PlayedMarket(frames, speed, is_in_step, acts)
    clock: Clock = market.clock  # type: ignore[assignment]  # as one
    request = PaperRequest(
        settings=settings,
        grid=settings.grid_named("main"),
        config=RecordConfig(),
        clock=clock,
        model=eager(),
        load=no_bundle,
        progress_s=FAR_S,
    )
    with _playing(market, len(INFO)):
        summary = run_paper(request, house.lines.append)
    if market.problems:
        raise market.problems[0]
    assert summary is not None, house.lines
    return Played(
        summary,
        sha256(read_block(summary.journal)).hexdigest(),
        np.array(market.frame_ns, np.int64),
        np.array(market.order_ns, np.int64),
        np.array(market.order_frames, np.int64),
        house.lines,
    )


def free_port() -> int:
    """Return a port of loopback that nobody uses now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
