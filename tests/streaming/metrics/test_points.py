"""Status documents and events as points: what they tell, and what they do not."""

from copy import deepcopy

import pytest

from native.config import JsonObject
from streaming.bus import FillEvent, GapEvent, ModelSwapEvent, ProbationEvent, StateEvent
from streaming.metrics.event_points import EventPoints
from streaming.metrics.own_points import own_points
from streaming.metrics.point import MetricPoint, Value
from streaming.metrics.recorder_points import recorder_points
from streaming.metrics.trader_points import trader_points

TS_NS = 1_767_578_400_000_000_000
HISTOGRAM = {"count": 4, "p50_us": 1.5, "p90_us": 2.5, "p99_us": 3.5, "p99.9_us": 4.5, "max_us": 5.5}
NOTHING = {"count": 0, "p50_us": 0.0, "p90_us": 0.0, "p99_us": 0.0, "p99.9_us": 0.0, "max_us": 0.0}
DOCUMENT: JsonObject = {
    "process": "trader",
    "mode": "paper",
    "run": "r1",
    "ts_ns": TS_NS,
    "state": "reducing",
    "trigger": "drift",
    "pnl": "-1.25",
    "counts": {"frames": 10, "steps": 3},
    "model": {"hash": "c" * 64, "generation": 2, "swaps": 1, "refused": 0},
    "probation": {"phase": "watched", "steps": 7, "previous": "d" * 64},
    "facts": {"drift_level": 1, "model_expires_ns": TS_NS + 90_000_000_000, "clock_offset_ns": 0},
    "instruments": [
        {"instrument": "v:BTC", "feed": "synced", "bid": "99", "ask": "101", "position": "-0.5", "open_orders": 2},
        {"instrument": "w:BTC", "feed": "gap", "bid": None, "ask": "101", "position": "0", "open_orders": 1},
    ],
    "venues": [{"venue": "v", "is_connected": True, "lag_ms": None, "waiting_for": ["w:BTC"], "resting": []}],
    "risk": {
        "refused_by_rule": {"max_position": 3},
        "tripped_by_rule": {"drift": 1},
        "money": [{"equity": "5.5", "net_exposure": "0", "gross_exposure": "50"}],
    },
    "limits": [
        {
            "when": "order",
            "rule": "max_position",
            "state": "on",
            "uses": [
                {"of": "v:BTC", "used": "0.5", "cap": "1", "share": "0.5"},
                {"of": "w:BTC", "used": "0", "cap": "1", "share": "0"},
            ],
        },
        {"when": "step", "rule": "drift", "state": "off: no limit", "uses": []},
    ],
    "latency": {
        "inference": {**HISTOGRAM, "recent": HISTOGRAM},
        "feed_age.v": {**HISTOGRAM, "recent": NOTHING},
        "send_to_ack": NOTHING,
    },
    "scores": {
        "champion": {
            "windows": 9,
            "late": 0,
            "latency": HISTOGRAM,
            "outside_training": {"share": 0.25},
            "horizons": [{"steps": 5, "scored": 0, "mse": None}, {"steps": 20, "scored": 4, "mse": 0.5, "skill": -0.1}],
        }
    },
    "performance": {
        "total": {"pnl": "-1.25", "sharpe": None, "samples": 0},
        "venues": {"v": {"pnl": "-1", "fill_rate": 0.5}},
        "strategies": {"trend": {"pnl": "-1.25"}},
        "rows": [{"venue": "v", "strategy": "trend", "pnl": "-1"}],
    },
    "bus": {"is_connected": False, "published": 3, "dropped": 0, "reconnects": 1},
}


def found(points: list[MetricPoint], measurement: str, **tags: str) -> dict[str, Value]:
    """Return the fields of the one point of a measurement that has these tags."""
    (point,) = (
        point for point in points if point.measurement == measurement and tags.items() <= dict(point.tags).items()
    )
    return dict(point.fields)


@pytest.fixture
def points() -> list[MetricPoint]:
    return trader_points(deepcopy(DOCUMENT))


