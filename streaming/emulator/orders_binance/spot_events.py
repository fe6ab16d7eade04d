"""Spot's account events: executionReport and outboundAccountPosition. Page "User Data Streams" of the venue."""

from collections.abc import Mapping, Sequence
from typing import Final

from streaming.emulator.exchange.words import AccountEvent, EventKind, ExchangeOrder, OrderState
from streaming.emulator.orders_binance.ids import Remembered, letters
from streaming.emulator.orders_binance.spot_words import ZERO
from streaming.emulator.orders_binance.words import (
    SELF_TRADE_WORDS,
    SIDE_WORDS,
    SPOT,
    SPOT_DECIMALS,
    SPOT_EXPIRE_REASONS,
    SPOT_FORCE_WORDS,
    STATES,
    Json,
    Print,
    decimal_text,
    milliseconds,
    type_word,
)

EXECUTIONS: Final = {
    EventKind.order_new: "NEW",
    EventKind.order_trade: "TRADE",
    EventKind.order_cancelled: "CANCELED",
    EventKind.order_amended: "REPLACED",
    EventKind.order_expired: "EXPIRED",
    EventKind.order_rejected: "REJECTED",
}


class SpotEvents:
    """Tells listeners what happened to an account."""

    def __init__(
        self,
        prints: Mapping[str, Print],
        cancel_ids: Remembered[int],
        former_ids: Remembered[tuple[int, int]],
    ) -> None:
        """`cancel_ids`: by order; `former_ids`: by order and number of its amend, the client id it had before."""
        self._prints, self._cancel_ids, self._former_ids = prints, cancel_ids, former_ids

    def messages(self, events: Sequence[AccountEvent], now_ms: int) -> list[Json]:
        """Return what is sent for events that follow one another."""
        return [self._message(event, now_ms) for event in events]

    def _message(self, event: AccountEvent, now_ms: int) -> Json:
        if event.order is not None:
            return self._report(event, event.order, now_ms)
        ts_ms = milliseconds(event.ts_ns)
        rows = [
            {
                "a": each.asset,
                "f": decimal_text(each.free, SPOT_DECIMALS),
                "l": decimal_text(each.locked, SPOT_DECIMALS),
            }
            for each in event.held
        ]
        return {"e": "outboundAccountPosition", "E": max(now_ms, ts_ms), "u": ts_ms, "B": rows}

    def _report(self, event: AccountEvent, order: ExchangeOrder, now_ms: int) -> Json:
        form, trade, ts_ms = self._prints[order.symbol], event.trade, milliseconds(event.ts_ns)
        client_id, former_id = self._client_ids(event, order)
        report: Json = {
            "e": "executionReport",
            "E": max(now_ms, ts_ms),
            "s": order.symbol,
            "c": client_id,
            "S": SIDE_WORDS[order.side],
            "o": type_word(order, SPOT),
            "f": SPOT_FORCE_WORDS[order.force],
            "q": form.size(order.size),
            "p": form.price(order.price),
            "P": ZERO,
            "F": ZERO,
            "g": -1,
            "C": former_id,
            "x": _execution(event, order),
            "X": STATES[order.state],
            "r": "NONE",
            "i": order.order_id,
            "l": form.size(trade.size) if trade else ZERO,
            "z": form.size(order.filled),
            "L": form.price(trade.price) if trade else ZERO,
            "n": decimal_text(trade.fee, SPOT_DECIMALS) if trade else "0",
            "N": trade.fee_asset if trade else None,
            "T": ts_ms,
            "t": trade.trade_id if trade else -1,
            "I": execution_id(event),
            "w": order.is_open,
            "m": trade is not None and trade.is_maker,
            "M": trade is not None,
            "O": milliseconds(order.ts_made_ns),
            "Z": decimal_text(order.filled_quote, SPOT_DECIMALS),
            "Y": decimal_text(trade.price * trade.size, SPOT_DECIMALS) if trade else ZERO,
            "Q": ZERO,
            "W": milliseconds(order.ts_made_ns),
            "V": SELF_TRADE_WORDS[order.self_trade],
        }
        reason = SPOT_EXPIRE_REASONS.get(order.end_reason)
        return {**report, "eR": reason} if event.kind is EventKind.order_expired and reason else report

    def _client_ids(self, event: AccountEvent, order: ExchangeOrder) -> tuple[str, str]:
        """Return `c` and `C`: of a cancel the cancel's id and the order's, of an amend the new one and the former."""
        if event.kind is EventKind.order_cancelled:
            return self._cancel_ids.get(order.order_id) or letters(f"cancel {order.order_id}", 22), order.client_id
        if event.kind is EventKind.order_amended:
            former_id = self._former_ids.get((order.order_id, order.amends)) or ""
            return order.client_id, "" if former_id == order.client_id else former_id
        return order.client_id, ""


def execution_id(event: AccountEvent) -> int:
    """Return the number of an execution report, the same each time that the event is told."""
    return EXECUTIONS_FROM + event.seq


EXECUTIONS_FROM: Final = 90_000_000_000


def terminated(now_ms: int) -> Json:
    """Return the last event of a subscription that the venue ends."""
    return {"e": "eventStreamTerminated", "E": now_ms}


def _execution(event: AccountEvent, order: ExchangeOrder) -> str:
    if order.state is OrderState.expired_in_match and event.kind is EventKind.order_expired:
        return "TRADE_PREVENTION"
    return EXECUTIONS[event.kind]
