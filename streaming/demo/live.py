"""The demo on a live market: history and a model, then three venues over sockets, recorded and traded on.

One emulator serves the market that goes on where the generated history ends, on a clock that all processes share.
While it is recorded one depth frame is lost on purpose; while it is traded the market's regime changes on purpose. What
came of both is read from the lake and from the answers of the processes, and told at the end.
"""

from dataclasses import asdict, dataclass, field
from datetime import timedelta
from pathlib import Path

from native.config import VENUES, FeeSettings, JsonObject
from streaming.demo.commands import conduct, finish, start_trader
from streaming.demo.emulated import Emulated
from streaming.demo.findings import Findings, Recording, Session, feed_gaps, valid_shares
from streaming.demo.market import generated_grid, generated_limits
from streaming.demo.recorded import verdict_of
from streaming.demo.request import GENERATED_START, DemoRequest, begin_anew
from streaming.demo.summary import clock_text, summary_document, summary_lines
from streaming.demo.telling import Teller
from streaming.demo.windows import SPARE_S, Windows, ask_windows, open_windows, stay, tell_windows
from streaming.emulator.generator import run_name
from streaming.emulator.regime import STRESS
from streaming.errors import NotRunningError, RefusedError
from streaming.lock import held
from streaming.overlay import write_overlay
from streaming.report import build_report
from streaming.session_picture import Mark, draw_session
from streaming.settings import Settings, load_settings, overriding
from streaming.supervisor import Child, Supervisor, caveat
from streaming.trading_run import read_summary
from warehouse.lake import Lake

NO_FEES = FeeSettings(maker_bps="0.0", taker_bps="0.0")
"""The generated market is one without fees, and so is what the model learned from."""
LOST_INSTRUMENT = "binance_usdm:BTCUSDT"
LOST_AT = 0.4
REGIME_AT = 0.4
"""Of the minutes recorded and traded."""
READY_S = 60.0