def test_every_point_is_of_the_documents_time_and_session(points: list[MetricPoint]) -> None:
    assert {point.ts_ns for point in points} == {TS_NS}
    assert {dict(point.tags).get("run", "r1") for point in points} == {"r1"}
    assert len({(point.measurement, point.tags) for point in points}) == len(points), "none writes over another"


def test_the_session_is_told_with_its_counters_and_orders(points: list[MetricPoint]) -> None:
    assert found(points, "trader") == {
        "state": "reducing",
        "is_active": 0,
        "trigger": "drift",
        "model": "c" * 12,
        "pnl": -1.25,
        "open_orders": 3,
        "frames": 10,
        "steps": 3,
    }
    assert found(points, "money", group="0") == {"equity": 5.5, "net_exposure": 0.0, "gross_exposure": 50.0}
    assert found(points, "life")["expires_s"] == 90.0 and found(points, "life")["phase"] == "watched"


def test_a_book_without_a_side_has_no_mid_and_no_spread(points: list[MetricPoint]) -> None:
    whole, broken = found(points, "instrument", venue="v"), found(points, "instrument", venue="w")

    assert (whole["mid"], whole["spread_bps"], whole["is_synced"]) == (100.0, 200.0, 1)
    assert "mid" not in broken and "bid" not in broken and broken["is_synced"] == 0


def test_a_lag_that_nobody_knows_is_not_zero(points: list[MetricPoint]) -> None:
    assert found(points, "feed", venue="v", process="trader") == {"is_connected": 1, "waiting": 1, "resting": 0}


def test_a_stage_of_a_venue_has_it_as_a_tag_and_one_without_durations_tells_nothing(
    points: list[MetricPoint],
) -> None:
    assert found(points, "latency", stage="inference")["recent_p999_us"] == 4.5
    assert found(points, "latency", stage="feed_age", venue="v") == {
        "count": 4,
        "p50_us": 1.5,
        "p90_us": 2.5,
        "p99_us": 3.5,
        "p999_us": 4.5,
        "max_us": 5.5,
    }
    assert not [point for point in points if dict(point.tags).get("stage") == "send_to_ack"]


def test_what_is_of_all_of_them_says_so(points: list[MetricPoint]) -> None:
    assert found(points, "performance", venue="all", strategy="all") == {"pnl": -1.25, "samples": 0}
    assert found(points, "performance", venue="v", strategy="all") == {"pnl": -1.0, "fill_rate": 0.5}
    assert found(points, "performance", venue="all", strategy="trend") == {"pnl": -1.25}
    assert found(points, "performance", venue="v", strategy="trend") == {"pnl": -1.0}


def test_scores_stand_by_role_model_and_horizon(points: list[MetricPoint]) -> None:
    assert found(points, "score", role="champion", model="c" * 12, horizon="5") == {"scored": 0}
    assert found(points, "score", horizon="20") == {"scored": 4, "mse": 0.5, "skill": -0.1}
    assert found(points, "model", role="champion") == {
        "windows": 9,
        "late": 0,
        "outside_share": 0.25,
        "p50_us": 1.5,
        "p99_us": 3.5,
    }


def test_a_rule_is_told_with_its_counter_and_each_use_of_its_limit(points: list[MetricPoint]) -> None:
    assert found(points, "risk", when="order", rule="max_position") == {"count": 3, "is_on": 1}
    assert found(points, "risk", when="step", rule="drift") == {"count": 1, "is_on": 0}
    assert found(points, "limit", rule="max_position", of="v:BTC") == {"used": 0.5, "cap": 1.0, "used_share": 0.5}


def test_a_trader_that_starts_tells_that_and_no_more() -> None:
    document: JsonObject = {"process": "trader", "mode": "paper", "ts_ns": TS_NS, "state": "starting", "venues": []}
    (point,) = trader_points(document)

    assert dict(point.fields) == {"state": "starting", "is_active": 0} and point.tags == (("mode", "paper"),)


