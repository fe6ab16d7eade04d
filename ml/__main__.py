"""`python -m ml models list | show HASH | rollback --reason TEXT`: look at sealed models and go back to the last one.

Exit codes: 0 done, 1 failed, 2 usage, 3 refused by a safety rule, 5 bad data.
"""

import argparse
import getpass
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from ml.bundle import list_bundles, open_bundle
from ml.errors import BundleError, MlError, RegistryError
from ml.files import JsonObject
from ml.registry import ROLES, history, read_pointer, rollback


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; errors are one line on stderr."""
    options = _parser().parse_args(arguments)
    try:
        if options.action == "list":
            return _list(options)
        if options.action == "show":
            return _show(options)
        return _rollback(options)
    except BundleError as error:
        return _fail(str(error), 3)
    except RegistryError as error:
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
    back.add_argument("--tracking-uri", default=None, help="MLflow address whose alias is moved too")
    return parser


def _fail(message: str, code: int) -> int:
    print(f"error: {message}", file=sys.stderr)
    return code


def _list(options: argparse.Namespace) -> int:
    pointers = {role: read_pointer(options.models, role) for role in ROLES}
    rows: list[JsonObject] = []
    for bundle_hash in list_bundles(options.models):
        roles = [role for role, pointer in pointers.items() if pointer is not None and pointer.hash == bundle_hash]
        row: JsonObject = {"hash": bundle_hash, "roles": list(roles)}
        try:
            bundle = open_bundle(options.models, bundle_hash, None)
            row |= {"preset": bundle.preset.name, "gate_passed": bundle.gate.passed, "expires_ns": bundle.expires_ns}
        except BundleError as error:
            row["error"] = str(error)
        rows.append(row)
    if options.json:
        moves = [{"role": move.role, **asdict(move.pointer)} for move in history(options.models)]
        print(json.dumps({"bundles": rows, "history": moves}))
        return 0
    if not rows:
        print(f"no bundles in {options.models}; train one first")
    for row in rows:
        names = [role for role, pointer in pointers.items() if pointer is not None and pointer.hash == row["hash"]]
        verdict = row.get("error") or ("gate passed" if row["gate_passed"] else "gate refused")
        print(f"{row['hash']!s:.12}  {row.get('preset', '?')!s:<10}  {verdict}  {', '.join(names)}".rstrip())
    return 0


def _show(options: argparse.Namespace) -> int:
    bundle = open_bundle(options.models, _resolve(options.models, options.hash), None)
    if options.json:
        print(json.dumps({"hash": bundle.hash, "manifest": bundle.manifest}))
        return 0
    print(f"bundle      {bundle.hash}")
    print(f"preset      {bundle.preset.name}, {bundle.preset.context} steps seen, {bundle.preset.horizon} forecast")
    print(f"instruments {', '.join(text or '(none)' for text in bundle.slot_instruments)}")
    print(f"data until  {bundle.trained_until_ns} ns, expires {bundle.expires_ns} ns")
    print(f"gate        {'passed' if bundle.gate.passed else 'refused'}")
    for rule in bundle.gate.rules:
        print(f"  {'pass' if rule.passed else 'FAIL'}  {rule.name}: {rule.reason}")
    return 0


def _rollback(options: argparse.Namespace) -> int:
    pointer = rollback(
        options.models, getpass.getuser(), options.reason, time.time_ns(), tracking_uri=options.tracking_uri
    )
    if options.json:
        print(json.dumps(asdict(pointer)))
    else:
        print(f"champion is {pointer.hash[:12]} again, generation {pointer.generation}")
    return 0


def _resolve(models_dir: Path, text: str) -> str:
    for role in ROLES:
        if text == role:
            pointer = read_pointer(models_dir, role)
            if pointer is None:
                raise RegistryError(f"{models_dir}: no {role} yet; promote a bundle first")
            return pointer.hash
    found = [bundle_hash for bundle_hash in list_bundles(models_dir) if bundle_hash.startswith(text)]
    if len(found) != 1:
        raise BundleError(
            f"{models_dir}: expected one bundle beginning with {text!r}, found {len(found)}; see `models list`"
        )
    return found[0]


if __name__ == "__main__":
    sys.exit(main())
