"""What the shell tells the engine of itself: at the start, when it changes, and heartbeats as often as needed."""

from native.config import NS_PER_MS
from streaming.shell.own_facts import OwnFacts

LIMIT_MS = 3_000
SECOND_NS = 1_000 * NS_PER_MS


class Told:
    """Stands for the trading loop: keeps what it was told."""

    def __init__(self) -> None:
        self.facts: list[tuple[str, int]] = []

    def observe(self, fact: str, value: int) -> bool:
        self.facts.append((fact, value))
        return True

    def take(self) -> list[tuple[str, int]]:
        found, self.facts = self.facts, []
        return found


def facts_of(limit_ms: int | None) -> tuple[OwnFacts, Told]:
    told = Told()
    return OwnFacts(told, limit_ms), told  # type: ignore[arg-type]  # speaks as the loop does


def test_what_an_earlier_process_told_is_overwritten_at_the_start() -> None:
    facts, told = facts_of(LIMIT_MS)
    facts.begin(5 * SECOND_NS, is_watched=True)
    assert told.take() == [("clock_offset_ns", 0), ("heartbeat_ns", 5 * SECOND_NS)]

    facts, told = facts_of(LIMIT_MS)
    facts.begin(5 * SECOND_NS, is_watched=False)
    assert told.take() == [("clock_offset_ns", 0), ("heartbeat_ns", 0)]


def test_the_clock_is_told_in_whole_ms_and_only_when_it_changes() -> None:
    facts, told = facts_of(None)
    for offset_ns in (0, -1, -NS_PER_MS, -NS_PER_MS - 1, 0):
        facts.note_clock(offset_ns)

    assert told.take() == [("clock_offset_ns", value * NS_PER_MS) for value in (-1, -2, 0)]


def test_a_heartbeat_is_told_three_times_within_its_limit_and_no_more_often() -> None:
    facts, told = facts_of(LIMIT_MS)
    facts.begin(SECOND_NS, is_watched=True)
    told.take()
    for tenth in range(31):
        facts.note_watched(SECOND_NS + tenth * SECOND_NS // 10, is_watched=True)

    assert told.take() == [("heartbeat_ns", (1 + second) * SECOND_NS) for second in (1, 2, 3)]


def test_a_watchdog_that_is_gone_or_a_rule_without_a_limit_tells_no_heartbeat() -> None:
    for limit_ms, is_watched in ((LIMIT_MS, False), (None, True)):
        facts, told = facts_of(limit_ms)
        facts.begin(SECOND_NS, is_watched=is_watched)
        told.take()
        facts.note_watched(100 * SECOND_NS, is_watched=is_watched)
        assert told.take() == []
