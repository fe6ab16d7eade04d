"""A venue's core with a shell that is played by the test: no sockets, an injected clock."""

import random
from collections import Counter

from small_venue import INFO, START_NS

from native.config import EngineSettings
from streaming.record_config import RecordConfig
from streaming.recorder.commands import CloseSocket, Fetch, OpenSocket, SendText
from streaming.recorder.core import VenueCore
from streaming.recorder.plan import make_engine, make_plan, venue_targets
from streaming.recorder.tape import Tape
from streaming.shell.venue_client import core_settings
from streaming.venues.budget import WeightBudget

PATHS = {
    "binance_usdm": "/fapi/v1/exchangeInfo",
    "binance_spot": "/api/v3/exchangeInfo",
    "bybit_spot": "/v5/market/instruments-info",
}
SECOND = 1_000_000_000


class Kept:
    """A sink that counts."""

    def __init__(self):
        self.records = 0

    def append(self, kind, source, seq, ts_ns, payload):
        self.records += 1


class SimulatedShell:
    """Carries out what the core commands as `on_socket` and `on_fetch` say; `run_until` moves the clock."""

    def __init__(self, venue, *, info=None, symbols=("BTCUSDT",), **words):
        config = RecordConfig(**words)
        (target,) = venue_targets(config, [f"{venue}:{symbol}" for symbol in symbols])
        self.now_ns = START_NS
        self.plan = make_plan(target, "test", info or INFO[PATHS[venue]], config.copies, START_NS)
        self.sink = Kept()
        self.tape = Tape(make_engine(self.plan.header, EngineSettings()), self.sink)
        budget = WeightBudget(target.dialect.weight_per_minute, 0.5, START_NS)
        self.core = VenueCore(
            self.plan, core_settings(config, 1.0, venue), self.tape, budget, random.Random(1), START_NS
        )
        self.counts = Counter()
        self.opened, self.fetched, self.sent = [], [], []
        self.on_socket = lambda socket: self.core.on_open(socket, self.now_ns)
        self.on_fetch = lambda request: None

    def obey(self):
        """Carry out commands until none is left."""
        while commands := self.core.take_commands():
            for command in commands:
                self.counts[type(command).__name__] += 1
                match command:
                    case OpenSocket(socket, _):
                        self.opened.append(self.now_ns)
                        self.on_socket(socket)
                    case Fetch(request):
                        self.fetched.append(self.now_ns)
                        self.on_fetch(request)
                    case SendText(_, data):
                        self.sent.append(data)
                    case CloseSocket():
                        pass

    def run_until(self, end_ns):
        """Call the core at each of its deadlines; no deadline may come twice without anything being done."""
        while (deadline_ns := self.core.next_deadline_ns()) is not None and deadline_ns <= end_ns:
            self.now_ns = max(self.now_ns, deadline_ns)
            self.counts["deadlines"] += 1
            self.core.on_deadline(self.now_ns)
            self.obey()
        self.now_ns = end_ns

    @property
    def socket(self):
        """The newest open connection of the first line."""
        return self.core.lines.lines[0].socket
