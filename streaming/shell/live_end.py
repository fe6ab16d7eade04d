"""The end of a live session on the event loop: drives `streaming.live.shutdown` until it says that all is done.

Markets are heard meanwhile, since closing a position needs books. What venues list is asked anew after every cancel.
"""

from collections.abc import Callable
from typing import Final

from streaming.errors import RefusedError
from streaming.live.shutdown import Do, Shutdown, Standing
from streaming.live.words import OrderRequest, RequestKind
from streaming.shell.clock import Clock
from streaming.shell.live_orders import LiveOrders
from streaming.shell.trading_loop import TradingLoop
from streaming.venues.client_ids import ClientIds
from streaming.venues.gateway import CallKind, OrderSpec, Outcome, VenueOrder

HALTED: Final = "halted"
ASK_AGAIN_NS: Final = 300_000_000
"""Before a venue that did not answer, or still lists orders of ours, is asked again."""


class LiveEnd:
    """See the head of the file; `begin`, then `tick` until `exit_code` is there."""

    def __init__(
        self, shutdown: Shutdown, orders: LiveOrders, trading: TradingLoop, ids: ClientIds, clock: Clock
    ) -> None:
        self.shutdown = shutdown
        self._orders = orders
        self._trading = trading
        self._ids = ids
        self._clock = clock
        self._listed: dict[tuple[str, str], tuple[VenueOrder, ...]] = {}
        self._asked: set[tuple[str, str]] = set()
        self._ask_ns = 0
        self._is_flushing = False
        self._doing: dict[Do, Callable[[], None]] = {
            Do.halt: lambda: self._command("halt"),
            Do.cancel: self._cancel_listed,
            Do.ask: self._ask,
            Do.flatten: lambda: self._command("flatten"),
            Do.flush: self._flush,
            Do.exit: lambda: None,
        }

    @property
    def exit_code(self) -> int | None:
        """0 when every order's end was confirmed, 1 when not; None until the end."""
        return self.shutdown.exit_code

    def begin(self) -> None:
        """Stop trading."""
        self._carry_out(self.shutdown.begin(self._clock.now_ns()))

    def tick(self) -> None:
        """Go on; call every few tens of ms, with `LiveOrders.tick`."""
        now_ns = self._clock.now_ns()
        if self._asked and now_ns >= self._ask_ns:
            self._ask_missing()
        doing = self.shutdown.look(self._standing(), now_ns)
        if doing == (Do.cancel, Do.ask) and now_ns < self._ask_ns:
            return
        self._carry_out(doing)

    def _carry_out(self, doing: tuple[Do, ...]) -> None:
        for what in doing:
            self._doing[what]()

    def _standing(self) -> Standing:
        session = self._trading.session
        held = session.machine.standing.held
        listed = None if self._asked else sum(len(orders) for orders in self._listed.values())
        return Standing(
            is_halted=session.status().state == HALTED,
            open_orders=session.open_orders(),
            listed=listed if self._listed else None,
            positions=sum(each.position_units != 0 for each in held),
            is_flushed=self._is_flushing and self._orders.is_quiet,
        )

    # --- what the shutdown says ---

    def _command(self, op: str) -> None:
        try:
            self._trading.command(op, "the session ends")
        except RefusedError:  # it is so already
            return

    def _ask(self) -> None:
        """Ask every venue for its open orders of our symbols."""
        venues = self._orders.desk.venues
        self._listed.clear()
        self._asked = {(name, each.symbol) for name, venue in venues.items() for each in venue.instruments.all}
        self._ask_missing()

    def _ask_missing(self) -> None:
        self._ask_ns = self._clock.now_ns() + ASK_AGAIN_NS
        for venue, symbol in [*self._asked]:
            self._orders.ask(venue, CallKind.open_orders, _lister(self, venue, symbol), symbol=symbol)

    def on_listed(self, venue: str, symbol: str, outcome: Outcome) -> None:
        """Take a venue's list; one that did not come is asked for again."""
        if not outcome.is_accepted or (venue, symbol) not in self._asked:
            return
        document = outcome.document if isinstance(outcome.document, tuple) else ()
        orders = (order for order in document if isinstance(order, VenueOrder))
        self._listed[venue, symbol] = tuple(each for each in orders if self._ids.number(each.client_text) is not None)
        self._asked.discard((venue, symbol))

    def _cancel_listed(self) -> None:
        """Cancel what the venues list of ours, whatever the engine knows of it; its own cancels are under way."""
        now_ns = self._clock.now_ns()
        for (venue, symbol), orders in self._listed.items():
            live = self._orders.desk.venues[venue]
            instrument = live.instruments.of_symbol(symbol)
            for order in orders:
                number = self._ids.number(order.client_text)
                if instrument is not None and number is not None:
                    spec = OrderSpec(client_order_id=number, instrument=instrument.id, side=order.side)
                    live.submit(OrderRequest(RequestKind.cancel, spec), now_ns)

    def _flush(self) -> None:
        self._is_flushing = True
        if not self.shutdown.unconfirmed:  # else the venue's countdown is what still ends them
            self._orders.disarm()
        self._orders.leave()


def _lister(end: LiveEnd, venue: str, symbol: str) -> Callable[[Outcome], None]:
    return lambda outcome: end.on_listed(venue, symbol, outcome)
