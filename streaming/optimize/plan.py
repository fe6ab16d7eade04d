"""Everything that decides a search, worked out before the first pass, so that a killed one goes on with the same."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import orjson
from pydantic import JsonValue

from native.config import GridConfig, JsonObject
from streaming.backtest.asking import python_names
from streaming.cli.grammar import time_text
from streaming.errors import SettingsError, UsageError
from streaming.optimize.config import OptimizeConfig, Scalar
from streaming.optimize.folds import Fold, FoldRules, cut_folds
from streaming.optimize.forecasts import Material, Model, Told, prepare
from streaming.optimize.lane_pass import Course
from streaming.optimize.lanes import check_reach, lane_text
from streaming.optimize.request import OptimizeRequest, Places
from streaming.optimize.space import Parameter, present_values, read_space
from streaming.settings import Settings, settings_path
from streaming.trading_run import bundle_hash, load_forecaster
from warehouse.files import write_atomically
from warehouse.lake import Lake

if TYPE_CHECKING:
    from ml.runtime import Forecaster

MODEL_ID_DIGITS = 8
AUTO_NAME = "auto"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One search before its first pass."""

    settings: Settings
    request: OptimizeRequest
    config: OptimizeConfig
    """With the request's numbers put in."""
    grid: GridConfig
    bundle: str | None
    trained_until_ns: int | None
    """Up to here the model has seen the market itself."""
    parameters: tuple[Parameter, ...]
    course: Course
    folds: tuple[Fold, ...]

    @property
    def period_ns(self) -> int:
        """Length of one return."""
        return self.config.sample_steps * self.grid.step_ns

    @property
    def material(self) -> Material:
        """Span and forecasts."""
        return self.course.material

    @property
    def default_values(self) -> dict[str, Scalar | None]:
        """The searched keys as the settings have them."""
        present = present_values(self.settings.native)
        return {item.key: present[item.key] for item in self.parameters}

    @property
    def is_seen(self) -> bool:
        """Tell whether the model learned from a part of the test windows."""
        return self.trained_until_ns is not None and self.folds[0].test.from_ns <= self.trained_until_ns


def make_plan(settings: Settings, request: OptimizeRequest, places: Places, say: Told) -> Plan:
    """Return the plan, with its forecasts made; hold the folder's lock.

    SettingsError for a key that cannot be searched, UsageError when the span is too short or the folder holds another
    search, RefusedError when the bundle may not be used or a limit has no value.
    """
    config = _config(settings, request)
    grid = settings.grid_named(request.grid)
    _check_strategies(settings)
    parameters = read_space(settings)
    check_reach(settings, grid.name, parameters)
    bundle = None if request.model is None else bundle_hash(settings, request.model)
    _check_same(places, _decided_by(settings, request, config, bundle))
    forecaster = None if bundle is None else load_forecaster(settings, grid, bundle, request.ts_from_ns or 0)
    try:
        material = prepare(places.forecasts, settings, grid, _span(request, forecaster), _model(forecaster), say)
        folds = cut_folds(material.span, _rules(config, settings, grid, forecaster))
    except UsageError as error:
        places.forget()
        if forecaster is None or request.ts_from_ns is not None:
            raise
        until = time_text(forecaster.bundle.trained_until_ns)
        raise UsageError(
            f"{error}; without --from the span begins where the model's training data end, {until}"
        ) from error
    return Plan(
        settings=settings,
        request=request,
        config=config,
        grid=grid,
        bundle=bundle,
        trained_until_ns=None if forecaster is None else forecaster.bundle.trained_until_ns,
        parameters=parameters,
        course=Course(
            lake_dir=settings.lake_root,
            grid=grid,
            native_settings=settings.native,
            forecasts_dir=places.forecasts,
            material=material,
        ),
        folds=folds,
    )


def _check_strategies(settings: Settings) -> None:
    """Raise SettingsError where a strategy is written in Python: asked by none of the lanes, it would never trade."""
    names = python_names(settings.native)
    if names:
        problem = (
            f"{', '.join(names)}: written in Python, which the lanes of a search do not ask; search without, and try "
            "it by trader backtest"
        )
        raise SettingsError(str(settings_path()), "native.strategies", problem)


