"""`python -m ml models list | show HASH | rollback --reason TEXT`: look at sealed models and go back to the last one.
`python -m ml backtest log DOCUMENT`: write to MLflow what a backtest gave.

Exit codes: 0 done, 1 failed, 2 usage, 3 refused by a safety rule, 5 bad data.
"""

import argparse
import getpass
import json
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from ml.bundle import Bundle, list_bundles, open_bundle
from ml.errors import BundleError, BundleNameError, MlError, RegistryError
from ml.files import JsonObject
from ml.registry import ROLES, Pointer, history, read_pointer, resolve, rollback


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; errors are one line on stderr."""
    options = _parser().parse_args(arguments)
    try:
        if options.action == "list":
            return _list(options)
        if options.action == "show":
            return _show(options)
        if options.action == "log":
            return _log_backtest(options)
        return _rollback(options)
    except BundleNameError as error:
        return _fail(str(error), 2)
    except (BundleError, RegistryError) as error:
        return _fail(str(error), 3)
    except (MlError, OSError, ValueError, KeyError) as error:
        return _fail(f"{options.models}: {error}", 5)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m ml", description="Sealed models and their pointers.")
    nouns = parser.add_subparsers(dest="noun", required=True)
    actions = nouns.add_parser("models", help="list, show, roll back").add_subparsers(dest="action", required=True)
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--models", type=Path, default=Path("data/models"), help="folder of the bundles")
    shared.add_argument("--json", action="store_true", help="machine-readable output")
    actions.add_parser("list", parents=[shared], help="every sealed bundle, its verdict and role")
    show = actions.add_parser("show", parents=[shared], help="one bundle in full, verified")
    show.add_argument("hash", help="hash, a unique beginning of it, 'champion' or 'challenger'")
    back = actions.add_parser("rollback", parents=[shared], help="make the champion before this one champion again")
    back.add_argument("--reason", required=True, help="why; it is kept in the history")
    back.add_argument("--by", default=None, help="who; default: this user")
    back.add_argument("--generation", type=int, help="move nothing unless the champion is of this generation")
    back.add_argument("--tracking-uri", default=None, help="MLflow address whose alias is moved too")
    backtest = nouns.add_parser("backtest", help="write to MLflow what a backtest gave")
    log = backtest.add_subparsers(dest="action", required=True).add_parser("log", help="one run of a document")
    log.add_argument("models", type=Path, metavar="DOCUMENT", help="the backtest's JSON document")
    log.add_argument("--tracking-uri", required=True, help="MLflow address")
    return parser


def _fail(message: str, code: int) -> int:
    print(f"error: {message}", file=sys.stderr)
    return code


def _list(options: argparse.Namespace) -> int:
    rows = [_listed(options.models, bundle_hash) for bundle_hash in list_bundles(options.models)]
    if options.json:
        moves = [{"role": move.role, **asdict(move.pointer)} for move in history(options.models)]
        print(json.dumps({"bundles": rows, "history": moves}))
    elif rows:
        # A hash tells nothing of age: the newest data stand last, where the eye is.
        rows.sort(key=lambda row: (int(str(row.get("trained_until_ns", 0))), str(row["hash"])))
        print(_table(("HASH", "ROLE", "GATE", "PRESET", "DATA UNTIL (UTC)", "EXPIRES (UTC)"), map(_cells, rows)))
    else:
        print(f"no bundles in {options.models}; train one first: python -m orchestration learn")
    return 0


def _listed(models_dir: Path, bundle_hash: str) -> JsonObject:
    row: JsonObject = {"hash": bundle_hash, "roles": list(_roles(models_dir, bundle_hash))}
    try:
        bundle = open_bundle(models_dir, bundle_hash, None)
    except BundleError as error:
        return row | {"error": str(error)}
    return row | {
        "preset": bundle.preset.name,
        "gate_passed": bundle.gate.passed,
        "trained_until_ns": bundle.trained_until_ns,
        "expires_ns": bundle.expires_ns,
    }


def _cells(row: JsonObject) -> list[str]:
    roles = row["roles"]
    assert isinstance(roles, list), "a row lists its roles"
    head = [str(row["hash"])[:12], " ".join(map(str, roles)) or "-"]
    if "error" in row:
        return [*head, f"DAMAGED: {row['error']}"]
    verdict = "passed" if row["gate_passed"] else "refused"
    until, expires = (_moment(int(str(row[name]))) for name in ("trained_until_ns", "expires_ns"))
    return [*head, verdict, str(row["preset"]), until, expires]


def _show(options: argparse.Namespace) -> int:
    bundle = open_bundle(options.models, resolve(options.models, options.hash), None)
    roles = _roles(options.models, bundle.hash)
    if options.json:
        shown = {role: asdict(pointer) for role, pointer in roles.items()}
        print(json.dumps({"hash": bundle.hash, "roles": shown, "manifest": bundle.manifest}))
        return 0
    absent = set(range(len(bundle.slot_instruments))) - set(bundle.present_slots)
    instruments = [
        f"{text or 'none'} (not in the data)" if slot in absent else text
        for slot, text in enumerate(bundle.slot_instruments)
    ]
    lines = [
        ("bundle", bundle.hash),
        *(
            (role, f"generation {p.generation} since {_moment(p.ts_ns)} by {p.by}: {p.reason}")
            for role, p in roles.items()
        ),
        ("preset", f"{bundle.preset.name}, {bundle.preset.context} steps seen, {bundle.preset.horizon} forecast"),
        ("instruments", ", ".join(instruments)),
        ("data until", f"{_moment(bundle.trained_until_ns)} UTC"),
        ("expires", f"{_moment(bundle.expires_ns)} UTC"),
        ("gate", "passed" if bundle.gate.passed else "refused"),
    ]
    print("\n".join(f"{name:<12}{text}" for name, text in lines))
    print(_gate_table(bundle))
    return 0


def _gate_table(bundle: Bundle) -> str:
    rows = [["pass" if rule.passed else "FAIL", rule.kind, rule.name, rule.reason] for rule in bundle.gate.rules]
    return _table(("  RULE", "KIND", "NAME", "REASON"), ([f"  {row[0]}", *row[1:]] for row in rows))


def _rollback(options: argparse.Namespace) -> int:
    pointer = rollback(
        options.models,
        options.by or getpass.getuser(),
        options.reason,
        time.time_ns(),
        expected_generation=options.generation,
        tracking_uri=options.tracking_uri,
    )
    if options.json:
        print(json.dumps(asdict(pointer)))
    else:
        print(f"champion is {pointer.hash[:12]} again, generation {pointer.generation}")
    return 0


def _log_backtest(options: argparse.Namespace) -> int:
    from ml.tracking import SQLITE, log_backtest, sqlite_address

    document = json.loads(options.models.read_bytes())
    address: str = options.tracking_uri
    if address.startswith(SQLITE):
        address = sqlite_address(Path(address.removeprefix(SQLITE)))
    print(log_backtest(address, document))
    return 0


def _roles(models_dir: Path, bundle_hash: str) -> dict[str, Pointer]:
    pointers = {role: read_pointer(models_dir, role) for role in ROLES}
    return {role: pointer for role, pointer in pointers.items() if pointer is not None and pointer.hash == bundle_hash}


def _moment(ts_ns: int) -> str:
    return datetime.fromtimestamp(ts_ns / 1e9, tz=UTC).strftime("%Y-%m-%d %H:%M:%S")


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return columns wide enough for what stands in them; the last cell of a row may be as long as it likes."""
    lines = [list(header), *map(list, rows)]
    widths = [max(len(line[i]) for line in lines if i < len(line) - 1 or line is lines[0]) for i in range(len(header))]
    padded = ("  ".join(f"{cell:<{width}}" for cell, width in zip(line, widths, strict=False)) for line in lines)
    return "\n".join(line.rstrip() for line in padded)


if __name__ == "__main__":
    sys.exit(main())
