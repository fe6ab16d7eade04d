"""What `trader kill` does at the venues: with the watchdog's key, and where that does not work with the trader's."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from streaming.live.cancel_ours import VenueCancels
from streaming.live.venues_file import AtVenues
from streaming.shell.venue_hands import SILENCE_S, Hand, Which, cancel_everywhere, cancels_line, make_hands
from streaming.venues.gateway import CallKind

Say = Callable[[str], None]
WAYS: tuple[Which, ...] = ("watchdog", "trader")
PAUSE: Callable[[float], None] = time.sleep


def see_to_venues(
    left: AtVenues, say: Say, *, with_strangers: bool, run_dir: Path | None = None
) -> tuple[list[VenueCancels], list[str]]:
    """Cancel ours at all venues at once; return what came of each, and the venues where it could not be confirmed.

    `run_dir`: where the budget lies that all processes of this machine spend from.
    """
    with ThreadPoolExecutor(max(1, len(left.venues))) as pool:
        each = [
            pool.submit(_see_to, left.model_copy(update={"venues": (entry,)}), say, with_strangers, run_dir)
            for entry in left.venues
        ]
    found = [one.result() for one in each]
    done = [one for one in found if one is not None]
    confirmed = {one.venue for one in done if one.is_confirmed}
    missing = [entry.venue for entry in left.venues if entry.venue not in confirmed]
    for venue in missing:
        say(f"{venue}: NOT CONFIRMED: look at the venue's own page for orders that begin with {left.id_prefix}-")
    return done, missing


def _see_to(left: AtVenues, say: Say, with_strangers: bool, run_dir: Path | None) -> VenueCancels | None:
    """See to the one venue of `left` with one key after the other; None when no key could be had."""
    found: VenueCancels | None = None
    for which in WAYS:
        for hand in make_hands(left, which, PAUSE, say, run_dir):
            say(f"{hand.venue}: cancelling with the key of the {which}")
            if with_strangers:
                _cancel_all(hand, say)
            (found,) = cancel_everywhere([hand], is_told=True, silence_s=SILENCE_S)
            hand.rest.close()
            _tell(found, which, say)
            if found.is_confirmed or not hand.rest.has_answered:  # to a venue that is silent no key is better
                return found
    return found


def _cancel_all(hand: Hand, say: Say) -> None:
    """Cancel whatever rests on our symbols; asked for by a person alone, and shown before."""
    hand.rest.begin(SILENCE_S)
    hand.rest.learn_clock()
    for one in hand.instruments:
        listed = hand.rest.ask(CallKind.open_orders, symbol=one.symbol).document
        texts = [getattr(order, "client_text", "") for order in listed] if isinstance(listed, tuple) else []
        say(f"{hand.venue}:{one.symbol}: cancelling every order: {', '.join(texts) or 'none listed'}")
        outcome = hand.rest.ask(CallKind.cancel_all, symbol=one.symbol)
        if not outcome.is_accepted:
            say(f"{hand.venue}:{one.symbol}: not cancelled: {outcome.code} {outcome.text}")


def _tell(found: VenueCancels, which: Which, say: Say) -> None:
    say(f"{cancels_line(found)} (key of the {which})")
    for position in found.positions:
        say(f"OPEN POSITION  {position}: watched by nobody")
    for balance in found.balances:
        say(f"{found.venue}: holds {balance}")
