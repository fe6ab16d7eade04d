"""Which model trades, and which one forecasts in its shadow: follow the pointers, keep the model before for a way back.

The pointer file is looked at every second and at once when the bus tells of a promotion. What it names is loaded beside
the model that trades and takes over between two grid steps; the one that it replaces stays loaded, so a rollback is a
change of one reference. A bundle that cannot be used changes nothing: it is counted, shown, and not tried again until
the pointer moves. A pointer may be objected to (its bundle failed its probation): that counts as such a bundle.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ml.runtime import Pointer, RegistryError, read_pointer
from native.config import JsonObject
from streaming.shell.inference import LoadedModel

CHAMPION: Final = "champion"
CHALLENGER: Final = "challenger"
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
        *,
        previous: LoadedModel | None = None,
        objection: Callable[[Pointer], str] = lambda _: "",
        spare: Callable[[str], LoadedModel | None] = lambda _: None,
    ) -> None:
        """`objection` says why a pointer is not followed, empty when it is; `spare` is asked for a loaded model."""
        self._models_dir = models_dir
        self._load = load
        self._say = say
        self._objection = objection
        self._spare = spare
        self.is_following = generation is not None
        self._seen = generation or NO_GENERATION
        self._wanted: Pointer | None = None
        self._is_pointer_broken = False
        self.current = current
        self.previous = previous
        self.pointer: Pointer | None = None
        """By which `current` was chosen, or told again, since this process began."""
        self.generation = generation or NO_GENERATION
        self.counts = ModelCounts()
        self.last_problem = ""

    def look(self) -> None:
        """Read the pointer, and begin to load what it newly names."""
        pointer = self._read() if self.is_following else None
        if pointer is None or pointer.generation == self._seen:
            return
        self._seen = pointer.generation
        self._wanted = None
        if objection := self._objection(pointer):
            self._refuse(f"model {pointer.hash[:12]} refused, {self.current.hash[:12]} stays: {objection}")
        elif (kept := self._kept(pointer.hash)) is not None:
            self._take(kept, pointer)
        else:
            self._wanted = pointer
            self._load(pointer.hash)

    def go_back(self, reason: str) -> bool:
        """Let the model before take over whatever the pointer says; False when there is none."""
        if self.previous is None:
            return False
        self._swap(self.previous, reason)
        return True

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
            "is_following_champion": self.is_following,
            "previous": None if self.previous is None else self.previous.hash,
            "loading": None if self._wanted is None else self._wanted.hash,
            "swaps": self.counts.swaps,
            "refused": self.counts.refused,
            "last_problem": self.last_problem,
        }

    def _kept(self, bundle: str) -> LoadedModel | None:
        for model in (self.current, self.previous):
            if model is not None and model.hash == bundle:
                return model
        return self._spare(bundle)

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
        self.pointer, self.generation = pointer, pointer.generation
        if model is not self.current:
            self._swap(model, f"generation {pointer.generation}: {pointer.reason}")

    def _swap(self, model: LoadedModel, why: str) -> None:
        self.previous, self.current = self.current, model
        self.counts.swaps += 1
        self._say(f"model {model.hash[:12]} took over ({why})")

    def _refuse(self, problem: str) -> None:
        self.counts.refused += 1
        self.last_problem = problem
        self._say(problem)


class ChallengerWatch:
    """Holds the model that forecasts in the shadow of the champion: the challenger, as long as it is another one."""

    def __init__(self, models_dir: Path, load: Callable[[str], None], say: Callable[[str], None]) -> None:
        self._models_dir = models_dir
        self._load = load
        self._say = say
        self._wanted = ""
        self._refused = (NO_GENERATION, "")
        self._is_pointer_broken = False
        self.current: LoadedModel | None = None
        self.generation = NO_GENERATION
        self.refused = 0
        self.last_problem = ""

    def look(self, champion: str) -> None:
        """Read the pointer, and begin to load what is not the champion."""
        pointer = self._read()
        if pointer is None or pointer.hash == champion:
            self.current, self._wanted = None, ""
            return
        self.generation = pointer.generation
        if self.current is not None and self.current.hash != pointer.hash:
            self.current = None
        is_refused = self._refused == (pointer.generation, pointer.hash)
        if self.current is None and self._wanted != pointer.hash and not is_refused:
            self._wanted = pointer.hash
            self._load(pointer.hash)

    def on_loaded(self, model: LoadedModel) -> None:
        """A bundle is ready: it is the challenger unless the pointer has moved on."""
        if self._wanted == model.hash:
            self.current, self._wanted = model, ""
            self._say(f"model {model.hash[:12]} forecasts in the shadow (challenger, generation {self.generation})")

    def on_refused(self, bundle: str, problem: str) -> None:
        """A bundle cannot be used: nothing forecasts in the shadow until the pointer moves."""
        if self._wanted == bundle:
            self._wanted, self._refused = "", (self.generation, bundle)
        self._refuse(f"challenger {bundle[:12]} refused: {problem}")

    def spare(self, bundle: str) -> LoadedModel | None:
        """Return the challenger where it is that bundle: a promotion then needs no loading."""
        return self.current if self.current is not None and self.current.hash == bundle else None

    def to_json(self) -> JsonObject:
        """Return what forecasts in the shadow, and what was refused."""
        return {
            "hash": None if self.current is None else self.current.hash,
            "generation": self.generation,
            "loading": self._wanted or None,
            "refused": self.refused,
            "last_problem": self.last_problem,
        }

    def _read(self) -> Pointer | None:
        try:
            pointer = read_pointer(self._models_dir, CHALLENGER)
        except RegistryError as error:
            if not self._is_pointer_broken:
                self._refuse(f"challenger pointer unreadable: {error}")
            self._is_pointer_broken = True
            return None
        self._is_pointer_broken = False
        return pointer

    def _refuse(self, problem: str) -> None:
        self.refused += 1
        self.last_problem = problem
        self._say(problem)
