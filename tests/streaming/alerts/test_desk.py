"""The desk: one alert a cause, told once, acknowledged, silenced, over."""

import itertools

import pytest
from alert_sights import Watch, finding

from streaming.alerts.desk import OPEN_MAX
from streaming.alerts.episode import MOVES, Move
from streaming.errors import RefusedError, UsageError

MAIL = {"urls": {"mail": "json://localhost"}}


def only_open(watch):
    assert len(watch.desk.open) == 1
    return next(iter(watch.desk.open.values()))


def test_every_open_state_answers_every_move() -> None:
    assert set(MOVES) == set(itertools.product(("firing", "acknowledged"), Move))


def test_same_cause_again_is_the_same_alert_and_told_once() -> None:
    watch = Watch(**MAIL)
    assert [episode.title for episode in watch.see(finding())] == ["a"]
    first = watch.notices()

    assert watch.see(finding(), after_s=0.5) == []

    assert (first["a"].state, first["a"].count) == ("firing", 1)
    assert watch.notices() == {}
    assert watch.send() == [("mail", ["a"])]
    assert watch.send(100) == []


def test_other_subject_is_another_alert() -> None:
    watch = Watch()

    watch.see(finding("a"), finding("b"))

    assert len(watch.desk.open) == 2


def test_alert_is_over_when_its_cause_is_gone_for_long_enough() -> None:
    watch = Watch(resolve_after_s=10)
    watch.see(finding())

    watch.see(after_s=10)
    assert only_open(watch).state == "firing"
    watch.see(after_s=1)

    assert watch.desk.open == {}
    assert watch.notices()["a"].state == "resolved"


def test_cause_that_comes_and_goes_is_one_alert_that_counts() -> None:
    watch = Watch(resolve_after_s=10)
    watch.see(finding())
    watch.notices()

    watch.see(after_s=5)
    watch.see(finding(), after_s=4)

    assert only_open(watch).count == 2
    assert watch.notices()["a"].count == 2


def test_event_stays_open_for_its_hold_and_counts() -> None:
    watch = Watch(event_hold_s=60, resolve_after_s=1)
    watch.see(finding(events=1))

    watch.see(finding(events=3), after_s=30)
    assert only_open(watch).count == 4
    watch.see(after_s=60)
    assert only_open(watch).state == "firing"
    watch.see(after_s=1)
    assert watch.desk.open == {}


def test_acknowledged_alert_is_told_no_more_until_it_grows_worse() -> None:
    watch = Watch(repeat_minutes=1, **MAIL)
    watch.see(finding(severity="critical"))
    watch.send()
    shown = only_open(watch)
    watch.desk.acknowledge(shown.id[:6], "ann", watch.now_ns, "looking")

    watch.see(finding(severity="critical"), after_s=120)

    assert watch.send() == []
    notice = watch.notices()["a"]
    assert (notice.state, notice.by) == ("acknowledged", "ann: looking")


def test_worse_alert_is_told_anew_though_acknowledged() -> None:
    watch = Watch(**MAIL)
    watch.see(finding())
    watch.send()
    watch.desk.acknowledge(only_open(watch).id, "ann", watch.now_ns)

    watch.see(finding(severity="critical"), after_s=1)
    watch.see(finding(severity="warning"), after_s=1)

    assert watch.send() == [("mail", ["a"])]
    assert (only_open(watch).state, only_open(watch).severity, only_open(watch).by) == ("firing", "critical", "")


def test_critical_alert_nobody_acknowledged_is_told_again() -> None:
    watch = Watch(repeat_minutes=60, **MAIL)
    watch.see(finding("a", severity="critical"), finding("b"))
    watch.send()

    watch.see(finding("a", severity="critical"), finding("b"), after_s=3_600)

    assert watch.send() == [("mail", ["a"])]


def test_what_is_not_known_leaves_an_alert_as_it_is() -> None:
    watch = Watch()
    watch.see(finding(process="trader"))

    watch.see(after_s=1_000, blind=frozenset({"trader"}))
    assert only_open(watch).state == "firing"
    watch.see(after_s=1)
    assert watch.desk.open == {}


def test_silenced_alert_is_told_when_the_silence_ends() -> None:
    watch = Watch(**MAIL)
    silence = watch.desk.silence("di*", "", 60, "ann", "moving disks", watch.now_ns)
    watch.see(finding())

    assert watch.send() == []
    assert "silenced until" in watch.notices()["a"].delivered
    watch.see(finding(), after_s=61)
    assert silence.id not in watch.desk.silences
    assert watch.send() == [("mail", ["a"])]


def test_silence_covers_only_its_rule_and_subject() -> None:
    watch = Watch(**MAIL)
    watch.desk.silence("disk", "a*", 60, "ann", "known", watch.now_ns)

    watch.see(finding("ab"), finding("b"), finding("ac", rule="bus"))

    assert watch.send() == [("mail", ["b", "ac"])]


def test_alert_that_is_over_while_silenced_is_never_told() -> None:
    watch = Watch(resolve_after_s=1, **MAIL)
    silence = watch.desk.silence("*", "*", 60, "ann", "known", watch.now_ns)
    watch.see(finding())
    watch.due()

    watch.see(after_s=5)
    watch.desk.unsilence(silence.id[:5])

    assert watch.send(1) == []
    assert watch.notices()["a"].delivered == "mail: not sent: over before it was"


@pytest.mark.parametrize(
    ("span_s", "reason", "words"),
    [(0, "x", "more than 0"), (1e9, "x", "at most"), (60, "", "expected a reason")],
)
def test_silence_that_makes_no_sense_is_refused(span_s: float, reason: str, words: str) -> None:
    watch = Watch()

    with pytest.raises(UsageError, match=words):
        watch.desk.silence("*", "*", span_s, "ann", reason, watch.now_ns)


def test_acknowledgement_wants_exactly_one_alert() -> None:
    watch = Watch()
    watch.see(*(finding(str(number)) for number in range(17)))
    firsts = [episode.id[0] for episode in watch.desk.open.values()]
    shared = next(sign for sign in firsts if firsts.count(sign) > 1)  # 17 ids, 16 digits

    for beginning, count in (("", 0), ("z", 0), (shared, firsts.count(shared))):
        with pytest.raises(UsageError, match=f"found {count} alerts"):
            watch.desk.acknowledge(beginning, "ann", watch.now_ns)


def test_alert_that_is_over_cannot_be_acknowledged() -> None:
    watch = Watch(resolve_after_s=0)
    watch.see(finding())
    watch.see(after_s=1)

    with pytest.raises(RefusedError, match="over already"):
        watch.desk.acknowledge(watch.desk.ended[0].id, "ann", watch.now_ns)


def test_storm_of_subjects_is_bounded_and_counted() -> None:
    watch = Watch()

    watch.see(*(finding(str(number)) for number in range(OPEN_MAX + 5)))

    assert (len(watch.desk.open), watch.desk.not_made) == (OPEN_MAX, 5)
