"""How much of each limit is in use, from a running trader's status: rows of `used` and `cap` for bars.

A use is `{"of", "used", "cap", "unit", "share"}`: whose (an instrument, a venue, empty for the whole process), two
decimals as text in the rule's unit, and their quotient for a bar's length, above 1 beyond the limit. What no record
tells has no use: rules that look at one order alone, and what the core measures and keeps to itself. Orders in flight
count for the core as filled and stand in no status: its own figure may be higher by them.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from native.config import NS_PER_MS, EngineSettings, JsonObject
from native.risk_settings import PERPETUAL_VENUES, RiskSettings, WatchSettings

DAY_NS: Final = 86_400_000 * NS_PER_MS
BPS: Final = 10_000
PLACES: Final = Decimal("1e-8")
LIVE: Final = "live"
NEVER_NS: Final = (1 << 63) - 1
"""A model's expiry that is none."""

Uses = list[JsonObject]


@dataclass(frozen=True, slots=True)
class Moment:
    """Limits and what a status says is in use."""

    settings: EngineSettings
    risk: RiskSettings
    status: JsonObject

    @property
    def watch(self) -> WatchSettings:
        """Limits of the rules that look once a step."""
        return self.risk.watch

    @property
    def instruments(self) -> list[JsonObject]:
        """Of the session."""
        return _rows(self.status["instruments"])

    @property
    def told(self) -> JsonObject:
        """What the risk rules did and measured."""
        return _object(self.status["risk"])

    @property
    def ts_ns(self) -> int:
        """When the status was told."""
        return _whole(self.status.get("ts_ns", 0))

    @property
    def accounts(self) -> list[JsonObject]:
        """How our accounts stand where orders go to venues; none in another mode."""
        live = self.status.get("live") if self.status.get("mode") == LIVE else None
        return _rows(live["venues"]) if isinstance(live, dict) else []

    def awaited(self, kind: str) -> JsonObject:
        """Return counts of orders without an answer, by instrument."""
        return _object(_object(self.told.get("awaited", {})).get(kind, {}))

    def fact(self, name: str) -> int | None:
        """Return what the shell told the engine last; None where it told nothing."""
        found = _object(self.status.get("facts", {})).get(name)
        return found if isinstance(found, int) else None


def uses_of(when: str, rule: str, settings: EngineSettings, status: JsonObject | None) -> Uses:
    """Return the uses of a rule of `when`, which is `order` or `step`; none where nothing tells them."""
    find = _FINDERS.get((when, rule))
    if find is None or settings.risk is None or status is None or "risk" not in status:
        return []
    return find(Moment(settings, settings.risk, status))


def use(of: str, used: Decimal | int, cap: object, unit: str) -> Uses:
    """Return one use as a list, an empty one without a cap."""
    if cap is None:
        return []
    limit, held = Decimal(str(cap)), Decimal(used)
    share = float(held / limit) if limit else float(held > 0)
    return [{"of": of, "used": _text(held), "cap": _text(limit), "unit": unit, "share": round(max(share, 0.0), 4)}]


# --- amounts ---


def _positions(moment: Moment) -> Uses:
    limits = moment.settings.limits
    return _joined(
        use(_name(row), abs(_decimal(row["position"])), limits[_name(row)].max_position, "coins")
        for row in moment.instruments
        if _name(row) in limits
    )


def _short_positions(moment: Moment) -> Uses:
    found: Uses = []
    for row in moment.instruments:
        limits = moment.settings.limits.get(_name(row))
        if limits is not None:
            is_perpetual = _venue(row) in PERPETUAL_VENUES
            cap = limits.max_position if is_perpetual else limits.inventory or "0"
            found += use(_name(row), max(Decimal(0), -_decimal(row["position"])), cap, "coins")
    return found


def _money(moment: Moment, key: str, cap: object) -> Uses:
    groups = _rows(moment.told["money"])
    return _joined(use("", abs(_decimal(group[key])), cap, "quote") for group in groups)


