"""Every rule: silent in a calm house, and what makes it speak."""

import pytest
from alert_sights import MODEL, NOW_NS, H, S, Watch, recorder_status, running, trader_status

from streaming.alerts.config import RULES
from streaming.alerts.report import Report
from streaming.alerts.rules import TABLE
from streaming.alerts.sight import DriftSight, ProcessSight
from streaming.bus import ProbationEvent
from streaming.bus_view import MarketView, View


def only(found):
    """Return the one finding."""
    assert len(found) == 1, found
    return found[0]


def process(life, name="trader", **words):
    return ProcessSight(name=name, life=life, words="seen so", **words)


def view_of(silent_s, feed="synced"):
    market = MarketView(
        instrument="bybit_spot:BTCUSDT",
        feed=feed,
        is_valid=True,
        ts_book_ns=NOW_NS - int(silent_s * S),
        tick="0.1",
        position="0",
        pnl="0",
        realised="0",
        unrealised="0",
        fees="0",
        funding="0",
    )
    return View(run="r", mode="paper", ts_ns=NOW_NS, number=1, state="active", pnl="0", markets=(market,))


def test_table_has_exactly_the_rules_that_settings_may_name() -> None:
    assert tuple(TABLE) == tuple(RULES)


def test_calm_house_is_silent_for_minutes() -> None:
    watch = Watch(expect=["trader", "recorder"])

    for second in range(0, 300, 5):
        recorder = running(recorder_status(frames=second), "recorder")
        trader = running(trader_status(frames=second, steps=second, forecasts=second))
        assert watch.findings(5, trader=trader, recorder=recorder, disk_free_bytes=1 << 40) == []


def test_rule_that_fails_is_told_and_silences_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    def latched(_: object) -> None:
        raise KeyError("latch")

    monkeypatch.setitem(TABLE, "latched", latched)

    found = Watch().findings(trader=process("dead"))

    assert {finding.rule for finding in found} == {"process_dead", "report"}
    assert [finding.subject for finding in found if finding.rule == "report"] == ["rule latched"]


def test_empty_house_is_silent() -> None:
    assert Watch().findings() == []


@pytest.mark.parametrize("name", ["trader", "recorder"])
def test_dead_process_is_critical_and_says_what_to_do(name: str) -> None:
    found = only(Watch().findings(**{name: process("dead", name)}))

    assert (found.rule, found.subject, found.severity) == ("process_dead", name, "critical")
    assert "seen so" in found.words and ("trader start" in found.words or "trader record" in found.words)


def test_dead_trader_with_a_latch_is_one_alert() -> None:
    found = only(Watch().findings(trader=process("dead"), latch="watchdog: it died"))

    assert "trader resume --reason" in found.words


def test_hanging_process_is_told_once_it_cannot_be_one_that_starts() -> None:
    watch = Watch()

    assert watch.findings(trader=process("hanging")) == []
    assert only(watch.findings(3, trader=process("hanging"))).rule == "no_heartbeat"


def test_absence_is_an_alert_only_of_what_is_expected() -> None:
    assert only(Watch(expect=["trader"]).findings(trader=process("ended"))).rule == "not_running"
    assert Watch(expect=["recorder"]).findings(recorder=process("running", "recorder")) == []


def test_latch_is_told_while_no_trader_runs() -> None:
    watch = Watch()

    assert only(watch.findings(latch="operator: a drill")).rule == "latched"
    assert watch.findings(latch="operator: a drill", trader=process("running")) == []


@pytest.mark.parametrize(
    ("state", "trigger", "severity"),
    [
        ("halted", "limit", "critical"),
        ("flattening", "watchdog", "critical"),
        ("reducing", "stale_feed", "warning"),
        ("halted", "operator", None),
        ("active", "start", None),
    ],
)
def test_trading_that_stopped_by_itself_is_told(state: str, trigger: str, severity: str | None) -> None:
    held = [{"instrument": "bybit_spot:BTCUSDT", "feed": "synced", "position": "0.01"}]
    found = Watch().trader(state=state, trigger=trigger, reason="drawdown 501", instruments=held)

    assert [item.severity for item in found] == ([] if severity is None else [severity])
    for item in found:
        assert "PAPER" in item.title and "drawdown 501" in item.words and "bybit_spot:BTCUSDT 0.01" in item.words


