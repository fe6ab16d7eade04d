"""Client order ids: how the engine's number of an order is written at a venue, and read again.

The engine counts `run_tag << 32 | counter`. At a venue the number stands as 16 hexadecimal digits behind our prefix,
which all three venues take (at most 36 of `[A-Za-z0-9_-]`). Whatever begins otherwise is not ours and is never touched
unless a person asks for the whole account.

Binance spot changes a price by a new order in the old one's place. It is still the engine's one order: its id there
ends in `r` and the number of the change, so that no two orders of the venue ever bear one id.
"""

import re
from typing import Final

PREFIX_SIGNS_MAX: Final = 12
PREFIX: Final = re.compile(r"[A-Za-z0-9]{1,12}")
_NUMBER: Final = re.compile(r"([0-9a-f]{16})(?:r([1-9][0-9]{0,5}))?")


class ClientIds:
    """Writes and reads ids of one prefix."""

    def __init__(self, prefix: str) -> None:
        if PREFIX.fullmatch(prefix) is None:
            raise ValueError(f"expected 1 to {PREFIX_SIGNS_MAX} letters and digits, found {prefix!r}")
        self.prefix = f"{prefix}-"

    def text(self, client_order_id: int, revision: int = 0) -> str:
        """Return the id as it stands at the venue; `client_order_id` is a uint64."""
        return f"{self.prefix}{client_order_id:016x}{f'r{revision}' if revision else ''}"

    def number(self, text: str) -> int | None:
        """Return the engine's number of an id, None for one that is not ours."""
        found = self._match(text)
        return int(found[1], 16) if found else None

    def revision(self, text: str) -> int:
        """Return which of an order's replacements an id of ours is: 0 for the first order."""
        found = self._match(text)
        return int(found[2] or 0) if found else 0

    def _match(self, text: str) -> re.Match[str] | None:
        return _NUMBER.fullmatch(text, len(self.prefix)) if text.startswith(self.prefix) else None
