"""What Risk, Overview and the kill control make of views and statuses, without a browser."""

import asyncio
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest

from dashboards.desk import Desk
from dashboards.errors import DeskError
from dashboards.event_log import EVENTS_MAX, REFUSALS_MAX, EventLog
from dashboards.kill_control import Asked, counts, followed, latched, told
from dashboards.overview.health import clock_words, dead_man_words, health_rows, trust_words
from dashboards.overview.money import course, position_rows, shown_money, split_rows
from dashboards.performance.figures import section, total_of
from dashboards.risk.drill import hold_drill, why_not
from dashboards.risk.event_rows import event_rows
from dashboards.risk.limit_rows import limits_of, objections, off_words, shortened, table_rows
from dashboards.snapshot import Point, Snapshot
from streaming.bus import AccountEvent, FillEvent, OrderRefusedEvent, StateEvent
from streaming.bus_view import MarketView, View

NOW_NS = 1_767_571_337_458_000_000
MARKET: dict[str, Any] = {
    "instrument": "binance_usdm:BTCUSDT", "feed": "synced", "is_valid": True, "tick": "0.1", "position": "0",
    "pnl": "0", "realised": "0", "unrealised": "0", "fees": "0", "funding": "0", "ts_book_ns": NOW_NS - 40_000_000,
}  # fmt: skip


def market(**words: object) -> MarketView:
    return MarketView.model_validate(MARKET | words)


def view(state: str = "active", open_orders: int = 0, held: Sequence[str] = (), **words: object) -> View:
    markets = tuple(market(position=position) for position in held) or (market(),)
    given: dict[str, Any] = {"trigger": "operator", "reason": "lunch", "markets": markets, **words}
    return View(
        run="paper-1", mode="paper", ts_ns=NOW_NS, number=1, state=state, open_orders=open_orders, pnl="0", **given
    )


def seen(of: View | None, **words: Any) -> Snapshot:
    return Snapshot(is_connected=True, view=of, ages_s={"view": 0.1}, **words)


HALT = Asked("halt", asked_s=10.0, open_before=4, held_before=2)


# --- the kill control ---


def test_a_halt_is_done_when_the_trader_answered_and_no_order_is_left() -> None:
    unanswered = followed(HALT, seen(view("halted")), 11.0)
    answered = Asked("halt", 10.0, 4, 2, answered_ms=30)

    assert unanswered == HALT
    assert followed(answered, seen(view("active")), 11.0) == answered
    assert followed(answered, seen(view("halted", open_orders=1)), 11.0) == answered
    assert followed(answered, seen(None), 11.0) == answered
    done = followed(answered, seen(view("halted", held=("1", "2"))), 10.4)
    assert done.done_ms == 400 and done.is_ended
    assert followed(done, seen(view("active")), 99.0) == done


def test_a_flatten_is_done_only_when_positions_are_gone_too() -> None:
    answered = Asked("flatten", 10.0, 4, 2, answered_ms=30)

    assert followed(answered, seen(view("halted", held=("0.1",))), 11.0) == answered
    assert followed(answered, seen(view("flattening")), 11.0) == answered
    assert followed(answered, seen(view("halted")), 11.0).done_ms == 1000


def test_a_reduce_leaves_closing_orders_and_a_resume_leaves_what_it_wants() -> None:
    for op, state in (("reduce", "reducing"), ("resume", "active")):
        assert followed(Asked(op, 10.0, 4, 2, answered_ms=3), seen(view(state, 5, ("1",))), 11.0).is_ended


def test_what_is_said_of_a_halt_follows_its_counts_down_to_zero() -> None:
    answered = Asked("halt", 10.0, 4, 2, answered_ms=30)

    assert told(HALT, (4, 2)) == ("HALT: asked, no answer yet", "warn")
    assert told(answered, (3, 2)) == ("HALT: answered after 30 ms; open orders 4 → 3", "warn")
    assert told(answered, None)[0].endswith("waiting for the trader to say what is left")
    confirmed = Asked("halt", 10.0, 4, 2, answered_ms=30, done_ms=180)
    assert told(confirmed, (0, 2)) == (
        "HALT: answered after 30 ms, confirmed after 180 ms; open orders 4 → 0", "ok",
    )  # fmt: skip
    assert told(Asked("halt", 10.0, 4, 2, 30, "no answer in 5 s"), (4, 2)) == (
        "HALT was not done: no answer in 5 s", "bad",
    )  # fmt: skip


def test_the_latch_names_who_and_why_and_what_opens_it() -> None:
    assert latched(seen(view("active"))) == ("", "ok") == latched(seen(None))
    assert (
        latched(seen(view("halted")))[0] == "LATCHED HALTED by operator: lunch. Only Resume, with a reason, opens it."
    )


