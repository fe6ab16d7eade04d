"""Which model trades: follows the champion pointer, keeps the model before for a way back.

The pointer file is looked at every second and at once when the bus tells of a promotion. What it names is loaded beside
the model that trades and takes over between two grid steps; the one that it replaces stays loaded, so a rollback is a
change of one reference. A bundle that cannot be used changes nothing: it is counted, shown, and not tried again until
the pointer moves.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ml.runtime import Pointer, RegistryError, read_pointer
from native.config import JsonObject
from streaming.shell.inference import LoadedModel

CHAMPION: Final = "champion"
NO_GENERATION = 0


@dataclass(slots=True)
class ModelCounts:
    """What happened to models."""

    swaps: int = 0
    refused: int = 0
    """Bundles that could not be used, and pointers that could not be read."""


class ModelWatch:
    """Holds the model that trades and the one before. Use on the event loop alone.

    `generation` is that of the pointer by which `current` was chosen; without one (a model named by hand) nothing is
    followed. `load` begins to load a bundle; its end is told by `on_loaded` or `on_refused`.
    """

    def __init__(
        self,
        models_dir: Path,
        current: LoadedModel,
        generation: int | None,
        load: Callable[[str], None],
        say: Callable[[str], None],
    ) -> None:
        self._models_dir = models_dir
        self._load = load
        self._say = say
        self._is_following = generation is not None
        self._seen = generation or NO_GENERATION
        self._wanted: Pointer | None = None
        self._is_pointer_broken = False
        self.current = current
        self.previous: LoadedModel | None = None
        self.generation = generation or NO_GENERATION
        self.counts = ModelCounts()
        self.last_problem = ""

    def look(self) -> None:
        """Read the pointer, and begin to load what it newly names."""
        pointer = self._read() if self._is_following else None
        if pointer is None or pointer.generation == self._seen:
            return
        self._seen = pointer.generation
        self._wanted = pointer
        if pointer.hash == self.current.hash:
            self._take(self.current, pointer)
        elif self.previous is not None and pointer.hash == self.previous.hash:
            self._take(self.previous, pointer)
        else:
            self._load(pointer.hash)

    def on_loaded(self, model: LoadedModel) -> None:
        """A bundle is ready: it takes over unless the pointer has moved on."""
        if self._wanted is not None and self._wanted.hash == model.hash:
            self._take(model, self._wanted)

    def on_refused(self, bundle: str, problem: str) -> None:
        """A bundle cannot be used: the present model stays."""
        if self._wanted is not None and self._wanted.hash == bundle:
            self._wanted = None
        self._refuse(f"model {bundle[:12]} refused, {self.current.hash[:12]} stays: {problem}")

    def to_json(self) -> JsonObject:
        """Return what trades, since which generation, and what was refused."""
        return {
            "hash": self.current.hash,
            "model_id": self.current.model_id,
            "generation": self.generation,
            "is_following_champion": self._is_following,
            "previous": None if self.previous is None else self.previous.hash,
            "loading": None if self._wanted is None else self._wanted.hash,
            "swaps": self.counts.swaps,
            "refused": self.counts.refused,
            "last_problem": self.last_problem,
        }

    def _read(self) -> Pointer | None:
        try:
            pointer = read_pointer(self._models_dir, CHAMPION)
        except RegistryError as error:
            if not self._is_pointer_broken:
                self._refuse(f"champion pointer unreadable, model {self.current.hash[:12]} stays: {error}")
            self._is_pointer_broken = True
            return None
        self._is_pointer_broken = False
        return pointer

    def _take(self, model: LoadedModel, pointer: Pointer) -> None:
        self._wanted = None
        self.generation = pointer.generation
        if model is self.current:
            return
        self.previous, self.current = self.current, model
        self.counts.swaps += 1
        self._say(f"model {model.hash[:12]} took over (generation {pointer.generation}: {pointer.reason})")

    def _refuse(self, problem: str) -> None:
        self.counts.refused += 1
        self.last_problem = problem
        self._say(problem)