def _venue_exposures(moment: Moment) -> Uses:
    sums: dict[str, Decimal] = {}
    for row in moment.instruments:
        held, bid, ask = _decimal(row["position"]), row.get("bid"), row.get("ask")
        if held and (bid is None or ask is None):  # what it is worth is not known
            return []
        value = held * (_decimal(bid) + _decimal(ask)) / 2 if held else Decimal(0)
        sums[_venue(row)] = sums.get(_venue(row), Decimal(0)) + abs(value)
    return _joined(use(venue, value, moment.risk.max_venue_exposure_quote, "quote") for venue, value in sums.items())


def _gains(moment: Moment, sign: int, cap_bps: float | None, cap_quote: str | None) -> Uses:
    """Return losses (sign -1) or gains of open positions, as share of their cost and as an amount."""
    found: Uses = []
    for row in moment.instruments:
        held = _decimal(row["position"])
        if not held or row.get("average_price") is None:
            continue
        gain = max(Decimal(0), sign * _decimal(row["unrealised"]))
        cost = abs(held * _decimal(row["average_price"]))
        found += use(_name(row), gain * BPS / cost if cost else Decimal(0), cap_bps, "bps")
        found += use(_name(row), gain, cap_quote, "quote")
    return found


def _drawdowns(moment: Moment) -> Uses:
    return _joined(
        use("", _decimal(mark["peak_equity"]) - _decimal(money["equity"]), moment.watch.max_drawdown_quote, "quote")
        for money, mark in _marked(moment)
    )


def _daily_losses(moment: Moment) -> Uses:
    found: Uses = []
    for money, mark in _marked(moment):
        is_today = _whole(mark["ts_ns"]) // DAY_NS == moment.ts_ns // DAY_NS
        # Equity is told where it changes: where it was told last on another day, it has not since.
        loss = _decimal(mark["day_first_equity"]) - _decimal(money["equity"]) if is_today else Decimal(0)
        found += use("", max(Decimal(0), loss), moment.watch.max_daily_loss_quote, "quote")
    return found


def _marked(moment: Moment) -> Iterable[tuple[JsonObject, JsonObject]]:
    return zip(_rows(moment.told["money"]), _rows(moment.told.get("marks", [])), strict=False)


# --- counts and facts ---


def _order_rates(moment: Moment) -> Uses:
    venues = _sums_by_venue(_object(_object(moment.told.get("recent", {})).get("orders", {})))
    names = {_venue(row) for row in moment.instruments}
    return _joined(use(name, venues.get(name, 0), moment.risk.order_rate_max, "orders") for name in sorted(names))


def _in_flight(moment: Moment) -> Uses:
    venues = _sums_by_venue(moment.awaited("orders"))
    return _joined(use(name, count, moment.risk.in_flight_max, "orders") for name, count in sorted(venues.items()))


def _unresolved(moment: Moment) -> Uses:
    """Return orders whose outcome is unknown, where venues are live: one closes its instrument."""
    unknown = moment.awaited("unknown") if moment.accounts else {}
    return _joined(use(name, _whole(count), 0, "orders") for name, count in unknown.items())


def _private_streams(moment: Moment) -> Uses:
    """Return how long ago each account was last known to be heard; one that never was has no age."""
    heard = {str(row["venue"]): _whole(row["private_heard_ns"]) for row in moment.accounts}
    cap_ms = moment.risk.private_age_max_ms
    return _joined(
        use(name, max(Decimal(0), _ms(moment.ts_ns - heard_ns)), cap_ms, "ms")
        for name, heard_ns in heard.items()
        if heard_ns
    )


def _gaps(moment: Moment, cap: int | None) -> Uses:
    counts = _object(_object(moment.told.get("recent", {})).get("gaps", {}))
    return _joined(use(_name(row), _whole(counts.get(_name(row), 0)), cap, "gaps") for row in moment.instruments)


def _clock(moment: Moment, cap_ms: int | None) -> Uses:
    offset_ns = moment.fact("clock_offset_ns")
    return [] if offset_ns is None else use("", _ms(abs(offset_ns)), cap_ms, "ms")


