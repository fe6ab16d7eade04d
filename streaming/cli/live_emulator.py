"""`trader emulate-live`: the venues as local servers on the shared clock, until stopped."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from streaming.cli.grammar import add_command, add_json, print_json, time_ns

if TYPE_CHECKING:
    from streaming.emulator.faults import FaultSchedule
    from streaming.emulator.serve import Served
    from streaming.emulator.source import MarketSource

STEP_NS = 100_000_000


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add this group's commands."""
    parser = add_command(
        commands, "emulate-live", "serve the three venues on local ports, from the generator or the lake", run_live
    )
    add_arguments(parser)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `run_live`."""
    parser.add_argument("--from", dest="lake", type=Path, metavar="LAKE", help="play this lake's raw segments instead")
    parser.add_argument("--instruments", nargs="+", metavar="V:SYMBOL", help="with --from: these (default: all)")
    parser.add_argument("--from-time", type=time_ns, metavar="TIME", help="with --from: begin with runs open then")
    parser.add_argument("--seed", type=int, default=1, help="of the generated market (default %(default)s)")
    parser.add_argument("--effect", type=float, default=1.0, help="strength of the planted effect; 0 plants none")
    parser.add_argument("--new-fields", action="store_true", help="with the venues' newer documented fields")
    parser.add_argument(
        "--start", type=time_ns, metavar="TIME", help="first time of the generated market (default: now)"
    )
    parser.add_argument("--speed", type=float, default=1.0, help="market seconds a second (default %(default)s)")
    parser.add_argument("--port", type=int, metavar="N", help="control on N, venues behind it; 0 any (default 18080)")
    parser.add_argument("--addresses", type=Path, metavar="FILE", help="write addresses and clock here while running")
    parser.add_argument("--faults-per-hour", type=float, default=0.0, help="faults at random times (default none)")
    parser.add_argument("--fault-kinds", nargs="+", metavar="KIND", help="of those (default: all but regime)")
    parser.add_argument("--fault-seed", type=int, default=1, help="of their times and kinds (default %(default)s)")
    add_json(parser)


def run_live(options: argparse.Namespace) -> int:
    """`trader emulate-live`."""
    import asyncio

    from streaming.emulator.market import MarketEmulator
    from streaming.emulator.serve import serve_until_stopped
    from streaming.errors import UsageError

    if not 0.0 < options.speed <= 1_000.0:
        raise UsageError(f"--speed: expected above 0 and at most 1000, found {options.speed:g}")
    source = _source(options)
    emulator = MarketEmulator(source, schedule=_schedule(options, source))
    serving = serve_until_stopped(
        emulator,
        speed=options.speed,
        ports=_ports(options.port),
        addresses_file=options.addresses,
        announce=lambda served: _announce(served, is_json=options.json),
    )
    status = asyncio.run(serving)
    if not options.json:
        print(f"stopped; faults fired: {status['faults_fired'] or 'none'}")
    return 0


def _announce(served: "Served", *, is_json: bool) -> None:
    if is_json:
        print_json(served.to_json())
    else:
        for name, address in served.addresses.items():
            print(f"{name:<14} {address}")
        print(f"speed {served.clock.speed:g}; Ctrl-C ends it", flush=True)


def _source(options: argparse.Namespace) -> "MarketSource":
    from streaming.emulator.source import EndlessMarket, RecordedMarket
    from streaming.errors import UsageError
    from streaming.shell.clock import Clock
    from warehouse.lake import Lake

    if options.lake is not None:
        return RecordedMarket(Lake(options.lake), options.instruments or _all_names(options.lake), options.from_time)
    if options.instruments or options.from_time is not None:
        raise UsageError("--instruments and --from-time need --from LAKE; the generated market has three instruments")
    if options.seed < 0 or not 0.0 <= options.effect <= 1.0:
        raise UsageError(f"expected --seed 0 or more and --effect 0 to 1, found {options.seed}, {options.effect}")
    start_ns = Clock.wall().now_ns() if options.start is None else options.start
    return EndlessMarket(
        options.seed, start_ns - start_ns % STEP_NS, effect=options.effect, new_fields=options.new_fields
    )


def _all_names(lake_root: Path) -> list[str]:
    from streaming.errors import UsageError
    from streaming.inventory import instruments_in

    names = [str(entry["instrument"]) for entry in instruments_in(lake_root)]
    if not names:
        raise UsageError(f"{lake_root}: the lake holds no raw segment; next: trader import or trader emulate --hours 2")
    return names


def _schedule(options: argparse.Namespace, source: "MarketSource") -> "FaultSchedule | None":
    from streaming.emulator.faults import FaultKind, FaultSchedule
    from streaming.errors import UsageError

    if options.faults_per_hour <= 0:
        return None
    names = options.fault_kinds or [kind.value for kind in FaultKind if kind is not FaultKind.regime]
    try:
        kinds = [FaultKind(name) for name in names]
    except ValueError as error:
        raise UsageError(f"--fault-kinds: {error}; known: {', '.join(kind.value for kind in FaultKind)}") from None
    venues = [*dict.fromkeys(entry.venue for entry in source.instruments)]
    return FaultSchedule(options.fault_seed, options.faults_per_hour, source.start_ns, venues, kinds)


def _ports(first: int | None) -> dict[str, int]:
    from streaming.emulator.serve import PORTS

    if first is None:
        return PORTS
    offset = first - PORTS["control"] if first else 0
    return {name: port + offset if first else 0 for name, port in PORTS.items()}
