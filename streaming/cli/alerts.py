"""`trader alerts`: the process that tells people, and what to ask of it: list, ack, silence, status, test, stop."""

import argparse
import sys
from typing import TYPE_CHECKING

from streaming.cli.grammar import add_json, print_json, rows_count

if TYPE_CHECKING:
    from native.config import JsonObject
    from streaming.settings import Settings

UNITS_S = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add this group's commands."""
    summary = "watch the house and tell people what is the matter; list, acknowledge and silence alerts"
    parser = commands.add_parser("alerts", help=summary, description=summary)
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True)
    verb = _verb(verbs, "run", "watch until Ctrl-C; a process of its own, also when no trader runs", run_watch)
    verb.add_argument("--seconds", type=float, metavar="S", help="end after so much time")
    verb = _verb(verbs, "list", "alerts that are open, and those that ended lately", run_list)
    verb.add_argument("--open", action="store_true", help="only those that are open")
    verb.add_argument("--limit", type=rows_count, default=20, metavar="N", help="how many (default %(default)s)")
    verb = _verb(verbs, "ack", "say that you know of an alert: it is told no more, until it grows worse", run_ask)
    verb.set_defaults(op="ack")
    verb.add_argument("id", metavar="ID", help="the beginning of its id is enough")
    verb.add_argument("--reason", default="", metavar="TEXT", help="for whoever comes next")
    verb = _verb(verbs, "silence", "have nobody told of some alerts for a while", run_silence)
    verb.add_argument("--rule", default="*", metavar="RULE", help="default: every rule; * stands for any signs")
    verb.add_argument("--subject", default="*", metavar="TEXT", help="default: every subject; * stands for any signs")
    verb.add_argument("--for", dest="span_s", type=span_s, required=True, metavar="SPAN", help="such as 30m, 2h, 1d")
    verb.add_argument("--reason", required=True, metavar="TEXT", help="for whoever comes next")
    verb = _verb(verbs, "unsilence", "end a silence before its time", run_ask)
    verb.set_defaults(op="unsilence", reason="")
    verb.add_argument("id", metavar="ID", help="the beginning of its id is enough")
    _verb(verbs, "status", "who is told of what, and how the messages fare", run_status)
    verb = _verb(verbs, "test", "send a test message to one address, or to all, and tell what became of it", run_test)
    verb.add_argument("address", nargs="?", default="", metavar="NAME", help="default: every address")
    verb = _verb(verbs, "stop", "end the process that watches", run_ask)
    verb.set_defaults(op="stop", id="")
    verb.add_argument("--reason", default="", metavar="TEXT", help="why; it says it on its screen")


def _verb(
    verbs: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, summary: str, run: object
) -> argparse.ArgumentParser:
    verb = verbs.add_parser(name, help=summary, description=summary)
    verb.set_defaults(run=run)
    add_json(verb)
    return verb


def span_s(text: str) -> float:
    """Return the seconds of a span such as 30m, 2h or 1d; for `type=`."""
    number, unit = text[:-1], text[-1:]
    if unit not in UNITS_S or not number.replace(".", "", 1).isdecimal() or float(number) == 0:
        raise argparse.ArgumentTypeError(f"expected a span such as 30m, 2h or 1d, found {text!r}")
    return float(number) * UNITS_S[unit]


def run_watch(options: argparse.Namespace) -> int:
    """`trader alerts run`; exit code 0 also when ended by a signal."""
    from streaming.errors import UsageError
    from streaming.settings import load_settings
    from streaming.shell.alerts import run_alerts

    if options.seconds is not None and options.seconds <= 0:
        raise UsageError(f"--seconds: expected a number above 0, found {options.seconds:g}")
    summary = run_alerts(load_settings(), _say, options.seconds)
    if options.json:
        print_json(summary.to_json())
    else:
        print(
            f"ALERTS  {summary.alerts} began, {summary.sent} messages sent, {summary.failed} given up; "
            f"ended: {summary.ended_by}"
        )
        print("next: trader alerts list")
    return 0


