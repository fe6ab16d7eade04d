"""What goes to an address and when: gathered, held back by night and by number, tried again, and its end told."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from alert_sights import NOW_NS, S, Watch, finding
from pydantic import ValidationError

from streaming.alerts.config import AlertSettings, QuietHours
from streaming.alerts.message import ITEMS_MAX, body_of, kind_of, title_of
from streaming.alerts.post import RETRY_S, TRIES_MAX
from streaming.alerts.quiet import quiet_until_ns
from streaming.alerts.state import restore, state_to_json
from streaming.errors import BadDataError

URLS = {"mail": "json://localhost"}
NIGHT = {"begin": "07:00", "end": "09:00", "zone": "UTC"}
"""Round the made-up house's time."""


def test_what_begins_together_goes_in_one_message() -> None:
    watch = Watch(urls=URLS, gather_ms=1_000)
    watch.see(finding("a"))
    assert watch.send(0.5) == []

    watch.see(finding("b"))

    assert watch.send(0.6) == [("mail", ["a", "b"])]


def test_address_is_told_only_what_is_grave_enough_for_it() -> None:
    routes = {"pager": {"severity_min": "critical"}, "log": {"severity_min": "info"}}
    watch = Watch(urls={**URLS, "pager": "json://localhost", "log": "json://localhost"}, routes=routes)

    watch.see(finding("i", severity="info"), finding("w"), finding("c", severity="critical"))

    assert watch.send() == [("mail", ["w", "c"]), ("pager", ["c"]), ("log", ["i", "w", "c"])]
    assert watch.notices()["w"].delivered.startswith("mail: sent 2026-01-05 08:00:00 UTC; pager: not sent: below")


def test_end_is_told_to_whom_the_beginning_was_told() -> None:
    watch = Watch(urls={**URLS, "pager": "json://localhost"}, routes={"pager": {"severity_min": "critical"}})
    watch.see(finding())
    watch.send()

    watch.see(after_s=60)
    (delivery,) = watch.due()

    assert (delivery.route, title_of(delivery), kind_of(delivery)) == ("mail", "[OVER] a", "success")
    assert "lasted from" in body_of(delivery)


def test_nobody_configured_is_said_in_the_history() -> None:
    watch = Watch()
    watch.see(finding())

    assert watch.send() == []
    assert watch.notices()["a"].delivered == "nobody is told: no address in streaming.alerts.urls"


def test_quiet_hours_hold_all_but_the_gravest_back_until_they_end() -> None:
    watch = Watch(urls=URLS, quiet_hours=NIGHT)
    watch.see(finding("w"), finding("c", severity="critical"))

    assert watch.send() == [("mail", ["c"])]
    assert watch.notices()["w"].delivered == "mail: held back: quiet hours until 2026-01-05 09:00:00 UTC"
    watch.see(finding("w"), finding("c", severity="critical"), after_s=3_599)
    assert watch.send() == []
    watch.see(finding("w"), finding("c", severity="critical"), after_s=1)
    assert [titles for _, titles in watch.send()] == [["w", "c"]]  # and the critical one nobody acknowledged, again


def test_address_that_heeds_no_quiet_hours_is_told_at_once() -> None:
    watch = Watch(urls=URLS, quiet_hours=NIGHT, routes={"mail": {"heeds_quiet_hours": False}})
    watch.see(finding())

    assert watch.send() == [("mail", ["a"])]


def test_too_many_messages_wait_for_one_that_holds_them_all() -> None:
    watch = Watch(urls=URLS, messages_max=2, messages_window_s=100)
    names = ["a", "b", "c", "d"]

    sent = []
    for count in range(1, 5):
        watch.see(*(finding(name) for name in names[:count]), after_s=1)
        sent += watch.send()

    assert sent == [("mail", ["a"]), ("mail", ["b"])]
    assert "held back: 2 messages went within 100 s" in watch.notices()["c"].delivered
    assert watch.send(100) == [("mail", ["c", "d"])]


def test_critical_message_has_a_budget_of_its_own() -> None:
    watch = Watch(urls=URLS, messages_max=1, messages_window_s=100)
    watch.see(finding("a"))
    watch.send()

    watch.see(finding("a"), finding("b"), finding("c", severity="critical"))

    assert watch.send() == [("mail", ["b", "c"])]


def test_address_that_fails_is_tried_again_ever_later_and_then_given_up() -> None:
    watch = Watch(urls=URLS)
    watch.see(finding())

    assert watch.send(problem="refused") == [("mail", ["a"])]
    for wait_s in RETRY_S:
        assert watch.send(wait_s - 1) == []
        watch.see(finding())
        assert watch.send(1, problem="refused") == [("mail", ["a"])]

    assert watch.send(10_000) == []
    assert watch.notices()["a"].delivered == f"mail: failed {TRIES_MAX} times: refused"
    assert watch.desk.post.boxes["mail"].failed_count == 1


def test_one_address_that_fails_holds_up_no_other() -> None:
    watch = Watch(urls={"bad": "json://localhost", "good": "json://localhost"})
    watch.see(finding("a"))
    bad, good = watch.due()
    watch.desk.post.done(bad, "refused", watch.now_ns)
    watch.desk.post.done(good, "", watch.now_ns)

    watch.see(finding("a"), finding("b"))

    assert watch.send() == [("good", ["b"])]


