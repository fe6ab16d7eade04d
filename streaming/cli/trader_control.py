"""Commands to a running trader: status, orders, positions, reduce, halt, flatten, resume, stop.

They go over the control socket in `data/run`, or over Redis with `--via redis`; the answers are the same.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from streaming.cli.grammar import ProgressLine, add_command, add_json, print_json, rows_count, time_text

if TYPE_CHECKING:
    from pydantic import JsonValue

    from native.config import JsonObject
    from streaming.settings import Settings

WATCH_S = 1.0
END_TIMEOUT_S = 600.0
"""For a session to be sealed and its tables written after `stop`."""

POLL_S = 0.1

ORDER_COLUMNS = (
    ("client_order_id", "order"),
    ("instrument", "instrument"),
    ("side", "side"),
    ("state", "state"),
    ("price", "price"),
    ("size", "size"),
    ("filled", "filled"),
    ("refused_by", "refused by"),
    ("bundle", "bundle"),
    ("sent", "sent"),
)
STATE_COMMANDS = {
    "reduce": "from now on only lower positions",
    "halt": "cancel every order and send none",
    "flatten": "cancel every order, close every position, then halt",
    "resume": "trade again after reduce or halt; needs --reason",
}


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add this group's commands."""
    parser = add_command(commands, "status", "what the running trader does: state, books, pnl, model, lag", run_status)
    parser.add_argument("--watch", action="store_true", help="go on until Ctrl-C; on a terminal, as a screen")
    _add_way(parser)
    parser = add_command(commands, "orders", "the running trader's last orders, newest first", run_orders)
    parser.add_argument("--limit", type=rows_count, default=20, metavar="N", help="how many (default %(default)s)")
    _add_way(parser)
    parser = add_command(commands, "way", "where the time of one order went, stage by stage", run_way)
    parser.add_argument("order", metavar="ORDER", help="its number, see: trader orders")
    _add_way(parser)
    _add_way(add_command(commands, "positions", "the running trader's positions and pnl", run_positions))
    for op, summary in STATE_COMMANDS.items():
        parser = add_command(commands, op, summary, run_move)
        parser.set_defaults(op=op)
        _add_reason(parser, "why; stands in the journal")
    parser = add_command(commands, "stop", "end the trader; open positions stay as they are", run_stop)
    parser.set_defaults(op="stop")
    parser.add_argument("--no-wait", action="store_true", help="do not wait for its session to be sealed and landed")
    _add_reason(parser, "why; the trader says it on its screen")


def _add_reason(parser: argparse.ArgumentParser, meaning: str) -> None:
    parser.add_argument("--reason", default="", metavar="TEXT", help=meaning)
    _add_way(parser)


