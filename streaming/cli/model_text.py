"""The models of a running trader as text: who trades and who follows, their probation, and their live scores."""

from typing import TYPE_CHECKING

from streaming.cli.grammar import time_text

if TYPE_CHECKING:
    from pydantic import JsonValue

    from native.config import JsonObject

HASH_SIGNS = 12
SCORE_COLUMNS = (
    ("role", "role"),
    ("model", "model"),
    ("steps", "steps ahead"),
    ("scored", "scored"),
    ("mse", "mse bps2"),
    ("mae", "mae bps"),
    ("skill", "skill"),
    ("slope", "slope"),
    ("intercept_bps", "intercept bps"),
    ("lost", "late+skipped+failed"),
    ("p99_ms", "p99 ms"),
)


def model_lines(status: "JsonObject") -> list[str]:
    """Return what trades, what forecasts in the shadow, what is on probation and what was refused."""
    if status["model"] is None:
        return ["no model: nothing is forecast; strategies that need no forecast trade", *_fact_lines(status)]
    model = object_of(status["model"])
    by = f"generation {model['generation']}" if model["is_following_champion"] else "named by hand, not followed"
    text = f"model {_short(model['hash'])} ({by}), {model['swaps']} swaps"
    if model["previous"]:
        text += f", {_short(model['previous'])} kept for a rollback"
    lines = [text]
    if model["refused"]:
        lines.append(f"{model['refused']} models refused; last: {model['last_problem']}")
    return [*lines, *_challenger_lines(status), *_probation_lines(status), *_fact_lines(status)]


def score_rows(status: "JsonObject") -> list["JsonObject"]:
    """Return one row a model and horizon that was scored; none before there is one."""
    rows: list[JsonObject] = []
    for role, model in _roles(status).items():
        card = object_of(object_of(status["scores"])[role])
        horizons = card["horizons"]
        assert isinstance(horizons, list), "the trader tells a list"
        lost = f"{card['late']}+{card['skipped']}+{card['failed']} of {card['windows']}"
        p99_ms = f"{float(str(object_of(card['latency'])['p99_us'])) / 1_000:.1f}"
        for measures in map(object_of, horizons):
            if measures["scored"]:
                told = {name: _number(value) for name, value in measures.items()}
                rows.append({"role": role, "model": _short(model), **told, "lost": lost, "p99_ms": p99_ms})
    return rows


def object_of(value: object) -> "JsonObject":
    """Return a part of the status that is an object."""
    assert isinstance(value, dict), f"expected an object, found {value!r}"
    return value


def _roles(status: "JsonObject") -> dict[str, object]:
    """Return the hash of each role that is scored."""
    if status["model"] is None:
        return {}
    scores, model = object_of(status["scores"]), object_of(status["model"])
    hashes = {
        "champion": model["hash"],
        "challenger": object_of(status["challenger"])["hash"],
        "previous": model["previous"],
    }
    return {role: found for role, found in hashes.items() if role in scores}


def _challenger_lines(status: "JsonObject") -> list[str]:
    challenger = object_of(status["challenger"])
    lines = []
    if challenger["hash"]:
        shadow = object_of(status["shadow"])
        words = f"{shadow['windows']} windows, {shadow['skipped']} skipped, {shadow['failed']} failed"
        lines.append(f"challenger {_short(challenger['hash'])} forecasts in the shadow: {words}")
    if challenger["refused"]:
        lines.append(f"challenger refused {challenger['refused']} times; last: {challenger['last_problem']}")
    return lines


def _probation_lines(status: "JsonObject") -> list[str]:
    probation = object_of(status["probation"])
    lines = []
    if probation["phase"] == "on_probation":
        against = f" against {_short(probation['previous'])}" if probation["previous"] else ", no model to go back to"
        steps = f"{probation['steps']} of {probation['of_steps']} steps"
        lines.append(f"PROBATION of {_short(probation['champion'])}: {steps}{against}")
    elif probation["phase"] == "rolling_back":
        lines.append(f"ROLLING BACK: {_short(probation['champion'])} failed its probation, its pointer is being moved")
    failed = probation["failed"]
    assert isinstance(failed, list), "the trader tells a list"
    for item in map(object_of, failed[-1:]):
        lines.append(
            f"failed its probation last: {_short(item['hash'])} (generation {item['generation']}): {item['why']}"
        )
    return lines


def _fact_lines(status: "JsonObject") -> list[str]:
    facts = object_of(status["facts"])
    words = []
    if expires_ns := facts.get("model_expires_ns"):
        words.append(f"model expires {time_text(int(str(expires_ns)))}")
    if level := facts.get("drift_level"):
        words.append(f"DRIFT LEVEL {level}")
    if offset_ns := facts.get("clock_offset_ns"):
        words.append(f"CLOCK BEHIND by {-int(str(offset_ns)) // 1_000_000} ms at least")
    return [", ".join(words)] if words else []


def _number(value: "JsonValue") -> "JsonValue":
    return "-" if value is None else f"{value:+.4f}" if isinstance(value, float) else value


def _short(value: object) -> str:
    return str(value)[:HASH_SIGNS]