def test_no_view_is_not_zero_orders() -> None:
    assert counts(seen(None)) is None
    assert counts(seen(view(open_orders=3, held=("0", "-0.01", "1")))) == (3, 2)


# --- limits ---


def limit(rule: str = "drawdown", **words: object) -> dict[str, object]:
    row = {"when": "step", "rule": rule, "formula": "f", "limit": "500", "unit": "quote", "state": "on", "count": 0,
           "action": "flatten", "uses": []}  # fmt: skip
    return row | words


def use(used: str, share: float, of: str = "") -> dict[str, object]:
    return {"of": of, "used": used, "cap": "500", "unit": "quote", "share": share}


def rows_of(*limits: dict[str, object], when: str = "step", of: View | None = None) -> list[list[Any]]:
    return cast("list[list[Any]]", table_rows(limits_of(cast("Any", {"limits": [*limits]}), of), when)[0])


def test_a_limit_is_a_bar_that_warns_before_it_is_reached_and_marks_what_is_beyond() -> None:
    shares = [0.0, 0.79, 0.8, 1.0, 1.2]
    rows = rows_of(limit(uses=[use("1", share) for share in shares]))

    assert [row[1]["state"] for row in rows] == ["ok", "ok", "warn", "warn", "bad"]
    assert [row[1]["share"] for row in rows] == [0.0, 0.79, 0.8, 1.0, 1.0]
    assert [row[1]["text"] for row in rows] == ["0 %", "79 %", "80 %", "100 %", "120 %"]
    assert rows[0][2]["text"] == "1 quote" and rows[0][3] == "500 quote"


def test_a_rule_without_a_measure_shows_a_dash_and_never_a_zero_and_stands_behind_the_others() -> None:
    rows = rows_of(limit("lot", limit="", unit=""), limit(uses=[use("1", 0.1)]))

    assert [row[0]["text"] for row in rows] == ["drawdown", "lot"]
    assert rows[1][1] is None and rows[1][2] is None and rows[1][3] == "each order is asked"


def test_rules_that_are_off_are_named_with_their_reason_and_are_in_no_table() -> None:
    limits = [limit(), limit("clock", state="off: no limit"), limit("drift", state="off: switched off")]

    assert len(rows_of(*limits)) == 1
    assert off_words(limits_of(cast("Any", {"limits": limits}), None), "step") == "no limit: clock; switched off: drift"
    assert off_words(limits_of(cast("Any", {"limits": [limit()]}), None), "step") == "none"


def test_how_long_a_venue_has_been_silent_comes_from_the_view() -> None:
    silent = limit("connectivity", limit="5000", unit="ms")
    books = (market(ts_book_ns=NOW_NS - 2_500_000_000), market(ts_book_ns=NOW_NS - 4_000_000_000),
             market(instrument="bybit_spot:BTCUSDT", ts_book_ns=0))  # fmt: skip
    rows = rows_of(silent, of=view(markets=books))

    assert [(row[0]["text"], row[1]["text"], row[2]["text"]) for row in rows] == [
        ("connectivity binance_usdm", "50 %", "2500 ms")
    ]
    assert rows_of(silent)[0][1] is None


def test_what_objected_most_stands_first() -> None:
    limits = [limit(count=2), limit("lot", when="order", count=9), limit("clock")]
    rows = cast("list[list[Any]]", objections(limits_of(cast("Any", {"limits": limits}), None)))

    assert [(row[0]["text"], *row[1:]) for row in rows] == [("lot", "refused", "9"), ("drawdown", "tripped", "2")]


def test_without_a_status_there_are_no_limits() -> None:
    assert limits_of(None, view()) == [] == limits_of(cast("Any", {"limits": "broken"}), None)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("0", "0"),
        ("0.01921422", "0.0192"),
        ("400.7812", "400.78"),
        ("100000", "100000"),
        ("-0.00001", "0"),
        ("5E+3", "5000"),
    ],
)
def test_figures_are_shortened_for_people(text: str, shown: str) -> None:
    assert shortened(text) == shown


# --- events ---


def refused(ts_ns: int, instrument: str = "a:X", reason: str = "lot") -> OrderRefusedEvent:
    return OrderRefusedEvent(
        run="r", ts_ns=ts_ns, instrument=instrument, side="buy", price="1", size="2", reason=reason
    )