def test_trip_is_told_once_and_counted() -> None:
    watch = Watch()
    watch.trader(risk={"tripped_by_rule": {"clock": 1}})

    found = only(watch.trader(1, risk={"tripped_by_rule": {"clock": 3}}))

    assert (found.rule, found.subject, found.events) == ("risk_trip", "clock", 2)
    assert watch.trader(1, risk={"tripped_by_rule": {"clock": 3}}) == []


def test_trips_of_a_new_session_are_not_those_of_the_last() -> None:
    watch = Watch()
    watch.trader(risk={"tripped_by_rule": {"clock": 1}})

    assert watch.trader(1, run="session-2", risk={"tripped_by_rule": {"clock": 5}}) == []


def test_drawdown_counts_from_the_sessions_highest_pnl() -> None:
    watch = Watch(rules={"drawdown_quote_max": "500"})

    assert watch.trader(pnl="300") == []
    assert watch.trader(1, pnl="-200") == []
    found = only(watch.trader(1, pnl="-200.01"))

    assert found.rule == "drawdown" and "500.01 below its highest 300.00" in found.words


def test_drawdown_without_a_limit_is_no_alert() -> None:
    watch = Watch()
    watch.trader(pnl="300")

    assert watch.trader(1, pnl="-1e9") == []


@pytest.mark.parametrize(("count", "subject", "rose"), [("order_errors", "venue", 3), ("refused", "risk", 100)])
def test_order_errors_are_counted_within_their_window(count: str, subject: str, rose: int) -> None:
    watch = Watch()
    watch.trader(**{count: 50})

    assert watch.trader(1, **{count: 50 + rose - 1}) == []
    found = only(watch.trader(1, **{count: 50 + rose}))
    assert (found.rule, found.subject) == ("order_errors", subject)
    assert watch.trader(61, **{count: 50 + rose}, frames=200) == []


def _account(**words: object) -> dict[str, object]:
    return {"venue": "bybit_spot", "is_trusted": True, "blocked_by": "", "halted_by": "", **words}


def _live(*accounts: dict[str, object], **words: object) -> dict[str, object]:
    return {"venues": [*accounts], "differences": 0, "recent": [], "ending": None, **words}


def test_an_account_that_is_halted_is_told_but_not_at_the_end_of_its_session() -> None:
    watch, halted = Watch(), _account(is_trusted=False, halted_by="place: 401 the key is refused")

    found = only(watch.trader(live=_live(halted)))
    assert (found.rule, found.subject) == ("account_halted", "bybit_spot") and "key is refused" in found.words
    assert watch.trader(1, live=_live(halted, ending="cancelling"), frames=101) == []


def test_a_difference_between_an_account_and_what_is_known_of_it_is_told_with_its_words() -> None:
    watch, recent = Watch(), [{"told": "difference", "text": "missing_fill: 0.01 BTC"}, {"told": "lost", "text": "x"}]
    assert watch.trader(live=_live(_account())) == []

    found = only(watch.trader(1, live=_live(_account(), differences=2, recent=recent), frames=101))
    assert (found.rule, found.events) == ("account_differs", 2) and "missing_fill: 0.01 BTC" in found.words


def test_an_account_that_is_not_heard_is_told_after_its_patience() -> None:
    watch, away = Watch(), _live(_account(is_trusted=False, blocked_by="the account's events are not heard"))

    assert watch.trader(live=away) == []
    found = only(watch.trader(11, live=away, frames=101))
    assert found.rule == "account_unheard" and "events are not heard" in found.words


