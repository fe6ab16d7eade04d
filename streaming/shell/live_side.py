"""All of a live trader that a paper one has not: accounts, venues' private sides, what is left for others, the end.

Before the first order may leave, `trader.venues.json` says where orders of ours may rest; it goes when their end was
confirmed. So the watchdog and `trader kill` see to them when this process dies.
"""

import asyncio
import os
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Final

import native
from native.config import JsonObject
from streaming.live.assembly import instruments_of, make_desk
from streaming.live.shadow import ShadowDesk
from streaming.live.shutdown import Shutdown
from streaming.live.venues_file import AtVenue, AtVenues, remove_venues_file, traded, write_venues_file
from streaming.live.words import LiveEvent, Told
from streaming.segments import SegmentHeader
from streaming.shell.clock import Clock
from streaming.shell.guard_watch import GuardWatch
from streaming.shell.live_access import LiveAccess
from streaming.shell.live_end import LiveEnd
from streaming.shell.live_orders import LiveOrders
from streaming.shell.shared_budget import SharedBudget, budget_path
from streaming.shell.trading_loop import TradingLoop
from streaming.trader.order_venue import OrderVenue
from streaming.venues.client_ids import ClientIds
from streaming.venues.limits import LIMITS
from streaming.venues.rate_budget import Shares

TICK_S: Final = 0.02
RECENT_MAX: Final = 20
"""Events that the status shows."""
UNTOLD: Final = frozenset({Told.refused})
"""The session tells of them itself."""


class LiveSide:
    """Lives inside the loop: `begin` when there is a session, `tick`, `end` when trading ends in order, `stop`."""

    def __init__(
        self,
        access: LiveAccess,
        header: SegmentHeader,
        clock: Clock,
        run_dir: Path,
        say: Callable[[str], None],
        on_failure: Callable[[Exception], None],
        hear: Callable[[LiveEvent], None] = lambda event: None,
        simulated: native.SimVenue | None = None,
        latency_ms: int = 0,
    ) -> None:
        """`header`: of the plan; `hear` hears what others are to be told; RefusedError for a key that is none.

        `simulated`: what takes orders in shadow mode, `latency_ms` away; nothing is sent then.
        """
        self._live, self._clock, self._run_dir, self._say = access.live, clock, run_dir, say
        self._budgets: list[SharedBudget] = []
        seed = f"{header.run}:{os.getpid()}"
        desk = make_desk(header, access.live, access.credentials, self._budget, seed, clock.now_ns(), speed=clock.speed)
        desk = desk if simulated is None else ShadowDesk([*desk.venues.values()], simulated, latency_ms)
        self._orders = LiveOrders(desk, access.live, clock, say, on_failure)
        self._is_guarded = access.is_watched and desk.is_sending
        self._guard: GuardWatch | None = None
        self._header = header
        self._end: LiveEnd | None = None
        self._hear = hear
        self._recent: deque[JsonObject] = deque(maxlen=RECENT_MAX)
        self._last: JsonObject | None = None
        self._trusted_s: float | None = None
        self._begun_s = asyncio.get_running_loop().time()

    @property
    def orders(self) -> OrderVenue:
        """Where the session's orders go."""
        return self._orders.desk

    def begin(self, trading: TradingLoop) -> None:
        """Say where orders may rest, connect, and reconcile."""
        self._orders.desk.adopt(trading.session)
        run = trading.session.plan.header.run
        if self._orders.desk.is_sending:
            write_venues_file(self._run_dir, self._at_venues(run))
        if self._is_guarded:
            self._guard = GuardWatch(self._run_dir, run, self._orders.desk.venues)
        self._orders.begin(trading)

    def tick(self) -> None:
        """Do what is due; call every few tens of ms."""
        if self._guard is not None:
            self._orders.unguarded = self._guard.unready()
        self._orders.tick()
        for event in self._orders.take_events():
            self._recent.append(event.to_json())
            if event.told not in UNTOLD:
                self._hear(event)
        if self._trusted_s is None and self._orders.desk.is_trusted():
            self._trusted_s = asyncio.get_running_loop().time() - self._begun_s
            self._say(f"ready for orders after {self._trusted_s:.1f} s: every account is as it is known here")

    def resume(self) -> None:
        """Take back what a venue's word or a difference has halted: a person has looked."""
        self._orders.desk.resume(self._clock.now_ns())

    async def end(self, trading: TradingLoop, also: Callable[[], None]) -> tuple[int, tuple[str, ...]]:
        """Cancel and confirm, as `streaming.live.shutdown` says; return exit code and what was not confirmed.

        `also` is called at every tick: markets are heard meanwhile. Of a shadow nothing is anywhere.
        """
        if not self._orders.desk.is_sending:
            await self._leave(also)
            return 0, ()
        self._orders.desk.halt("the session ends", self._clock.now_ns())
        shutdown, ids = Shutdown(self._live.shutdown), ClientIds(self._live.id_prefix)
        end = self._end = LiveEnd(shutdown, self._orders, trading, ids, self._clock)
        end.begin()
        while end.exit_code is None:
            also()
            self.tick()
            end.tick()
            await asyncio.sleep(TICK_S)
        if end.exit_code == 0:
            remove_venues_file(self._run_dir)
        for problem in shutdown.unconfirmed:
            self._say(f"NOT CONFIRMED: {problem}")
        return end.exit_code, tuple(shutdown.unconfirmed)

    async def _leave(self, also: Callable[[], None]) -> None:
        """End what venues keep for a session alone; a question without an answer is given up in its time."""
        self._orders.leave()
        while not self._orders.is_quiet:
            also()
            self.tick()
            await asyncio.sleep(TICK_S)

    async def stop(self) -> None:
        """Close every connection."""
        await self._orders.stop()
        self._last = self.to_json()
        for budget in self._budgets:
            budget.close()

    def to_json(self) -> JsonObject:
        """Return the status document's part; after `stop` as it stood then."""
        if self._last is not None:
            return self._last
        ending = None if self._end is None else self._end.shutdown.state.value
        ready_s = None if self._trusted_s is None else round(self._trusted_s, 3)
        return {**self._orders.to_json(), "ready_after_s": ready_s, "ending": ending, "recent": [*self._recent]}

    def _budget(self, venue: str) -> SharedBudget:
        live, account = self._live, self._live.account_of(venue)
        budget = SharedBudget(
            budget_path(self._run_dir, venue, account.rest),
            LIMITS[venue],
            account=account.account_id,
            shares=Shares(ours=live.weight_share, cancel_reserve=live.cancel_reserve_share),
        )
        self._budgets.append(budget)
        return budget

    def _at_venues(self, run: str) -> AtVenues:
        live, clock = self._live, self._clock.to_json()
        venues = [
            AtVenue(
                venue=name,
                account=live.account_of(name),
                instruments=traded(instruments_of(self._header, name).all),
            )
            for name in self._orders.desk.venues
        ]
        return AtVenues(
            run=run,
            pid=os.getpid(),
            account=live.account,
            id_prefix=live.id_prefix,
            clock={name: value for name, value in clock.items() if isinstance(value, int | float)},
            venues=tuple(venues),
        )
