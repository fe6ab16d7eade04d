"""The lines of a status that a shadow or live trader alone has: accounts, dead-man's switches, the end."""

from typing import TYPE_CHECKING

from streaming.cli.model_text import object_of

if TYPE_CHECKING:
    from native.config import JsonObject


def live_lines(status: "JsonObject") -> list[str]:
    """Return them; none of a paper trader."""
    if not isinstance(status.get("live"), dict):
        return []
    live = object_of(status["live"])
    lines = [f"account {live['account']}: {_trust_text(live)}"]
    lines += [_venue_text(object_of(venue)) for venue in _list(live["venues"])]
    if isinstance(live.get("dead_man"), dict):
        lines.append(_dead_man_text(object_of(live["dead_man"])))
    if refused := live.get("would_be_refused"):
        rules = ", ".join(f"{rule} {count}" for rule, count in object_of(refused).items())
        lines.append(f"nothing is sent; the venues would have refused: {rules}")
    if live.get("ending"):
        lines.append(f"ending: {live['ending']}")
    return lines


def _trust_text(live: "JsonObject") -> str:
    known = "as it is known here" if live["is_trusted"] else "NOT TRUSTED, nothing is opened"
    return f"{known}, {live['differences']} differences found"


def _venue_text(venue: "JsonObject") -> str:
    sockets = ", ".join(f"{object_of(each)['way']} {object_of(each)['state']}" for each in _list(venue["sockets"]))
    blocked = f"; OPENS NOTHING: {venue['blocked_by']}" if venue["blocked_by"] else ""
    problem = f"; last problem: {venue['last_problem']}" if venue["last_problem"] else ""
    age_s = venue.get("private_age_s")
    heard = "" if age_s is None else f", heard {float(str(age_s)):.1f} s ago"
    head = f"{venue['venue']}: {sockets or 'no private socket'}{heard}, {venue['in_flight']} calls under way"
    return f"{head}{_budget_text(venue)}{blocked}{problem}"


def _budget_text(venue: "JsonObject") -> str:
    """Return the limit of the venue that is used most."""
    uses = [object_of(use) for use in _list(venue.get("budget"))]
    shares = {f"{use['name']} {use['used']} of {use['limit']}": _share(use) for use in uses}
    return f", {max(shares, key=lambda text: shares[text])} used" if shares else ""


def _share(use: "JsonObject") -> float:
    limit = int(str(use["limit"]))
    return int(str(use["used"])) / limit if limit else 0.0


def _dead_man_text(switch: "JsonObject") -> str:
    problem = f"; {switch['last_problem']}" if switch["last_problem"] else ""
    if not switch["is_armed"]:
        return f"dead-man's switch of binance_usdm: NOT ARMED{problem}"
    return f"dead-man's switch of binance_usdm: armed, {float(str(switch['left_s'])):.1f} s left{problem}"


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []
