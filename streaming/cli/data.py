"""Commands of the data: import, instruments, sql, gaps."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from streaming.cli.grammar import ProgressLine, add_command, add_json, print_json, rows_count, time_text

if TYPE_CHECKING:
    from streaming.importer import ImportRequest, ImportResult

SQL_ROWS_SHOWN = 50


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add this group's commands."""
    _add_import(commands)
    parser = add_command(
        commands, "instruments", "list the instruments in the lake with tick, size unit and lot", run_instruments
    )
    add_json(parser)
    parser = add_command(commands, "sql", "query the lake: a view per table, book_at(venue, instrument, ts)", run_sql)
    parser.add_argument("query", metavar="QUERY", help='such as "select venue, count(*) from book_updates group by 1"')
    parser.add_argument(
        "--rows", type=rows_count, default=SQL_ROWS_SHOWN, help="rows shown as text (default %(default)s)"
    )
    add_json(parser)
    parser = add_command(
        commands, "gaps", "show the gap ledger: every discontinuity, its cause and its repair", run_gaps
    )
    parser.add_argument("--venue", help="only this venue")
    parser.add_argument("--instrument", help="only this symbol")
    add_json(parser)


def _add_import(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = add_command(commands, "import", "bring recordings into the lake as raw segments", run_import)
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE", help="recordings of one stream (plain, gz, zst)")
    parser.add_argument("--recordings", type=Path, metavar="FOLDER", help="all entries of FOLDER/recordings.toml")
    parser.add_argument("--venue", help="binance_usdm, binance_spot or bybit_spot")
    parser.add_argument("--instrument", metavar="SYMBOL", help="the venue's symbol, such as ETHUSDT")
    parser.add_argument("--tick", help="price step, decimal; from exchange information when the file holds it")
    parser.add_argument("--size-unit", help="finest size that the venue prints, decimal")
    parser.add_argument("--lot", help="step of our own orders' sizes (default: the size unit)")
    parser.add_argument("--market", help="word in recv_ts/market/raw lines (default: the venue's)")
    parser.add_argument("--replace", action="store_true", help="put it in place of what the lake holds of these files")
    add_json(parser)


def run_import(options: argparse.Namespace) -> int:
    """`trader import`."""
    from streaming.importer import import_recording
    from streaming.settings import load_settings

    lake_root = load_settings().warehouse.lake_dir
    progress = ProgressLine()
    results = []
    for request in _import_requests(options):
        try:
            result = import_recording(lake_root, request, progress, replace=options.replace)
        finally:
            progress.close()
        results.append(result)
        if not options.json:
            print(_import_text(result), flush=True)
    if options.json:
        from dataclasses import asdict

        print_json([asdict(result) for result in results])
    elif any(not result.already_there for result in results):
        print("next: python -m orchestration learn   (tables, checks, marts, model)   |   trader instruments")
    return 0


def _import_requests(options: argparse.Namespace) -> "list[ImportRequest]":
    from streaming.errors import UsageError
    from streaming.importer import ImportRequest
    from streaming.recordings import read_recordings

    if options.recordings is not None:
        if options.files or options.venue or options.instrument:
            raise UsageError("--recordings: takes no FILE, --venue or --instrument; recordings.toml names them")
        return read_recordings(options.recordings)
    missing = [name for name in ("files", "venue", "instrument") if not getattr(options, name)]
    if missing:
        word = "FILE" if missing[0] == "files" else f"--{missing[0]}"
        raise UsageError(
            f"{word}: missing; say trader import FILE... --venue V --instrument SYMBOL, or --recordings FOLDER"
        )
    return [
        ImportRequest(
            files=tuple(options.files),
            venue=options.venue,
            symbol=options.instrument,
            tick=options.tick,
            size_unit=options.size_unit,
            lot=options.lot,
            market=options.market,
        )
    ]


def _import_text(result: "ImportResult") -> str:
    if result.already_there:
        return f"{result.instrument}: already in the lake as run {result.run} ({result.frames} frames); nothing to do"
    skipped = ", ".join(f"{count} {name}" for name, count in result.skipped.items()) or "none"
    lines = [
        f"{result.instrument}: {result.frames} frames, {result.snapshots} REST snapshots as run {result.run}",
        f"  from {time_text(result.ts_from_ns)} to {time_text(result.ts_to_ns)}, {len(result.files)} segment files",
        f"  lines skipped: {skipped}",
    ]
    return "\n".join(lines + [f"  warning: {warning}" for warning in result.warnings])


def run_instruments(options: argparse.Namespace) -> int:
    """`trader instruments`."""
    from streaming.inventory import instruments_in
    from streaming.settings import load_settings
    from streaming.tables import print_table

    entries = instruments_in(load_settings().warehouse.lake_dir)
    if options.json:
        print_json([*entries])
        return 0
    if not entries:
        print("the lake holds no raw segment; next: trader import ... or trader emulate --hours 2")
        return 0
    columns = ("instrument", "market_type", "tick", "size_unit", "lot", "runs", "first_hour", "last_hour")
    print_table([name.replace("_", " ") for name in columns], [[entry[name] for name in columns] for entry in entries])
    return 0


def run_sql(options: argparse.Namespace) -> int:
    """`trader sql`."""
    from streaming.inventory import query, show_rows

    result = query(options.query)
    if options.json:
        print_json(result.as_documents())
    else:
        show_rows(result, options.rows)
    return 0


def run_gaps(options: argparse.Namespace) -> int:
    """`trader gaps`."""
    from streaming.inventory import gap_rows, show_rows

    result = gap_rows(options.venue, options.instrument)
    if options.json:
        print_json(result.as_documents())
    elif not result.rows:
        print("the ledger holds no gap")
    else:
        show_rows(result, SQL_ROWS_SHOWN)
    return 0
