"""One alert from its beginning to its end, and silences. No I/O, no clock.

    firing        its cause holds, or has happened
    acknowledged  a person knows: it is told no more, until it grows worse
    resolved      the cause is gone

`MOVES` is the whole machine; an unlisted pair must not happen.
"""

import hashlib
from dataclasses import dataclass
from enum import Enum
from fnmatch import fnmatchcase
from typing import Final

from streaming.alerts.sight import Finding
from streaming.bus import AlertNotice, AlertState, Severity

ID_SIGNS: Final = 12
ANY: Final = "*"


class Move(Enum):
    """What can happen to an alert."""

    again = 0
    worse = 1
    acknowledged = 2
    gone = 3


MOVES: Final[dict[tuple[AlertState, Move], AlertState]] = {
    ("firing", Move.again): "firing",
    ("firing", Move.worse): "firing",
    ("firing", Move.acknowledged): "acknowledged",
    ("firing", Move.gone): "resolved",
    ("acknowledged", Move.again): "acknowledged",
    ("acknowledged", Move.worse): "firing",
    ("acknowledged", Move.acknowledged): "acknowledged",
    ("acknowledged", Move.gone): "resolved",
}


@dataclass(slots=True)
class Episode:
    """One alert of one rule and subject."""

    id: str
    rule: str
    subject: str
    process: str
    severity: Severity
    state: AlertState
    title: str
    words: str
    count: int
    ts_first_ns: int
    ts_seen_ns: int
    """When its cause was last seen."""
    is_event: bool
    ts_told_ns: int = 0
    """When its addresses were last asked to be told."""
    by: str = ""

    @classmethod
    def begin(cls, finding: Finding, now_ns: int) -> "Episode":
        """Return the alert that a finding begins."""
        return cls(
            id=episode_id(finding.rule, finding.subject, now_ns),
            rule=finding.rule,
            subject=finding.subject,
            process=finding.process,
            severity=finding.severity,
            state="firing",
            title=finding.title,
            words=finding.words,
            count=max(1, finding.events),
            ts_first_ns=now_ns,
            ts_seen_ns=now_ns,
            is_event=finding.events > 0,
            ts_told_ns=now_ns,
        )

    @property
    def is_open(self) -> bool:
        """Whether its cause is not gone."""
        return self.state != "resolved"

    def move(self, what: Move) -> None:
        """Move by the table."""
        self.state = MOVES[self.state, what]

    def notice(self, now_ns: int, delivered: str) -> AlertNotice:
        """Return how it stands as a message."""
        return AlertNotice(
            id=self.id,
            rule=self.rule,
            subject=self.subject,
            severity=self.severity,
            state=self.state,
            title=self.title,
            words=self.words,
            count=self.count,
            ts_first_ns=self.ts_first_ns,
            ts_ns=now_ns,
            by=self.by,
            delivered=delivered,
        )


@dataclass(frozen=True, slots=True)
class Silence:
    """Nobody is told of what it covers until it ends; the alerts themselves stand in the history all the same."""

    id: str
    rule: str
    """`*` stands for any signs, here and in the subject."""
    subject: str
    until_ns: int
    by: str
    reason: str
    ts_ns: int

    def covers(self, episode: Episode, now_ns: int) -> bool:
        """Tell whether it keeps this alert quiet now."""
        is_meant = fnmatchcase(episode.rule, self.rule) and fnmatchcase(episode.subject, self.subject)
        return is_meant and now_ns < self.until_ns


def episode_id(rule: str, subject: str, ts_ns: int) -> str:
    """Return an id that is the same for the same beginning."""
    return hashlib.sha256(f"{rule}\n{subject}\n{ts_ns}".encode()).hexdigest()[:ID_SIGNS]
