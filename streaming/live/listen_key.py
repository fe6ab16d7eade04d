"""The life of a listen key (Binance USD-M "User Data Streams"): asked for, renewed, lost. Sans I/O.

A key lives 60 minutes after its last renewal. Asking for a key while one lives gives the same one again, so a stream
that is deaf twice in a row has its key ended first.
"""

from dataclasses import dataclass
from typing import Final

from streaming.live.links import NEVER_NS
from streaming.venues.gateway import CallKind

RETRY_NS: Final = 1_000_000_000


@dataclass(slots=True)
class ListenKey:
    """Ask `due` what to send; tell `answered`, `failed` and `lost`."""

    every_ns: int
    _due_ns: int = 0
    _kind: CallKind = CallKind.listen_key
    _is_asking: bool = False
    _is_retired: bool = False

    def due(self, ts_ns: int) -> CallKind | None:
        """Return what is to be asked now; the call counts as under way."""
        if self._is_retired or self._is_asking or ts_ns < self._due_ns:
            return None
        self._is_asking = True
        return self._kind

    def next_ns(self) -> int:
        """Return when `due` has something to say."""
        return NEVER_NS if self._is_retired or self._is_asking else self._due_ns

    def answered(self, kind: CallKind, ts_ns: int) -> bool:
        """Take an accepted answer; True when a key has come, with which a socket is to be opened."""
        self._is_asking = False
        if kind is CallKind.end_listen_key:
            self._kind, self._due_ns = CallKind.listen_key, ts_ns
            return False
        if self._due_ns == 0 and kind is CallKind.renew_listen_key:  # lost meanwhile
            return False
        self._kind, self._due_ns = CallKind.renew_listen_key, ts_ns + self.every_ns
        return kind is CallKind.listen_key

    def failed(self, ts_ns: int, *, is_gone: bool = False) -> None:
        """Take a call that came to nothing; `is_gone`: the venue does not know the key any more."""
        self._is_asking = False
        self._due_ns = ts_ns + RETRY_NS
        if is_gone or self._kind is CallKind.end_listen_key:
            self._kind = CallKind.listen_key

    def retire(self) -> None:
        """Ask for nothing any more."""
        self._is_retired = True

    def lost(self, ts_ns: int, *, is_suspect: bool = False) -> None:
        """Take that the key ended, or that its stream is deaf; `is_suspect`: end it before another is asked for."""
        self._kind = CallKind.end_listen_key if is_suspect else CallKind.listen_key
        self._due_ns = 0
