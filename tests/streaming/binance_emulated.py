"""Accounts of both emulated Binance venues, and what is looked for in replies."""

import pytest
from binance_account import ACCOUNT, SYMBOL, BinanceAccount

from streaming.emulator.exchange.words import OrderState
from streaming.venues.gateway import (
    Way,
)
from streaming.venues.venue_reply import ReplyKind, VenueReply

VENUES = ("binance_usdm", "binance_spot")
WAYS = (Way.rest, Way.order_socket)
both = pytest.mark.parametrize("venue", VENUES)
ways = pytest.mark.parametrize("way", WAYS)


def opened(venue: str, **words: object) -> BinanceAccount:
    account = BinanceAccount(venue, **words)  # type: ignore[arg-type]
    account.open_all()
    return account


def kinds(replies: tuple[VenueReply, ...] | list[VenueReply]) -> list[ReplyKind]:
    return [reply.kind for reply in replies]


def fills(replies: tuple[VenueReply, ...] | list[VenueReply]) -> list[VenueReply]:
    return [reply for reply in replies if reply.kind is ReplyKind.fill]


def true_state(account: BinanceAccount, number: int = 1) -> OrderState:
    text = account.gateway._ids.text(number)
    rows = account.exchange.orders(ACCOUNT, SYMBOL)
    return [order for order in rows if order.client_id.startswith(text)][-1].state
