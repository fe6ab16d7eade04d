"""What stands after the outputs is bounded, and money is exact."""

from typing import Any

import numpy as np
import pytest
from paper_market import plan_of

import native
from streaming.trader import standing
from streaming.trader.standing import SessionCounts, Standing

STATES = native.enums["OrderState"]


def outputs(**kinds: list[dict[str, int]]) -> dict[str, Any]:
    """A drain that holds the given records."""
    drained: dict[str, Any] = {name: np.zeros(0, dtype=dtype) for name, dtype in native.dtypes.items()}
    drained["arena"] = b""
    for kind, rows in kinds.items():
        drained[kind] = np.zeros(len(rows), dtype=native.dtypes[kind])
        for number, row in enumerate(rows):
            for name, value in row.items():
                drained[kind][name][number] = value
    return drained


def order(number: int, state: str, ts_ns: int = 1) -> dict[str, int]:
    return {"client_order_id": number, "state_to": STATES.index(state), "ts_ns": ts_ns, "size_units": 10}


@pytest.fixture
def stands() -> Standing:
    return Standing(plan_of().header.instruments, SessionCounts())


def test_orders_that_ended_are_forgotten_oldest_first(stands: Standing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(standing, "ORDERS_MAX", 3)
    stands.add(outputs(order_events=[order(1, "pending_new")]))
    for number in range(2, 8):
        stands.add(outputs(order_events=[order(number, "pending_new"), order(number, "filled", 2)]))

    assert [item["client_order_id"] for item in stands.orders(100)] == ["7", "6", "5", "1"]
    assert stands.open_orders(0) == 1


def test_order_keeps_the_time_at_which_it_was_sent(stands: Standing) -> None:
    stands.add(outputs(order_events=[order(1, "pending_new", 5), order(1, "open", 9)]))

    assert (stands.orders(1)[0]["ts_sent_ns"], stands.orders(1)[0]["ts_ns"]) == (5, 9)


def test_money_of_a_position_is_exact(stands: Standing) -> None:
    """Tick 0.1, size unit 0.001: a quote unit is 0.0001."""
    row = {
        "position_units": 3,
        "cost_quote_units": 781_230,
        "realised_quote_units": 7,
        "unrealised_quote_units": -2,
        "fees_quote_units": 1,
    }
    stands.add(outputs(positions=[row]))

    assert stands.position(0) == {
        "instrument": "binance_usdm:BTCUSDT",
        "position": "0.003",
        "average_price": "26041",
        "realised": "0.0007",
        "unrealised": "-0.0002",
        "fees": "0.0001",
        "pnl": "0.0004",
        "open_orders": 0,
    }


def test_refused_order_is_counted_and_told_with_its_rule(stands: Standing) -> None:
    rule = native.enums["RiskRule"].index("exposure")
    stands.add(outputs(order_events=[{**order(1, "refused"), "reason": rule}]))

    assert stands.counts.refused == 1
    assert [(event.kind, event.body["refused_by"]) for event in stands.take_events()] == [("order_refused", "exposure")]


def test_events_that_nobody_takes_are_bounded(stands: Standing) -> None:
    stands.add(outputs(fills=[{"trade_id": number} for number in range(1, standing.EVENTS_MAX + 3)]))

    assert len(stands.take_events()) == standing.EVENTS_MAX
    assert stands.counts.fills == standing.EVENTS_MAX + 2