def test_refusals_in_a_row_are_one_line_and_changes_of_state_each_their_own() -> None:
    events = [
        StateEvent(run="r", ts_ns=NOW_NS, state="flattening", reason="daily_loss"),
        StateEvent(run="r", ts_ns=NOW_NS, state="halted", reason="nothing open"),
        refused(NOW_NS + 1_000_000), refused(NOW_NS + 2_000_000, "b:Y"), refused(NOW_NS + 3_000_000, reason="clock"),
    ]  # fmt: skip
    rows = cast("list[list[Any]]", event_rows(events))

    assert [row[3] for row in rows] == ["clock", "lot", "nothing open", "daily_loss"]
    assert rows[0][2] == "a:X buy 2 at 1"
    assert rows[1][1:3] == ["refused 2 times", "a:X, b:Y, since 00:02:17.459"]
    assert (rows[2][1], rows[3][1]) == (
        {"text": "HALTED", "state": "bad"}, {"text": "FLATTENING", "state": "warn"},
    )  # fmt: skip


def test_news_of_an_account_say_where_of_which_order_and_why() -> None:
    halt = AccountEvent(run="r", ts_ns=NOW_NS, venue="bybit_spot", told="halt", words="the key is refused")
    unknown = AccountEvent(
        run="r", ts_ns=NOW_NS, venue="b", told="unknown", words="no answer", instrument="b:Y", client_order_id="7"
    )
    rows = cast("list[list[Any]]", event_rows([halt, unknown]))

    assert [row[1:] for row in rows] == [
        [{"text": "account unknown", "state": "warn"}, "b:Y 7", "no answer"],
        [{"text": "account halt", "state": "bad"}, "bybit_spot", "the key is refused"],
    ]


def test_a_storm_of_refusals_pushes_out_no_fill_and_the_log_stays_bounded() -> None:
    log = EventLog()
    fill = FillEvent(run="r", ts_ns=1, instrument="a:X", side="buy", price="1", size="1", fee="0", client_order_id="7")
    log.append(fill)
    for number in range(10 * REFUSALS_MAX):
        log.append(refused(number + 2))
    state = StateEvent(run="r", ts_ns=9_999, state="halted", reason="")
    log.append(state)

    kept = log.events()
    assert kept[0] == fill and kept[-1] == state and len(kept) == REFUSALS_MAX + 2
    assert [event.ts_ns for event in kept] == sorted(event.ts_ns for event in kept)
    for _ in range(2 * EVENTS_MAX):
        log.append(state)
    assert len(log.events()) == REFUSALS_MAX + EVENTS_MAX


# --- the drill ---


class DrillDesk:
    """A desk whose trader does as it is told, or not."""

    def __init__(self, *, obeys: bool = True, refuses: str = "") -> None:
        self.surroundings = SimpleNamespace(dashboards=SimpleNamespace(stale_ms=2_000))
        self.state, self.open_orders, self.asked = "active", 3, list[tuple[str, str]]()
        self._obeys, self._refuses = obeys, refuses

    def snapshot(self) -> Snapshot:
        return seen(view(self.state, self.open_orders))

    async def ask(self, op: str, reason: str) -> dict[str, object]:
        self.asked.append((op, reason))
        if op == self._refuses:
            raise DeskError("a rule says no")
        self.state = {"halt": "halted", "resume": "active"}[op]
        if op == "halt" and self._obeys:
            self.open_orders = 0
        return {}


def drilled(desk: DrillDesk) -> list[tuple[str, bool]]:
    said: list[tuple[str, bool]] = []
    asyncio.run(hold_drill(cast("Desk", desk), lambda words, is_bad: said.append((words, is_bad))))
    return said


def test_a_drill_halts_sees_every_order_gone_and_resumes_with_its_result_as_reason() -> None:
    desk = DrillDesk()
    *_, (words, is_bad) = drilled(desk)

    assert not is_bad and words.startswith("Passed: halted after") and "open orders 3 → 0" in words
    assert [op for op, _ in desk.asked] == ["halt", "resume"]
    assert desk.asked[1][1].startswith("drill from the dashboard: passed, ")


def test_a_drill_that_finds_an_order_left_fails_and_stays_halted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dashboards.risk.drill.WAIT_S", 0.05)
    desk = DrillDesk(obeys=False)
    *_, (words, is_bad) = drilled(desk)

    assert is_bad and "FAILED: 3 orders are open" in words and desk.state == "halted"
    assert [op for op, _ in desk.asked] == ["halt"]


def test_a_drill_whose_halt_is_refused_has_failed() -> None:
    assert drilled(DrillDesk(refuses="halt"))[-1] == ("FAILED: a rule says no", True)


def test_a_drill_begins_only_with_a_paper_trader_that_is_heard_and_active() -> None:
    assert why_not(seen(view()), 2_000) == ""
    assert "this is live" in why_not(seen(view().model_copy(update={"mode": "live"})), 2_000)
    assert "halted" in why_not(seen(view("halted")), 2_000)
    assert why_not(Snapshot(is_connected=True, view=view(), ages_s={"view": 3.0}), 2_000) == "no trader is heard"
    assert why_not(seen(view(), is_replay=True), 2_000)
    desk = DrillDesk()
    desk.state = "reducing"
    assert drilled(desk)[0][1] and desk.asked == []


