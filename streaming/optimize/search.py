"""One fold's search: Optuna's study in a file that a killed run goes on with.

Every trial is drawn by a sampler of its own, seeded by (seed, fold, trial), and knows the trials of the batches before
it. So what is tried depends neither on how many processes work nor on whether the run was cut off in between.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import optuna
from optuna.distributions import BaseDistribution
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock
from optuna.trial import FrozenTrial, TrialState
from pydantic import JsonValue

from streaming.optimize.config import Scalar
from streaming.optimize.results import TrialResult
from streaming.optimize.space import Parameter

RESULT, PROBLEM = "result", "problem"
IMPORTANCE_TRIALS_MIN = 4


@dataclass(frozen=True, slots=True)
class Trial:
    """One set of values, drawn and perhaps judged; `result` is None for one that waits or that the core refused."""

    number: int
    values: Mapping[str, Scalar]
    result: TrialResult | None = None
    problem: str = ""


class _FolderLock(JournalFileOpenLock):
    """No lock: whoever opens the file holds the folder's, which the kernel drops when a process dies."""

    def acquire(self) -> bool:
        """Return that nobody else writes."""
        return True

    def release(self) -> None:
        """Nothing was taken."""


def open_storage(path: Path) -> JournalStorage:
    """Open the studies' file; hold the folder's lock for as long as it is used. A torn last line is cut off."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    _cut_torn_line(path)
    return JournalStorage(JournalFileBackend(str(path), lock_obj=_FolderLock(str(path))))


def _cut_torn_line(path: Path) -> None:
    """A killed writer may leave half a line, after which Optuna reads no further."""
    if not path.exists():
        return
    with path.open("r+b") as file:
        data = file.read()
        if not data.endswith(b"\n"):
            file.truncate(data.rfind(b"\n") + 1)


def _begin_study(*, storage: JournalStorage, study_name: str) -> optuna.Study:
    return optuna.create_study(storage=storage, study_name=study_name, direction="maximize")


class FoldSearch:
    """The trials of one fold."""

    def __init__(
        self, storage: JournalStorage, fold: int, parameters: Sequence[Parameter], seed: int, batch_trials: int
    ) -> None:
        self._parameters = tuple(parameters)
        self._distributions: dict[str, BaseDistribution] = {item.key: item.distribution for item in parameters}
        self._fold, self._seed, self._batch = fold, seed, batch_trials
        name = f"fold-{fold}"
        self._storage = storage
        known = {study.study_name for study in storage.get_all_studies()}
        begin = optuna.load_study if name in known else _begin_study  # loading writes nothing
        self._study = begin(storage=storage, study_name=name)
        self._study_id = storage.get_study_id_from_name(name)

    def next_batch(self, trials: int) -> list[Trial]:
        """Return the sets to be judged next, none when `trials` are done; those a killed run left open come again."""
        known = self._study.get_trials()
        done = sum(trial.state.is_finished() for trial in known)
        end = min(trials, (done // self._batch + 1) * self._batch)
        if len(known) < end:
            self._draw(known, end)
        waiting = self._study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
        return [self._trial(trial) for trial in waiting]

    def _draw(self, known: Sequence[FrozenTrial], end: int) -> None:
        """Draw trials up to number `end`, in memory first: the file gets each as one line, whole or not at all."""
        copy = optuna.create_study(direction="maximize")
        copy.add_trials(known)
        for number in range(len(known), end):
            copy.sampler = self._sampler(number)
            copy.ask(self._distributions)
            self._study.add_trial(copy.get_trials(deepcopy=False)[-1])

    def tell(self, trial: Trial) -> None:
        """Keep what was found out about a trial of the last batch; the next batch is drawn when all are told."""
        if trial.result is None:
            self._set(trial.number, PROBLEM, trial.problem)
            self._study.tell(trial.number, state=TrialState.FAIL)
            return
        self._set(trial.number, RESULT, trial.result.to_json())
        self._study.tell(trial.number, trial.result.objective)

    def trials(self) -> list[Trial]:
        """Return the trials that are done, in order of their numbers."""
        return [self._trial(trial) for trial in self._study.get_trials(deepcopy=False) if trial.state.is_finished()]

    def importance(self) -> dict[str, float]:
        """Return each parameter's share in what makes a set good (PED-ANOVA); empty where too few sets differ."""
        judged = [trial for trial in self.trials() if trial.result is not None]
        objectives = {trial.result.objective for trial in judged if trial.result is not None}
        if len(judged) < IMPORTANCE_TRIALS_MIN or len(objectives) < 2:
            return {}
        return dict(optuna.importance.get_param_importances(self._study))

    def _set(self, number: int, key: str, value: JsonValue) -> None:
        trial_id = self._storage.get_trial_id_from_study_id_trial_number(self._study_id, number)
        self._storage.set_trial_user_attr(trial_id, key, value)

    def _sampler(self, number: int) -> optuna.samplers.TPESampler:
        text = f"{self._seed}/{self._fold}/{number}".encode()
        seed = int.from_bytes(hashlib.sha256(text).digest()[:4], "little")
        return optuna.samplers.TPESampler(seed=seed, n_startup_trials=min(self._batch, 25))

    def _trial(self, stored: FrozenTrial) -> Trial:
        values = {item.key: item.value_of(stored.params[item.key]) for item in self._parameters}
        result = stored.user_attrs.get(RESULT)
        problem = str(stored.user_attrs.get(PROBLEM, ""))
        is_judged = stored.state is TrialState.COMPLETE
        return Trial(stored.number, values, TrialResult.from_json(result) if is_judged and result else None, problem)
