"""What a running trader answers to its operator, over the control socket and over Redis alike.

Each command of the trading state answers with the new state and what follows from it. `stop` ends the process and
leaves positions as they are: it names them, since nobody watches them any more.
"""

import os
from collections.abc import Callable

from native.config import JsonObject
from streaming.errors import RefusedError, UsageError
from streaming.shell.order_documents import way_of
from streaming.shell.trader_names import STARTING
from streaming.shell.trading_loop import TradingLoop
from streaming.trader.modes import mode_of

STATE_OPS = ("reduce", "halt", "flatten", "resume")
OPS = ("status", "orders", "way", "positions", *STATE_OPS, "stop")
OPERATOR = "operator"
BY = (OPERATOR, "watchdog")
"""Who may send a command; what a machine may not do (resume) the engine refuses."""
REASON_CHARS_MAX = 500
ORDERS_LIMIT, ORDERS_LIMIT_MAX = 20, 10_000

CONSEQUENCES = {
    "active": "orders are sent on forecasts",
    "reducing": "orders that would raise a position are cancelled; only orders that lower one are sent; "
    "next: trader resume --reason TEXT",
    "flattening": "every order is cancelled and positions are closed step by step; then the trader is halted",
    "halted": "every order is cancelled and none is sent; next: trader flatten, or trader resume --reason TEXT",
}


class TraderDesk:
    """Answers requests on the event loop. `trading` is None until the session may trade."""

    def __init__(
        self, reading: Callable[[], JsonObject], stop: Callable[[str], None], on_resumed: Callable[[], None]
    ) -> None:
        """`on_resumed` is called after an accepted `resume`."""
        self._reading = reading
        self._stop = stop
        self._on_resumed = on_resumed
        self.trading: TradingLoop | None = None

    def answer(self, request: JsonObject) -> JsonObject:
        """Answer one request; UsageError for a word that is none, RefusedError where a rule says no."""
        op = request.get("op")
        if op == "status":
            return self._reading()
        if op == "stop":
            return self._end(_reason(request))
        if op not in OPS:
            raise UsageError(f"control: expected one of {', '.join(OPS)}; found {op!r}")
        trading = self.trading
        if trading is None:
            raise RefusedError("the trader is starting and has no session yet; ask again in a moment")
        if op == "orders":
            mode = mode_of(trading.session.plan.header.run)
            orders = trading.session.orders(_limit(request))
            return {"mode": mode, "orders": [{**order, "mode": mode} for order in orders]}
        if op == "way":
            return {"way": way_of(trading, str(request.get("client_order_id", "")))}
        if op == "positions":
            mode = mode_of(trading.session.plan.header.run)
            return {"mode": mode, "positions": [*trading.session.positions()]}
        return self._move(trading, str(op), _reason(request), _by(request))

    def _move(self, trading: TradingLoop, op: str, reason: str, by: str) -> JsonObject:
        before = trading.session.status().state
        trading.command(op, reason, by)
        if op == "resume":
            self._on_resumed()
        state = trading.session.status().state
        return {
            "mode": mode_of(trading.session.plan.header.run),
            "state_before": before,
            "state": state,
            "reason": reason,
            "will": CONSEQUENCES[state],
            "positions": [*open_positions(trading)],
        }

    def _end(self, reason: str) -> JsonObject:
        left = [] if self.trading is None else open_positions(self.trading)
        state = STARTING if self.trading is None else self.trading.session.status().state
        will = "the process ends; its journal is sealed and its tables are written"
        will += f"; still open, and watched by nobody: {position_text(left)}" if left else "; no position is open"
        self._stop(reason)
        return {"state": state, "reason": reason, "will": will, "positions": [*left], "pid": os.getpid()}


def open_positions(trading: TradingLoop) -> list[JsonObject]:
    """Return the positions that are not flat."""
    return [item for item in trading.session.positions() if item["position"] != "0"]


def position_text(positions: list[JsonObject]) -> str:
    """Return positions as one line's end."""
    return ", ".join(f"{item['instrument']} {item['position']}" for item in positions)


def _reason(request: JsonObject) -> str:
    reason = request.get("reason", "")
    if not isinstance(reason, str) or len(reason) > REASON_CHARS_MAX:
        raise UsageError(f"control: reason: expected text of at most {REASON_CHARS_MAX} characters")
    return reason


def _by(request: JsonObject) -> str:
    by = request.get("by", OPERATOR)
    if by not in BY:
        raise UsageError(f"control: by: expected one of {', '.join(BY)}; found {by!r}")
    return str(by)


def _limit(request: JsonObject) -> int:
    limit = request.get("limit", ORDERS_LIMIT)
    if not isinstance(limit, int) or isinstance(limit, bool) or not 0 < limit <= ORDERS_LIMIT_MAX:
        raise UsageError(f"control: limit: expected a whole number from 1 to {ORDERS_LIMIT_MAX}, found {limit!r}")
    return limit
