"""`trader limits`: every rule with its limit, whether it is on, what is in use of it and how often it objected."""

from collections.abc import Mapping

from native.config import EngineSettings, JsonObject
from native.risk_settings import InstrumentLimits, RiskSettings
from native.risk_tables import RiskRow, WatchRow, risk_rows, watch_rows
from streaming.limit_uses import uses_of

ALWAYS_BY_OTHERS = {
    "gross_exposure": "as max_exposure_quote",
    "short_position": "perpetual: max_position; spot: nothing held at the start",
    "blocked": "until it is closed",
}
"""Rules that are on without a limit of their own, and what then holds."""

MONEY = {
    "net_exposure": "net_exposure",
    "gross_exposure": "gross_exposure",
    "max_capital": "gross_exposure",
}
"""What of a quote currency's money a rule limits; what is in flight stands in no status and comes on top."""


def limit_rows(settings: EngineSettings, status: JsonObject | None) -> list[JsonObject]:
    """Return a row a rule: `when`, `rule`, `formula`, `limit`, `unit`, `state`, `used`, `count`, `action`, `uses`.

    `status` is a running trader's; without it `used` and `count` are None. `used` is also None where no record tells
    it. `uses` has used and cap as decimals where both are known (`streaming.limit_uses`). Limits are the settings',
    which a running trader read at its start.
    """
    risk = _object(status["risk"]) if status is not None and "risk" in status else None
    return [
        *(_order_row(row, settings, status, risk) for row in risk_rows()),
        *(_watch_row(row, settings, status, risk) for row in watch_rows()),
    ]


def _order_row(
    row: RiskRow, settings: EngineSettings, status: JsonObject | None, risk: JsonObject | None
) -> JsonObject:
    limit = _limit_of(row, settings)
    off = settings.risk.off if settings.risk is not None else ()
    is_on = bool(limit) or not row.limit or row.name in ALWAYS_BY_OTHERS
    used = None if risk is None else _money_text(risk, row.name)
    if status is not None and row.name in ("max_position", "short_position"):
        used = _positions_text(status)
    return {
        "when": "order",
        "rule": row.name,
        "formula": row.formula,
        "limit": limit or ALWAYS_BY_OTHERS.get(row.name, ""),
        "unit": row.unit,
        "state": _state(row.name in off, is_on, settings.risk),
        "used": used,
        "count": None if risk is None else _object(risk["refused_by_rule"])[row.name],
        "action": "refuse",
        "uses": [*uses_of("order", row.name, settings, status)],
    }


def _watch_row(
    row: WatchRow, settings: EngineSettings, status: JsonObject | None, risk: JsonObject | None
) -> JsonObject:
    watch = None if settings.risk is None else settings.risk.watch
    given = {} if watch is None else {key: getattr(watch, key) for key in row.limits}
    parts = [f"{key} {value}" if len(given) > 1 else str(value) for key, value in given.items() if value is not None]
    chosen = {} if watch is None else watch.actions
    return {
        "when": "step",
        "rule": row.name,
        "formula": row.formula,
        "limit": ", ".join(parts),
        "unit": row.unit,
        "state": _state(watch is not None and row.name in watch.off, bool(parts), settings.risk),
        "used": None if risk is None else _money_text(risk, row.name),
        "count": None if risk is None else _object(risk["tripped_by_rule"])[row.name],
        "action": chosen.get(row.name, row.action),
        "uses": [*uses_of("step", row.name, settings, status)],
    }


def _state(is_switched_off: bool, has_limit: bool, risk: RiskSettings | None) -> str:
    if risk is None:
        return "off: no [native.risk]"
    if is_switched_off:
        return "off: switched off"
    return "on" if has_limit else "off: no limit"


def _limit_of(row: RiskRow, settings: EngineSettings) -> str:
    section, _, key = row.limit.rpartition(".")
    match section:
        case "limits":
            return _each_text(settings.limits, key)
        case "risk":
            value = None if settings.risk is None else getattr(settings.risk, key)
        case "risk.watch":
            value = None if settings.risk is None else getattr(settings.risk.watch, key)
        case _:
            value = None
    return "" if value is None else str(value)


def _each_text(limits: Mapping[str, InstrumentLimits], key: str) -> str:
    """Return one value where all instruments share it, else each behind its name."""
    given = {name: str(value) for name, limit in limits.items() if (value := getattr(limit, key)) is not None}
    if len(set(given.values())) == 1 and len(given) == len(limits):
        return next(iter(given.values()))
    return ", ".join(f"{name} {value}" for name, value in given.items())


def _money_text(risk: JsonObject, rule: str) -> str | None:
    if rule not in MONEY:
        return None
    groups = risk["money"]
    assert isinstance(groups, list), "made by the session's status"
    return ", ".join(str(_object(group)[MONEY[rule]]) for group in groups) or "0"


def _positions_text(status: JsonObject) -> str:
    instruments = status["instruments"]
    assert isinstance(instruments, list), "made by the session's status"
    held = [_object(item) for item in instruments]
    return ", ".join(f"{item['instrument']} {item['position']}" for item in held if item["position"] != "0") or "0"


def _object(value: object) -> JsonObject:
    assert isinstance(value, dict), f"expected an object, found {value!r}"
    return value
