"""`trader why ORDER_ID`: an order back to its decision, forecast, books, model, training run, data and raw segments."""

import argparse

from streaming.cli.grammar import ProgressLine, add_command, add_json, print_json

EPILOG = """each link is looked at and told as ok, missing or altered: the journal's hashes, the bundle's manifest and
files, the sha256 of the grid files that it learned from, the checksums of raw segments; exit code 5 where one is not
what it was"""


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    parser = add_command(
        commands, "why", "where an order came from, down to the raw frames; each link verified", run_why
    )
    parser.epilog, parser.formatter_class = EPILOG, argparse.RawDescriptionHelpFormatter
    parser.add_argument("order", metavar="ORDER_ID", help="client order id, decimal or hex, or: last")
    parser.add_argument("--quick", action="store_true", help="see whether files stand, and read none of them")
    add_json(parser)


def run_why(options: argparse.Namespace) -> int:
    """`trader why`; exit code 5 when a link is altered."""
    from streaming.cli.why_text import show_chain
    from streaming.errors import BadDataError
    from streaming.settings import load_settings
    from streaming.why.chain import why
    from streaming.why.find import order_number
    from streaming.why.links import ALTERED

    number = order_number(options.order)
    progress = ProgressLine()
    try:
        chain = why(load_settings(), number, progress, is_quick=options.quick)
    finally:
        progress.close()
    if options.json:
        print_json(chain.to_json())
    else:
        show_chain(chain)
    return BadDataError.exit_code if any(link.state == ALTERED for link in chain.broken()) else 0
