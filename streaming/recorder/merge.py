"""One stream heard over several connections, written once and in order.

Each connection delivers its frames in order, and any of them may lose some. A frame that is the next one is passed on;
one that was passed on already is dropped; one after a hole is held back, since another connection may yet bring what
is missing. When `hold_ns` is over it is passed on as it is: the hole then stands in the recording, where the feed
machine finds and ledgers it.

The first frame decides where counting begins, so it must come from the connection that spoke before the others
(`incumbent`); frames of the others wait for it. Bybit counts anew after a restart (`u` 1), which every connection tells
once: ids are compared by (restarts told by this connection, id).
"""

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field

from streaming.venues.dialect import FrameIds, StreamKind

HELD_FRAMES_MAX = 1_000
"""Held frames of one stream; when full they are passed on at once."""
KEYS_MAX = 8_192
"""Trade ids, or times of mark prices, remembered of one stream."""

Mark = tuple[int, int]
"""(restarts, last update id)."""


@dataclass(frozen=True, slots=True)
class _Held:
    mark: Mark
    ids: FrameIds
    data: bytes
    until_ns: int


@dataclass(slots=True)
class StreamMerge:
    """The merge of one stream; make one when a second connection begins to carry it."""

    kind: StreamKind
    incumbent: int
    hold_ns: int
    duplicates: int = 0
    _last: Mark | None = None
    _held: list[_Held] = field(default_factory=list)
    _restarts: dict[int, int] = field(default_factory=dict)
    _keys: "OrderedDict[str, None]" = field(default_factory=OrderedDict)

    def offer(self, path: int, ids: FrameIds | None, data: bytes, now_ns: int) -> list[bytes]:
        """Take a frame from connection `path`; return the frames to write now, in order."""
        if ids is None:  # nothing to know it by: two copies are better than none
            return [data]
        if self.kind in (StreamKind.trade, StreamKind.mark):
            return self._offer_keyed(ids, data)
        if self.kind is StreamKind.quote:
            return self._offer_quote(ids, data)
        return self._offer_book(path, ids, data, now_ns)

    def expire(self, now_ns: int) -> list[bytes]:
        """Return the frames that have waited long enough, those before them and what follows them.

        Later ones after another hole go on waiting: it may yet be filled.
        """
        marks = [held.mark for held in self._held if now_ns >= held.until_ns]
        return [*self._release(max(marks)), *self._follow()] if marks else []

    def flush(self) -> list[bytes]:
        """Return all held frames that are new, in the order of their ids."""
        return self._release(max(held.mark for held in self._held)) if self._held else []

    def _release(self, until: Mark) -> list[bytes]:
        """Let go of the held frames up to a mark."""
        out = []
        for item in sorted((held for held in self._held if held.mark <= until), key=lambda held: held.mark):
            self._held.remove(item)
            if self._last is None or item.mark > self._last:
                self._last = item.mark
                out.append(item.data)
            else:
                self.duplicates += 1
        return out

    def next_deadline_ns(self) -> int | None:
        """Return when `expire` has something to return."""
        return min((held.until_ns for held in self._held), default=None)

    def _offer_keyed(self, ids: FrameIds, data: bytes) -> list[bytes]:
        fresh = [key for key in ids.keys if key not in self._keys]
        if not fresh:
            self.duplicates += 1
            return []
        self._keys.update(dict.fromkeys(fresh))
        while len(self._keys) > KEYS_MAX:
            self._keys.popitem(last=False)
        return [data]

    def _offer_quote(self, ids: FrameIds, data: bytes) -> list[bytes]:
        if self._last is not None and ids.last <= self._last[1]:
            self.duplicates += 1
            return []
        self._last = (0, ids.last)
        return [data]

    def _offer_book(self, path: int, ids: FrameIds, data: bytes, now_ns: int) -> list[bytes]:
        if ids.is_snapshot and ids.last == 1:
            self._restarts[path] = self._restarts.get(path, 0) + 1
        mark = (self._restarts.get(path, 0), ids.last)
        if self._last is not None and mark <= self._last:
            self.duplicates += 1
            return []
        if (self._last is None and path == self.incumbent) or self._is_next(mark, ids):
            self._last = mark
            return [data, *self._follow()]
        self._held.append(_Held(mark, ids, data, now_ns + self.hold_ns))
        return self.flush() if len(self._held) > HELD_FRAMES_MAX else []

    def _is_next(self, mark: Mark, ids: FrameIds) -> bool:
        """Tell whether nothing is missing between the last frame and this one."""
        if self._last is None:
            return False
        if mark[0] > self._last[0]:
            return ids.is_snapshot and ids.last == 1
        last = self._last[1]
        if ids.previous is not None:
            return ids.previous <= last
        return ids.first <= last + 1 and not (ids.is_snapshot and ids.last > last + 1)

    def _follow(self) -> Iterator[bytes]:
        """Yield held frames that have become the next ones; drop those passed on by now."""
        moved = True
        while moved and self._held:
            moved = False
            for item in sorted(self._held, key=lambda held: held.mark):
                assert self._last is not None
                if item.mark <= self._last:
                    self._held.remove(item)
                    self.duplicates += 1
                elif self._is_next(item.mark, item.ids):
                    self._held.remove(item)
                    self._last = item.mark
                    moved = True
                    yield item.data
