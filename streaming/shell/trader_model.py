"""Which model a trader starts with, and how it opens those that come later."""

from dataclasses import dataclass

from ml.runtime import MlError, read_pointer
from native.config import GridConfig
from streaming.errors import RefusedError
from streaming.settings import Settings
from streaming.shell.clock import Clock
from streaming.shell.inference import Load, LoadedModel
from streaming.shell.model_watch import CHAMPION
from streaming.shell.runner import Forecasting
from streaming.trading_run import bundle_hash, load_forecaster


@dataclass(frozen=True, slots=True)
class FirstModel:
    """The model that a trader starts with."""

    loaded: LoadedModel
    generation: int | None
    """Of the champion pointer, which is then followed; None for a model named by hand."""


def first_model(settings: Settings, model: str, load: Load) -> FirstModel:
    """Return the model that `model` names (`champion`, or the beginning of a hash); RefusedError when it may not trade.

    The pointer is read before the bundle, so a promotion in between is seen as a change and not lost.
    """
    bundle = bundle_hash(settings, model)
    generation = None
    if model == CHAMPION:
        try:
            pointer = read_pointer(settings.warehouse.models_dir, CHAMPION)
        except MlError as error:
            raise RefusedError(f"champion: {error}; next: trader models rollback --reason TEXT") from error
        assert pointer is not None, "its hash was read before"
        bundle, generation = pointer.hash, pointer.generation
    return FirstModel(LoadedModel(bundle, load(bundle)), generation)


def bundle_loader(settings: Settings, grid: GridConfig, clock: Clock) -> Load:
    """Return what opens a bundle for trading at the clock's time; RefusedError when it may not be used."""

    def load(bundle: str) -> Forecasting:
        forecaster = load_forecaster(settings, grid, bundle, clock.now_ns())
        kept = settings.native.window_steps
        if forecaster.context_steps > kept:
            raise RefusedError(
                f"bundle {bundle[:12]}: looks back {forecaster.context_steps} steps, the engine keeps {kept}; "
                "raise native.window_steps"
            )
        return forecaster

    return load
