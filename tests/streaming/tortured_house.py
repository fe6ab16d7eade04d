"""A trader and three emulated venues in virtual time: everything of live mode but the sockets, under random faults.

All follows from the seed: the market, the strategies' forecasts, delays, faults and their times, and when the trader is
killed and goes on from its journal. Nothing here decides whether what happened is right: that is `tortured_verdict`.
"""

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from paper_market import (
    GRID,
    NAMES,
    START_NS,
    Arrival,
    Feeder,
    served_arrivals,
    settings_of,
    silent,
    venue_plans,
)
from virtual_wires import MS, NEVER_NS, Agenda, VenueWire

from native.config import FeeSettings, InstrumentLimits, RiskSettings
from native.execution_settings import ExecutionSettings, ExecutionStyle
from native.strategy_settings import ForecastStrategy, MarketMakingStrategy
from streaming.emulator.exchange.accounts import ApiKey, FeeRates
from streaming.emulator.faults import ORDER_FAULTS, REPLY_FORMS, Fault, FaultKind
from streaming.emulator.market import MarketEmulator
from streaming.emulator.source import EndlessMarket
from streaming.emulator.venue import Venue
from streaming.live.assembly import make_desk
from streaming.live.config import LiveConfig, VenueAccount
from streaming.live.desk import LiveDesk
from streaming.live_journal import LiveJournal
from streaming.live_segments import PART_SUFFIX
from streaming.secret_keys import Credentials, Secret
from streaming.trader.machine import Machine
from streaming.trader.modes import Mode
from streaming.trader.plan import TraderPlan, trader_plan
from streaming.trader.recovery import resume_session
from streaming.trader.session import TradingSession
from streaming.venues.limits import LIMITS
from streaming.venues.rate_budget import RateBudget

SECOND_NS = 1_000 * MS
ACCOUNT, SYMBOL = "1001", "BTCUSDT"
SECRET = "s" * 64
MAX_POSITION, MAX_ORDER_SIZE = Decimal("0.02"), Decimal("0.02")
FEES = {"binance_usdm": ("2", "5"), "binance_spot": ("7", "10"), "bybit_spot": ("10", "10")}
"""Maker and taker, in bps."""
FEE_ASSET, FEE_ASSET_PRICE = "BNB", Decimal(600)
FEE_ASSET_EVERY = 2
"""Of so many seeds one pays fees in a third asset while there is some of it; the others as the venues take them."""
FEE_ASSET_HELD = Decimal("0.004")
QUIET_S = 30
"""How long nothing goes wrong before the judgement: more than two rounds of reconciliation."""
BANNED_S = 660
"""The same where a venue is not trusted yet or cancels wait: a ban (403 of Bybit) lasts ten minutes."""
FAULTS_EVERY_S = 1.0
TORMENTS = ORDER_FAULTS | {FaultKind.clock_skew, FaultKind.refuse_rest, FaultKind.bad_reply}
HALTS_EVERY = 8
"""Of so many seeds one halts listings too: what the venue halts is traded no more, which leaves little to torment."""


KILLS_EVERY = 3
"""Of so many seeds one kills the trader in the middle; it goes on from its journal up to `DOWN_MS_MAX` later."""
DOWN_MS_MAX = 3_000
TIGHT_EVERY = 8
TIGHT = {1: (Decimal(1_200), Decimal(600)), 3: (Decimal(1_500), Decimal(500)), 5: (Decimal(900), Decimal(600))}
"""Capital of all venues and of one, by the seed's rest: less than the positions could need, so that it binds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Torment:
    """What a session goes through; equal values, equal sessions."""

    seed: int
    seconds: int = 60
    """Of trading, before the quiet."""
    has_faults: bool = True

    @property
    def is_killed(self) -> bool:
        """Whether the trader dies once."""
        return self.has_faults and self.seed % KILLS_EVERY == 1

    @property
    def capital(self) -> tuple[Decimal, Decimal]:
        """What all venues together and each of them may have in use, in quote."""
        return TIGHT.get(self.seed % TIGHT_EVERY, (Decimal(100_000),) * 2)


@dataclass(slots=True)
class Met:
    """What a session met, in numbers."""

    faults: Counter[str] = field(default_factory=Counter)
    """That struck, by kind; `cut`: connections cut by nobody's word."""
    counts: Counter[str] = field(default_factory=Counter)
    """`unknown` outcomes, sockets `lost`, `differences` that were confirmed, `kills`, `retries`."""

    def add(self, desk: LiveDesk) -> None:
        """Take what one process met until its end."""
        self.counts["differences"] += desk.differences
        for venue in desk.venues.values():
            counts = venue.to_json(0)["counts"]
            assert isinstance(counts, dict), "counts are by name"
            for name in ("unknown", "lost", "retries"):
                self.counts[name] += int(str(counts[name]))


