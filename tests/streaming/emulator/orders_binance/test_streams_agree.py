"""What an account is told adds up to what it is answered, and to the truth, whatever it does."""

import random
from decimal import Decimal

import pytest
from binance_client import ACCOUNT, SPOT, SYMBOL, USDM, BinanceClient

BOTH = pytest.mark.parametrize("venue", (USDM, SPOT))


def act(client, draw, number):
    """Do one thing that a trader does; some of it is refused."""
    bid, ask = client.best()
    side = draw.choice(("BUY", "SELL"))
    near = ask if side == "BUY" else bid
    price = near + draw.choice((-20, -2, 0, 0, 2, 20))
    kind = draw.choice(("GTC", "GTC", "IOC", "FOK"))
    words = {"side": side, "price": str(price), "timeInForce": kind, "newClientOrderId": f"mm-{number}"}
    which = {"symbol": SYMBOL, "origClientOrderId": f"mm-{draw.randint(0, number)}"}
    size = str(draw.randint(5, 40) * Decimal("0.001"))
    path = "/api/v3/order/amend/keepPriority" if client.venue.name == SPOT else client.order
    change = (
        {"newQty": "0.006"} if client.venue.name == SPOT else {"side": side, "quantity": "0.006", "price": str(price)}
    )
    draw.choice(
        (
            lambda: client.ask("POST", client.order, **client.limit(**words, quantity=size)),
            lambda: client.ask("POST", client.order, **client.limit(**words, quantity=size)),
            lambda: client.ask("DELETE", client.order, **which),
            lambda: client.ask("PUT", path, **which, **change),
        )
    )()


@BOTH
@pytest.mark.parametrize("seed", range(2))
def test_fills_told_are_the_fills_listed_and_balances_told_last_are_those_held(venue, seed):
    client, draw = BinanceClient(venue), random.Random(seed)
    hearing, rows, money = client.hearing(), [], []
    for number in range(100):
        act(client, draw, number)
        client.play(draw.choice((0.05, 0.5, 2)))
        for event in hearing.events():
            if event["e"] in ("outboundAccountPosition", "ACCOUNT_UPDATE"):
                money.append(event)
            elif event["e"] != "TRADE_LITE":
                rows.append(event.get("o") if venue == USDM else event)
    fills = [row for row in rows if row["x"] == "TRADE"]
    path = "/api/v3/myTrades" if venue == SPOT else "/fapi/v1/userTrades"
    listed = client.done("GET", path, symbol=SYMBOL, limit=1000)
    assert fills, "no order met anything: the test says nothing"
    assert [(row["t"], row["l"], row["n"]) for row in fills] == [
        (row["id"], row["qty"], row["commission"]) for row in listed
    ]
    last = {row["i"]: row["X"] for row in rows}
    for order in client.exchange.orders(ACCOUNT, SYMBOL):
        assert (last[order.order_id] in ("NEW", "PARTIALLY_FILLED")) is order.is_open
    if venue == SPOT:
        told = {row["a"]: (Decimal(row["f"]), Decimal(row["l"])) for event in money for row in event["B"]}
        held = {each.asset: (each.free, each.locked) for each in client.exchange.balances(ACCOUNT)}
    else:
        told = {row["a"]: Decimal(row["wb"]) for event in money for row in event["a"]["B"]}
        told |= {row["s"]: Decimal(row["pa"]) for event in money for row in event["a"]["P"]}
        held = {each.asset: each.free + each.locked for each in client.exchange.balances(ACCOUNT)}
        held[SYMBOL] = client.exchange.position(ACCOUNT, SYMBOL).size
    assert told == held
