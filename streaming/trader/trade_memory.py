"""Which fills are booked, for comparing with a venue's list of trades. Bounded: of each instrument the newest stay."""

from collections import OrderedDict
from typing import Final

TRADES_MAX: Final = 50_000
"""Of one instrument; far more than a venue lists at once."""


class TradeMemory:
    """Fills by instrument and trade id, and when an instrument's last one was booked."""

    def __init__(self) -> None:
        self._trades: dict[int, OrderedDict[int, None]] = {}
        self._last_ns: dict[int, int] = {}

    def note(self, instrument: int, trade_id: int, ts_ns: int) -> None:
        """Take note of a fill that is booked."""
        kept = self._trades.setdefault(instrument, OrderedDict())
        kept[trade_id] = None
        if len(kept) > TRADES_MAX:
            kept.popitem(last=False)
        self._last_ns[instrument] = ts_ns

    def of(self, instruments: range) -> frozenset[tuple[int, int]]:
        """Return (instrument, trade id) of what is booked on `instruments`."""
        return frozenset((number, trade) for number in instruments for trade in self._trades.get(number, ()))

    def moved_since(self, ts_ns: int) -> frozenset[int]:
        """Return the instruments with a fill booked since a time."""
        return frozenset(number for number, last_ns in self._last_ns.items() if last_ns >= ts_ns)
