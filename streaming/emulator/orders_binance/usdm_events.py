"""USD-M's account events: TRADE_LITE, ORDER_TRADE_UPDATE, ACCOUNT_UPDATE. Page "User Data Streams" of the venue."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final

from streaming.emulator.exchange.words import (
    AccountEvent,
    EventKind,
    ExchangeOrder,
    Held,
    OrderState,
    PerpetualPosition,
    Trade,
)
from streaming.emulator.orders_binance.ids import Remembered
from streaming.emulator.orders_binance.usdm_words import money
from streaming.emulator.orders_binance.words import (
    SELF_TRADE_WORDS,
    SIDE_WORDS,
    STATES,
    USDM,
    USDM_EXPIRE_REASONS,
    USDM_FORCE_WORDS,
    Json,
    Print,
    average_price,
    decimal_text,
    milliseconds,
    type_word,
)

EXECUTIONS: Final = {
    EventKind.order_new: "NEW",
    EventKind.order_trade: "TRADE",
    EventKind.order_cancelled: "CANCELED",
    EventKind.order_amended: "AMENDMENT",
    EventKind.order_expired: "EXPIRED",
    EventKind.order_rejected: "EXPIRED",
}
MONEY_KINDS: Final = (EventKind.balances, EventKind.position, EventKind.funding)


class UsdmEvents:
    """Tells one listener what happened to an account; it remembers the wallet, whose changes alone are told."""

    def __init__(
        self, prints: Mapping[str, Print], modify_ids: Remembered[tuple[int, int]], held: Sequence[Held]
    ) -> None:
        """`modify_ids`: by order and number of its change; `held`: what the account holds as the listener comes."""
        self._prints, self._modify_ids = prints, modify_ids
        self._wallets = {each.asset: each.free + each.locked for each in held}

    def messages(self, events: Sequence[AccountEvent], now_ms: int) -> list[Json]:
        """Return what is sent for events that follow one another; money that changed together is told together."""
        messages: list[Json] = []
        gathered: list[AccountEvent] = []
        for event in events:
            if event.kind in MONEY_KINDS:
                gathered.append(event)
                continue
            messages += self._account_update(gathered, now_ms)
            gathered = []
            messages += self._of_order(event, now_ms)
        return messages + self._account_update(gathered, now_ms)

    def _of_order(self, event: AccountEvent, now_ms: int) -> list[Json]:
        order, trade = event.order, event.trade
        assert order is not None
        form, ts_ms = self._prints[order.symbol], milliseconds(event.ts_ns)
        times: Json = {"E": max(now_ms, ts_ms), "T": ts_ms}
        row = self._order_row(event, order, form)
        if trade is not None:
            row |= {"l": form.size(trade.size), "L": form.price(trade.price), "t": trade.trade_id}
            row |= {"m": trade.is_maker, "N": trade.fee_asset, "n": money(trade.fee), "rp": money(trade.realised)}
        update: Json = {"e": "ORDER_TRADE_UPDATE", **times, "o": row}
        return [update] if trade is None else [_lite(order, trade, form, times), update]

    def _order_row(self, event: AccountEvent, order: ExchangeOrder, form: Print) -> Json:
        row: Json = {
            "s": order.symbol,
            "c": order.client_id,
            "S": SIDE_WORDS[order.side],
            "o": type_word(order, USDM),
            "f": USDM_FORCE_WORDS[order.force],
            "q": form.size(order.size),
            "p": form.price(order.price),
            "ap": form.price(average_price(order)),
            "sp": "0",
            "x": EXECUTIONS[event.kind],
            "X": STATES[order.state if order.state is not OrderState.rejected else OrderState.expired],
            "i": order.order_id,
            "l": form.size(Decimal(0)),
            "z": form.size(order.filled),
            "L": "0",
            "T": milliseconds(event.ts_ns),
            "t": 0,
            "b": "0",
            "a": "0",
            "m": False,
            "R": order.is_reduce_only,
            "wt": "CONTRACT_PRICE",
            "ot": type_word(order, USDM),
            "ps": "BOTH",
            "cp": False,
            "rp": "0",
            "pP": False,
            "si": 0,
            "ss": 0,
            "V": SELF_TRADE_WORDS[order.self_trade],
            "pm": "NONE",
            "gtd": 0,
            "er": USDM_EXPIRE_REASONS.get(order.end_reason, "0"),
        }
        modify_id = self._modify_ids.get((order.order_id, order.amends))
        is_change = event.kind is EventKind.order_amended and modify_id is not None
        return {**row, "M": modify_id} if is_change else row

    def _account_update(self, events: Sequence[AccountEvent], now_ms: int) -> list[Json]:
        held = {each.asset: each for event in events for each in event.held}
        changed = [each for each in held.values() if self._wallets.get(each.asset) != each.free + each.locked]
        funding = next((event for event in events if event.kind is EventKind.funding), None)
        positions = {} if funding else {event.position.symbol: event.position for event in events if event.position}
        if not changed and not positions:
            return []
        self._wallets |= {each.asset: each.free + each.locked for each in changed}
        paid = money(-funding.amount) if funding else "0"
        account: Json = {
            "m": "FUNDING_FEE" if funding else "ORDER",
            "B": [_wallet_row(each, paid) for each in changed],
            "P": [_position_row(each, self._prints[each.symbol]) for each in positions.values()],
        }
        if funding is not None and funding.position is not None:
            account["S"] = funding.position.symbol
        ts_ms = milliseconds(events[-1].ts_ns)
        return [{"e": "ACCOUNT_UPDATE", "E": max(now_ms, ts_ms), "T": ts_ms, "a": account}]


def expired(listen_key: str, now_ms: int) -> Json:
    """Return the last event of a listen key."""
    return {"e": "listenKeyExpired", "E": now_ms, "listenKey": listen_key}


def _lite(order: ExchangeOrder, trade: Trade, form: Print, times: Json) -> Json:
    return {
        "e": "TRADE_LITE",
        **times,
        "s": order.symbol,
        "q": form.size(order.size),
        "p": form.price(order.price),
        "m": trade.is_maker,
        "c": order.client_id,
        "S": SIDE_WORDS[order.side],
        "L": form.price(trade.price),
        "l": form.size(trade.size),
        "t": trade.trade_id,
        "i": order.order_id,
    }


def _wallet_row(held: Held, paid: str) -> Json:
    wallet = money(held.free + held.locked)
    return {"a": held.asset, "wb": wallet, "cw": wallet, "bc": paid}


def _position_row(position: PerpetualPosition, form: Print) -> Json:
    entry = decimal_text(position.entry_price, 1) if position.size else "0"
    row: Json = {"s": position.symbol, "pa": form.size(position.size), "ep": entry, "bep": entry}
    row |= {"cr": money(position.realised), "up": "0", "mt": "cross", "iw": "0"}
    return row | {"ps": "BOTH", "ma": form.quote}
