"""A trader's status document as points. What the document does not tell yields no point, never a zero."""

from collections.abc import Iterator, Mapping
from itertools import chain

from pydantic import JsonValue

from native.config import JsonObject
from streaming.metrics.catalogue import (
    ALL,
    BUS,
    FEED,
    INSTRUMENT,
    LATENCY,
    LIFE,
    LIMIT,
    MODEL,
    MONEY,
    PERFORMANCE,
    RISK,
    SCORE,
    TRADER,
)
from streaming.metrics.documents import count, model_name, number, part, parts, whole, word
from streaming.metrics.measurement import Measurement
from streaming.metrics.point import MetricPoint

NS_PER_S = 1_000_000_000
BPS = 10_000.0
ACTIVE, SYNCED = "active", "synced"
ORDER, STEP, ON = "order", "step", "on"

Tags = Mapping[str, str]
Row = tuple[Measurement, Tags, Mapping[str, JsonValue]]


def trader_points(document: JsonObject) -> list[MetricPoint]:
    """Return the points of one status document of a trader, all of its `ts_ns`."""
    ts_ns = whole(document.get("ts_ns"))
    common = {"process": word(document.get("process")), "mode": word(document.get("mode"))}
    common["run"] = word(document.get("run"))
    rows = chain(
        _session(document),
        _instruments(document),
        _feeds(document),
        _latencies(part(document, "latency")),
        _performance(part(document, "performance")),
        _models(document),
        _risk(document),
    )
    points = (kind.point(ts_ns, {**common, **tags}, values) for kind, tags, values in rows)
    return [point for point in points if point is not None]


def _session(document: JsonObject) -> Iterator[Row]:
    state = word(document.get("state"))
    facts = part(document, "facts")
    model = model_name(part(document, "model").get("hash"))
    told: JsonObject = {"is_active": state == ACTIVE, "model": model or None, "open_orders": _open_orders(document)}
    yield TRADER, {}, {**document, **part(document, "counts"), **told}
    for place, group in enumerate(parts(part(document, "risk"), "money")):
        yield MONEY, {"group": str(place)}, group
    yield BUS, {}, part(document, "bus")
    watch, probation = part(document, "model"), part(document, "probation")
    yield (
        LIFE,
        {},
        {
            "model": model or None,
            "phase": probation.get("phase"),
            "probation_steps": probation.get("steps"),
            "generation": watch.get("generation"),
            "swaps": watch.get("swaps"),
            "refused": watch.get("refused"),
            "drift_level": facts.get("drift_level"),
            "expires_s": _until_s(facts.get("model_expires_ns"), whole(document.get("ts_ns"))),
        },
    )


def _open_orders(document: JsonObject) -> int | None:
    found = parts(document, "instruments")
    return sum(whole(item.get("open_orders")) for item in found) if found else None


def _until_s(expires_ns: JsonValue, now_ns: int) -> float | None:
    return (expires_ns - now_ns) / NS_PER_S if isinstance(expires_ns, int) and expires_ns else None


def _instruments(document: JsonObject) -> Iterator[Row]:
    for item in parts(document, "instruments"):
        venue, _, name = word(item.get("instrument")).partition(":")
        bid, ask = number(item.get("bid")), number(item.get("ask"))
        told: JsonObject = {"is_synced": item.get("feed") == SYNCED}
        if bid is not None and ask is not None and bid + ask > 0:
            mid = (bid + ask) / 2
            told |= {"mid": mid, "spread_bps": (ask - bid) / mid * BPS}
        yield INSTRUMENT, {"venue": venue, "instrument": name}, {**item, **told}


def _feeds(document: JsonObject) -> Iterator[Row]:
    for venue in parts(document, "venues"):
        told: JsonObject = {"waiting": count(venue, "waiting_for"), "resting": count(venue, "resting")}
        yield FEED, {"venue": word(venue.get("venue"))}, {**venue, **told}


def _latencies(latency: JsonObject) -> Iterator[Row]:
    """A stage of one venue is named `stage.venue`."""
    for name in latency:
        stage, _, venue = name.partition(".")
        histogram = part(latency, name)
        recent = {f"recent_{key}": value for key, value in part(histogram, "recent").items()}
        values = {key.replace(".", ""): value for key, value in {**histogram, **recent}.items()}
        if not values.get("recent_count"):  # percentiles of nothing are no zeros
            values = {key: value for key, value in values.items() if not key.startswith("recent_")}
        if values.get("count"):
            yield LATENCY, {"stage": stage, "venue": venue}, values


def _performance(performance: JsonObject) -> Iterator[Row]:
    yield PERFORMANCE, {"venue": ALL, "strategy": ALL}, part(performance, "total")
    venues, strategies = part(performance, "venues"), part(performance, "strategies")
    for venue in venues:
        yield PERFORMANCE, {"venue": venue, "strategy": ALL}, part(venues, venue)
    for strategy in strategies:
        yield PERFORMANCE, {"venue": ALL, "strategy": strategy}, part(strategies, strategy)
    for row in parts(performance, "rows"):
        yield PERFORMANCE, {"venue": word(row.get("venue")), "strategy": word(row.get("strategy"))}, row


def _models(document: JsonObject) -> Iterator[Row]:
    scores, probation = part(document, "scores"), part(document, "probation")
    hashes = {
        "champion": part(document, "model").get("hash"),
        "challenger": part(document, "challenger").get("hash"),
        "previous": probation.get("previous"),
    }
    for role in scores:
        card, tags = part(scores, role), {"role": role, "model": model_name(hashes.get(role))}
        latency = part(card, "latency")
        told: JsonObject = {"outside_share": part(card, "outside_training").get("share")}
        if latency.get("count"):
            told |= {"p50_us": latency.get("p50_us"), "p99_us": latency.get("p99_us")}
        yield MODEL, tags, {**card, **told}
        for horizon in parts(card, "horizons"):
            yield SCORE, {**tags, "horizon": str(horizon.get("steps"))}, horizon


def _risk(document: JsonObject) -> Iterator[Row]:
    """Counters are the session's; what is in use of a limit is told where a record tells it."""
    risk, limits = part(document, "risk"), parts(document, "limits")
    is_on = {(word(row.get("when")), word(row.get("rule"))): row.get("state") == ON for row in limits}
    for when, counters in ((ORDER, part(risk, "refused_by_rule")), (STEP, part(risk, "tripped_by_rule"))):
        for rule, objected in counters.items():
            yield RISK, {"when": when, "rule": rule}, {"count": objected, "is_on": is_on.get((when, rule))}
    for row in limits:
        tags = {"when": word(row.get("when")), "rule": word(row.get("rule"))}
        for use in parts(row, "uses"):
            yield LIMIT, {**tags, "of": word(use.get("of"))}, {**use, "used_share": use.get("share")}