def _add_way(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--via", choices=("socket", "redis"), default="socket", help="how to ask (default %(default)s)")
    add_json(parser)


def run_status(options: argparse.Namespace) -> int:
    """`trader status`."""
    from streaming.cli.paper_text import show_status
    from streaming.settings import load_settings

    settings = load_settings()
    if options.watch and not options.json and sys.stdout.isatty():
        from streaming.cli.watching import watch_until_interrupted

        watch_until_interrupted(lambda: _ask(options, settings, {"op": "status"}), options.via)
        return 0
    while True:
        answer = _ask(options, settings, {"op": "status"})
        if options.json:
            print_json(answer)
        else:
            show_status(answer)
        if not options.watch:
            return 0
        sys.stdout.flush()
        time.sleep(WATCH_S)


def run_orders(options: argparse.Namespace) -> int:
    """`trader orders`."""
    return _show_list(options, {"op": "orders", "limit": options.limit}, "orders", ORDER_COLUMNS)


def run_way(options: argparse.Namespace) -> int:
    """`trader way`; exit code 3 for an order that was not sent, or too long ago."""
    from streaming.performance.text import show_way
    from streaming.settings import load_settings

    answer = _ask(options, load_settings(), {"op": "way", "client_order_id": options.order})
    if options.json:
        print_json(answer)
    else:
        show_way(answer["way"])
    return 0


def run_positions(options: argparse.Namespace) -> int:
    """`trader positions`."""
    from streaming.cli.paper_text import POSITION_COLUMNS

    return _show_list(options, {"op": "positions"}, "positions", POSITION_COLUMNS)


def run_move(options: argparse.Namespace) -> int:
    """`trader reduce|halt|flatten|resume`; exit code 3 when the state does not allow it."""
    from streaming.settings import load_settings

    answer = _ask(options, load_settings(), {"op": options.op, "reason": options.reason})
    if options.json:
        print_json(answer)
    else:
        move = f"{str(answer['state_before']).upper()} -> {str(answer['state']).upper()}"
        print(f"{str(answer['mode']).upper()}  {move}: {answer['will']}")
        _show_open(answer)
    return 0


def run_stop(options: argparse.Namespace) -> int:
    """`trader stop`; exit code 1 when the trader has not ended in time."""
    from streaming.settings import load_settings
    from streaming.shell.trader_names import LOCK_NAME

    settings = load_settings()
    answer = _ask(options, settings, {"op": "stop", "reason": options.reason})
    if not options.no_wait and options.via == "socket":
        answer["has_ended"] = _wait_released(settings.warehouse.run_dir / LOCK_NAME)
    if options.json:
        print_json(answer)
    else:
        print(f"stopping: {answer['will']}")
        _show_open(answer)
        if answer.get("has_ended") is False:
            print(f"  it has not ended after {END_TIMEOUT_S:g} s; process {answer['pid']}")
        print("next: trader report   |   trader start")
    return 1 if answer.get("has_ended") is False else 0


def _ask(options: argparse.Namespace, settings: "Settings", request: "JsonObject") -> "JsonObject":
    """Return the answer; a refusal is raised as what it was over there."""
    from streaming.errors import refusal_of
    from streaming.shell.trader_names import PROCESS, SOCKET_NAME

    run_dir = settings.warehouse.run_dir
    if options.via == "redis":
        from streaming.shell.bus_client import ask_over_redis

        answer = ask_over_redis(settings.streaming.redis, run_dir, PROCESS, request)
    else:
        from streaming.shell.control import ask

        answer = ask(run_dir / SOCKET_NAME, request)
    if answer.pop("ok", False) is not True:
        raise refusal_of(str(answer.get("error", "no reason was given")), answer.get("exit_code"))
    return answer


def _show_list(
    options: argparse.Namespace, request: "JsonObject", key: str, columns: "Sequence[tuple[str, str]]"
) -> int:
    from streaming.cli.paper_text import show_rows
    from streaming.settings import load_settings

    answer = _ask(options, load_settings(), request)
    if options.json:
        print_json(answer)
        return 0
    rows = answer[key]
    assert isinstance(rows, list), "the trader answers with rows"
    print(f"{str(answer['mode']).upper()}  {key}")
    if rows:
        show_rows([_shown(row) for row in rows], columns)
    else:
        print(f"no {key} yet")
    return 0


def _shown(row: "JsonValue") -> "JsonObject":
    """Return a row with its time as text."""
    assert isinstance(row, dict), "a row is an object"
    sent = row.get("ts_sent_ns")
    return {**row, "sent": time_text(sent)} if isinstance(sent, int) else row


def _show_open(answer: "JsonObject") -> None:
    """Name the open positions aloud."""
    positions = answer["positions"]
    assert isinstance(positions, list), "the trader answers with positions"
    for position in positions:
        assert isinstance(position, dict), "a position is an object"
        print(f"  OPEN POSITION  {position['instrument']} {position['position']}, pnl {position['pnl']}")


def _wait_released(path: Path) -> bool:
    """Wait until the trader has ended; False when that takes too long."""
    from streaming.lock import is_held

    progress = ProgressLine()
    deadline_s = time.monotonic() + END_TIMEOUT_S
    progress("stopping: the session is sealed, replayed and its tables are written")
    try:
        while is_held(path):
            if time.monotonic() > deadline_s:
                return False
            time.sleep(POLL_S)
    finally:
        progress.close()
    return True