def _say(line: str) -> None:
    """Every line stays: what was told is read later."""
    print(line, file=sys.stderr, flush=True)


def run_list(options: argparse.Namespace) -> int:
    """`trader alerts list`: of the process that watches, or of the history while none does."""
    from streaming.cli.alerts_text import list_text
    from streaming.errors import NotRunningError
    from streaming.settings import load_settings

    settings = load_settings()
    try:
        found = _ask(settings, {"op": "list"})
        found["is_watched"] = True
    except NotRunningError:
        from streaming.alert_history import alerts_in_lake

        found = {"alerts": [*alerts_in_lake(settings.lake_root)], "silences": [], "is_watched": False}
    alerts = found["alerts"]
    assert isinstance(alerts, list), "made by the process, or here"
    wanted = [alert for alert in alerts if not options.open or _is_open(alert)]
    found["alerts"] = wanted[: options.limit]
    if options.json:
        print_json(found)
    else:
        print(list_text(found))
    return 0


def _is_open(alert: object) -> bool:
    return isinstance(alert, dict) and alert.get("state") != "resolved"


def run_ask(options: argparse.Namespace) -> int:
    """`trader alerts ack|unsilence|stop`."""
    return _show(options, {"op": options.op, "id": options.id, "reason": options.reason})


def run_silence(options: argparse.Namespace) -> int:
    """`trader alerts silence`."""
    words: JsonObject = {"rule": options.rule, "subject": options.subject, "seconds": options.span_s}
    return _show(options, {"op": "silence", **words, "reason": options.reason})


def run_status(options: argparse.Namespace) -> int:
    """`trader alerts status`; exit code 4 when nobody watches."""
    return _show(options, {"op": "status"})


def _show(options: argparse.Namespace, request: "JsonObject") -> int:
    from streaming.cli.alerts_text import answer_text
    from streaming.settings import load_settings
    from streaming.shell.bus_client import asking_user

    answer = _ask(load_settings(), {**request, "by": asking_user()})
    if options.json:
        print_json(answer)
    else:
        print(answer_text(str(request["op"]), answer))
    return 0


def run_test(options: argparse.Namespace) -> int:
    """`trader alerts test`: sends by itself, so that nothing needs to run; exit code 1 where one address failed."""
    from streaming.errors import UsageError
    from streaming.settings import load_settings
    from streaming.shell.alerts import TEST_BODY, TEST_TITLE
    from streaming.shell.alerts_sender import Sender

    config = load_settings().streaming.alerts
    names = [name for name in config.urls if options.address in ("", name)]
    if not names:
        known = ", ".join(config.urls) or "there is none; set LOB_STREAMING__ALERTS__URLS__NAME, see docs/alerts.md"
        raise UsageError(f"expected the name of an address in streaming.alerts.urls: {known}")
    sender = Sender({name: config.urls[name] for name in names}, config.send_s_max)
    problems = {name: sender.send_text(name, TEST_TITLE, TEST_BODY) for name in names}
    if options.json:
        print_json({"routes": {name: {"ok": not problem, "problem": problem} for name, problem in problems.items()}})
    else:
        for name, problem in problems.items():
            print(f"{name} ({sender.services[name]}): {f'NOT SENT: {problem}' if problem else 'sent'}")
    return 1 if any(problems.values()) else 0


def _ask(settings: "Settings", request: "JsonObject") -> "JsonObject":
    """Return the answer; a refusal is raised as what it was over there."""
    from streaming.errors import NotRunningError, refusal_of
    from streaming.shell.alerts_names import SOCKET_NAME
    from streaming.shell.control import ask

    try:
        answer = ask(settings.warehouse.run_dir / SOCKET_NAME, request)
    except NotRunningError as error:
        raise NotRunningError(f"{error}; nobody watches, next: trader alerts run") from error
    if answer.pop("ok", False) is not True:
        raise refusal_of(str(answer.get("error", "no reason was given")), answer.get("exit_code"))
    return answer