def live_config() -> LiveConfig:
    """Return the section of live mode: one host for everything, impatient enough for virtual minutes."""
    account = VenueAccount(
        account_id=ACCOUNT,
        rest="http://127.0.0.1:1",
        order_socket="ws://127.0.0.1:1",
        user_socket="ws://127.0.0.1:1",
    )
    return LiveConfig(account="torture", accounts=dict.fromkeys(FEES, account), reconcile_s=10.0, ask_ms=2_000)


def live_plan(made_ns: int, torment: Torment) -> TraderPlan:
    """Return the plan of a live session with two strategies; what it is set to, beside the seed's market, varies."""
    seed = torment.seed
    styles: tuple[ExecutionStyle, ...] = ("take", "passive_then_aggressive", "take", "twap")
    execution = ExecutionSettings(
        style=styles[seed % len(styles)],
        patience_ms=500,
        interval_ms=300,
        slices=3,
        amend=seed % 2 == 1,
        reduce_only=seed % 3 == 0,
        fill_or_kill=seed % 5 == 0,
        own_size_in_book=True,
    )
    limits = InstrumentLimits(
        order_size="0.01", max_order_size=str(MAX_ORDER_SIZE), max_position=str(MAX_POSITION), inventory="0.02"
    )
    capital, venue_capital = torment.capital
    settings = settings_of(
        limits=dict.fromkeys(NAMES, limits),
        execution=execution,
        risk=RiskSettings(
            price_deviation_bps=50.0,
            max_exposure_quote="100000",
            max_capital_quote=str(capital),
            max_venue_exposure_quote=str(venue_capital),
            forecast_age_max_ms=500,
        ),
        fees={venue: FeeSettings(maker_bps=maker, taker_bps=taker) for venue, (maker, taker) in FEES.items()},
        strategies=(
            ForecastStrategy(name="trend", kind="forecast", horizon_step=5),
            MarketMakingStrategy(name="quotes", kind="market_making", min_half_width_bps=0.0, volatility_weight=0.0),
        ),
    )
    return trader_plan(settings, GRID, venue_plans(), "b" * 64, made_ns, Mode.live)