# --- overview ---


def test_a_venue_that_is_not_connected_silent_or_not_valid_is_marked_in_words() -> None:
    status = {"venues": [{"venue": "binance_usdm", "is_connected": False, "lag_ms": 7.6, "connections_lost": 2,
                          "snapshots": 1, "rules_changed": "", "last_problem": "reset"}]}  # fmt: skip
    books = (market(is_valid=False, feed="gap", ts_book_ns=NOW_NS - 9_000_000_000), market(instrument="okx:Y"))
    rows, venues = cast("Any", health_rows(cast("Any", status), view(markets=books), 2_000))

    assert venues == ["binance_usdm", "okx"]
    assert [(cell["text"], cell.get("state")) for cell in rows[0][1:6]] == [
        ("NOT CONNECTED", "bad"), ("0 of 1", "bad"), ("9000 ms", "warn"), ("8 ms", None), ("2", "warn"),
    ]  # fmt: skip
    assert rows[0][-1] == {"text": "reset", "state": "warn"}
    assert rows[1][1] is None and rows[1][4] is None and rows[1][-1] is None


def test_a_live_traders_private_side_and_dead_mans_switch_stand_in_words() -> None:
    budget = [{"name": "weight_1m", "used": 1_200, "limit": 2_400}, {"name": "orders_10s", "used": 186, "limit": 300}]
    sides = [
        {"venue": "binance_usdm", "blocked_by": "", "in_flight": 2, "private_age_s": 1.26, "budget": budget},
        {"venue": "okx", "blocked_by": "not reconciled", "private_age_s": None, "budget": []},
    ]
    live: dict[str, Any] = {"venues": sides, "dead_man": {"is_armed": True, "left_s": 27.4}}
    status: Any = {"venues": [{"venue": "binance_usdm"}, {"venue": "okx"}, {"venue": "paper"}], "live": live}
    rows, _ = cast("Any", health_rows(status, None, 2_000))

    assert [(row[-3]["text"], row[-3].get("state")) for row in rows] == [
        ("1.3 s ago", "ok"), ("OPENS NOTHING", "bad"), ("simulated", None),
    ]  # fmt: skip
    assert (rows[0][-2]["text"], rows[0][-2]["state"]) == ("62%", "warn")
    assert rows[0][-2]["title"].endswith("the fullest is orders_10s: weight_1m 50%, orders_10s 62%")
    assert rows[1][-3]["title"] == "not reconciled; private stream: not heard"
    assert rows[1][-2] is None and rows[2][-2] is None
    assert trust_words(status) == ("1 of 2", "okx: not reconciled")
    assert trust_words({"live": None}) is None
    assert dead_man_words(status) == "dead-man's switch 27 s left"
    live["dead_man"] = {"is_armed": False, "left_s": None}
    assert dead_man_words(status) == "DEAD-MAN'S SWITCH NOT ARMED"
    assert dead_man_words(None) is None and dead_man_words({"live": None}) is None


def test_without_trader_and_venues_nothing_is_shown_as_zero() -> None:
    assert health_rows(None, None, 2_000) == ([], [])
    assert clock_words(None) is None and clock_words({"facts": {"clock_offset_ns": -25_000_000}}) == "-25 ms"
    assert total_of(section(None)) == {} == total_of(section({"performance": None}))
    assert position_rows(None) == ([], [])
    assert shown_money(None) is None


def test_the_split_of_the_pnl_names_what_was_paid_and_leaves_what_is_not_told_open() -> None:
    rows, keys = cast("Any", split_rows({"inventory": None, "spread": "1.25", "fees": "-0.001", "pnl": "3"}))
    found = dict(zip(keys, rows, strict=True))

    assert found["inventory"][1] is None and found["funding"][1] is None
    assert found["spread"][0]["text"] == "less spread paid" and found["spread"][1]["text"] == "1.25"
    assert found["fees"][1] == {"text": "0.00", "title": "exactly -0.001", "state": "ok"}
    assert found["pnl"][0]["text"] == "pnl"


def test_the_course_shows_how_far_the_pnl_is_below_its_highest() -> None:
    points = [Point(number * 1_000_000, pnl, None, {}, {}) for number, pnl in enumerate([-1.0, 2.0, 0.5, 3.0])]

    assert course(points) == {
        "pnl": [(0.0, -1.0), (1.0, 2.0), (2.0, 0.5), (3.0, 3.0)],
        "below its highest": [(0.0, 0.0), (1.0, 0.0), (2.0, 1.5), (3.0, 0.0)],
    }
