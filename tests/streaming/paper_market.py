"""A short generated market, fed to a trading session by a scripted model and a clock that is the frames' own."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

import native
from native.config import EngineSettings, FeeSettings, GridConfig, InstrumentLimits, RiskSettings
from streaming.emulator.exchange_info import bybit_exchange_info, spot_exchange_info, usdm_exchange_info
from streaming.emulator.instruments import SOURCES
from streaming.emulator.market_frames import MarketFrames, TimedFrame
from streaming.emulator.market_model import MarketModel
from streaming.emulator.regime import RegimePlan
from streaming.emulator.source import LIVE_BLOCK_STEPS
from streaming.live_journal import LiveJournal
from streaming.record_config import RecordConfig
from streaming.recorder.plan import VenuePlan, make_plan, venue_targets
from streaming.replay import engine_of
from streaming.segments import KIND_FRAME, header_of, read_block, scan
from streaming.settings import Settings
from streaming.trader.machine import Machine
from streaming.trader.plan import TraderPlan, trader_plan
from streaming.trader.session import TradingSession

START_NS = 1_767_571_200_000_000_000
NAMES = ("binance_usdm:BTCUSDT", "binance_spot:BTCUSDT", "bybit_spot:BTCUSDT")
GRID = GridConfig(name="main", instruments=NAMES, reference=NAMES[0])
INFO = {
    "binance_usdm": usdm_exchange_info(0),
    "binance_spot": spot_exchange_info(0),
    "bybit_spot": bybit_exchange_info(0),
}
CONTEXT, HORIZON, PERIOD = 5, 20, 8
DELAY_NS = 20_000_000
FILL = 1
REPLY = np.dtype(
    [
        ("client_order_id", "<u8"),
        ("ts_venue_ns", "<i8"),
        ("trade_id", "<u8"),
        ("price_ticks", "<i8"),
        ("size_units", "<i8"),
        ("fee_quote_units", "<i8"),
        ("cumulative_units", "<i8"),
        ("instrument", "<u4"),
        ("kind", "u1"),
        ("side", "u1"),
        ("is_maker", "u1"),
        ("reason", "u1"),
    ]
)


class Arrival(NamedTuple):
    """A frame in its venue's own numbers."""

    venue: str
    source: int
    ts_ns: int
    payload: bytes


def settings_of(**changes: object) -> Settings:
    """Settings with limits, taken from no file."""
    limits = InstrumentLimits(order_size="0.01", max_order_size="0.05", max_position="0.05")
    engine = EngineSettings(
        risk=RiskSettings(price_deviation_bps=50.0, max_exposure_quote="100000", forecast_age_max_ms=500),
        limits=dict.fromkeys(NAMES, limits),
        fees={venue: FeeSettings(maker_bps="0", taker_bps="0") for venue in INFO},
    )
    return Settings.model_construct(native=engine.model_copy(update=changes), grid=(GRID,))


def venue_plans(names: tuple[str, ...] = NAMES) -> list[VenuePlan]:
    targets = venue_targets(RecordConfig(), names)
    return [make_plan(target, "run", INFO[target.dialect.venue], 1, START_NS) for target in targets]


def plan_of(made_ns: int = START_NS, *, names: tuple[str, ...] = NAMES, **changes: object) -> TraderPlan:
    return trader_plan(settings_of(**changes), GRID, venue_plans(names), "b" * 64, made_ns)


def arrivals(steps: int, seed: int = 5, start_ns: int = START_NS) -> list[Arrival]:
    """Frames of a generated market of `steps` steps of 100 ms, snapshots among them."""
    frames = MarketFrames(seed, start_ns, new_fields=False).frames(MarketModel(seed, 1.0).advance(steps))
    return [*arrivals_of(frames)]


def served_arrivals(seed: int, start_ns: int = START_NS) -> Iterator[Arrival]:
    """Frames of the market that an emulator of this seed serves, without end: it is made in blocks."""
    model, regimes = MarketModel(seed, 1.0), RegimePlan(seed)
    frames = MarketFrames(seed, start_ns, new_fields=False)
    while True:
        yield from arrivals_of(frames.frames(regimes.alter(model.advance(LIVE_BLOCK_STEPS))))


def arrivals_of(frames: Iterable[TimedFrame]) -> Iterator[Arrival]:
    """Yield generated frames in their venues' own numbers."""
    plans = {plan.dialect.venue: plan for plan in venue_plans()}
    for frame in frames:
        if not frame.is_request:
            plan = plans[NAMES[frame.slot].partition(":")[0]]
            source = _source(plan, SOURCES[frame.source].kind, frame.payload)
            yield Arrival(plan.dialect.venue, source, frame.ts_recv_ns, frame.payload)