def _drift(moment: Moment, cap: int | None) -> Uses:
    level = moment.fact("drift_level")
    return [] if level is None else use("", level, cap, "level")


def _model_expiry(moment: Moment) -> Uses:
    expires_ns = moment.fact("model_expires_ns")
    if not expires_ns or expires_ns == NEVER_NS:
        return []
    return use("", max(Decimal(0), _ms(moment.ts_ns - expires_ns)), moment.watch.model_expiry_grace_ms, "ms")


def _heartbeat(moment: Moment) -> Uses:
    beat_ns = moment.fact("heartbeat_ns")
    return use("", _ms(moment.ts_ns - beat_ns), moment.watch.heartbeat_age_max_ms, "ms") if beat_ns else []


_FINDERS: Final[Mapping[tuple[str, str], Callable[[Moment], Uses]]] = {
    ("order", "max_position"): _positions,
    ("order", "short_position"): _short_positions,
    ("order", "net_exposure"): lambda at: _money(at, "net_exposure", at.risk.max_exposure_quote),
    ("order", "gross_exposure"): lambda at: _money(
        at, "gross_exposure", at.risk.max_gross_exposure_quote or at.risk.max_exposure_quote
    ),
    ("order", "venue_exposure"): _venue_exposures,
    ("order", "max_capital"): lambda at: _money(at, "gross_exposure", at.risk.max_capital_quote),
    ("order", "order_rate"): _order_rates,
    ("order", "in_flight"): _in_flight,
    ("order", "unresolved"): _unresolved,
    ("order", "private_stream"): _private_streams,
    ("order", "data_quality"): lambda at: _gaps(at, at.risk.gaps_max),
    ("order", "clock"): lambda at: _clock(at, at.risk.clock_offset_max_ms),
    ("order", "drift"): lambda at: _drift(at, 1),
    ("step", "stop_loss"): lambda at: _gains(at, -1, at.watch.stop_loss_bps, at.watch.stop_loss_quote),
    ("step", "take_profit"): lambda at: _gains(at, 1, at.watch.take_profit_bps, at.watch.take_profit_quote),
    ("step", "net_exposure"): lambda at: _money(at, "net_exposure", at.watch.max_net_exposure_quote),
    ("step", "gross_exposure"): lambda at: _money(at, "gross_exposure", at.watch.max_gross_exposure_quote),
    ("step", "drawdown"): _drawdowns,
    ("step", "daily_loss"): _daily_losses,
    ("step", "data_quality"): lambda at: _gaps(at, at.watch.gaps_max),
    ("step", "drift"): lambda at: _drift(at, at.watch.drift_level_max),
    ("step", "model_expiry"): _model_expiry,
    ("step", "clock"): lambda at: _clock(at, at.watch.clock_offset_max_ms),
    ("step", "heartbeat"): _heartbeat,
}


# --- reading a status ---


def _sums_by_venue(counts: JsonObject) -> dict[str, int]:
    sums: dict[str, int] = {}
    for instrument, count in counts.items():
        venue = instrument.partition(":")[0]
        sums[venue] = sums.get(venue, 0) + _whole(count)
    return sums


def _joined(parts: Iterable[Uses]) -> Uses:
    return [row for part in parts for row in part]


def _name(row: JsonObject) -> str:
    return str(row["instrument"])


def _venue(row: JsonObject) -> str:
    return _name(row).partition(":")[0]


def _decimal(value: object) -> Decimal:
    return Decimal(str(value))


def _ms(value_ns: int) -> Decimal:
    return Decimal(value_ns) / NS_PER_MS


def _text(value: Decimal) -> str:
    whole = value.quantize(PLACES).normalize()
    return format(whole + 0, "f")


def _whole(value: object) -> int:
    assert isinstance(value, int), f"expected a whole number, found {value!r}"
    return value


def _object(value: object) -> JsonObject:
    assert isinstance(value, dict), f"expected an object, found {value!r}"
    return value


def _rows(value: object) -> list[JsonObject]:
    assert isinstance(value, list), f"expected rows, found {value!r}"
    return [_object(row) for row in value]
