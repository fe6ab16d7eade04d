"""A house as the alert rules see it, made up: a calm one, and what is changed in it."""

from streaming.alerts.config import AlertSettings
from streaming.alerts.desk import AlertDesk
from streaming.alerts.looking import Look
from streaming.alerts.memory import Memory
from streaming.alerts.rules import blind_to, judge
from streaming.alerts.sight import Finding, ProcessSight, Sight

S = 1_000_000_000
H = 3_600 * S
NOW_NS = 1_767_600_000 * S
"""2026-01-05 08:00 UTC."""
MODEL = "ab" * 32
COUNTS = {"frames": 100, "steps": 10, "forecasts": 10, "refused": 0, "order_errors": 0, "gaps_opened": 0}


def trader_status(**words):
    """Return a calm trader's status document; a count's name changes that count."""
    counts = {name: words.pop(name, value) for name, value in COUNTS.items()}
    return {
        "mode": "paper",
        "run": "session-1",
        "state": "active",
        "trigger": "start",
        "reason": "",
        "ts_ns": NOW_NS,
        "clock_speed": 1.0,
        "pnl": "0",
        "counts": counts,
        "model": {"hash": MODEL},
        "facts": {"model_expires_ns": NOW_NS + 100 * H, "drift_level": 0},
        "risk": {"tripped_by_rule": {"drawdown": 0, "clock": 0}},
        "instruments": [{"instrument": "bybit_spot:BTCUSDT", "feed": "synced", "position": "0"}],
        "venues": [{"venue": "bybit_spot", "is_connected": True, "resting": [], "last_problem": ""}],
        **words,
    }


def recorder_status(**words):
    """Return a calm recorder's status document; words change its one venue."""
    venue = {"venue": "bybit_spot", "run": "r", "frames": 5, "gaps_opened": 0, "waiting_for": [], **words}
    return {"state": "recording", "venues": [venue]}


def running(status, name="trader", age_s=0.5):
    """Return a running process with this status."""
    return ProcessSight(name=name, life="running", status=status, status_age_s=age_s)


class Watch:
    """Rules and desk over made-up sights, one after another."""

    def __init__(self, **settings):
        self.settings = AlertSettings.model_validate({"gather_ms": 0, **settings})
        self.memory = Memory()
        self.desk = AlertDesk(self.settings)
        self.now_ns = NOW_NS

    def findings(self, after_s=0.0, **words):
        """Return what the rules find in a sight so much later."""
        self.now_ns += int(after_s * S)
        self._look = Look(Sight(now_ns=self.now_ns, **words), self.memory, self.settings)
        return judge(self._look)

    def trader(self, after_s=0.0, **words):
        """Return what the rules find with a trader of this status."""
        return self.findings(after_s, trader=running(trader_status(**words)))

    def look(self, after_s=0.0, **words):
        """Let the desk see a sight."""
        found = self.findings(after_s, **words)
        return self.desk.see(found, blind_to(self._look), self.now_ns)

    def see(self, *findings, after_s=0.0, blind=frozenset()):
        """Let the desk see these findings."""
        self.now_ns += int(after_s * S)
        return self.desk.see(findings, blind, self.now_ns)

    def notices(self):
        """Take what changed, by title."""
        return {notice.title: notice for notice in self.desk.take_notices(self.now_ns)}

    def due(self, after_s=0.0):
        """Return the messages to send so much later."""
        self.now_ns += int(after_s * S)
        return self.desk.post.due(self.now_ns, lambda name: self.desk.silenced(name, self.now_ns))

    def send(self, after_s=0.0, problem=""):
        """Send what is due, all with this outcome; return (address, titles)."""
        deliveries = self.due(after_s)
        for delivery in deliveries:
            self.desk.post.done(delivery, problem, self.now_ns)
        return [(each.route, [item.title for item in each.items]) for each in deliveries]


def finding(title="a", *, rule="disk", severity="warning", process="", events=0, subject=None):
    """Return a finding; its title is its subject too, where no other is given."""
    return Finding(
        rule=rule,
        subject=title if subject is None else subject,
        severity=severity,
        title=title,
        words=f"words of {title}",
        process=process,
        events=events,
    )
