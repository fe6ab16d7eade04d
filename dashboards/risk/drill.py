"""A drill of the kill control on paper: halt, see every order gone, resume. What it found is told, pass or fail.

A switch that was never tried may not work on the day. A drill that finds an order left over stays halted.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Final

from dashboards.desk import Desk
from dashboards.errors import DeskError
from dashboards.snapshot import Snapshot

WAIT_S: Final = 5.0
POLL_S: Final = 0.02
PAPER: Final = "paper"
REASON: Final = "drill from the dashboard"


def why_not(snapshot: Snapshot, stale_ms: int) -> str:
    """Return why no drill can be held now; empty where one can."""
    view, age_s = snapshot.view, snapshot.age_s("view")
    if snapshot.is_replay:
        return "a replay has nothing to drill"
    if view is None or age_s is None or age_s * 1_000 > stale_ms or not snapshot.is_connected:
        return "no trader is heard"
    if view.mode != PAPER:
        return f"drills are for paper, this is {view.mode}"
    if view.state != "active":
        return f"the trader is {view.state}; a drill begins and ends active"
    return ""


async def hold_drill(desk: Desk, say: Callable[[str, bool], None]) -> None:
    """Hold one; `say` is told what happens, and whether it is bad."""
    problem = why_not(desk.snapshot(), desk.surroundings.dashboards.stale_ms)
    if problem:
        say(f"Not begun: {problem}.", True)
        return
    before, began_s = _open_orders(desk), time.monotonic()
    try:
        await desk.ask("halt", REASON)
        answered_ms = _since_ms(began_s)
        say(f"Halted after {answered_ms} ms; waiting until {before} open orders are gone.", False)
        if not await _is_empty(desk):
            say(f"FAILED: {_open_orders(desk)} orders are open {WAIT_S:g} s after the halt. It stays halted.", True)
            return
        gone_ms = _since_ms(began_s)
        await desk.ask("resume", f"{REASON}: passed, {gone_ms} ms")
    except DeskError as error:
        say(f"FAILED: {error}", True)
        return
    say(f"Passed: halted after {answered_ms} ms, open orders {before} → 0 seen after {gone_ms} ms, resumed.", False)


async def _is_empty(desk: Desk) -> bool:
    end_s = time.monotonic() + WAIT_S
    while time.monotonic() < end_s:
        view = desk.snapshot().view
        if view is not None and view.state == "halted" and view.open_orders == 0:
            return True
        await asyncio.sleep(POLL_S)
    return False


def _open_orders(desk: Desk) -> int:
    view = desk.snapshot().view
    return 0 if view is None else view.open_orders


def _since_ms(began_s: float) -> int:
    return round((time.monotonic() - began_s) * 1_000)
