"""Tells windows how a running trader stands, several times a second, and never stands in the trader's way.

It lives on the loop that trades: a view is made there in a fraction of a millisecond, and everything else of it (JSON,
Redis) happens in the bus's thread, whose queue is bounded. What fails in here is counted and told with the status; it
ends nothing. While the loop has better things to do views come later, and none is made up for.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from native.config import JsonObject
from streaming.bus_view import AttentionView, View
from streaming.shell.clock import Clock
from streaming.shell.inference import first_line
from streaming.shell.trading_loop import TradingLoop
from streaming.trader.modes import mode_of
from streaming.trader.scorecard import Scoreboard
from streaming.view.builder import ViewBuilder
from streaming.view.config import ViewSettings


@dataclass(frozen=True, slots=True)
class ViewSources:
    """What a view is made of beside the session."""

    board: Callable[[], Scoreboard | None]
    """The live records of models; None without any."""
    attention: Callable[[], AttentionView | None]


class ViewPublisher:
    """`start` on the loop once the session may trade, `stop` before it is closed."""

    def __init__(
        self,
        trading: TradingLoop,
        clock: Clock,
        settings: ViewSettings,
        sources: ViewSources,
        tell: Callable[[View], None],
    ) -> None:
        self._trading = trading
        self._clock = clock
        self._sources = sources
        self._tell = tell
        self._interval_s = settings.interval_ms / 1_000
        self._builder = ViewBuilder(trading.session.plan.header, settings, mode_of(trading.session.plan.header.run))
        self._timer: asyncio.TimerHandle | None = None
        self._due_s = 0.0
        self.made = 0
        self.failed = 0
        self.last_problem = ""

    def start(self) -> None:
        """Tell the first view, and the next ones an interval apart."""
        self._due_s = asyncio.get_running_loop().time()
        self._on_due()

    def stop(self) -> None:
        """Tell one last view, of how the session ended, and none any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            self._publish()

    def to_json(self) -> JsonObject:
        """Return how it fares."""
        return {"made": self.made, "failed": self.failed, "last_problem": self.last_problem}

    def _on_due(self) -> None:
        loop = asyncio.get_running_loop()
        self._publish()
        # On a grid of its own, so that the time a view takes does not lower their rate.
        self._due_s = max(self._due_s + self._interval_s, loop.time())
        self._timer = loop.call_at(self._due_s, self._on_due)

    def _publish(self) -> None:
        try:
            view = self._builder.build(
                self._trading.session.machine,
                self._clock.now_ns(),
                self._trading.heard.take(),
                self._sources.board(),
                self._sources.attention(),
            )
            self._tell(view)
            self.made += 1
        except Exception as error:  # a window must not end what it looks at
            self.failed += 1
            self.last_problem = first_line(error)
