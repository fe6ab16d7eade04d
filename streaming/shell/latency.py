"""The stages of a trading process and how long each takes, in real ns; docs/latency.md draws their way.

On the way of a frame a stage costs one append. Once a second `roll` counts what was noted: what the session's engine
took, how old frames were when they came, and how long the venue took to answer.
"""

from collections import deque

from native.config import NS_PER_MS, JsonObject
from streaming.performance.stage_file import StageRow, stage_row
from streaming.performance.stages import Stage
from streaming.recorder.meters import event_ms_of
from streaming.shell.clock import Clock, stopwatch_ns
from streaming.trader.session import TradingSession

FEED_AGE = "feed_age"
FRAMES_MAX = 8_192
"""Frames of a venue that wait to have their age read; beyond them the oldest go unread."""
FramesHeard = deque[tuple[int, int, bytes]]
"""(source, receive time in ns, payload)."""


class Latencies:
    """The stages, measured on the process's clock and told in real time, however fast that clock runs."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._session: TradingSession | None = None
        self._heard: dict[str, FramesHeard] = {}
        self.socket_to_engine = Stage()
        """From the reading of a frame to the engine having taken it, journal buffer included."""
        self.socket_to_order = Stage()
        """From the input that closed a grid step to the simulated venue having the order that the step's forecast
        gave."""
        self.step_to_forecast = Stage()
        """From the input that closed a grid step to the engine having taken its forecast."""
        self.inference = Stage()
        """What the model alone took."""
        self.decode_book = Stage()
        """What the engine took for a frame that closed no step."""
        self.features = Stage()
        """What the engine took for an input that closed a step: features of all slots, strategies that decide then."""
        self.decision = Stage()
        """From a forecast being handed to the engine to its orders being with the venue, journal included."""
        self.send_to_ack = Stage()
        """From an order leaving to the venue's first answer to it."""
        self._feed_age: dict[str, Stage] = {}
        self._told: tuple[JsonObject, JsonObject] | None = None
        """What `to_json` and `bars` said since the last `roll`: a status is asked for more often than things change."""

    @classmethod
    def on(cls, clock: Clock) -> "Latencies":
        """Return empty ones."""
        return cls(clock)

    def since_ns(self, ts_ns: int) -> int:
        """Return the real ns since the clock showed `ts_ns`."""
        return int((self._clock.now_ns() - ts_ns) / self._clock.speed)

    def listen(self, session: TradingSession) -> None:
        """Have a session's engine measured from now on; what a recovery did before is nobody's latency."""
        self._session = session
        session.times.now_ns = stopwatch_ns
        session.machine.performance.orders.take_answers()

    def heard(self, venue: str) -> FramesHeard:
        """Return where to append the frames of a venue's sockets, for their age when they came."""
        self._feed_age.setdefault(venue, Stage())
        return self._heard.setdefault(venue, deque(maxlen=FRAMES_MAX))

    def catch_up(self) -> None:
        """Let figures and ages follow what happened; many times a second, so that no call holds up the loop."""
        for venue, frames in self._heard.items():
            self._feed_age[venue].add_all(self._ages_ns(frames))
            frames.clear()
        if self._session is not None:
            self._session.machine.performance.catch_up()

    def roll(self, now_s: float) -> None:
        """Count what was noted; call it about once a second, with seconds of a clock that goes on."""
        self.catch_up()
        if self._session is not None:
            self._take_session(self._session)
        for stage in self.stages().values():
            stage.roll(now_s)
        self._told = self._documents()

    def _ages_ns(self, frames: FramesHeard) -> list[int]:
        """Venues tell whole milliseconds of their own clock; a frame that seems to come from the future is 0 old."""
        speed = self._clock.speed
        told = ((event_ms_of(payload), ts_ns) for _, ts_ns, payload in frames)
        return [int((ts_ns - event_ms * NS_PER_MS) / speed) for event_ms, ts_ns in told if event_ms is not None]

    def _take_session(self, session: TradingSession) -> None:
        times, performance, speed = session.times, session.machine.performance, self._clock.speed
        for noted, stage in ((times.frame, self.decode_book), (times.closing, self.features)):
            stage.add_all([*noted])
            noted.clear()
        self.send_to_ack.add_all([int(took_ns / speed) for took_ns in performance.orders.take_answers()])

    def stages(self) -> dict[str, Stage]:
        """Return all of them by name, in the order in which a frame meets them; `feed_age.VENUE` for each venue."""
        return {
            **{f"{FEED_AGE}.{venue}": stage for venue, stage in self._feed_age.items()},
            "socket_to_engine": self.socket_to_engine,
            "decode_book": self.decode_book,
            "features": self.features,
            "inference": self.inference,
            "step_to_forecast": self.step_to_forecast,
            "decision": self.decision,
            "socket_to_order": self.socket_to_order,
            "send_to_ack": self.send_to_ack,
        }

    def to_json(self) -> JsonObject:
        """Return all of them by name, as of the last `roll`: since the start, and in `recent` over the last minute."""
        return (self._told or self._documents())[0]

    def bars(self) -> JsonObject:
        """Return [upper edge in microseconds, count] pairs of each stage, since the start."""
        return (self._told or self._documents())[1]

    def _documents(self) -> tuple[JsonObject, JsonObject]:
        stages = self.stages()
        told: JsonObject = {name: {**stage.to_json(), "recent": stage.recent()} for name, stage in stages.items()}
        return told, {name: [list(bar) for bar in stage.whole.bars()] for name, stage in stages.items()}

    def take_kept(self, ts_ns: int) -> list[StageRow]:
        """Take the rows of what was counted since this was last asked, of the stages that happened."""
        counted = ((name, stage.take_kept()) for name, stage in self.stages().items())
        return [stage_row(ts_ns, name, histogram) for name, histogram in counted if histogram.count]
