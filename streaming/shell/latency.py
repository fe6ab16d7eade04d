"""The stages of a trading process and how long each takes, in real ns."""

from dataclasses import dataclass

from native.config import JsonObject
from streaming.latency_histogram import LatencyHistogram
from streaming.shell.clock import Clock


@dataclass(slots=True)
class Latencies:
    """The stages of a trading process, measured on its clock and told in real time, however fast that clock runs."""

    clock: Clock
    socket_to_engine: LatencyHistogram
    """From the reading of a frame to the engine having taken it, journal buffer included."""
    socket_to_order: LatencyHistogram
    """From the input that closed a grid step to the simulated venue having the order that the step's forecast gave."""
    step_to_forecast: LatencyHistogram
    """From the input that closed a grid step to the engine having taken its forecast."""
    inference: LatencyHistogram
    """What the model alone took."""

    @classmethod
    def on(cls, clock: Clock) -> "Latencies":
        """Return empty ones."""
        return cls(clock, LatencyHistogram(), LatencyHistogram(), LatencyHistogram(), LatencyHistogram())

    def since_ns(self, ts_ns: int) -> int:
        """Return the real ns since the clock showed `ts_ns`."""
        return int((self.clock.now_ns() - ts_ns) / self.clock.speed)

    def to_json(self) -> JsonObject:
        """Return all of them by name."""
        return {
            "socket_to_engine": self.socket_to_engine.to_json(),
            "socket_to_order": self.socket_to_order.to_json(),
            "step_to_forecast": self.step_to_forecast.to_json(),
            "inference": self.inference.to_json(),
        }