def test_while_a_message_is_under_way_nothing_else_goes_to_its_address() -> None:
    watch = Watch(urls=URLS)
    watch.see(finding("a"))
    (under_way,) = watch.due()
    watch.see(finding("a"), finding("b"))

    assert watch.due(5) == []
    watch.desk.post.done(under_way, "", watch.now_ns)
    assert watch.send() == [("mail", ["b"])]


def test_alert_acknowledged_before_it_was_told_is_not_told() -> None:
    watch = Watch(urls=URLS, quiet_hours=NIGHT)
    watch.see(finding())
    watch.send()
    watch.desk.acknowledge(next(iter(watch.desk.open.values())).id, "ann", watch.now_ns)

    assert watch.send(7_200) == []
    assert "acknowledged by ann" in watch.notices()["a"].delivered


def test_desk_goes_on_after_a_restart_where_it_was() -> None:
    watch = Watch(urls=URLS)
    watch.see(finding("told"))
    watch.send()
    watch.desk.silence("*", "later", 600, "ann", "known", watch.now_ns)
    watch.see(finding("told"), finding("later"), finding("flying"))
    assert [item.title for item in watch.due()[0].items] == ["flying"]

    again = Watch(urls=URLS)
    restore(again.desk, state_to_json(watch.desk))
    again.see(finding("told"), finding("later"), finding("flying"), after_s=1)

    assert again.send() == [("mail", ["flying"])]
    assert [episode.id for episode in again.desk.open.values()] == [*(item.id for item in watch.desk.open.values())]
    assert [*again.desk.silences.values()] == [*watch.desk.silences.values()]


@pytest.mark.parametrize("payload", [b"", b"{", b"[]", b'{"open": [{"id": 1}]}'])
def test_memory_that_cannot_be_read_is_named(payload: bytes) -> None:
    with pytest.raises(BadDataError, match="alerts state"):
        restore(Watch().desk, payload)


def test_message_says_the_gravest_first_and_counts_the_rest() -> None:
    watch = Watch(urls=URLS)
    watch.see(*(finding(f"w{number}") for number in range(ITEMS_MAX + 2)), finding("worst", severity="critical"))
    (delivery,) = watch.due()

    assert title_of(delivery) == f"[CRITICAL] {ITEMS_MAX + 3} alerts: 1 critical, {ITEMS_MAX + 2} warning"
    assert body_of(delivery).startswith("[CRITICAL] worst\nwords of worst\n2026-01-05 08:00:00 UTC, alert ")
    assert body_of(delivery).endswith("... and 3 more alerts; next: trader alerts list")
    assert kind_of(delivery) == "failure"


def ns(text: str, zone: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()) * S


@pytest.mark.parametrize(
    ("now", "until"),
    [
        ("2026-01-05T21:59:59", None),
        ("2026-01-05T22:00:00", "2026-01-06T07:00:00"),
        ("2026-01-06T03:00:00", "2026-01-06T07:00:00"),
        ("2026-01-06T07:00:00", None),
        ("2026-03-29T01:30:00", "2026-03-29T07:00:00"),  # the night in which clocks go forward
        ("2026-10-25T02:30:00", "2026-10-25T07:00:00"),  # ... and back
    ],
)
def test_quiet_hours_reach_over_midnight_by_the_clock_of_their_zone(now: str, until: str | None) -> None:
    zone = "Europe/Berlin"
    hours = QuietHours(begin="22:00", end="07:00", zone=zone)

    assert quiet_until_ns(hours, ns(now, zone)) == (None if until is None else ns(until, zone))


def test_quiet_hours_within_a_day_end_that_day() -> None:
    hours = QuietHours(begin="12:00", end="13:00", zone="UTC")
    noon = int(datetime(2026, 1, 5, 12, 30, tzinfo=UTC).timestamp()) * S

    assert quiet_until_ns(hours, noon) == noon + 1_800 * S
    assert quiet_until_ns(hours, NOW_NS) is None


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ({"quiet_hours": {"begin": "25:00"}}, "time of day"),
        ({"quiet_hours": {"begin": "07:00", "end": "07:00"}}, "twice"),
        ({"quiet_hours": {"zone": "Mars/Base"}}, "time zone"),
        ({"rules": {"off": ["dsik"]}}, "'dsik'"),
        ({"rules": {"severities": {"dsik": "info"}}}, "'dsik'"),
        ({"routes": {"Ma il": {}}}, "'Ma il'"),
        ({"urls": {"MAIL": "json://x"}}, "small letters"),
        ({"urls": {"mail": "secret-word"}}, "under mail"),
        ({"urls": "secret-word"}, "addresses by name"),
    ],
)
def test_wrong_settings_are_named_and_addresses_never_shown(words: dict[str, object], problem: str) -> None:
    with pytest.raises(ValidationError) as caught:
        AlertSettings.model_validate(words)

    message = caught.value.errors()[0]["msg"]
    assert problem in message and "secret-word" not in message


def test_addresses_are_in_no_document_made_of_the_settings() -> None:
    settings = AlertSettings.model_validate({"urls": {"mail": "mailto://ann:secret-word@example.org"}})

    assert "secret-word" not in settings.model_dump_json() + repr(settings)
