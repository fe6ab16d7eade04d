"""Hands at the venues for whoever acts in a trader's stead: the watchdog, `trader kill`, the start checks.

Each hand has one venue, one key and one connection. All venues are seen to at once, each in a thread of its own: one
that hangs must not keep another's orders on the book.
"""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from math import inf
from pathlib import Path
from typing import Final, Literal

from streaming.errors import RefusedError, TraderError
from streaming.live.cancel_ours import VenueCancels, cancel_ours, note_holdings
from streaming.live.config import VenueAccount
from streaming.live.gateways import make_gateway
from streaming.live.venues_file import AtVenue, AtVenues
from streaming.secret_keys import Credentials, read_credentials
from streaming.shell.clock import Clock
from streaming.shell.private_rest import PrivateRest
from streaming.shell.shared_budget import SharedBudget, budget_path
from streaming.venues.client_ids import ClientIds
from streaming.venues.gateway import Outcome
from streaming.venues.instruments import Instrument
from streaming.venues.limits import LIMITS

Which = Literal["trader", "watchdog"]
"""Whose key."""
SILENCE_S: Final = 8.0
"""A venue that answers nothing for so long is given up; one that answers has all the time that it needs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hand:
    """One venue with a key of ours."""

    rest: PrivateRest
    instruments: tuple[Instrument, ...]
    ids: ClientIds
    pause: Callable[[float], None]
    lock: threading.Lock = field(default_factory=threading.Lock)
    """Of whoever speaks over the connection: what hangs at one venue holds up no other."""

    @property
    def venue(self) -> str:
        """Its name."""
        return self.rest.venue

    def refresh(self) -> Outcome:
        """Ask for the venue's clock: connection and clock are fresh then."""
        with self.lock:
            self.rest.begin(inf)
            return self.rest.learn_clock(samples=1)

    def cancel(self, *, is_told: bool = False, silence_s: float = SILENCE_S) -> VenueCancels:
        """Cancel ours and confirm it; with `is_told` say what is held, too. Never raises for what the venue does."""
        with self.lock:
            self.rest.begin(silence_s)
            clock = self.rest.learn_clock()
            found = cancel_ours(
                self.rest, self.instruments, self.ids, lambda wait_s: self.pause(min(wait_s, self.rest.left_s))
            )
            if not clock.is_accepted:
                found.problems.insert(0, f"clock: {clock.code} {clock.text}")
            if is_told:
                note_holdings(self.rest, self.instruments, found)
            return found


def credentials_of(account: VenueAccount, which: Which) -> Credentials:
    """Read a venue's key; RefusedError when none is named or none can be read."""
    key, secret = (
        (account.api_key, account.secret) if which == "trader" else (account.watchdog_api_key, account.watchdog_secret)
    )
    if not key:
        raise RefusedError(f"no key of the {which} is named")
    return read_credentials(key, secret)


def make_hand(
    entry: AtVenue,
    id_prefix: str,
    clock: Clock,
    which: Which,
    pause: Callable[[float], None],
    run_dir: Path | None = None,
) -> Hand:
    """Return a hand at one venue; RefusedError as `credentials_of`. `run_dir`: where the shared budget lies."""
    instruments = tuple(one.instrument() for one in entry.instruments)
    gateway = make_gateway(entry.venue, credentials_of(entry.account, which), instruments, id_prefix, entry.account)
    return Hand(
        rest=PrivateRest(
            gateway, entry.account.rest, clock.now_ns, pause, budget=shared_budget(entry.venue, entry.account, run_dir)
        ),
        instruments=instruments,
        ids=ClientIds(id_prefix),
        pause=pause,
    )


def shared_budget(venue: str, account: VenueAccount, run_dir: Path | None) -> SharedBudget | None:
    """Return the budget that trader and recorder spend from too; None where there is none: cancels go all the same."""
    if run_dir is None:
        return None
    path = budget_path(run_dir, venue, account.rest)
    try:
        return SharedBudget(path, LIMITS[venue], account=account.account_id)
    except (OSError, TraderError, ValueError):
        return None


def make_hands(
    left: AtVenues,
    which: Which,
    pause: Callable[[float], None],
    say: Callable[[str], None],
    run_dir: Path | None = None,
) -> list[Hand]:
    """Return hands at every venue where a key can be had; what cannot is said, and the others go on."""
    clock, hands = Clock.from_json({**left.clock}), []
    for entry in left.venues:
        try:
            hands.append(make_hand(entry, left.id_prefix, clock, which, pause, run_dir))
        except TraderError as error:
            say(f"{entry.venue}: {error}")
    return hands


def cancel_everywhere(
    hands: Sequence[Hand], *, is_told: bool = False, silence_s: float = SILENCE_S
) -> list[VenueCancels]:
    """Cancel ours at all venues at once."""
    if not hands:
        return []
    with ThreadPoolExecutor(len(hands)) as pool:
        return list(pool.map(lambda hand: _cancelled(hand, is_told=is_told, silence_s=silence_s), hands))


def cancels_line(found: VenueCancels) -> str:
    """Return what came of one venue as a line for people."""
    parts = [f"{len(found.cancelled)} of ours cancelled"] if found.cancelled else []
    if found.is_confirmed:
        parts.append("none of ours is open, confirmed by its list")
    elif found.left:
        parts.append(f"NOT CONFIRMED, it still lists {', '.join(found.left)}")
    else:
        parts.append("NOT CONFIRMED, it did not answer")
    if found.strangers:
        parts.append(f"{len(found.strangers)} orders of others left alone")
    problem = f"; {found.problems[-1]}" if found.problems and not found.is_confirmed else ""
    return f"{found.venue}: {', '.join(parts)}{problem}"


def _cancelled(hand: Hand, *, is_told: bool, silence_s: float) -> VenueCancels:
    try:
        return hand.cancel(is_told=is_told, silence_s=silence_s)
    except Exception as error:  # a mistake of ours at one venue must not leave the others' orders on the book
        return VenueCancels(hand.venue, problems=[f"{type(error).__name__} while cancelling"])
