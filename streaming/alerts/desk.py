"""The alert desk: findings become alerts, each told once, acknowledged by people, over when their cause is gone.

No I/O, no clock. Two findings of one rule and subject are one alert while it is open. What lasts is over when it has
not been found for `resolve_after_s`; what happens, when it has not happened for `event_hold_s`. Alerts about a process
that does not say how it fares stay as they are until it does.
"""

from collections import deque
from collections.abc import Iterable, Set
from typing import Final

from streaming.alerts.config import AlertSettings, is_at_least
from streaming.alerts.episode import ANY, Episode, Move, Silence, episode_id
from streaming.alerts.looking import count_text, moment_text
from streaming.alerts.post import Item, Kind, PostOffice
from streaming.alerts.sight import Finding
from streaming.bus import AlertNotice
from streaming.errors import RefusedError, UsageError

NS_PER_S: Final = 1_000_000_000
OPEN_MAX: Final = 500
"""Alerts open at once; further ones are counted and not made."""
ENDED_MAX: Final = 200
"""Alerts that ended and are still shown."""
SILENCES_MAX: Final = 100
SILENCE_S_MAX: Final = 30 * 24 * 3_600
COUNTED_NS: Final = 10 * NS_PER_S
"""How often at most a mere count of something that happens again and again is told to the windows."""

_Same = tuple[str, str]


