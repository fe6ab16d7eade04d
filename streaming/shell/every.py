"""A real span on the event loop, again and again."""

import asyncio


class Every:
    """Tells when a real span has passed since it last said so."""

    def __init__(self, loop: asyncio.AbstractEventLoop, span_s: float) -> None:
        self._loop = loop
        self._span_s = span_s
        self._last_s = loop.time()

    def is_due(self) -> bool:
        """Tell, and begin the next span."""
        now_s = self._loop.time()
        if now_s - self._last_s < self._span_s:
            return False
        self._last_s = now_s
        return True
