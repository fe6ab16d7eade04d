"""`trader emulate`: a market with a known answer, written into a lake or served as three venues on local ports."""

import argparse
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, cast

from streaming.cli.grammar import add_command, add_json, print_json, time_ns

if TYPE_CHECKING:
    from streaming.emulator.exchange.accounts import FeeRates
    from streaming.emulator.faults import FaultSchedule
    from streaming.emulator.serve import Served
    from streaming.emulator.session import SessionRules
    from streaming.emulator.source import MarketSource

STEP_NS = 100_000_000
NS_PER_S = 1_000_000_000
FEE_BPS_MAX = 100
LATE_S = 2.0
"""Real seconds by which frames may be late before it is worth a word."""
GENERATED_START = "2026-01-05T00:00:00"

WRITING = ("to", "hours")
SERVING = (
    "lake", "speed", "port", "addresses", "fees", "lifetime", "with_parent",
    "faults_per_hour", "fault_kinds", "fault_seed",
)  # fmt: skip
RECORDED = ("instruments", "from_time")
GENERATED = ("seed", "effect", "new_fields", "start")
"""Options that only make sense for what their group says; each is None unless given."""
SPELLED = {"lake": "--from"}

EPILOG = """one of three:
  trader emulate --hours N [--to LAKE]   writes N hours of market as raw segments, and ends
  trader emulate                         serves the generated market in real time until Ctrl-C or SIGTERM
  trader emulate --from LAKE             serves recorded raw segments

faults, at times and of kinds drawn by --fault-seed, or when they are asked for:
  drop_depth      depth frames of an instrument are not sent
  repeat_depth    depth frames of an instrument are sent twice
  stale_snapshot  a REST snapshot is some seconds old
  disconnect      connections are cut without a closing handshake
  stall           connections stay open and say nothing for a while
  server_restart  Bybit, one instrument or all: a snapshot with u 1, and u counts from there
  refuse_rest     REST requests are answered with 429 or 418 and Retry-After
  bad_reply       REST replies are HTML, empty or cut short
  clock_skew      all times that the venue states are off for a while
  regime          the market turns nervous: moves x3, sizes x0.4, spreads x3, trades x2; the next time normal again
faults of orders, drawn only where --fault-kinds names them; of requests: place, amend, cancel or any:
  order_unknown_done  an order's request is carried out and answered as if nobody knew: -1007, HTTP 503, 10016
  order_unknown_lost  the same, and it is not carried out
  order_cut_done      it is carried out, and the connection is cut before the answer
  order_cut_lost      the same, and it is not carried out
  order_refused       it is refused with 429 or 418 and Retry-After
  amend_refused       a change is refused, the order stays as it was
  order_hidden        queries do not know a fresh order for a while
  fill_after_cancel   an order fills in part just before its cancel, and that is told late
  cancel_races_fill   a cancel comes too late: the order has filled, which is told late
  stream_silent       nothing that happens to accounts is told for a while, and never will be
  stream_late         fills are told late
  stream_repeated     events of accounts are told twice
  stream_expired      subscriptions of an account end: listen key expired, session gone
  listing_halted      an instrument is halted for a while: cancels alone are taken
ask on the control address, here with symbol (else any, or the whole venue), connection, how many:
  curl -d '{"kind":"drop_depth","venue":"binance_spot","symbol":"BTCUSDT","connections":"one","count":2}' CONTROL/fault
  curl -d '{"volatility_factor":2,"spread_factor":3}' CONTROL/regime     ({} for the nervous one above)
  curl CONTROL/status   CONTROL/faults   CONTROL/connections   'CONTROL/truth?instrument=binance_spot:BTCUSDT'"""


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    summary = "generate a market with a known answer: as raw segments (--hours), or served on local ports"
    parser = add_command(commands, "emulate", summary, run_emulate)
    parser.epilog, parser.formatter_class = EPILOG, argparse.RawDescriptionHelpFormatter
    _add_writing(parser.add_argument_group("to write segments"))
    _add_market(parser.add_argument_group("the generated market"))
    _add_serving(parser.add_argument_group("to serve"))
    add_json(parser)


