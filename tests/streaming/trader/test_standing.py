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
        "funding_quote_units": 3,
    }
    stands.add(outputs(positions=[row]))

    assert stands.position(0) == {
        "instrument": "binance_usdm:BTCUSDT",
        "position": "0.003",
        "average_price": "26041",
        "realised": "0.0007",
        "unrealised": "-0.0002",
        "fees": "0.0001",
        "funding": "0.0003",
        "pnl": "0.0001",
        "open_orders": 0,
    }


def test_orders_that_a_venue_rejected_or_left_unanswered_are_errors_and_refused_ones_are_not(stands: Standing) -> None:
    stands.add(
        outputs(order_events=[order(number, state) for number, state in enumerate(("rejected", "unknown", "filled"))])
    )
    stands.add(outputs(order_events=[order(4, "refused")]))

    assert (stands.counts.order_errors, stands.counts.refused) == (2, 1)


def test_orders_are_counted_by_instrument_and_state(stands: Standing) -> None:
    stands.add(outputs(order_events=[order(1, "unknown"), order(2, "open"), order(3, "cancelled")]))
    states = frozenset({native.enums["OrderState"].index("unknown")})

    assert stands.in_states(states)[0] == 1 and sum(stands.in_states(states).values()) == 1


def test_refused_order_is_counted_and_told_with_its_rule(stands: Standing) -> None:
    rule = native.enums["RiskRule"].index("net_exposure")
    stands.add(outputs(order_events=[{**order(1, "refused"), "reason": rule}]))

    assert stands.counts.refused == 1
    counters = stands.rules.to_json()["refused_by_rule"]
    assert isinstance(counters, dict)
    assert counters["net_exposure"] == 1
    assert list(counters.values()).count(0) == len(counters) - 1
    assert set(counters) == set(native.enums["RiskRule"]) - {"none"}
    told = [(event.kind, event.body["refused_by"]) for event in stands.take_events()]
    assert told == [("order_refused", "net_exposure")]


def test_events_that_nobody_takes_are_bounded(stands: Standing) -> None:
    stands.add(outputs(fills=[{"trade_id": number} for number in range(1, standing.EVENTS_MAX + 3)]))

    assert len(stands.take_events()) == standing.EVENTS_MAX
    assert stands.counts.fills == standing.EVENTS_MAX + 2


def fill(strategy: int, side: int, units: int) -> dict[str, int]:
    return {"instrument": 1, "strategy": strategy, "side": side, "size_units": units}


def test_a_closing_fill_is_taken_from_the_strategies_that_held_the_other_side(stands: Standing) -> None:
    stands.add(outputs(fills=[fill(0, 0, 10), fill(1, 1, 4)]))

    stands.add(outputs(fills=[fill(standing.NO_STRATEGY, 1, 2)]))
    assert (stands.own(0, 1)[0], stands.own(1, 1)[0]) == (8, -4)

    stands.add(outputs(fills=[fill(standing.NO_STRATEGY, 1, 4)]))
    assert (stands.own(0, 1)[0], stands.own(1, 1)[0]) == (0, 0)


def test_strategies_that_offset_each_other_keep_what_is_theirs(stands: Standing) -> None:
    stands.add(outputs(fills=[fill(0, 0, 10), fill(1, 1, 10)]))

    assert (stands.own(0, 1)[0], stands.own(1, 1)[0]) == (10, -10)


def test_trips_are_counted_by_rule_and_equity_is_the_newest(stands: Standing) -> None:
    rule = native.enums["WatchRule"].index("drawdown")
    stands.add(outputs(risk_events=[{"rule": rule}], equity=[{"equity_e8": 5}, {"equity_e8": -250_000_000}]))

    found = stands.rules.to_json()
    assert isinstance(found["tripped_by_rule"], dict)
    assert found["tripped_by_rule"]["drawdown"] == 1
    assert found["money"] == [{"equity": "-2.50000000", "net_exposure": "0.00000000", "gross_exposure": "0.00000000"}]