class TorturedHouse:
    """One session from its first frame to its end."""

    def __init__(self, torment: Torment, folder: Path) -> None:
        self.torment = torment
        self.random = random.Random(f"torture {torment.seed}")
        self.agenda = Agenda()
        self.emulator = MarketEmulator(EndlessMarket(torment.seed, START_NS))
        self.begun_ns = self.emulator.prime()
        self.agenda.now_ns = self.begun_ns
        for venue in self.emulator.venues.values():
            _open_account(venue, self.begun_ns, has_fee_asset=torment.seed % FEE_ASSET_EVERY == 0)
        self.plan = live_plan(START_NS, torment)
        self.path = folder / f"{self.plan.header.run}.seg.zst"
        self.met = Met()
        self.wires: list[VenueWire] = []
        self._budgets: dict[str, RateBudget] = {}
        """They outlive the process, as the file that all share does."""
        self._frames: list[Arrival] = []
        self._is_up = False
        self._lives = self._carried = self._looked_ns = 0
        spared = set() if torment.seed % HALTS_EVERY == 0 else {FaultKind.listing_halted}
        self._torments = sorted(TORMENTS - spared, key=lambda kind: kind.value)
        journal = LiveJournal(self.path, self.plan.header)
        self._live(lambda desk: TradingSession(self.plan, journal, Machine.fresh(self.plan.header), desk))

    @property
    def events(self) -> int:
        """Return what was carried and heard: messages of the private side, and frames of the market."""
        return self._carried + sum(wire.events for wire in self.wires) + self.session.counts.frames

    @property
    def faults(self) -> int:
        """Return how many faults struck."""
        return self.met.faults.total()

    def run(self) -> None:
        """Trade under faults, then in quiet without anything new, then end."""
        end_ns = START_NS + (self.torment.seconds + 5) * SECOND_NS
        self._start(self.begun_ns)
        if self.torment.has_faults:
            self.agenda.at(self.begun_ns + 8 * SECOND_NS, lambda ts_ns: self._torment(ts_ns, end_ns))
        if self.torment.is_killed:
            drawn = random.Random(f"kill {self.torment.seed}")
            before_s = drawn.uniform(4, max(4, self.torment.seconds - 5))
            self.agenda.at(end_ns - int(before_s * SECOND_NS), self._die)
        self._play(end_ns)
        self.met.add(self.desk)
        for told, count in self.emulator.log.fired.items():
            self.met.faults[told.partition(" ")[2]] += count

    def _play(self, end_ns: int) -> None:
        is_quiet = False
        for frame in served_arrivals(self.torment.seed):
            quiet_ns = frame.ts_ns - end_ns
            is_calm = self.desk.is_trusted() and not self.session.open_orders()
            if quiet_ns >= (QUIET_S if is_calm else BANNED_S) * SECOND_NS:
                return
            self._until(frame.ts_ns)
            if not is_quiet and frame.ts_ns >= end_ns:
                is_quiet = True
                self._quieten(frame.ts_ns)
            self._frames.append(frame)
            if self._is_up:
                self.feeder.feed([frame])
                self._moved(frame.ts_ns)

    # -- one process after another

    def _live(self, begin: Callable[[LiveDesk], TradingSession]) -> None:
        """Let a process begin, with its own memory and sockets."""
        self._lives += 1
        keys = Credentials(Secret(f"{'k' * 64}"), Secret(SECRET))
        self.desk = make_desk(
            self.plan.header,
            live_config(),
            dict.fromkeys(FEES, keys),
            lambda venue: self._budgets.setdefault(venue, RateBudget(LIMITS[venue], account=ACCOUNT)),
            f"seed {self.torment.seed} life {self._lives}",
            self.agenda.now_ns,
        )
        self.session = begin(self.desk)
        self.feeder = Feeder(self.session, steps=self.session.counts.steps)
        self._carried += sum(wire.events for wire in self.wires)
        self.wires = [self._wire(name, venue) for name, venue in self.emulator.venues.items()]
        self.desk.on_submitted = self._obey
        self.desk.adopt(self.session)

    def _start(self, ts_ns: int) -> None:
        self._is_up = True
        self.desk.start(ts_ns)
        self._obey()

    def _die(self, ts_ns: int) -> None:
        """Kill the trader: of its journal that is left which it had handed to the operating system."""
        self._is_up = False
        self.met.counts["kills"] += 1
        self.met.add(self.desk)
        self.session.abandon()
        for wire in self.wires:
            wire.die()
        self.agenda.at(ts_ns + self.random.randrange(1, DOWN_MS_MAX) * MS, self._rise)

    def _rise(self, ts_ns: int) -> None:
        """Go on from the journal; the market's frames that it does not hold come late and at once."""
        part = self.path.with_name(self.path.name + PART_SUFFIX)
        plan = live_plan(ts_ns, self.torment)
        self._live(lambda desk: resume_session(part, plan, silent, desk))
        missed = self._frames[self.session.counts.frames :]
        self._start(ts_ns)
        self.feeder.feed([frame._replace(ts_ns=ts_ns) for frame in missed])
        self._moved(ts_ns)

    # -- time

    def _until(self, ts_ns: int) -> None:
        """Let everything happen that is due before the next frame."""
        while True:
            desk_ns = self.desk.next_deadline_ns() if self._is_up else NEVER_NS
            desk_ns = max(desk_ns, self._looked_ns + MS)  # looked at once a ms, as by the shell
            market_ns = self.emulator.next_due_ns()
            due_ns = min(self.agenda.next_ns(), market_ns, desk_ns)
            if due_ns > ts_ns:
                return
            due_ns = max(due_ns, self.agenda.now_ns)
            if market_ns <= due_ns:
                self.agenda.now_ns = due_ns
                self.emulator.advance(due_ns)
                for wire in self.wires:
                    wire.pump(due_ns)
            elif self.agenda.next_ns() <= due_ns:
                self.agenda.step()
            else:
                self.agenda.now_ns = self._looked_ns = due_ns
                self.desk.on_deadline(due_ns)
                self._moved(due_ns)

    def _moved(self, ts_ns: int) -> None:
        """Hand on what an input brought, as the shell does."""
        self.desk.settle(self.session, ts_ns)
        self._obey()

    def _obey(self) -> None:
        for wire in self.wires:
            wire.obey()

    def _wire(self, name: str, venue: Venue) -> VenueWire:
        drawn = random.Random(f"wire {name} {self.torment.seed} {self._lives}")
        ids = self.emulator.next_session_id
        return VenueWire(self.desk.venues[name], venue, self.agenda, drawn, self._moved, ids)

    # -- faults

    def _torment(self, ts_ns: int, end_ns: int) -> None:
        """Let something go wrong, and arrange for the next."""
        if ts_ns >= end_ns:
            return
        drawn = self.random
        wire = drawn.choice(self.wires)
        if drawn.random() < 0.15:
            self.met.faults["cut"] += wire.cut(ts_ns)
        else:
            fault = Fault(
                kind=drawn.choice(self._torments),
                venue=wire.venue.name,
                count=drawn.choice((1, 1, 2)),
                duration_ms=drawn.randrange(100, 4_000),
                status=drawn.choice((429, 429, 418)),
                retry_after_s=drawn.randrange(1, 4),
                skew_ms=drawn.choice((-1_500, 1_500)),
                form=drawn.choice(REPLY_FORMS),
                request=drawn.choice(("any", "place", "cancel")),
            )
            if wire.venue.faults.waiting(fault.kind) is None:
                wire.venue.faults.arm(fault, ts_ns)
        wait_ns = int(drawn.expovariate(1 / (FAULTS_EVERY_S * SECOND_NS)))
        self.agenda.at(ts_ns + wait_ns, lambda next_ns: self._torment(next_ns, end_ns))

    def _quieten(self, ts_ns: int) -> None:
        """No more faults and nothing new: what rests is cancelled."""
        for venue in self.emulator.venues.values():
            venue.faults.disarm()
        self.feeder.is_forecasting = False
        if self.session.status().state != "halted":
            self.session.command(ts_ns, "halt", "the quiet before the judgement")
        self.desk.resume(ts_ns)  # what a venue's word has halted is trusted again, if it may be
        self._moved(ts_ns)


def _open_account(venue: Venue, ts_ns: int, *, has_fee_asset: bool) -> None:
    held = {"USDT": Decimal(100_000)} | ({} if venue.name == "binance_usdm" else {"BTC": Decimal(5)})
    if has_fee_asset:
        held[FEE_ASSET] = FEE_ASSET_HELD
    venue.exchange.open_account(ACCOUNT, held, ts_ns)
    maker, taker = (Decimal(rate) / 10_000 for rate in FEES[venue.name])
    asset = FEE_ASSET if has_fee_asset else ""
    fees = FeeRates(maker=maker, taker=taker, asset=asset, asset_price=FEE_ASSET_PRICE)
    venue.exchange.set_fees(ACCOUNT, SYMBOL, fees)
    venue.exchange.add_key(ApiKey(key="k" * 64, account=ACCOUNT, secret=SECRET, made_ns=ts_ns))