class AlertDesk:
    """See the head of the file. Each look: `see`, then `take_notices`, and deliveries of `post`."""

    def __init__(self, settings: AlertSettings) -> None:
        self._settings = settings
        self.post = PostOffice(settings)
        self.open: dict[_Same, Episode] = {}
        self.ended: deque[Episode] = deque()
        self.silences: dict[str, Silence] = {}
        self.not_made = 0
        """Alerts beyond `OPEN_MAX`."""
        self._changed: dict[str, Episode] = {}
        self._counted_ns: dict[str, int] = {}
        self._found: frozenset[_Same] | None = None
        """By the look before; None before the first."""

    # --- each look ---

    def see(self, findings: Iterable[Finding], blind: Set[str], now_ns: int) -> list[Episode]:
        """Take what one look found, and return the alerts that began.

        `blind` are the processes that did not say how they fare.
        """
        self._end_silences(now_ns)
        findings = [*findings]
        begun = [episode for finding in findings if (episode := self._take(finding, now_ns)) is not None]
        for same, episode in list(self.open.items()):
            if episode.process not in blind:
                self._end_when_gone(same, episode, now_ns)
        for episode in self.open.values():
            self._repeat(episode, now_ns)
        self._found = frozenset((finding.rule, finding.subject) for finding in findings)
        return begun

    def take_notices(self, now_ns: int) -> list[AlertNotice]:
        """Take how every alert stands that changed since the last time."""
        known = {episode.id: episode for episode in (*self.ended, *self.open.values())}
        changed = {episode_id: known[episode_id] for episode_id in self.post.changed if episode_id in known}
        self.post.changed.clear()
        changed |= self._changed
        self._changed = {}
        return [episode.notice(now_ns, self.post.outcome(episode.id)) for episode in changed.values()]

    def silenced(self, episode_id: str, now_ns: int) -> str:
        """Return why an alert is kept quiet now, empty where it is not."""
        episode = next((item for item in self.open.values() if item.id == episode_id), None)
        silence = None if episode is None else self._silence_of(episode, now_ns)
        return "" if silence is None else f"silenced until {moment_text(silence.until_ns)}"

    # --- what people say ---

    def acknowledge(self, beginning: str, by: str, now_ns: int, reason: str = "") -> Episode:
        """Take that a person knows of an open alert, named by the beginning of its id.

        UsageError where none or several begin so, RefusedError for one that is over.
        """
        episode = self._find(beginning)
        if not episode.is_open:
            raise RefusedError(f"alert {episode.id} is over already; there is nothing to acknowledge")
        episode.move(Move.acknowledged)
        episode.by = f"{by}: {reason}" if reason else by
        self.post.withdraw(episode.id, f"not sent: acknowledged by {by} before it was")
        self._changed[episode.id] = episode
        return episode

    def silence(self, rule: str, subject: str, span_s: float, by: str, reason: str, now_ns: int) -> Silence:
        """Keep quiet about what `rule` and `subject` cover (`*` for any signs); UsageError for what is no such wish."""
        if not 0 < span_s <= SILENCE_S_MAX:
            raise UsageError(f"silence: expected more than 0 and at most {SILENCE_S_MAX} s, found {span_s:g}")
        if not reason:
            raise UsageError("silence: expected a reason, found none; whoever comes next wants to know")
        if len(self.silences) >= SILENCES_MAX:
            raise RefusedError(f"{SILENCES_MAX} silences hold already; end one first")
        rule, subject = rule or ANY, subject or ANY
        until_ns = now_ns + int(span_s * NS_PER_S)
        silence = Silence(episode_id(rule, subject, now_ns), rule, subject, until_ns, by, reason, now_ns)
        self.silences[silence.id] = silence
        return silence

    def unsilence(self, beginning: str) -> Silence:
        """End a silence before its time; UsageError where none or several ids begin so."""
        found = [silence for silence in self.silences.values() if beginning and silence.id.startswith(beginning)]
        if len(found) != 1:
            raise UsageError(f"expected the beginning of one silence's id, found {len(found)} for {beginning!r}")
        return self.silences.pop(found[0].id)

    def shown(self) -> list[Episode]:
        """Return the alerts that are open, then those that ended lately, newest first."""
        newest = sorted(self.open.values(), key=lambda episode: episode.ts_first_ns, reverse=True)
        return [*newest, *reversed(self.ended)]

    # --- life of an alert ---

    def _take(self, finding: Finding, now_ns: int) -> Episode | None:
        """Return the alert that a finding begins, None where it goes on with one."""
        same = (finding.rule, finding.subject)
        if same in self.open:
            self._go_on(self.open[same], finding, now_ns)
            return None
        if len(self.open) >= OPEN_MAX:
            self.not_made += 1
            return None
        episode = self.open[same] = Episode.begin(finding, now_ns)
        self._tell(episode, "begun", now_ns)
        return episode

    def _go_on(self, episode: Episode, finding: Finding, now_ns: int) -> None:
        is_worse = episode.severity != finding.severity and is_at_least(finding.severity, episode.severity)
        was_gone = (
            not episode.is_event and self._found is not None and (finding.rule, finding.subject) not in self._found
        )
        episode.count += finding.events + was_gone
        episode.title, episode.words, episode.ts_seen_ns = finding.title, finding.words, now_ns
        if is_worse:
            episode.severity, episode.by = finding.severity, ""
            episode.move(Move.worse)
            self._tell(episode, "worse", now_ns)
            return
        episode.move(Move.again)
        if (finding.events or was_gone) and now_ns - self._counted_ns.get(episode.id, 0) >= COUNTED_NS:
            self._counted_ns[episode.id] = now_ns
            self._changed[episode.id] = episode

    def _end_when_gone(self, same: _Same, episode: Episode, now_ns: int) -> None:
        hold_s = self._settings.event_hold_s if episode.is_event else self._settings.resolve_after_s
        if now_ns - episode.ts_seen_ns <= hold_s * NS_PER_S or episode.ts_seen_ns == now_ns:
            return
        episode.move(Move.gone)
        del self.open[same]
        self._counted_ns.pop(episode.id, None)
        self.ended.append(episode)
        while len(self.ended) > ENDED_MAX:
            self.post.forget(self.ended.popleft().id)
        self._tell(episode, "over", now_ns)

    def _repeat(self, episode: Episode, now_ns: int) -> None:
        span_ns = int(self._settings.repeat_minutes * 60 * NS_PER_S)
        is_wanted = episode.severity == "critical" and episode.state == "firing" and not episode.is_event
        if is_wanted and span_ns and now_ns - episode.ts_told_ns >= span_ns:
            self._tell(episode, "again", now_ns)

    def _tell(self, episode: Episode, kind: Kind, now_ns: int) -> None:
        episode.ts_told_ns = now_ns
        words = episode.words
        if kind == "over":
            words = f"lasted from {moment_text(episode.ts_first_ns)}, {count_text(episode.count, 'time')}"
        self.post.put(Item(episode.id, kind, episode.severity, episode.title, words, now_ns))
        self._changed[episode.id] = episode

    def _find(self, beginning: str) -> Episode:
        found = [episode for episode in self.shown() if beginning and episode.id.startswith(beginning)]
        if len(found) != 1:
            raise UsageError(
                f"expected the beginning of one alert's id, found {len(found)} alerts for {beginning!r}; "
                "next: trader alerts list"
            )
        return found[0]

    def _silence_of(self, episode: Episode, now_ns: int) -> Silence | None:
        return next((silence for silence in self.silences.values() if silence.covers(episode, now_ns)), None)

    def _end_silences(self, now_ns: int) -> None:
        self.silences = {name: silence for name, silence in self.silences.items() if now_ns < silence.until_ns}
