"""The search space: settings keys, the values that they may take, and settings with such values put in.

A key counts only when it exists in the settings, takes all of its values, and reaches the trader alone: what the
market itself is made with (fees, the grid, staleness) is the same for all sets, as they share one pass over it.
"""

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from pydantic import JsonValue, ValidationError

from native.config import EngineSettings, JsonObject
from streaming.errors import SettingsError
from streaming.optimize.config import Scalar, SpaceEntry
from streaming.settings import Settings, settings_path

SECTION = "native"
PLACE = "streaming.optimize.space"
Values = Mapping[str, Scalar]
"""Settings keys and the values of one set, as the settings write them."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One key of the space and how Optuna draws it; a decimal is drawn as a number of steps above its low end."""

    key: str
    distribution: BaseDistribution
    low: Decimal | None = None
    step: Decimal | None = None

    def value_of(self, drawn: Scalar) -> Scalar:
        """Return the settings' value of what Optuna drew."""
        if self.low is None or self.step is None:
            return drawn
        assert isinstance(drawn, int)
        return str(self.low + drawn * self.step)

    def ends(self) -> tuple[Scalar, ...]:
        """Return the outermost values, or all choices."""
        if isinstance(self.distribution, CategoricalDistribution):
            return tuple(choice for choice in self.distribution.choices if choice is not None)
        assert isinstance(self.distribution, IntDistribution | FloatDistribution)
        return self.value_of(self.distribution.low), self.value_of(self.distribution.high)


def read_space(settings: Settings) -> tuple[Parameter, ...]:
    """Return the declared space in order of its keys; SettingsError names the key that cannot be searched, and why."""
    space = settings.streaming.optimize.space
    if not space:
        raise _error(
            PLACE, 'nothing to search; declare keys, such as "native.signal.cost_multiple" = {low = 0.5, high = 4.0}'
        )
    present = present_values(settings.native)
    parameters = tuple(_parameter(key, space[key], present) for key in sorted(space))
    for parameter in parameters:
        for value in parameter.ends():
            with_values(settings.native, {parameter.key: value})
    return parameters


def present_values(native: EngineSettings) -> dict[str, Scalar | None]:
    """Return every key of section `[native]` that holds one plain value, with that value; None where it has none."""
    leaves = _leaves((SECTION,), native.model_dump(mode="json"))
    return {key: value for key, value in leaves if value is None or isinstance(value, Scalar)}


def with_values(native: EngineSettings, values: Values) -> EngineSettings:
    """Return `native` with `values` in their places; SettingsError names the key whose value is refused."""
    document: JsonObject = native.model_dump(mode="json")
    for key, value in values.items():
        _put(document, key.split(".")[1:], value)
    try:
        return EngineSettings.model_validate(document)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join((SECTION, *(str(part) for part in first["loc"])))
        problem = first["msg"].removeprefix("Value error, ")
        raise _error(
            next((own for own in values if own in key), key), f"{problem} (found {first['input']!r})"
        ) from error


def _parameter(key: str, entry: SpaceEntry, present: Mapping[str, Scalar | None]) -> Parameter:
    if key not in present:
        near = difflib.get_close_matches(key, present, n=1, cutoff=0.0)
        raise _error(key, f"names no key of the settings; the nearest is {near[0]}" if near else "names no key")
    if entry.choices is not None:
        return Parameter(key, CategoricalDistribution(entry.choices))
    ends = (entry.low, entry.high, entry.step)
    if isinstance(present[key], str) or any(isinstance(end, str) for end in ends):
        return _decimal_parameter(key, entry)
    low, high, step = (_number(key, end) for end in ends)
    assert low is not None and high is not None, "the entry's form was checked"
    if isinstance(present[key], bool):
        raise _error(key, "is true or false; expected choices = [true, false]")
    _check_order(key, low, high)
    if isinstance(present[key], int) or (present[key] is None and all(isinstance(end, int) for end in (low, high))):
        if not all(isinstance(end, int) for end in (low, high, step or 1)):
            raise _error(key, f"counts in whole numbers; expected such ends, found {low} to {high}")
        return Parameter(key, IntDistribution(int(low), int(high), step=int(step or 1), log=entry.log))
    return Parameter(
        key, FloatDistribution(float(low), float(high), step=None if step is None else float(step), log=entry.log)
    )


def _decimal_parameter(key: str, entry: SpaceEntry) -> Parameter:
    try:
        low, high, step = (Decimal(str(end)) for end in (entry.low, entry.high, entry.step))
    except InvalidOperation:
        raise _error(key, "is a decimal; expected low, high and step in quotes, such as '0.01'") from None
    _check_order(key, low, high)
    if step <= 0 or (high - low) % step:
        raise _error(key, f"expected a step that divides {low} to {high}, found {step}")
    return Parameter(key, IntDistribution(0, int((high - low) / step)), low, step)


def _number(key: str, end: int | float | str | None) -> int | float | None:
    if isinstance(end, str):
        raise _error(key, f"is a number; expected one without quotes, found {end!r}")
    return end


def _check_order(key: str, low: float | Decimal, high: float | Decimal) -> None:
    if not low < high:
        raise _error(key, f"expected low below high, found {low} and {high}")


def _leaves(path: Sequence[str], value: JsonValue) -> Iterator[tuple[str, JsonValue]]:
    """Yield every key below `value` with what stands there; places of a list are numbers."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _leaves((*path, key), inner)
    elif isinstance(value, list) and any(isinstance(item, dict) for item in value):
        for number, item in enumerate(value):
            yield from _leaves((*path, str(number)), item)
    else:
        yield ".".join(path), value


def _put(document: JsonValue, path: Sequence[str], value: Scalar) -> None:
    """Set the value at `path`, which `_leaves` told."""
    place = document
    for part in path[:-1]:
        place = place[int(part)] if isinstance(place, list) else _table(place)[part]
    _table(place)[path[-1]] = value


def _table(value: JsonValue) -> JsonObject:
    assert isinstance(value, dict), "a key's parents are tables or lists of them"
    return value


def _error(key: str, problem: str) -> SettingsError:
    place = key if key == PLACE else f'{PLACE}."{key}"'
    return SettingsError(str(settings_path()), place, problem)