@dataclass(slots=True)
class LiveDemo:
    """One demo; `run` does it, `answer` tells what came out."""

    request: DemoRequest
    teller: Teller
    answer: JsonObject = field(default_factory=dict)
    _findings: Findings = field(init=False)

    def __post_init__(self) -> None:
        self._findings = Findings(is_clean=self.request.is_clean, seconds=self.teller.seconds)

    def run(self) -> int:
        """Do the whole job; exit code 1 when something is not as it was meant to be."""
        data_dir = self.request.data_dir
        with held(data_dir / "demo.lock"):
            settings = self._prepare()
            with Supervisor(data_dir / "logs") as supervisor:
                self._live(supervisor, settings)
        return 1 if self._findings.problems() else 0

    def _live(self, supervisor: Supervisor, settings: Settings) -> None:
        """Everything that needs children."""
        if words := caveat():
            self.teller.say("note", words)
        if not self.request.is_record_only:
            self._learn(supervisor)
        serving, emulated = self._emulator(supervisor, settings)
        self._record(supervisor, settings, emulated)
        if not self.request.is_record_only:
            status, regime_ts_ns = self._trade(supervisor, emulated)
            if not self.request.is_kept:
                supervisor.stop(serving)
            self._review(supervisor, settings, status, regime_ts_ns)
        self._close()
        if self.request.is_kept:
            self._keep(supervisor, settings, emulated)
        elif self.request.has_windows:
            self._show(supervisor, settings)

    @property
    def settings_file(self) -> Path:
        """The settings that every process of the demo reads."""
        return self.request.data_dir / "settings.toml"

    @property
    def _live_start_ns(self) -> int:
        """Where the live market begins: where the history ends."""
        start = GENERATED_START + timedelta(hours=self.request.hours)
        return int(start.timestamp()) * 1_000_000_000

    # --- history and model ---

    def _prepare(self) -> Settings:
        request, own, say = self.request, load_settings(), self.teller.say
        run = run_name(request.hours, request.seed, 1.0, GENERATED_START, False)
        say("data folder", str(request.data_dir))
        is_there = begin_anew(request.data_dir, run)
        grid = generated_grid(own)
        fees = dict.fromkeys(VENUES, NO_FEES)
        write_overlay(self.settings_file, own, request.data_dir, grid, generated_limits(own), fees)
        say("grid", f"{', '.join(grid.instruments)}; reference {grid.reference}; {grid.step_ms} ms")
        say("fees", "0 bps, as in the generated market ([native.fees] of the demo's settings; real ones are not)")
        if is_there:
            say("history", f"generated already: run {run}")
        elif not request.is_record_only:
            self._generate()
        return load_settings(self.settings_file, reads_environment=False)  # the overlay has its words already

    def _generate(self) -> None:
        from streaming.cli.generated import generate_market

        request = self.request
        with self.teller.stage("history", f"generating {request.hours:g} h of three venues, seed {request.seed}"):
            generate_market(request.data_dir / "lake", request.hours, request.seed, 1.0, GENERATED_START, False)

    def _learn(self, supervisor: Supervisor) -> None:
        text = "the graph over it: lake, checks, marts, dataset, training, validation, gate, promotion"
        with self.teller.stage("learn", text):
            learned = conduct(
                supervisor, self.settings_file, ["learn"], self.teller.progress, (RefusedError.exit_code,)
            )
        findings = self._findings
        findings.learned = learned
        findings.bundle, findings.refusal = verdict_of(learned)
        words = f"promoted {findings.bundle[:12]}" if findings.bundle else f"refused: {findings.refusal}"
        self.teller.say("gate", words)

    # --- the live market ---

    def _emulator(self, supervisor: Supervisor, settings: Settings) -> tuple[Child, Emulated]:
        """Serve the market that goes on where the history ends."""
        request, file = self.request, settings.warehouse.run_dir / "emulator.json"
        words = f"--start {self._live_start_ns} --seed {request.seed + 1} --speed {request.speed:g} --port 0".split()
        text = f"three venues over sockets from {clock_text(self._live_start_ns)} UTC on, speed {request.speed:g}"
        with self.teller.stage("emulator", f"{text}, seed {request.seed + 1}"):
            child = start_trader(
                supervisor, self.settings_file, "emulator", "emulate", *words, "--addresses", str(file)
            )
            supervisor.await_ready(child, file.is_file, READY_S, "its addresses")
        return child, Emulated.at(file)

    def _record(self, supervisor: Supervisor, settings: Settings, emulated: Emulated) -> None:
        minutes = self.request.record_minutes
        with self.teller.stage("record", f"{minutes:g} market minutes of three venues"):
            child = self._attached(supervisor, emulated, "record", "record", minutes)
            if not self.request.is_clean:
                self._await_share(supervisor, child, emulated, minutes * LOST_AT)
                venue, _, symbol = LOST_INSTRUMENT.partition(":")
                emulated.ask("/fault", {"kind": "drop_depth", "venue": venue, "symbol": symbol, "count": 1})
                self.teller.say(
                    "",
                    f"{clock_text(emulated.clock.now_ns())}: the next depth frame of {LOST_INSTRUMENT} is to be lost",
                )
            recorded = finish(supervisor, child, self._limit_s(minutes), self.teller.progress)
            losses, lag_ms = tuple(emulated.losses()), emulated.lag_ms_max()
        self._extend(supervisor)
        venues = [venue for venue in _list(recorded["venues"]) if isinstance(venue, dict)]
        lake, grid = Lake(settings.warehouse.lake_dir), settings.streaming.grid
        gaps, holes = feed_gaps(lake, grid, [str(venue["run"]) for venue in venues])
        begins, ends = ([_int(venue[name]) for venue in venues] for name in ("ts_first_ns", "ts_last_ns"))
        self._findings.recording = Recording(
            minutes=min(end - begin for begin, end in zip(begins, ends, strict=True)) / 60e9,
            frames={str(venue["venue"]): _int(venue["frames"]) for venue in venues},
            gaps=gaps,
            holes_between_runs=holes,
            losses=losses,
            valid_shares=valid_shares(lake, settings.grid_named(grid), max(begins), min(ends)),
            emulator_lag_ms_max=lag_ms,
        )

    def _extend(self, supervisor: Supervisor) -> None:
        with self.teller.stage("extend", "the graph over the recording: converted, checked, marts"):
            self._findings.extended = conduct(supervisor, self.settings_file, ["extend"], self.teller.progress)

    def _trade(self, supervisor: Supervisor, emulated: Emulated) -> tuple[JsonObject, int | None]:
        """Trade; return the trader's last status and when the regime was changed."""
        minutes, regime_ts_ns = self.request.paper_minutes, None
        with self.teller.stage("paper", f"trading {minutes:g} market minutes against simulated matching"):
            extra = () if self._findings.bundle else ("--no-model",)
            child = self._attached(supervisor, emulated, "trader", "start --mode paper", minutes, *extra)
            if not self.request.is_clean:
                self._await_share(supervisor, child, emulated, minutes * REGIME_AT)
                answer = emulated.ask("/regime", {**asdict(STRESS)})
                assert isinstance(answer, dict)
                regime_ts_ns = _int(answer["ts_from_ns"])
                self.teller.say("", f"{clock_text(regime_ts_ns)}: the market's regime changes: {_regime_text()}")
            status = finish(supervisor, child, self._limit_s(minutes), self.teller.progress)
        return status, regime_ts_ns

    def _review(self, supervisor: Supervisor, settings: Settings, status: JsonObject, regime_ts_ns: int | None) -> None:
        with self.teller.stage("session", "landed in the lake; replay, skew and drift"):
            words = ["session", str(status["run"])]
            review = conduct(supervisor, self.settings_file, words, self.teller.progress, refusals=(5,))
        self._findings.session = self._draw(settings, status, review, regime_ts_ns)

    def _draw(self, settings: Settings, status: JsonObject, review: JsonObject, regime_ts_ns: int | None) -> Session:
        lake, run = Lake(settings.warehouse.lake_dir), str(status["run"])
        summary = read_summary(settings.warehouse.journal_dir, run)
        picture = settings.warehouse.reports_dir / "sessions" / f"{run}.png"
        picture.parent.mkdir(parents=True, exist_ok=True)
        marks = [] if regime_ts_ns is None else [Mark(regime_ts_ns, "the regime changes")]
        with self.teller.stage("picture", str(picture)):
            draw_session(lake, summary, picture, marks)
        return Session(
            report=build_report(lake, summary),
            status=status,
            review=review,
            regime_ts_ns=regime_ts_ns,
            regime=_regime_text(),
            picture=picture,
        )

    def _close(self) -> None:
        say = self.teller.say
        self.answer |= summary_document(self._findings)
        say("", "")
        if overriding():
            say("note", f"these override the demo's settings, unset them first: {', '.join(overriding())}")
        for what, text in summary_lines(self._findings, self.request.data_dir):
            say(what, text)

    def _show(self, supervisor: Supervisor, settings: Settings) -> None:
        """Open the windows, ask them as a browser would, and let the end of the demo close them."""
        windows = self._open(supervisor, settings)
        session = self._findings.session
        picture = None if session is None else session.picture.relative_to(settings.warehouse.reports_dir)
        ask_windows(windows, picture)
        self.teller.say("closed", "they answered, and are closed again: nobody is at a terminal; the same by hand:")
        self.teller.say("", "trader dashboard   |   make dagster")

    def _open(self, supervisor: Supervisor, settings: Settings) -> Windows:
        with self.teller.stage("windows", "dashboard, Dagster and reports"):
            windows = open_windows(supervisor, settings, self.settings_file, self.teller.progress)
        tell_windows(windows, self.teller)
        self.answer["windows"] = windows.to_json()
        return windows

    def _keep(self, supervisor: Supervisor, settings: Settings, emulated: Emulated) -> None:
        """Record and trade on, with the windows open, until told to end."""
        self._attached(supervisor, emulated, "record", "record", None)
        if not self.request.is_record_only:
            extra = () if self._findings.bundle else ("--no-model",)
            self._attached(supervisor, emulated, "trader", "start --mode paper", None, *extra)
        if self.request.has_windows:
            self._open(supervisor, settings)
        stay(supervisor, self.teller)

    # --- children ---

    def _attached(
        self, supervisor: Supervisor, emulated: Emulated, name: str, command: str, minutes: float | None, *extra: str
    ) -> Child:
        """Start a command on the emulator's venues and wait until it hears all of them."""
        words = [*command.split(), "--emulator", str(emulated.file), *extra]
        if minutes is not None:
            words += ["--seconds", f"{minutes * 60:g}", "--json"]
        child = start_trader(supervisor, self.settings_file, name, *words)
        supervisor.await_ready(
            child, lambda: _is_heard(emulated), READY_S, "connections to all venues", self.teller.progress
        )
        return child

    def _await_share(self, supervisor: Supervisor, child: Child, emulated: Emulated, minutes: float) -> None:
        """Wait until so many market minutes more have passed; TraderError when the child ends before."""
        until_ns = emulated.clock.now_ns() + int(minutes * 60e9)
        supervisor.await_ready(
            child,
            lambda: emulated.clock.now_ns() >= until_ns,
            self._limit_s(minutes),
            "the shared clock to go on",
            self.teller.progress,
        )

    def _limit_s(self, minutes: float) -> float:
        return minutes * 60.0 / self.request.speed + SPARE_S


def _is_heard(emulated: Emulated) -> bool:
    try:
        return emulated.are_all_heard()
    except NotRunningError:  # busy with starting clients
        return False


def _regime_text() -> str:
    return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in asdict(STRESS).items() if value is not None)


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _int(value: object) -> int:
    assert isinstance(value, int), f"expected a whole number, found {value!r}"
    return value
