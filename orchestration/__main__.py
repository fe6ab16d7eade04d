"""`python -m orchestration`: the whole job in one process, sessions of the trader, models by hand, Dagster's UI.

Exit codes: 0 done (for `learn`: promoted; for `session`: a drift too), 1 failed, 2 usage, 3 refused by gate or checks,
5 bad data.
"""

import argparse
import getpass
import io
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stdout

from ml.errors import BundleNameError, MlError, RegistryError
from orchestration.errors import OrchestrationError
from orchestration.progress import print_lines
from orchestration.settings import Settings, load_settings
from streaming.errors import TraderError
from warehouse.errors import WarehouseError

USAGE, REFUSED, BAD_DATA = 2, 3, 5


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; an error is one line on stderr."""
    options = _parser().parse_args(arguments)
    try:
        settings = load_settings()
        settings.prepare_environment()
        print_lines()
        run: Callable[[argparse.Namespace, Settings], int] = options.run
        return run(options, settings)
    except (OrchestrationError, TraderError) as error:
        return _fail(str(error), error.exit_code)
    except BundleNameError as error:
        return _fail(str(error), USAGE)
    except RegistryError as error:
        return _fail(str(error), REFUSED)
    except (MlError, WarehouseError) as error:
        return _fail(str(error), BAD_DATA)
    except OSError as error:
        return _fail(f"{error.filename}: {error.strerror}", 1)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m orchestration", description="Conducts what the lake holds.")
    commands = parser.add_subparsers(dest="command", required=True)
    learn = commands.add_parser("learn", help="convert, check, build, train, validate and promote, in one process")
    learn.add_argument("--json", action="store_true", help="machine-readable outcome on stdout")
    learn.set_defaults(run=_learn)
    extend = commands.add_parser("extend", help="convert what waits, check it and build the marts; trains nothing")
    extend.add_argument("--json", action="store_true", help="machine-readable outcome on stdout")
    extend.set_defaults(run=_extend)
    session = commands.add_parser("session", help="land a session of the trader; measure its replay, skew and drift")
    session.add_argument("run_name", metavar="RUN", nargs="?", default="", help="default: the newest sealed one")
    session.add_argument("--json", action="store_true", help="machine-readable outcome on stdout")
    session.set_defaults(run=_session)
    promote = commands.add_parser("promote", help="make a sealed bundle champion")
    promote.add_argument(
        "hash", nargs="?", default="", help="hash or a unique beginning of it; default: the challenger"
    )
    promote.add_argument("--reason", default="", help="overrides rules of skill, never checks of data; it is recorded")
    promote.add_argument("--json", action="store_true", help="machine-readable outcome on stdout")
    promote.set_defaults(run=_promote)
    compare = commands.add_parser("compare", help="two sealed bundles side by side, and which is better beyond chance")
    compare.add_argument("first", nargs="?", default="challenger", help="hash, beginning or role; default: challenger")
    compare.add_argument("second", nargs="?", default="champion", help="likewise; default: champion")
    compare.add_argument("--backtest", action="store_true", help="run the backtests that are missing")
    compare.add_argument("--json", action="store_true", help="machine-readable outcome on stdout")
    compare.set_defaults(run=_compare)
    commands.add_parser("parse-dbt", help="parse the dbt project").set_defaults(run=_parse_dbt)
    _add_servers(commands)
    return parser


def _add_servers(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add what serves until it is told to end."""
    servers = {
        "dagster": (3000, "the Dagster UI and daemon"),
        "webserver": (3000, "the Dagster UI alone"),
        "daemon": (None, "Dagster's daemon alone: schedules, sensors, queued runs"),
        "mlflow": (5000, "the MLflow UI over the experiments of training"),
    }
    for name, (port, summary) in servers.items():
        parser = commands.add_parser(name, help=f"{summary}, until Ctrl-C")
        parser.set_defaults(run=_serve)
        if port is not None:
            parser.add_argument("--port", type=int, default=port, help="listen there (default %(default)s)")
            parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: loopback)")


def _learn(options: argparse.Namespace, settings: Settings) -> int:
    _parse_when_stale(settings)
    import dagster as dg

    from orchestration.conduct import learn

    # dbt's own lines would drown the progress, and stdout is the command's answer.
    with dg.DagsterInstance.get() as instance, redirect_stdout(io.StringIO()):
        learned = learn(settings, instance)
    if options.json:
        _print_json(learned.as_json())
    else:
        print(learned.skill_table)
        if learned.money:
            print(f"money: {learned.money}\n")
        print(
            f"promoted {learned.bundle}"
            if learned.exit_code == 0
            else f"not promoted: {len(learned.reasons)} reason(s)"
        )
    return _tell(learned.reasons, learned.exit_code)


def _extend(options: argparse.Namespace, settings: Settings) -> int:
    _parse_when_stale(settings)
    import dagster as dg

    from orchestration.extension import extend

    with dg.DagsterInstance.get() as instance, redirect_stdout(io.StringIO()):
        extended = extend(settings, instance)
    if options.json:
        _print_json(extended.as_json())
    else:
        print("\n".join(f"{name:<24}{count}" for name, count in {**extended.counts, **extended.checks}.items()))
    return _tell(extended.reasons, extended.exit_code)


def _session(options: argparse.Namespace, settings: Settings) -> int:
    _parse_when_stale(settings)
    import dagster as dg

    from orchestration.session_review import review

    with dg.DagsterInstance.get() as instance, redirect_stdout(io.StringIO()):
        reviewed = review(settings, instance, options.run_name)
    if options.json:
        _print_json(reviewed.as_json())
    else:
        print("\n".join(reviewed.lines))
    return _tell(reviewed.reasons, reviewed.exit_code)


def _tell(reasons: Sequence[str], exit_code: int) -> int:
    for reason in reasons:
        print(f"  {reason}", file=sys.stderr)
    return exit_code


def _promote(options: argparse.Namespace, settings: Settings) -> int:
    import dagster as dg

    from orchestration.defs.promote.promotion import crown, decide, resolve

    with dg.DagsterInstance.get() as instance:
        decision = decide(settings, instance, resolve(settings, options.hash), options.reason)
    pointer = crown(settings, decision, getpass.getuser())
    if options.json:
        _print_json({"bundle": pointer.hash, "generation": pointer.generation, "reason": pointer.reason})
    else:
        print(f"champion {pointer.hash}, generation {pointer.generation}: {pointer.reason}")
    return 0


def _compare(options: argparse.Namespace, settings: Settings) -> int:
    from orchestration.comparison import compare_models
    from orchestration.comparison_text import comparison_lines

    comparison = compare_models(settings, options.first, options.second, may_run=options.backtest)
    if options.json:
        _print_json(comparison.as_json())
    else:
        print("\n".join(comparison_lines(comparison)))
    return 0


def _parse_dbt(_options: argparse.Namespace, settings: Settings) -> int:
    from orchestration.defs.transform.project import parse

    parse(settings.folders)
    return 0


def _serve(options: argparse.Namespace, settings: Settings) -> int:
    from orchestration.serving import command_of, serve

    if options.command != "mlflow":
        _parse_when_stale(settings)
    place = {name: value for name, value in vars(options).items() if name in ("host", "port")}
    return serve(command_of(options.command, settings.folders, **place))


def _parse_when_stale(settings: Settings) -> None:
    from orchestration.defs.transform.project import is_parsed, parse

    if not is_parsed(settings.folders):
        parse(settings.folders)


def _print_json(document: Mapping[str, object]) -> None:
    print(json.dumps(document))


def _fail(message: str, code: int) -> int:
    print(f"error: {message}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
