"""Lanes: the traders that a pass over the market runs side by side, one a set of values."""

from collections.abc import Sequence

import orjson

from streaming.backtest.request import BacktestRequest, lanes_of
from streaming.errors import SettingsError
from streaming.optimize.space import PLACE, Parameter, Values, with_values
from streaming.settings import Settings, settings_path


def lane_text(settings: Settings, grid: str, values: Values) -> str:
    """Return the lane of `values` as the core takes it; it keeps sums alone.

    RefusedError when a limit has no value, SettingsError for a value that the settings refuse.
    """
    tried = settings.model_copy(update={"native": with_values(settings.native, values)})
    document = lanes_of(tried, settings.grid_named(grid), BacktestRequest(grid=grid))[0].document
    own = {"record": "summary", "sample_steps": settings.streaming.optimize.sample_steps}
    return orjson.dumps({**document, **own}).decode()


def check_reach(settings: Settings, grid: str, parameters: Sequence[Parameter]) -> None:
    """Raise SettingsError for a key that the traders do not hear of: of the market that they share, or of no trader."""
    for parameter in parameters:
        ends = parameter.ends()
        lanes = {lane_text(settings, grid, {parameter.key: end}) for end in ends}
        if len(lanes) < len(set(map(repr, ends))):
            problem = "does not reach a trader; expected a key of its strategies, risk, limits or latency"
            raise SettingsError(str(settings_path()), f'{PLACE}."{parameter.key}"', problem)
