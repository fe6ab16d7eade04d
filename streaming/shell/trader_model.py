"""Which model a trader starts with, and how it opens those that come later."""

from dataclasses import dataclass, field

from ml.runtime import ROLLBACK, MlError, Pointer, read_pointer
from native.config import GridConfig
from streaming.errors import RefusedError
from streaming.settings import Settings
from streaming.shell.clock import Clock
from streaming.shell.inference import Load, LoadedModel
from streaming.shell.model_watch import CHAMPION
from streaming.shell.probation_file import read_record
from streaming.shell.runner import Forecasting
from streaming.trader.probation import Named, Probation, ProbationRecord
from streaming.trading_run import bundle_hash, load_forecaster


@dataclass(frozen=True, slots=True)
class FirstModel:
    """The model that a trader starts with."""

    loaded: LoadedModel
    generation: int | None
    """Of the champion pointer, which is then followed; None for a model named by hand."""
    previous: LoadedModel | None = None
    """Kept for a way back while `loaded` is on probation."""
    record: ProbationRecord = field(default_factory=ProbationRecord)
    is_going_back: bool = False
    """The pointer names a model that failed its probation, and is yet to be moved back to `loaded`."""


def first_model(settings: Settings, model: str, load: Load) -> FirstModel:
    """Return the model that `model` names (`champion`, or the beginning of a hash); RefusedError when it may not trade.

    The pointer is read before the bundle, so a promotion in between is seen as a change and not lost. What is
    remembered of probations decides with it; BadDataError when that cannot be read.
    """
    bundle = bundle_hash(settings, model)
    if model != CHAMPION:
        return FirstModel(LoadedModel(bundle, load(bundle)), None)
    try:
        pointer = read_pointer(settings.warehouse.models_dir, CHAMPION)
    except MlError as error:
        raise RefusedError(f"champion: {error}; next: trader models rollback --reason TEXT") from error
    assert pointer is not None, "its hash was read before"
    record = read_record(settings.warehouse.run_dir)
    judged = settings.native.signal.horizon_step
    choice = Probation(settings.streaming.probation, judged, record).first(named(pointer))
    return FirstModel(
        LoadedModel(choice.model, load(choice.model)),
        pointer.generation,
        _kept(choice.previous, load),
        choice.record,
        choice.is_going_back,
    )


def named(pointer: Pointer) -> Named:
    """Return what a pointer says, for those that judge it."""
    return Named(pointer.hash, pointer.generation, pointer.by, pointer.reason.startswith(ROLLBACK))


def _kept(bundle: str, load: Load) -> LoadedModel | None:
    """Return the model before, None where it may not trade any more: then there is no way back to it."""
    if not bundle:
        return None
    try:
        return LoadedModel(bundle, load(bundle))
    except RefusedError:
        return None


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
