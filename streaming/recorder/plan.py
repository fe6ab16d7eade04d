"""What one venue's recorder does, worked out before it begins: instruments, sources, connections, addresses.

A run is one venue's: a venue that is down, or whose tick changes, disturbs no other.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from ipaddress import ip_address
from urllib.parse import urlsplit

import orjson

import native
from native.config import NS_PER_MS, EngineSettings, engine_document
from streaming.errors import RefusedError, UsageError
from streaming.live_segments import RUN_PREFIX
from streaming.pump import build_engine
from streaming.record_config import RecordConfig, VenueAddresses
from streaming.recorder.lines import LineSpec
from streaming.segments import InstrumentEntry, SegmentHeader, SourceEntry
from streaming.venues.dialect import Dialect, RestKind
from streaming.venues.dialects import DIALECTS
from streaming.venues.exchange_info import VENUE_FACTS, InstrumentRules, instrument_rules

WEBSOCKET = "websocket"


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueTarget:
    """A venue, its symbols and where it is."""

    dialect: Dialect
    symbols: tuple[str, ...]
    rest_url: str
    websocket_urls: tuple[str, ...]

    @property
    def is_on_loopback(self) -> bool:
        """True when every address is on this machine: an emulator's."""
        return all(_is_loopback(url) for url in (self.rest_url, *self.websocket_urls))


@dataclass(frozen=True, slots=True, kw_only=True)
class VenuePlan:
    """One run of one venue."""

    dialect: Dialect
    header: SegmentHeader
    lines: tuple[LineSpec, ...]

    def instrument_id(self, symbol: str) -> int:
        """Return the id of a symbol that the header lists."""
        return next(entry.id for entry in self.header.instruments if entry.symbol == symbol)

    def depth_source(self, symbol: str) -> int:
        """Return the source of a symbol's REST snapshots."""
        return next(entry.id for entry in self.header.sources if entry.instrument == symbol)

    @property
    def exchange_info_source(self) -> int:
        """The source of exchange information."""
        return next(entry.id for entry in self.header.sources if entry.kind == RestKind.exchange_info)


def venue_targets(config: RecordConfig, instruments: Sequence[str]) -> list[VenueTarget]:
    """Return the venues of `instruments` (`venue:SYMBOL`) in the order named; UsageError for an unknown venue."""
    symbols: dict[str, list[str]] = {}
    for name in instruments:
        venue, _, symbol = name.partition(":")
        if venue not in DIALECTS:
            raise UsageError(f"{name}: cannot record venue {venue!r}; expected one of: {', '.join(DIALECTS)}")
        symbols.setdefault(venue, []).append(symbol)
    targets = []
    for venue, own in symbols.items():
        dialect, addresses = DIALECTS[venue], config.addresses.get(venue, VenueAddresses())
        targets.append(
            VenueTarget(
                dialect=dialect,
                symbols=tuple(own),
                rest_url=addresses.rest or dialect.rest_url,
                websocket_urls=addresses.websocket or (dialect.websocket_url,),
            )
        )
    return targets


def check_speed(targets: Sequence[VenueTarget], speed: float) -> None:
    """Refuse a clock that is not the world's where a venue is of the world."""
    real = [target.dialect.venue for target in targets if not target.is_on_loopback]
    if speed != 1.0 and real:
        raise RefusedError(
            f"clock speed {speed:g} with {', '.join(real)} at a real address; use speed 1, or point "
            "streaming.record.addresses at an emulator on this machine"
        )


def run_name(venue: str, now_ns: int) -> str:
    """Return a run's name: when and where it began."""
    at = datetime.fromtimestamp(now_ns // 1_000_000_000, tz=UTC)
    return f"{RUN_PREFIX}{venue}-{at:%Y%m%dT%H%M%S}.{now_ns // NS_PER_MS % 1_000:03d}"


def make_plan(target: VenueTarget, run: str, exchange_info: bytes, copies: int, valid_from_ns: int) -> VenuePlan:
    """Return the plan of a run; UsageError when the venue does not list a symbol, ValueError for a strange reply."""
    dialect = target.dialect
    entries = tuple(
        _entry(number, dialect.venue, symbol, _rules(target, symbol, exchange_info), valid_from_ns)
        for number, symbol in enumerate(target.symbols)
    )
    lines: list[LineSpec] = []
    for copy in range(copies):
        base = target.websocket_urls[copy % len(target.websocket_urls)]
        for route in dialect.routes:
            streams = tuple(stream for symbol in target.symbols for stream in dialect.streams(route.name, symbol))
            lines.append(
                LineSpec(route=route.name, copy=copy, url=base + route.path, source=len(lines), streams=streams)
            )
    kinds: list[tuple[str, str | None]] = [(WEBSOCKET, None)] * len(lines)
    kinds.append((RestKind.exchange_info.value, None))
    kinds += [(RestKind.depth.value, symbol) for symbol in target.symbols if dialect.depth(symbol) is not None]
    sources = tuple(
        SourceEntry(id=number, venue=dialect.venue, instrument=symbol, kind=kind)
        for number, (kind, symbol) in enumerate(kinds)
    )
    header = SegmentHeader(run=run, instruments=entries, sources=sources)
    return VenuePlan(dialect=dialect, header=header, lines=tuple(lines))


def rules_changes(header: SegmentHeader, rules: Mapping[str, InstrumentRules]) -> list[str]:
    """Return in words what `rules` (by symbol) say otherwise than the header; a symbol left out says nothing."""
    entries = {entry.symbol: entry for entry in header.instruments}
    changes = []
    for symbol, found in rules.items():
        entry = entries.get(symbol)
        if entry is None:
            changes.append(f"{symbol} is listed again")
            continue
        for name in ("tick", "size_unit", "lot"):
            before, now = getattr(entry, name), getattr(found, name)
            if before != now:
                changes.append(f"{entry.name} {name} {before} -> {now}")
    return changes


def make_engine(header: SegmentHeader, settings: EngineSettings) -> native.Engine:
    """Return the engine beside the recorder: it follows books and emits no market rows."""
    document = engine_document(header.instrument_rows(), header.source_rows(), settings)
    document["emit"] = {"book_updates": False, "trades": False, "quotes": False, "grid": False}
    return build_engine(document, f"record {header.run}")


def _rules(target: VenueTarget, symbol: str, exchange_info: bytes) -> InstrumentRules:
    venue = target.dialect.venue
    try:
        rules = instrument_rules(venue, symbol, exchange_info)
    except orjson.JSONDecodeError as error:
        raise ValueError(f"exchange information of {venue}: {error}") from error
    if rules is None:
        raise UsageError(unlisted_text(venue, symbol))
    return rules


def _entry(number: int, venue: str, symbol: str, rules: InstrumentRules, valid_from_ns: int) -> InstrumentEntry:
    facts = VENUE_FACTS[venue]
    words: Mapping[str, str] = asdict(rules)
    return InstrumentEntry(
        id=number,
        venue=venue,
        symbol=symbol,
        market_type=facts.market_type,
        maker_fee_bps=facts.maker_fee_bps,
        taker_fee_bps=facts.taker_fee_bps,
        valid_from_ns=valid_from_ns,
        **words,
    )


def unlisted_text(venue: str, symbol: str) -> str:
    """Return what a user is told of a symbol that the venue does not know."""
    return f"{venue}:{symbol}: the venue does not list it; check streaming.record.instruments"


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
