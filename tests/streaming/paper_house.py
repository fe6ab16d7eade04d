"""A trader's house for tests: the venues' emulator in a thread, and `run_paper` against it while a script acts."""

import asyncio
import os
import re
import signal
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np
import orjson

from streaming.emulator.market import MarketEmulator
from streaming.emulator.serve import serving
from streaming.emulator.source import EndlessMarket
from streaming.settings import load_settings
from streaming.shell.attach import attach
from streaming.shell.control import ask
from streaming.shell.inference import LoadedModel
from streaming.shell.trader import run_paper
from streaming.shell.trader_model import FirstModel
from streaming.shell.trader_names import SOCKET_NAME
from streaming.shell.trader_request import PaperRequest

HOUR = datetime(2026, 1, 5, tzinfo=UTC)
START_NS = int(HOUR.timestamp()) * 1_000_000_000
SPEED = 10.0
WAIT_S = 20.0
HORIZON = 20


@dataclass
class EagerModel:
    """Forecasts a large move that turns every `period` windows, so that orders are sent and filled."""

    period: int = 5
    context_steps: int = 5
    asked: int = 0
    delay_s: float = 0.0
    """How long a forecast takes."""

    def forecast(self, features, valid):
        self.asked += 1
        time.sleep(self.delay_s)
        values = np.zeros((HORIZON, 3, 20), dtype=np.float32)
        values[:, :, 0] = 50.0 if self.asked // self.period % 2 else -50.0
        return values.reshape(HORIZON, 60)


def eager(bundle="a" * 64, generation=None, **words):
    """Return a first model that nothing was trained for."""
    return FirstModel(LoadedModel(bundle, EagerModel(**words)), generation)


def no_bundle(bundle):
    """A loader for tests in which no model comes later."""
    raise AssertionError(f"nobody asked for {bundle}")


@contextmanager
def emulator(addresses_file, *, seed=3, start_ns=START_NS, speed=SPEED):
    """Serve the venues in a thread on free ports; yield the emulator and what is served."""
    ready, ended, failures = threading.Event(), threading.Event(), []
    held = {}

    async def serve():
        market = MarketEmulator(EndlessMarket(seed, start_ns))
        async with serving(market, speed=speed) as served:
            addresses_file.touch(mode=0o600)  # it holds keys
            addresses_file.write_bytes(orjson.dumps(served.to_json()))
            held.update(market=market, served=served, loop=asyncio.get_running_loop())
            ready.set()
            while not ended.is_set():
                await asyncio.sleep(0.02)

    def run():
        try:
            asyncio.run(serve())
        except Exception as error:
            failures.append(error)
            ready.set()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert ready.wait(WAIT_S) and not failures, failures
    try:
        yield held
    finally:
        ended.set()
        thread.join(WAIT_S)
        assert not thread.is_alive() and not failures, failures


@dataclass
class House:
    """A data folder of the test's own, and what the trader in it said."""

    settings_file: object
    addresses_file: object
    lines: list = field(default_factory=list)
    failure: Exception | None = None

    @property
    def settings(self):
        return load_settings(self.settings_file)

    @property
    def run_dir(self):
        return self.settings.warehouse.run_dir

    def ask(self, op, **words):
        """Ask the running trader."""
        return ask(self.run_dir / SOCKET_NAME, {"op": op, **words})

    def until(self, condition):
        """Wait until a condition of the status holds; return that status."""
        deadline = time.monotonic() + WAIT_S
        while True:
            status = self.ask("status") if (self.run_dir / SOCKET_NAME).exists() else {}
            if status.get("counts") and condition(status):
                return status
            assert time.monotonic() < deadline, status
            time.sleep(0.02)

    def request(self, model=None, load=no_bundle, *, is_new_session=False, span_ns=None, **config):
        """Return a request against the emulator."""
        settings = self.settings
        record, clock = attach(settings.streaming.record.model_copy(update=config), self.addresses_file)
        return PaperRequest(
            settings=settings,
            grid=settings.grid_named("main"),
            config=record,
            clock=clock,
            model=model,
            load=load,
            span_ns=span_ns,
            is_new_session=is_new_session,
            progress_s=0.1,
        )

    def trade(self, script, model=None, load=no_bundle, **words):
        """Trade until the script has ended; it acts in a thread. Return how the session ended."""

        def act():
            try:
                script(self)
            except Exception as error:
                self.failure = error
            os.kill(os.getpid(), signal.SIGTERM)

        acting = threading.Thread(target=act, daemon=True)
        # A script that says `stop` itself races the signal: one that comes after the end must not end the tests.
        before = signal.signal(signal.SIGTERM, lambda *_: None)
        try:
            acting.start()
            ended = run_paper(self.request(model, load, **words), self.lines.append)
            acting.join(WAIT_S)
        finally:
            signal.signal(signal.SIGTERM, before)
        if self.failure is not None:
            raise self.failure
        return ended


def make_house(settings_file, redis="off"):
    """Return a house of these settings."""
    text, count = re.subn(r'(\[streaming\.redis\]\nurl = )""', rf'\g<1>"{redis}"', settings_file.read_text())
    assert count == 1, "the project's settings name the embedded Redis"
    settings_file.write_text(text)
    return House(settings_file, settings_file.parent / "emulator.json")
