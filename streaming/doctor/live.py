"""May `trader start --mode live` begin: settings, keys and what each venue says of the account behind each key.

Asks the venues, so it is looked at only when asked for: `trader doctor --live`.
"""

from collections.abc import Iterator

from native.config import NS_PER_MS
from streaming.doctor.findings import Finding, fail, ok, warn
from streaming.live.hosts import is_loopback
from streaming.live.start_checks import AccountFacts, Refusal, account_lines, check_account
from streaming.shell.live_access import AccessRequest, account_facts, settings_refusals, venues_of
from streaming.shell.venue_hands import Which

NAME = "live"
KEYS: tuple[Which, ...] = ("trader", "watchdog")
BIND = "bind it to this machine's address at the venue: a key that is stolen is then of no use"


def examine_live(request: AccessRequest) -> Iterator[Finding]:
    """Yield findings as they are made; every venue is asked of both keys."""
    refusals = settings_refusals(request, venues_of(request.grid))
    yield from map(_refused, refusals)
    if not refusals:
        yield ok(NAME, f"account {request.live.account}: settings, limits and addresses are in order")
    for which in KEYS:
        for found in account_facts(request, which):
            yield from [_refused(found)] if isinstance(found, Refusal) else _account(found, request)


def _account(found: AccountFacts, request: AccessRequest) -> Iterator[Finding]:
    refusals = check_account(found, request.live, request.mode)
    yield from map(_refused, refusals)
    if refusals:
        return
    offset = "" if found.offset_ns is None else f", its clock is ours {found.offset_ns / NS_PER_MS:+.0f} ms"
    lines = account_lines(found)
    if found.permissions is not None and not found.permissions.is_bound_to_address:
        told = lines.pop()
        if not is_loopback(request.live.account_of(found.venue).rest):
            yield warn(NAME, told, BIND)
    text = "; ".join(line.removeprefix(f"{found.venue}: ") for line in lines)
    yield ok(NAME, f"{found.venue} {found.which}: {text}{offset}")


def _refused(refusal: Refusal) -> Finding:
    return fail(NAME, f"{refusal.name}: {refusal.found}", refusal.fix)
