"""The frames of the last moments, kept for the next view: one append a frame, and nothing is read here."""

from collections import deque

from streaming.view.wire import HeardFrame

FRAMES_MAX = 8_192
"""More than a second of a busy market; of what nobody took the oldest are forgotten: a view then misses prints."""


class HeardFrames:
    """Bounded; for the thread that hears the frames."""

    def __init__(self) -> None:
        self._frames: deque[HeardFrame] = deque(maxlen=FRAMES_MAX)
        self.note = self._frames.append
        """Take (source of the header, receive time in ns, payload)."""

    def take(self) -> list[HeardFrame]:
        """Return the frames since the last time, oldest first."""
        frames = [*self._frames]
        self._frames.clear()
        return frames
