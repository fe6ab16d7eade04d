"""Who is told what and when: one box an address, with what waits for it. No I/O, no clock.

Something that waits goes out when nothing holds it back, all of it in one message:

    gathering    the first of it is younger than `gather_ms`: what belongs together is told together
    silenced     a person said so
    quiet hours  and it is less grave than what is told in them
    too many     `messages_max` went there within the window; critical ones count by themselves
    failed       the address did not take the last message: it is tried again, ever later, `TRIES_MAX` times

An alert that is over before it was told is not told. One that was told is told to be over.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from streaming.alerts.config import AlertSettings, Route, is_at_least
from streaming.alerts.looking import moment_text
from streaming.alerts.quiet import quiet_until_ns
from streaming.bus import Severity

NS_PER_S: Final = 1_000_000_000
RETRY_S: Final = (10, 30, 120, 600, 1_800)
TRIES_MAX: Final = len(RETRY_S) + 1
WAITING_MAX: Final = 500
"""For one address; the oldest goes, and is counted."""
KNOWN_MAX: Final = 2_000
"""Alerts of which an address is remembered to have been told."""

Kind = Literal["begun", "worse", "again", "over"]
Outcomes = dict[str, str]


@dataclass(frozen=True, slots=True)
class Item:
    """What there is to say of one alert."""

    id: str
    kind: Kind
    severity: Severity
    title: str
    words: str
    ts_ns: int


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message to one address."""

    route: str
    items: tuple[Item, ...]

    @property
    def is_critical(self) -> bool:
        """Whether something in it is critical and not over."""
        return any(item.severity == "critical" and item.kind != "over" for item in self.items)


@dataclass(slots=True)
class Box:
    """One address's."""

    waiting: dict[str, Item] = field(default_factory=dict)
    told: dict[str, None] = field(default_factory=dict)
    """Alerts that it was told of, oldest first."""
    sent: list[tuple[int, bool]] = field(default_factory=list)
    """When messages went within the window, and whether they were critical."""
    in_flight: tuple[Item, ...] = ()
    tries: int = 0
    next_try_ns: int = 0
    sent_count: int = 0
    failed_count: int = 0
    dropped_count: int = 0
    last_sent_ns: int = 0
    last_problem: str = ""