def test_lost_connection_is_told_after_its_patience() -> None:
    venue = {"venue": "bybit_spot", "is_connected": False, "last_problem": "refused"}
    watch = Watch()

    assert watch.trader(venues=[venue]) == []
    assert watch.trader(10, venues=[venue]) == []
    found = only(watch.trader(1, venues=[venue], frames=101))
    assert found.rule == "disconnect" and "refused" in found.words


def test_broken_book_is_told_after_its_patience_and_a_resting_one_never() -> None:
    broken = [{"instrument": "bybit_spot:BTCUSDT", "feed": "gap", "position": "0"}]
    resting = [{"venue": "bybit_spot", "is_connected": True, "resting": ["bybit_spot:BTCUSDT"]}]
    watch, quiet = Watch(), Watch()

    watch.trader(instruments=broken)
    quiet.trader(instruments=broken, venues=resting)

    found = only(watch.trader(16, instruments=broken, frames=101))
    assert (found.rule, found.subject) == ("stale_feed", "bybit_spot:BTCUSDT")
    assert quiet.trader(16, instruments=broken, venues=resting, frames=101) == []


def test_silent_book_is_told_by_the_view_in_real_seconds() -> None:
    watch = Watch()

    assert watch.findings(trader=running(trader_status(clock_speed=10.0)), view=view_of(150)) == []
    found = only(watch.findings(trader=running(trader_status(clock_speed=10.0)), view=view_of(160)))
    assert "16 s" in found.words
    assert watch.findings(trader=running(trader_status()), view=view_of(999, feed="gap")) == []


def test_patience_of_an_instrument_that_trades_rarely_is_its_own() -> None:
    watch = Watch(rules={"stale_feed_s_by_instrument": {"bybit_spot:BTCUSDT": 60.0}})

    assert watch.findings(trader=running(trader_status()), view=view_of(59)) == []


def test_trader_that_hears_nothing_is_told() -> None:
    watch = Watch()
    watch.trader(frames=7)

    found = watch.trader(16, frames=7, steps=11, forecasts=11)

    assert only(found).subject == "trader"


def test_recorder_is_told_of_a_silent_venue_and_of_a_broken_book() -> None:
    watch = Watch()
    watch.findings(recorder=running(recorder_status(), "recorder"))

    silent = only(watch.findings(16, recorder=running(recorder_status(), "recorder")))
    assert "no frame for 16 s" in silent.words
    broken = recorder_status(frames=6, waiting_for=["bybit_spot:BTCUSDT"])
    watch.findings(1, recorder=running(broken, "recorder"))
    broken = recorder_status(frames=9, waiting_for=["bybit_spot:BTCUSDT"])
    found = only(watch.findings(16, recorder=running(broken, "recorder")))
    assert "no whole book of bybit_spot:BTCUSDT" in found.words


def test_gap_rate_counts_each_process_within_the_window() -> None:
    watch = Watch(rules={"gaps_max": 3, "gaps_window_s": 60.0})
    watch.findings(trader=running(trader_status()), recorder=running(recorder_status(), "recorder"))

    watch.findings(1, trader=running(trader_status(gaps_opened=2)))
    found = only(watch.findings(1, trader=running(trader_status(gaps_opened=3))))
    other = only(watch.findings(1, recorder=running(recorder_status(gaps_opened=3, frames=8), "recorder")))

    assert (found.rule, found.subject, other.subject) == ("gap_rate", "trader", "recorder bybit_spot")
    assert watch.findings(61, trader=running(trader_status(gaps_opened=3, frames=200))) == []


def test_model_that_gives_no_forecast_while_steps_close_is_told() -> None:
    watch = Watch()
    watch.trader()

    assert watch.trader(16, frames=200) == []  # nothing closes either
    found = only(watch.trader(1, frames=300, steps=30, last_forecast_problem="RuntimeError: no"))

    assert found.rule == "no_forecast" and "RuntimeError: no" in found.words
    assert watch.trader(1, frames=400, steps=40, model=None) == []