def _add_writing(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--hours", type=float, metavar="N", help="hours of market to write")
    group.add_argument("--to", type=Path, metavar="LAKE", help="into this lake (default: the one of the settings)")


def _add_market(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--seed", type=int, help="same seed and start, same bytes (default 1)")
    group.add_argument("--effect", type=float, help="strength of the planted effect, 0 plants none (default 1)")
    group.add_argument("--new-fields", action="store_true", default=None, help="with the venues' newer fields")
    start = f"first time, UTC (default {GENERATED_START} when written, now when served)"
    group.add_argument("--start", type=time_ns, metavar="TIME", help=start)


def _add_serving(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--from", dest="lake", type=Path, metavar="LAKE", help="play this lake's raw segments instead")
    group.add_argument("--instruments", nargs="+", metavar="V:SYMBOL", help="with --from: these (default: all)")
    group.add_argument("--from-time", type=time_ns, metavar="TIME", help="with --from: begin with runs open then")
    group.add_argument("--speed", type=float, help="market seconds a second (default 1)")
    group.add_argument("--port", type=int, metavar="N", help="control on N, venues behind it; 0 any (default 18080)")
    group.add_argument("--addresses", type=Path, metavar="FILE", help="write addresses and clock here while running")
    fees = (
        "what accounts pay, in bps (default: as instruments say, else USD-M 2 5 and spot 10 10); the market stays free"
    )
    group.add_argument("--fees", nargs=2, type=_rate, metavar=("MAKER", "TAKER"), help=fees)
    lifetime = "market seconds after which Binance ends a connection (default: its 24 h)"
    group.add_argument("--lifetime", type=float, metavar="S", help=lifetime)
    with_parent = "end when the process that started this one has ended"
    group.add_argument("--with-parent", action="store_true", default=None, help=with_parent)
    group.add_argument("--faults-per-hour", type=float, metavar="X", help="faults at random times (default none)")
    group.add_argument(
        "--fault-kinds", nargs="+", metavar="KIND", help="of those (default: all of the market but regime)"
    )
    group.add_argument("--fault-seed", type=int, help="of their times and kinds (default 1)")


def run_emulate(options: argparse.Namespace) -> int:
    """`trader emulate`: write when `--hours` is given, else serve."""
    from streaming.errors import UsageError

    _check_groups(options)
    seed = 1 if options.seed is None else options.seed
    effect = 1.0 if options.effect is None else options.effect
    if seed < 0 or not 0.0 <= effect <= 1.0:
        raise UsageError(f"expected --seed 0 or more and --effect 0 to 1, found {seed}, {effect}")
    return _write(options, seed, effect) if options.hours is not None else _serve(options, seed, effect)


def _check_groups(options: argparse.Namespace) -> None:
    """Refuse options that contradict each other, all in one line."""
    from streaming.errors import UsageError

    if options.hours is not None:
        wrong = _named(options, (*SERVING, *RECORDED))
        if wrong:
            raise UsageError(f"--hours writes segments and serves nothing; leave it out, or {wrong}")
    elif options.to is not None:
        raise UsageError("--to: expected --hours N with it, found none; without both, the market is served")
    elif options.lake is not None and (wrong := _named(options, GENERATED)):
        raise UsageError(f"--from plays recordings and generates nothing; leave it out, or {wrong}")
    elif options.lake is None and (wrong := _named(options, RECORDED)):
        raise UsageError(f"{wrong}: expected --from LAKE with it; the generated market has three instruments")


def _named(options: argparse.Namespace, names: Sequence[str]) -> str:
    given = [name for name in names if getattr(options, name) is not None]
    return ", ".join(SPELLED.get(name, f"--{name.replace('_', '-')}") for name in given)


def _write(options: argparse.Namespace, seed: int, effect: float) -> int:
    from datetime import UTC, datetime

    from streaming.cli.generated import generate_market
    from streaming.settings import load_settings

    start_ns = time_ns(GENERATED_START) if options.start is None else options.start
    start = datetime.fromtimestamp(start_ns // NS_PER_S, tz=UTC).replace(microsecond=start_ns % NS_PER_S // 1_000)
    lake_root = options.to or load_settings().warehouse.lake_dir
    document = generate_market(lake_root, options.hours, seed, effect, start, bool(options.new_fields))
    if options.json:
        print_json(document)
    else:
        print(f"generated {options.hours:g} h into {lake_root} as run {document['run']}")
        print("next: python -m orchestration learn   |   trader instruments")
    return 0


def _serve(options: argparse.Namespace, seed: int, effect: float) -> int:
    import asyncio

    from streaming.emulator.market import MarketEmulator
    from streaming.emulator.serve import serve_until_stopped
    from streaming.errors import UsageError

    speed = 1.0 if options.speed is None else options.speed
    if not 0.0 < speed <= 1_000.0:
        raise UsageError(f"--speed: expected above 0 and at most 1000, found {speed:g}")
    source = _source(options, seed, effect)
    emulator = MarketEmulator(source, _rules(options.lifetime), _schedule(options, source))
    serving = serve_until_stopped(
        emulator,
        speed=speed,
        ports=_ports(options.port),
        addresses_file=options.addresses,
        ends_with_parent=bool(options.with_parent),
        fees=_fees(options.fees),
        announce=lambda served: _announce(served, is_json=options.json),
    )
    status = asyncio.run(serving)
    if not options.json:
        print(f"stopped; faults fired: {status['faults_fired'] or 'none'}")
        late_s = cast(int, status["lag_ns_max"]) / NS_PER_S / speed
        if late_s > LATE_S:
            print(f"frames were late by up to {late_s:.1f} s: this machine cannot keep --speed {speed:g}")
    return 0


def _rules(lifetime_s: float | None) -> "dict[str, SessionRules]":
    from dataclasses import replace

    from streaming.emulator.venue import SESSION_RULES
    from streaming.errors import UsageError

    if lifetime_s is None:
        return {}
    if not 1.0 <= lifetime_s <= 1e9:
        raise UsageError(f"--lifetime: expected 1 s or more, found {lifetime_s:g}")
    rotated = {name: rules for name, rules in SESSION_RULES.items() if rules.ping_every_ns is not None}
    return {name: replace(rules, lifetime_ns=int(lifetime_s * NS_PER_S)) for name, rules in rotated.items()}


def _rate(text: str) -> Decimal:
    """Return a fee in bps as a share; for `type=`."""
    try:
        bps = Decimal(text)
        is_rate = abs(bps) <= FEE_BPS_MAX
    except InvalidOperation:
        is_rate = False
    if not is_rate:
        raise argparse.ArgumentTypeError(f"expected a rate of at most {FEE_BPS_MAX} bps, found {text!r}")
    return bps / 10_000


def _fees(rates: "Sequence[Decimal] | None") -> "FeeRates | None":
    from streaming.emulator.exchange.accounts import FeeRates

    return None if rates is None else FeeRates(maker=rates[0], taker=rates[1])


def _announce(served: "Served", *, is_json: bool) -> None:
    if is_json:
        print_json(served.to_shown_json())
    else:
        for name, address in served.addresses.items():
            print(f"{name:<14} {address}")
        print(f"speed {served.clock.speed:g}; Ctrl-C ends it", flush=True)


def _source(options: argparse.Namespace, seed: int, effect: float) -> "MarketSource":
    from streaming.emulator.source import EndlessMarket, RecordedMarket
    from streaming.shell.clock import Clock
    from warehouse.lake import Lake

    if options.lake is not None:
        return RecordedMarket(Lake(options.lake), options.instruments or _all_names(options.lake), options.from_time)
    start_ns = Clock.wall().now_ns() if options.start is None else options.start
    return EndlessMarket(seed, start_ns - start_ns % STEP_NS, effect=effect, new_fields=bool(options.new_fields))


def _all_names(lake_root: Path) -> list[str]:
    from streaming.errors import UsageError
    from streaming.inventory import instruments_in

    names = [str(entry["instrument"]) for entry in instruments_in(lake_root)]
    if not names:
        raise UsageError(f"{lake_root}: the lake holds no raw segment; next: trader import or trader emulate --hours 2")
    return names


def _schedule(options: argparse.Namespace, source: "MarketSource") -> "FaultSchedule | None":
    from streaming.emulator.faults import ORDER_FAULTS, FaultKind, FaultSchedule
    from streaming.errors import UsageError

    per_hour = options.faults_per_hour
    if per_hour is None or per_hour <= 0:
        return None
    usual = [kind.value for kind in FaultKind if kind is not FaultKind.regime and kind not in ORDER_FAULTS]
    names = options.fault_kinds or usual
    try:
        kinds = [FaultKind(name) for name in names]
    except ValueError as error:
        raise UsageError(f"--fault-kinds: {error}; known: {', '.join(kind.value for kind in FaultKind)}") from None
    venues = [*dict.fromkeys(entry.venue for entry in source.instruments)]
    return FaultSchedule(
        1 if options.fault_seed is None else options.fault_seed, per_hour, source.start_ns, venues, kinds
    )


def _ports(first: int | None) -> dict[str, int]:
    from streaming.emulator.ports import PORTS
    from streaming.errors import UsageError

    if first is None:
        return PORTS
    if not 0 <= first <= 65_535 - len(PORTS):
        raise UsageError(f"--port: expected 0 or a port up to {65_535 - len(PORTS)}, found {first}")
    offset = first - PORTS["control"] if first else 0
    return {name: port + offset if first else 0 for name, port in PORTS.items()}
