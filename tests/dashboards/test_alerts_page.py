"""Page Alerts: what is the matter is seen, acknowledged, silenced and found again; and who was told."""

from collections.abc import Iterator

import pytest
from alert_receivers import Hook, http_receiver
from alerts_process import alerts_process
from browser import HEIGHTS, OpenPage, serious_findings, set_theme, sideways_px, take_picture, until_ticks
from dashboard_house import DashboardHouse
from playwright.sync_api import expect

from dashboards.alert_facts import facts_of, open_alerts, watch_words
from dashboards.snapshot import Snapshot
from streaming.alert_inbox import drop_report
from streaming.alerts.report import Report
from streaming.bus import AlertNotice

BUSY_MS = 30_000
"""For what comes by itself, on a machine that does much else."""
S = 1_000_000_000


def notice(name: str, **words: object) -> AlertNotice:
    told = {
        "rule": "disk",
        "severity": "warning",
        "state": "firing",
        "title": name,
        "ts_first_ns": S,
        "ts_ns": S,
        **words,
    }
    return AlertNotice.model_validate({"id": name, **told})


def test_open_alerts_come_with_the_unacknowledged_and_the_gravest_first() -> None:
    told = [
        notice("known", severity="critical", state="acknowledged"),
        notice("old"),
        notice("new", ts_first_ns=2 * S),
        notice("over", state="resolved"),
        notice("worst", severity="critical"),
    ]

    assert [found.id for found in open_alerts(told)] == ["worst", "new", "old", "known"]


def test_facts_say_since_when_how_often_and_who_knows() -> None:
    told = notice("a", subject="bybit_spot", count=3, state="acknowledged", by="ann: seen", rule="stale_feed")

    assert (
        facts_of(told)
        == "stale feed of bybit_spot, since 1970-01-01 00:00:01 UTC, seen 3 times, acknowledged by ann: seen"
    )


@pytest.mark.parametrize(
    ("watcher", "age_s", "words", "state"),
    [
        (None, None, "nobody watches; next: trader alerts run", "bad"),
        ({"open": {}}, 2.0, "watching", "ok"),
        ({"open": {}}, 60.0, "nobody watches any more; next: trader alerts run", "bad"),
    ],
)
def test_whether_anybody_watches_is_said(watcher, age_s, words: str, state: str) -> None:
    ages = {} if age_s is None else {"alerts": age_s}

    assert watch_words(Snapshot(watcher=watcher, ages_s=ages)) == (words, state)


# --- the page ---


@pytest.fixture
def hook(house: DashboardHouse) -> Iterator[Hook]:
    """Somebody who is told, by alerts that watch the house as long as the test runs."""
    with http_receiver() as receiver, alerts_process(house.house.settings_file, {"hook": receiver.url}):
        yield receiver


def test_alert_is_seen_acknowledged_silenced_and_stands_in_the_history(
    house: DashboardHouse, hook: Hook, open_page: OpenPage
) -> None:
    words = "at convert: ValueError: hour 03 is torn; run 0b5d, next: open it in Dagster"
    title = "Dagster run of sessions failed"
    page = open_page(house, "/alerts")
    expect(page.get_by_test_id("watched")).to_have_text("watching", timeout=BUSY_MS)

    report = Report(rule="run_failure", subject="sessions", severity="critical", title=title, words=words, ts_ns=S)
    drop_report(house.settings.data_dir, report)

    expect(page.get_by_test_id("alert-0-title")).to_have_text(title, timeout=BUSY_MS)
    expect(page.get_by_test_id("alert-0-severity")).to_have_text("■ CRITICAL")
    expect(page.get_by_test_id("alert-0-words")).to_have_text(words)
    expect(page.get_by_test_id("alert-0-told")).to_contain_text("hook: sent", timeout=BUSY_MS)
    expect(page.get_by_test_id("open-critical")).to_contain_text("1")
    assert hook.titles == [f"[CRITICAL] {title}"]

    page.get_by_test_id("alert-reason").fill("it is being looked at")
    page.get_by_test_id("ack-0").click()
    expect(page.get_by_test_id("alert-0-state")).to_have_text("acknowledged", timeout=BUSY_MS)
    expect(page.get_by_test_id("alert-0-facts")).to_contain_text(": it is being looked at")
    expect(page.get_by_test_id("alert-reason")).to_have_value("")

    page.get_by_test_id("silence-0").click()
    expect(page.get_by_test_id("silence-rule")).to_have_value("run_failure")
    page.get_by_test_id("silence-begin").click()
    expect(page.get_by_test_id("silence-told")).to_contain_text("write a reason first")
    page.get_by_test_id("silence-reason").fill("the disk is being moved")
    page.get_by_test_id("silence-span").select_option("7200")
    page.get_by_test_id("silence-begin").click()
    expect(page.get_by_test_id("silence-0-words")).to_contain_text(
        "rule run_failure, subject sessions", timeout=BUSY_MS
    )
    expect(page.get_by_test_id("silence-0-words")).to_contain_text("the disk is being moved")

    history = page.get_by_test_id("history").locator("tbody tr").first
    expect(history).to_contain_text(title, timeout=BUSY_MS)
    expect(history).to_contain_text("acknowledged", timeout=BUSY_MS)
    expect(page.get_by_test_id("routes").locator("tbody tr")).to_contain_text("hookJSONwarning and graverheeds1")
    problems = []
    for theme in ("dark", "light"):
        set_theme(page, theme)
        for width, height in HEIGHTS.items():
            page.set_viewport_size({"width": width, "height": height})
            until_ticks(page, 1)
            take_picture(page, f"alerts-open-{width}-{theme}")
            problems += serious_findings(page)
            assert sideways_px(page) == 0
    assert not problems, "\n".join(problems)

    page.get_by_test_id("test-route").click()
    expect(page.get_by_test_id("test-told")).to_have_text("under way to hook")
    page.get_by_test_id("unsilence-0").click()
    expect(page.get_by_test_id("no-silence")).to_have_text("nothing is kept quiet", timeout=BUSY_MS)
    page.get_by_test_id("history-filter").select_option("warning")
    expect(page.get_by_test_id("history")).not_to_contain_text(title)


def test_nobody_watching_is_said(house: DashboardHouse, open_page: OpenPage) -> None:
    page = open_page(house, "/alerts")

    expect(page.get_by_test_id("watched")).to_contain_text("nobody watches", timeout=BUSY_MS)
