"""The rules, in the order in which they are asked. Docs and tests read this table."""

from collections.abc import Callable, Iterator
from typing import Final

from streaming.alerts import rules_account, rules_house, rules_market, rules_trading
from streaming.alerts.looking import Look, is_blind
from streaming.alerts.sight import Finding

Rule = Callable[[Look], Iterator[Finding]]

TABLE: Final[dict[str, Rule]] = {
    "process_dead": rules_house.dead,
    "no_heartbeat": rules_house.hanging,
    "not_running": rules_house.absent,
    "latched": rules_house.latched,
    "trading_stopped": rules_trading.stopped,
    "risk_trip": rules_trading.tripped,
    "drawdown": rules_trading.drawdown,
    "order_errors": rules_trading.order_errors,
    "account_halted": rules_account.halted,
    "account_differs": rules_account.differing,
    "account_unheard": rules_account.unheard,
    "disconnect": rules_market.disconnected,
    "stale_feed": rules_market.stale_feeds,
    "gap_rate": rules_market.gap_rate,
    "no_forecast": rules_market.no_forecast,
    "model_expired": rules_market.expired,
    "model_stale": rules_market.stale_model,
    "model_rolled_back": rules_house.rolled_back,
    "drift": rules_market.drift,
    "disk": rules_house.disk,
    "bus": rules_house.bus,
    "run_failure": rules_house.reported,
    "report": rules_house.reported,
}


def judge(look: Look) -> list[Finding]:
    """Return what every rule that is on objects to; a rule that is off is asked nothing."""
    asked = {name: rule for name, rule in TABLE.items() if name not in look.rules.off}
    found = [finding for rule in dict.fromkeys(asked.values()) for finding in _asked(rule, look)]
    return [finding for finding in found if finding.rule in asked]


def _asked(rule: Rule, look: Look) -> list[Finding]:
    """Return what a rule objects to; a rule that fails is told of itself, and silences no other."""
    try:
        return [*rule(look)]
    except Exception as error:
        words = f"{type(error).__name__}: {error}; what it looks at is not watched"
        return [look.finding("report", "A rule of the alerts failed", words, subject=f"rule {rule.__name__}")]


def blind_to(look: Look) -> frozenset[str]:
    """Return the processes of which nobody knows how they fare: alerts about them are neither told anew nor over."""
    return frozenset(process.name for process in look.sight.processes if is_blind(process))