def test_a_recorder_is_told_with_each_venue_under_its_own_run() -> None:
    venue = {"venue": "v", "run": "v-1", "frames": 5, "written_bytes": 9, "waiting_for": [], "lag_ms": 1.5}
    points = recorder_points(
        {"process": "recorder", "ts_ns": TS_NS, "state": "recording", "pauses": 0, "venues": [venue], "bus": None}
    )

    assert found(points, "recorder", process="recorder") == {"state": "recording", "is_recording": 1, "pauses": 0}
    assert found(points, "feed", process="recorder", run="v-1", venue="v") == {
        "lag_ms": 1.5,
        "waiting": 0,
        "frames": 5,
        "written_bytes": 9,
    }
    assert [point.measurement for point in points] == ["recorder", "feed"]


def test_a_process_tells_its_writers_counters_and_its_use_of_the_machine() -> None:
    points = own_points(DOCUMENT, {"written": 3, "last_problem": "none"}, {"cpu_s": 1.5, "threads": 4})

    assert found(points, "writer", process="trader") == {"written": 3}
    assert found(points, "process", process="trader") == {"cpu_s": 1.5, "threads": 4}


@pytest.mark.parametrize("broken", [None, [], "text", 7, [None], {"a": None}])
@pytest.mark.parametrize("name", [name for name in DOCUMENT if name not in ("ts_ns", "process")])
def test_a_part_that_is_something_else_costs_itself_alone(name: str, broken: object) -> None:
    whole = {point.measurement for point in trader_points(DOCUMENT)}
    points = trader_points({**deepcopy(DOCUMENT), name: broken})  # type: ignore[dict-item]

    assert len(whole - {point.measurement for point in points}) <= 3
    assert "trader" in {point.measurement for point in points}


# --- events ---


def test_events_that_matter_become_points_and_fills_do_not() -> None:
    words = {"price": "1", "size": "1", "fee": "0", "client_order_id": "1"}
    fill = FillEvent(run="r1", ts_ns=1, instrument="v:BTC", side="buy", **words)  # type: ignore[arg-type]
    events = EventPoints()
    told = [
        events.of_event(StateEvent(run="r1", ts_ns=10, state="halted", reason="why")),
        events.of_event(ModelSwapEvent(run="r1", ts_ns=20, hash_from="", hash_to="c" * 64)),
        events.of_event(ProbationEvent(run="r1", ts_ns=30, hash="c" * 64, outcome="failed", reason="worse")),
        events.of_event(GapEvent(run="r1", ts_ns=40, instrument="v:BTC", is_open=True)),
        events.of_event(fill),
    ]

    assert [None if point is None else dict(point.fields)["title"] for point in told] == [
        "trading halted",
        f"model none to {'c' * 12}",
        f"probation of {'c' * 12} failed",
        "book broken: v:BTC",
        None,
    ]
    assert told[3] is not None and told[3].tags == (
        ("instrument", "BTC"),
        ("kind", "gap"),
        ("run", "r1"),
        ("venue", "v"),
    )


def test_events_of_one_moment_do_not_write_over_one_another() -> None:
    events = EventPoints()
    told = [events.of_event(StateEvent(run="r1", ts_ns=10, state=state, reason="")) for state in ("halted", "active")]

    assert [point.ts_ns for point in told if point is not None] == [10, 11]


def status(trips: int, level: int | None, run: str = "r1") -> JsonObject:
    return {"run": run, "ts_ns": TS_NS, "risk": {"tripped_by_rule": {"drift": trips}}, "facts": {"drift_level": level}}


def test_a_trip_and_a_change_of_drift_are_what_changed_between_two_documents() -> None:
    events = EventPoints()
    told = [[dict(point.fields)["title"] for point in events.of_document(one)] for one in (
        status(2, 1), status(2, 1), status(3, 2), status(3, 0), status(9, 3, run="r2"), status(9, 3, run="r2")
    )]  # fmt: skip

    assert told == [[], [], ["watch rule drift tripped", "drift level 1 to 2"], ["drift level 2 to 0"], [], []]


def test_several_trips_within_a_second_are_one_event_that_says_so() -> None:
    events = EventPoints()
    events.of_document(status(0, 0))
    (point,) = events.of_document(status(4, 0))

    assert dict(point.fields)["words"] == "4 times"