def _source(plan: VenuePlan, kind: str, payload: bytes) -> int:
    found = [source.id for source in plan.header.sources if source.kind == kind]
    return found[-1] if b"@aggTrade" in payload[:60] else found[0]


def scripted(step_ts_ns: int) -> NDArray[np.float32]:
    """A large move that turns every `PERIOD` steps, so that orders are sent and filled."""
    values = np.zeros((HORIZON, len(NAMES), 20), dtype=np.float32)
    values[:, :, 0] = 50.0 if step_ts_ns // 100_000_000 // PERIOD % 2 == 0 else -50.0
    return values.reshape(HORIZON, -1)


@dataclass(slots=True)
class Feeder:
    """Feeds a session as the shell does: the alarm first, then the frame, then windows and their forecasts."""

    session: TradingSession
    waiting: list[tuple[int, int]] = field(default_factory=list)
    steps: int = 0
    is_forecasting: bool = True

    def feed(self, frames: Sequence[Arrival]) -> None:
        for frame in frames:
            self.advance(frame.ts_ns)
            tape = self.session.tape(frame.venue)
            if tape.frame(frame.source, frame.ts_ns, frame.payload):
                tape.news()
            self.look(frame.ts_ns)

    def advance(self, until_ns: int) -> None:
        """Let forecasts and alarms come that are due before `until_ns`."""
        while True:
            alarm_ns = self.session.next_deadline_ns()
            forecast_ns = self.waiting[0][0] if self.waiting else until_ns
            if min(alarm_ns, forecast_ns) >= until_ns:
                return
            if forecast_ns <= alarm_ns:
                at_ns, step_ns = self.waiting.pop(0)
                self.session.forecast(at_ns, step_ns, 9, scripted(step_ns))
            else:
                self.session.timer(alarm_ns)
            self.look(min(alarm_ns, forecast_ns))

    def look(self, ts_ns: int) -> None:
        if self.session.counts.steps == self.steps:
            return
        self.steps = self.session.counts.steps
        self.session.sync()
        found = self.session.window(CONTEXT)
        if found is not None and self.is_forecasting:
            self.waiting.append((ts_ns + DELAY_NS, found[0]))


def begin(folder: Path, plan: TraderPlan | None = None, machine: Machine | None = None) -> TradingSession:
    plan = plan or plan_of()
    return TradingSession(plan, LiveJournal(folder / f"{plan.header.run}.seg.zst", plan.header), machine)


def part_of(session: TradingSession, folder: Path) -> Path:
    """The growing journal of a session."""
    return folder / f"{session.plan.header.run}.seg.zst.part"


def silent(message: str) -> None:
    """Progress for tests."""


@dataclass(frozen=True, slots=True)
class Told:
    """What a sealed journal tells: its market frames, the simulated venue's fills, and the engine's outputs."""

    frames: list[tuple[int, bytes]]
    replies: NDArray[np.void]
    outputs: dict[str, NDArray[np.void]]

    @property
    def positions(self) -> dict[int, int]:
        """Sum of the venue's fills by instrument."""
        fills = self.replies[self.replies["kind"] == FILL]
        signed = np.where(fills["side"] == 0, fills["size_units"], -fills["size_units"])
        return {number: int(signed[fills["instrument"] == number].sum()) for number in range(len(NAMES))}


def told(path: Path, plan: TraderPlan) -> Told:
    block = read_block(path)
    records = scan(path, block)
    sim = len(plan.header.sources) - 1
    frames, replies = [], bytearray()
    for row in records[records["kind"] == KIND_FRAME]:
        payload = block[int(row["offset"]) : int(row["offset"]) + int(row["length"])]
        if row["source"] == sim:
            replies += payload
        else:
            frames.append((int(row["source"]), payload))
    assert (np.diff(records["ts_ns"]) >= 0).all()
    assert (np.diff(records["seq"].astype(np.int64)) > 0).all()
    engine = engine_of(path, header_of(path, block))
    engine.process(block)
    return Told(frames, np.frombuffer(bytes(replies), REPLY), engine.drain())


def journal_without(journal: Path, folder: Path, kind: int) -> LiveJournal:
    """Write a journal again without one of its inputs in the middle; the hashes stay."""
    block = read_block(journal)
    records = scan(journal, block)
    own = np.flatnonzero((records["kind"] == kind) & (records["length"] > 100))
    victim = int(own[len(own) // 2])
    writer = LiveJournal(folder / journal.name.removesuffix(".part"), header_of(journal, block))
    for number in range(1, len(records)):
        row = records[number]
        if number != victim:
            payload = block[int(row["offset"]) : int(row["offset"]) + int(row["length"])]
            words = (int(row[name]) for name in ("kind", "source", "seq", "ts_ns"))
            writer.append(native.encode_record(*words, payload))
    return writer