@pytest.mark.parametrize(
    ("left_h", "severity", "word"), [(7, None, ""), (5, "warning", "expires"), (-1, "critical", "has expired")]
)
def test_model_is_told_of_before_it_expires_and_after(left_h: int, severity: str | None, word: str) -> None:
    found = Watch().trader(facts={"model_expires_ns": NOW_NS + left_h * H})

    assert [item.severity for item in found] == ([] if severity is None else [severity])
    assert all(word in item.title for item in found)


def test_model_that_never_expires_is_no_alert() -> None:
    assert Watch().trader(facts={"model_expires_ns": 0}) == []


def test_stale_model_is_told_by_the_end_of_its_data() -> None:
    watch = Watch(rules={"model_age_h_max": 48.0})
    trader = running(trader_status())

    assert watch.findings(trader=trader, trained_until_ns=NOW_NS - 47 * H) == []
    assert only(watch.findings(trader=trader, trained_until_ns=NOW_NS - 49 * H)).rule == "model_stale"
    assert Watch().findings(trader=trader, trained_until_ns=0) == []


def test_drift_is_told_by_level_of_the_model_that_trades() -> None:
    def drifted(level, bundle=MODEL):
        return DriftSight(bundle=bundle, level=level, name="watch", words="5 of 40 measures")

    watch, trader = Watch(), running(trader_status())

    assert watch.findings(trader=trader, drift=drifted(0)) == []
    assert only(watch.findings(trader=trader, drift=drifted(1))).severity == "warning"
    assert only(watch.findings(trader=trader, drift=drifted(3))).severity == "critical"
    assert watch.findings(trader=trader, drift=drifted(3, "cd" * 32)) == []


def test_probation_that_failed_is_told() -> None:
    events = [
        ProbationEvent(run="r", ts_ns=1, hash=MODEL, outcome=outcome, reason="skill")
        for outcome in ("begun", "failed", "not_rolled_back")
    ]

    found = Watch().findings(events=tuple(events))

    assert [(item.rule, item.severity, item.events) for item in found] == [
        ("model_rolled_back", "warning", 1),
        ("model_rolled_back", "critical", 1),
    ]


def test_disk_is_a_warning_and_then_critical() -> None:
    watch = Watch(rules={"disk_free_gib_min": 8.0})

    assert watch.findings(disk_free_bytes=8 << 30) == []
    assert only(watch.findings(disk_free_bytes=4 << 30)).severity == "warning"
    assert only(watch.findings(disk_free_bytes=1 << 30)).severity == "critical"


def test_redis_that_stays_away_is_told() -> None:
    watch = Watch()

    assert watch.findings(bus_problem="refused") == []
    assert watch.findings(30, bus_problem="refused") == []
    assert only(watch.findings(1, bus_problem="refused")).rule == "bus"


def test_report_is_told_as_it_says() -> None:
    report = Report(rule="run_failure", subject="sessions", severity="critical", title="A run failed", ts_ns=1)

    found = only(Watch().findings(reports=(report,)))

    assert (found.rule, found.subject, found.severity, found.events) == ("run_failure", "sessions", "critical", 1)


def test_rule_that_is_off_is_silent_and_its_severity_can_be_set() -> None:
    off = Watch(rules={"off": ["process_dead", "report"]})
    grave = Watch(rules={"severities": {"report": "critical"}})
    report = Report(title="x", ts_ns=1, severity="info")

    assert off.findings(trader=process("dead"), reports=(report,)) == []
    assert only(grave.findings(reports=(report,))).severity == "critical"


def test_old_status_makes_a_process_blind_and_its_alerts_stay() -> None:
    watch = Watch()
    watch.look(trader=running(trader_status(state="halted", trigger="limit")))

    watch.look(60, trader=running(None, age_s=None))
    assert len(watch.desk.open) == 1
    watch.look(1, trader=process("ended"))
    assert len(watch.desk.open) == 0
