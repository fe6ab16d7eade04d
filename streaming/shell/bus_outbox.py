"""Messages that wait for Redis: bounded, handed over between threads, never waiting for anybody."""

import threading
from collections import deque
from typing import Final, TypeVar

from streaming.bus import VIEW, ControlReply, Message

QUEUE_MAX: Final = 1_000
"""Messages, and as many answers, that wait. When full the oldest is dropped: the newest says most about what runs."""
BATCH_MAX: Final = 64

T = TypeVar("T")


class Outbox:
    """Answers go before other messages. Its lock is never held while Redis is spoken to."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._replies: deque[ControlReply] = deque()
        self._messages: deque[Message] = deque()
        self._view: Message | None = None
        self.filled = threading.Event()
        """Set while something waits."""
        self.published = 0
        self.dropped = 0

    def put(self, message: Message) -> None:
        """Add a message; when its queue is full the oldest goes and is counted."""
        with self._lock:
            if message.stream == VIEW:  # only the newest says how things stand, and views must not push out events
                self.dropped += self._view is not None
                self._view = message
            elif isinstance(message, ControlReply):
                self._push(self._replies, message)
            else:
                self._push(self._messages, message)
            self.filled.set()

    def take(self) -> list[Message]:
        """Return the next batch, empty when nothing waits. Whoever takes it tells its fate by `count`."""
        with self._lock:
            batch: list[Message] = []
            while self._replies and len(batch) < BATCH_MAX:
                batch.append(self._replies.popleft())
            while self._messages and len(batch) < BATCH_MAX:
                batch.append(self._messages.popleft())
            if self._view is not None and len(batch) < BATCH_MAX:
                batch.append(self._view)
                self._view = None
            if not batch:
                self.filled.clear()
            return batch

    def abandon(self) -> None:
        """Give up all that waits."""
        with self._lock:
            self.dropped += len(self._replies) + len(self._messages) + (self._view is not None)
            self._view = None
            self._replies.clear()
            self._messages.clear()

    def count(self, *, published: int, dropped: int) -> None:
        """Note what became of a batch."""
        with self._lock:
            self.published += published
            self.dropped += dropped

    def _push(self, queue: deque[T], message: T) -> None:
        if len(queue) == QUEUE_MAX:
            queue.popleft()
            self.dropped += 1
        queue.append(message)
