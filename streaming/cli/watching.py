"""`trader status --watch` on a terminal: asks once a second, beside the screen, whose ages go on meanwhile."""

import threading
import time
from collections.abc import Callable

from rich.console import Console
from rich.live import Live

from native.config import JsonObject
from streaming.cli.watch_screen import Watched, draw
from streaming.errors import TraderError

ASK_S = 1.0
DRAWN_A_SECOND = 4

Ask = Callable[[], JsonObject]


class Watch:
    """Keeps the last answer of `ask`, and what became of the last question."""

    def __init__(self, ask: Ask, way: str) -> None:
        """Ask for the first time; its TraderError is raised."""
        self._ask = ask
        self._way = way
        self._lock = threading.Lock()
        self._status = ask()
        self._heard_s = time.monotonic()
        self._problem = ""

    def look(self) -> None:
        """Ask once; a refusal or silence is kept as the problem, beside the last answer."""
        try:
            answer, problem = self._ask(), ""
        except TraderError as error:
            answer, problem = None, str(error)
        with self._lock:
            self._problem = problem
            if answer is not None:
                self._status, self._heard_s = answer, time.monotonic()

    def now(self) -> Watched:
        """Return what is known now."""
        with self._lock:
            return Watched(self._status, time.monotonic() - self._heard_s, self._problem, self._way)


def watch_until_interrupted(ask: Ask, way: str, console: Console | None = None) -> None:
    """Show the screen until Ctrl-C. A TraderError of the first question is raised, later ones are shown."""
    watch, ended = Watch(ask, way), threading.Event()

    def go_on() -> None:
        while not ended.wait(ASK_S):
            watch.look()

    threading.Thread(target=go_on, name="watch", daemon=True).start()
    try:
        with Live(console=console, screen=True, auto_refresh=False) as live:
            while True:
                live.update(draw(watch.now(), live.console.width), refresh=True)
                time.sleep(1 / DRAWN_A_SECOND)
    except KeyboardInterrupt:
        return
    finally:
        ended.set()