class PostOffice:
    """Give it what is to be told by `put`, send what `due` returns, and say by `done` what became of it."""

    def __init__(self, settings: AlertSettings) -> None:
        self._settings = settings
        self.boxes: dict[str, Box] = {name: Box() for name in settings.urls}
        self._outcomes: dict[str, Outcomes] = {}
        self.changed: set[str] = set()
        """Alerts whose outcome changed since somebody emptied this."""

    # --- what is to be told ---

    def put(self, item: Item) -> None:
        """Have every address told whom it concerns."""
        for name, box in self.boxes.items():
            route = self._settings.route(name)
            if item.kind == "over":
                self._put_over(name, box, item)
            elif is_at_least(item.severity, route.severity_min):
                self._wait(name, box, item)
                self._note(item.id, name, "waits")
            else:
                self._note(item.id, name, f"not sent: below {route.severity_min}")

    def withdraw(self, episode_id: str, why: str) -> None:
        """Tell nobody any more who was not told yet."""
        for name, box in self.boxes.items():
            if box.waiting.pop(episode_id, None) is not None:
                self._note(episode_id, name, why)

    def _put_over(self, name: str, box: Box, item: Item) -> None:
        if item.id in box.told or any(sent.id == item.id for sent in box.in_flight):
            self._wait(name, box, item)
        elif box.waiting.pop(item.id, None) is not None:
            self._note(item.id, name, "not sent: over before it was")

    def _wait(self, name: str, box: Box, item: Item) -> None:
        box.waiting.pop(item.id, None)
        box.waiting[item.id] = item
        if len(box.waiting) > WAITING_MAX:
            oldest = next(iter(box.waiting))
            del box.waiting[oldest]
            box.dropped_count += 1
            self._note(oldest, name, "not sent: too much waits for this address")

    # --- what goes out ---

    def due(self, now_ns: int, silenced: Callable[[str], str]) -> list[Delivery]:
        """Return the messages to send now, each to be answered by `done`; `silenced` says why an alert keeps quiet."""
        quiet_ns = quiet_until_ns(self._settings.quiet_hours, now_ns)
        deliveries = []
        for name, box in self.boxes.items():
            ready = self._ready(name, box, now_ns, quiet_ns, silenced)
            if ready:
                box.in_flight = tuple(ready)
                for item in ready:
                    del box.waiting[item.id]
                deliveries.append(Delivery(name, box.in_flight))
        return deliveries

    def done(self, delivery: Delivery, problem: str, now_ns: int) -> None:
        """Take what became of a message: empty text when it was sent."""
        box = self.boxes[delivery.route]
        box.in_flight = ()
        if not problem:
            self._done_well(delivery, box, now_ns)
            return
        box.last_problem, box.tries = problem, box.tries + 1
        if box.tries >= TRIES_MAX:
            box.failed_count += 1
            box.tries, box.next_try_ns = 0, 0
            for item in delivery.items:
                self._note(item.id, delivery.route, f"failed {TRIES_MAX} times: {problem}")
            return
        box.next_try_ns = now_ns + RETRY_S[box.tries - 1] * NS_PER_S
        later = {item.id: item for item in delivery.items}
        box.waiting = later | box.waiting  # what was said of the same alert meanwhile is the newer
        for item in delivery.items:
            self._note(item.id, delivery.route, f"failed, tried again {moment_text(box.next_try_ns)}: {problem}")

    def _done_well(self, delivery: Delivery, box: Box, now_ns: int) -> None:
        box.tries, box.next_try_ns, box.last_problem = 0, 0, ""
        box.sent.append((now_ns, delivery.is_critical))
        box.sent_count, box.last_sent_ns = box.sent_count + 1, now_ns
        for item in delivery.items:
            box.told.pop(item.id, None)
            if item.kind != "over":
                box.told[item.id] = None
            word = "end told" if item.kind == "over" else "sent"
            self._note(item.id, delivery.route, f"{word} {moment_text(now_ns)}")
        while len(box.told) > KNOWN_MAX:
            del box.told[next(iter(box.told))]

    def _ready(
        self, name: str, box: Box, now_ns: int, quiet_ns: int | None, silenced: Callable[[str], str]
    ) -> list[Item]:
        """Return what nothing holds back, and note of the rest what does."""
        if box.in_flight or not box.waiting or now_ns < box.next_try_ns:
            return []
        route = self._settings.route(name)
        held = {item.id: self._held(item, route, quiet_ns, silenced) for item in box.waiting.values()}
        free = [item for item in box.waiting.values() if not held[item.id]]
        for item_id, why in held.items():
            if why:
                is_end = box.waiting[item_id].kind == "over"
                self._note(item_id, name, f"{'sent, its end ' if is_end else ''}held back: {why}")
        if not free or now_ns - min(item.ts_ns for item in free) < self._settings.gather_ms * 1_000_000:
            return []
        return self._within_rate(name, box, free, now_ns)

    def _held(self, item: Item, route: Route, quiet_ns: int | None, silenced: Callable[[str], str]) -> str:
        if why := silenced(item.id):
            return why
        hours = self._settings.quiet_hours
        if hours is None or quiet_ns is None or not route.heeds_quiet_hours:
            return ""
        is_told = is_at_least(item.severity, hours.severity_min) and item.kind != "over"
        return "" if is_told else f"quiet hours until {moment_text(quiet_ns)}"

    def _within_rate(self, name: str, box: Box, free: Sequence[Item], now_ns: int) -> list[Item]:
        """Return what may go by the number of messages that went lately."""
        window_ns, most = int(self._settings.messages_window_s * NS_PER_S), self._settings.messages_max
        box.sent = [(ts_ns, is_critical) for ts_ns, is_critical in box.sent if now_ns - ts_ns < window_ns]
        usual = sum(not is_critical for _, is_critical in box.sent)
        grave = [item for item in free if Delivery(name, (item,)).is_critical]
        if grave and len(box.sent) - usual < most:
            return list(free)
        if not grave and usual < most:
            return list(free)
        for item in free:
            self._note(item.id, name, f"held back: {most} messages went within {self._settings.messages_window_s:g} s")
        return []

    # --- what became of it ---

    def outcome(self, episode_id: str) -> str:
        """Return what became of telling an alert, address by address."""
        if not self.boxes:
            return "nobody is told: no address in streaming.alerts.urls"
        return "; ".join(f"{name}: {words}" for name, words in self._outcomes.get(episode_id, {}).items())

    def forget(self, episode_id: str) -> None:
        """Remember an alert no longer; what waits of it still goes."""
        self._outcomes.pop(episode_id, None)

    def _note(self, episode_id: str, route: str, words: str) -> None:
        known = self._outcomes.setdefault(episode_id, {})
        if known.get(route) != words:
            known[route] = words
            self.changed.add(episode_id)

    # --- across a restart ---

    def take_over(self, boxes: dict[str, Box], outcomes: dict[str, Outcomes]) -> None:
        """Go on where an earlier process ended; what it was sending is sent again, as it may not have arrived."""
        for name, box in boxes.items():
            if name in self.boxes:
                box.waiting = {item.id: item for item in box.in_flight} | box.waiting
                box.in_flight = ()
                self.boxes[name] = box
        self._outcomes = outcomes

    @property
    def outcomes(self) -> dict[str, Outcomes]:
        """By alert and address; for the state file."""
        return self._outcomes