def auto_name(settings: Settings, request: OptimizeRequest) -> str:
    """Return a name that is another one for every search: a hash of all that decides it but the number of trials."""
    bundle = None if request.model is None else bundle_hash(settings, request.model)
    decided_by = _decided_by(settings, request, _config(settings, request), bundle)
    return f"{AUTO_NAME}-{hashlib.sha256(orjson.dumps(decided_by)).hexdigest()[:12]}"


def _rules(config: OptimizeConfig, settings: Settings, grid: GridConfig, forecaster: "Forecaster | None") -> FoldRules:
    return FoldRules(
        folds=config.folds,
        step_ns=grid.step_ns,
        purge_steps=_purge_steps(config, settings, forecaster),
        sample_steps=config.sample_steps,
        train_window=config.train_window,
    )


def _config(settings: Settings, request: OptimizeRequest) -> OptimizeConfig:
    given = {"trials": request.trials, "folds": request.folds}
    changes = {key: value for key, value in given.items() if value is not None}
    return OptimizeConfig.model_validate({**settings.streaming.optimize.model_dump(), **changes})


def _span(request: OptimizeRequest, forecaster: "Forecaster | None") -> tuple[int | None, int | None]:
    """Return the span that was asked for; with a model and no begin given, what follows its training data."""
    if forecaster is None or request.ts_from_ns is not None:
        return request.ts_from_ns, request.ts_to_ns
    return forecaster.bundle.trained_until_ns + 1, request.ts_to_ns


def _model(forecaster: "Forecaster | None") -> Model | None:
    return None if forecaster is None else Model(forecaster, int(forecaster.bundle.hash[:MODEL_ID_DIGITS], 16))


def _purge_steps(config: OptimizeConfig, settings: Settings, forecaster: "Forecaster | None") -> int:
    """Return the steps purged: what a forecast looks back on and ahead to, which both windows must not share."""
    least = settings.native.window_steps
    if forecaster is not None:
        least = forecaster.context_steps + forecaster.horizon_steps
    if config.purge_steps is None:
        return least
    if config.purge_steps < least:
        problem = f"expected {least} or more (context + horizon of what is traded on), found {config.purge_steps}"
        raise SettingsError(str(settings_path()), "streaming.optimize.purge_steps", problem)
    return config.purge_steps


def _decided_by(
    settings: Settings, request: OptimizeRequest, config: OptimizeConfig, bundle: str | None
) -> Mapping[str, JsonValue]:
    """Return what makes one search another; the number of jobs does not, and more trials may follow fewer."""
    rest: JsonObject = config.model_dump(mode="json", exclude={"trials", "folds"})
    return {
        "grid": settings.grid_named(request.grid).model_dump(mode="json"),
        "bundle": bundle,
        "folds": config.folds,
        "seed": request.seed,
        "from": request.ts_from_ns,
        "to": request.ts_to_ns,
        "space and rules": rest,
        "segments": _segments(settings, request),
        "forecast delay": settings.streaming.replay.model_dump(mode="json"),
        "native": settings.native.model_dump(mode="json"),
        "lane": orjson.loads(lane_text(settings, request.grid, {})),
    }


def _segments(settings: Settings, request: OptimizeRequest) -> list[JsonValue]:
    """Return the raw segments that the lake holds of the grid's venues."""
    lake = Lake(settings.lake_root)
    venues = sorted({name.partition(":")[0] for name in settings.grid_named(request.grid).instruments})
    return [path.name for venue in venues for hour in lake.hours(venue) for path in lake.segments(venue, hour)]


def _check_same(places: Places, decided_by: Mapping[str, JsonValue]) -> None:
    """Keep what decides the search, or compare it with what was kept."""
    if not places.plan.is_file():
        write_atomically(places.plan, orjson.dumps(decided_by, option=orjson.OPT_INDENT_2))
        return
    kept = orjson.loads(places.plan.read_bytes())
    other = [key for key, value in decided_by.items() if kept.get(key) != value]
    if other:
        raise UsageError(
            f"{places.folder}: holds a search that differs in: {', '.join(other)}; give this one another --name, or "
            "remove that folder"
        )
