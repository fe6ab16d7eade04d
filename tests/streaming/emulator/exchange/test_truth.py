"""The control port's word on accounts, and faults of orders on command."""

from decimal import Decimal
from typing import cast

import orjson
import pytest

from streaming.emulator.control import ControlDesk
from streaming.emulator.exchange.order_faults import BadAnswer, RequestKind
from streaming.emulator.exchange.words import NewOrder, OrderKind, Side
from streaming.emulator.market import MarketEmulator
from streaming.emulator.source import EndlessMarket
from streaming.shell.clock import Clock

START_NS, SYMBOL = 1_790_000_000_000_000_000, "BTCUSDT"


@pytest.fixture
def emulator() -> MarketEmulator:
    """Return venues of which USD-M has an account."""
    emulator = MarketEmulator(EndlessMarket(3, START_NS))
    now_ns = emulator.prime()
    emulator.venues["binance_usdm"].exchange.open_account("7", {"USDT": Decimal(10_000)}, now_ns)
    return emulator


def asked(emulator: MarketEmulator, query: dict[str, str]) -> tuple[int, dict[str, object]]:
    """Return status and document of a question about an account."""
    reply = ControlDesk(emulator, Clock.starting_at(START_NS, 1.0)).answer(
        "GET", "/truth/account", query, b"", START_NS
    )
    return reply.status, orjson.loads(reply.body)


def test_the_control_port_tells_orders_fills_balances_and_positions_as_they_are(emulator: MarketEmulator) -> None:
    exchange = emulator.venues["binance_usdm"].exchange
    order = NewOrder(symbol=SYMBOL, side=Side.buy, kind=OrderKind.market, size=Decimal("0.01"), client_id="x-1")
    exchange.place("7", order, START_NS)

    status, truth = asked(emulator, {"venue": "binance_usdm", "account": "7"})

    assert status == 200
    found, fill, position = (
        cast(list[dict[str, object]], truth[name])[0] for name in ("orders", "trades", "positions")
    )
    assert (found["client_id"], found["state"], found["filled"]) == ("x-1", "filled", "0.010")
    assert (fill["size"], fill["side"], position["size"]) == ("0.010", "buy", "0.010")


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ({"venue": "binance_usdm", "account": "8"}, "8"),
        ({"venue": "nowhere", "account": "7"}, "nowhere"),
        ({}, "venue"),
    ],
)
def test_an_account_that_is_not_there_is_refused_by_name(
    emulator: MarketEmulator, query: dict[str, str], named: str
) -> None:
    status, truth = asked(emulator, query)
    assert 400 <= status < 500
    assert named in str(truth["error"])


def test_faults_of_orders_are_armed_by_command(emulator: MarketEmulator) -> None:
    desk = ControlDesk(emulator, Clock.starting_at(START_NS, 1.0))
    fault = {"kind": "order_cut_done", "venue": "binance_usdm", "request": "cancel"}

    assert desk.answer("POST", "/fault", {}, orjson.dumps(fault), START_NS).status == 200

    struck = emulator.venues["binance_usdm"].exchange.request_fault(RequestKind.cancel, SYMBOL, START_NS)
    assert struck is not None
    assert struck.answer is BadAnswer.cut
    refused = desk.answer("POST", "/fault", {}, orjson.dumps({**fault, "request": "guess"}), START_NS)
    assert refused.status == 400
