"""Rules about our accounts at the venues, in live and shadow mode: halted, other than known here, not heard."""

from collections.abc import Iterator

from native.config import JsonObject
from streaming.alerts.looking import Look, count_text
from streaming.alerts.sight import Finding, number_at, rows_at, text_at

LIVE = "live"
"""The status document's part about accounts; null in paper mode."""


def halted(look: Look) -> Iterator[Finding]:
    """Nothing is opened at a venue any more, by its own word or a rule of reconciliation."""
    for row in _accounts(look):
        name, why = text_at(row, "venue"), text_at(row, "halted_by")
        if why:
            words = f"{why}; nothing is opened there; next: look at the account, then: trader resume --reason TEXT"
            yield look.finding("account_halted", f"{name} is halted", words, subject=name, process="trader")


def differing(look: Look) -> Iterator[Finding]:
    """Reconciliation found that an account is not as it is known here."""
    count = number_at(look.trader, LIVE, "differences")
    rose = 0 if count is None else look.rise(count, "differences", text_at(look.trader, "run"))
    if rose:
        told = [text_at(row, "text") for row in rows_at(look.trader, LIVE, "recent") if row.get("told") == "difference"]
        words = f"{count_text(rose, 'difference')}, the newest: {told[-1] if told else 'see trader status'}"
        yield look.finding("account_differs", "An account is not as known", words, process="trader", events=rose)


def unheard(look: Look) -> Iterator[Finding]:
    """An account's events are not heard, or it could not be compared, for too long."""
    for row in _accounts(look):
        name = text_at(row, "venue")
        is_away = row.get("is_trusted") is False and not text_at(row, "halted_by")
        away_s = look.held_s("account", name, holds=is_away)
        if away_s > look.rules.disconnect_s_max:
            words = f"for {away_s:.0f} s: {text_at(row, 'blocked_by')}; nothing is opened there meanwhile"
            yield look.finding("account_unheard", f"{name}: account not heard", words, subject=name, process="trader")


def _accounts(look: Look) -> Iterator[JsonObject]:
    """Yield how each account stands, but for a session that ends: it halts them itself."""
    if not text_at(look.trader, LIVE, "ending"):
        yield from rows_at(look.trader, LIVE, "venues")
