"""What a journal's engine document says of the trader in it: its strategies, and the horizon that it decides by."""

from native.config import JsonObject


def strategy_names(document: JsonObject) -> tuple[str, ...]:
    """Return the strategies that a trader's document runs; a document without a list runs one, `forecast`."""
    listed = document.get("strategies")
    if not isinstance(listed, list):
        return ("forecast",)
    return tuple(str(item["name"]) for item in listed if isinstance(item, dict))


def horizon_step_of(document: JsonObject) -> int:
    """Return the horizon, in steps, by which a trader's document decides: the first strategy's that has one."""
    listed = document.get("strategies")
    for section in [*(listed if isinstance(listed, list) else []), document.get("signal")]:
        if isinstance(section, dict):
            nested = section.get("settings")
            for place in (section, nested if isinstance(nested, dict) else {}):
                step = place.get("horizon_step")
                if isinstance(step, int):
                    return step
    return 1
