"""Alerts as lines for people."""

from collections.abc import Iterator

from pydantic import JsonValue

from native.config import JsonObject
from streaming.cli.grammar import time_text

SIGNS = {"critical": "!!", "warning": "! ", "info": "  "}


def list_text(found: JsonObject) -> str:
    """Return alerts and silences."""
    lines = [] if found["is_watched"] else ["nobody watches; this is the history. next: trader alerts run"]
    alerts = [*_objects(found["alerts"])]
    for alert in alerts:
        lines += [*_alert_lines(alert)]
    if not alerts:
        lines.append("no alert")
    lines += [f"silence {silence_text(silence)}" for silence in _objects(found["silences"])]
    return "\n".join(lines)


def _alert_lines(alert: JsonObject) -> Iterator[str]:
    severity, count = str(alert["severity"]), int(str(alert["count"]))
    times = f", {count} times" if count > 1 else ""
    subject = f" [{alert['subject']}]" if alert["subject"] else ""
    yield (
        f"{SIGNS[severity]} {str(alert['id'])[:8]}  {severity.upper():8} {alert['state']!s:12} "
        f"{time_text(int(str(alert['ts_first_ns'])))}{times}  {alert['title']}{subject}"
    )
    if alert["words"]:
        yield f"     {alert['words']}"
    if alert["by"]:
        yield f"     acknowledged by {alert['by']}"
    told = alert.get("silenced") or alert["delivered"]
    if told:
        yield f"     {told}"


def silence_text(silence: JsonObject) -> str:
    """Return a silence in one line."""
    until = time_text(int(str(silence["until_ns"])))
    return (
        f"{str(silence['id'])[:8]}  rule {silence['rule']}, subject {silence['subject']}, until {until}, "
        f"by {silence['by']}: {silence['reason']}"
    )


def answer_text(op: str, answer: JsonObject) -> str:
    """Return the answer of the process that watches to anything but `list`."""
    match op:
        case "ack":
            alert = _object(answer["alert"])
            return f"acknowledged {str(alert['id'])[:8]}: {alert['title']}; it is told again only if it grows worse"
        case "silence":
            return f"silence {silence_text(_object(answer['silence']))}\nnext: trader alerts unsilence ID ends it early"
        case "unsilence":
            return f"ended silence {str(_object(answer['silence'])['id'])[:8]}"
        case "stop":
            return f"stopping: {answer['will']}"
    return status_text(answer)


def status_text(status: JsonObject) -> str:
    """Return how the process that watches fares."""
    count = _object(status["open"])
    lines = [
        f"ALERTS  watching every {status['look_ms']} ms, process {status['pid']}, since "
        f"{time_text(int(str(status['ts_begun_ns'])))}",
        f"  open: {count['critical']} critical, {count['warning']} warnings, {count['info']} infos; "
        f"{status['unacknowledged']} not acknowledged",
    ]
    lines += [_route_text(route, _object(status["services"])) for route in _objects(status["routes"])]
    lines += [f"  {name}: no address" for name in _texts(status["routes_without_address"])]
    if not status["routes"]:
        lines.append("  nobody is told: no address in streaming.alerts.urls; see docs/alerts.md")
    lines += [f"  silence {silence_text(silence)}" for silence in _objects(status["silences"])]
    if _texts(status["rules_off"]):
        lines.append(f"  rules off: {', '.join(_texts(status['rules_off']))}")
    if status["look_problem"]:
        lines.append(f"  the last look failed: {status['look_problem']}")
    if status["history_problem"]:
        lines.append(f"  the history cannot be written: {status['history_problem']}")
    bus = status["bus"]
    if isinstance(bus, dict) and not bus["is_connected"]:
        lines.append(
            f"  Redis is not there ({bus['last_problem'] or 'not yet'}): processes are asked over their sockets"
        )
    return "\n".join(lines)


def _route_text(route: JsonObject, services: JsonObject) -> str:
    service = services[str(route["name"])]
    line = (
        f"  {route['name']} ({service}): {route['severity_min']} and graver, {route['sent']} sent, "
        f"{route['waiting']} wait, {route['failed']} given up"
    )
    return f"{line}; last problem: {route['last_problem']}" if route["last_problem"] else line


def _object(value: JsonValue) -> JsonObject:
    assert isinstance(value, dict), "the process answers with objects"
    return value


def _objects(value: JsonValue) -> Iterator[JsonObject]:
    assert isinstance(value, list), "the process answers with rows"
    for row in value:
        yield _object(row)


def _texts(value: JsonValue) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list) else []
