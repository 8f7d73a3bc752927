"""Optuna's study of an asset: made from the catalog, asked for trials, and told how they ended."""

from __future__ import annotations

import contextlib
import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nbpart.partitions import Value
from nbpart.trials.objectives import Objective
from nbpart.trials.outcomes import TrialEnd, TrialOutcome
from nbpart.trials.search_space import SearchSpace, load_optuna

if TYPE_CHECKING:
    import optuna

_DIRECTIONS = {"max": "maximize", "min": "minimize"}


@dataclass
class OptunaStudy:
    """An ordinary `optuna.Study` in memory, with the trials of an asset.

    ``left_out`` counts those that Optuna cannot be told of, since they have values that are no longer in the space.
    """

    study: optuna.Study
    space: SearchSpace
    left_out: int = 0
    is_exhausted: bool = False
    _known: set[str] = field(default_factory=set)

    def ask(self) -> tuple[optuna.Trial, dict[str, Value]]:
        """A new trial, and the values that were asked for."""
        trial = self.study.ask(self.space.distributions)
        return trial, self.space.take(trial.params)

    def resume(self, asked: Mapping[str, Value]) -> optuna.Trial:
        """A trial that was asked for before, and has no outcome yet."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.study.enqueue_trial(dict(asked))
            return self.study.ask(self.space.distributions)

    def tell(self, trial: optuna.Trial, key: str, outcome: TrialOutcome) -> None:
        """Tell how a trial ended."""
        state = load_optuna().trial.TrialState
        self._known.add(key)
        for name, value in _describe(key, outcome).items():
            trial.set_user_attr(name, value)
        for step, value in outcome.curve.items():
            trial.report(value, step)
        states = {TrialEnd.STOPPED_EARLY: state.PRUNED, TrialEnd.FAILED: state.FAIL}
        try:
            if outcome.end is TrialEnd.COMPLETE:
                self.study.tell(trial, list(outcome.values))
            else:
                self.study.tell(trial, state=states[outcome.end])
        except RuntimeError as error:  # so a sampler says that it has no more points, though nobody is in `optimize`
            if "Study.stop" not in str(error):
                raise
            self.is_exhausted = True

    def add(self, key: str, asked: Mapping[str, Value], outcome: TrialOutcome) -> None:
        """Add a trial that has ended already."""
        self._known.add(key)
        distributions = self.space.widen(asked)
        if distributions is None:
            self.left_out += 1
            return
        trial = load_optuna().trial
        states = {
            TrialEnd.COMPLETE: trial.TrialState.COMPLETE,
            TrialEnd.STOPPED_EARLY: trial.TrialState.PRUNED,
            TrialEnd.FAILED: trial.TrialState.FAIL,
        }
        values = list(outcome.values) or None
        if outcome.end is TrialEnd.STOPPED_EARLY and outcome.curve:
            values = [list(outcome.curve.values())[-1]]
        self.study.add_trial(
            trial.create_trial(
                state=states[outcome.end],
                params=dict(asked),
                distributions=distributions,
                values=values,
                intermediate_values=dict(outcome.curve),
                user_attrs=_describe(key, outcome),
            )
        )

    @property
    def has_values(self) -> bool:
        """Whether any trial came to its end with values."""
        complete = load_optuna().trial.TrialState.COMPLETE
        return bool(self.study.get_trials(deepcopy=False, states=(complete,)))

    def knows(self, key: str) -> bool:
        """Whether a trial of that key was told."""
        return key in self._known


def create_study(name: str, space: SearchSpace, objectives: Sequence[Objective], sampler: Any) -> OptunaStudy:
    """A study in memory without trials."""
    optuna = load_optuna()
    with _silence("optuna.storages._in_memory"):
        study = optuna.create_study(
            storage=optuna.storages.InMemoryStorage(),
            sampler=sampler,
            pruner=optuna.pruners.NopPruner(),
            study_name=name,
            directions=[_DIRECTIONS[one.direction] for one in objectives],
        )
    if len(objectives) > 1:  # of one, its frames would have another column than they always have
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it is called experimental
            study.set_metric_names([one.name for one in objectives])
    return OptunaStudy(study, space)


def make_sampler(objectives: int, max_workers: int) -> Any:
    """The sampler of a study that was given none: Optuna's own choice, with a liar where trials run beside each other.

    While others run, their values are taken to be bad (`constant_liar`), so that the next trial lies elsewhere.
    """
    samplers = load_optuna().samplers
    if objectives > 1:
        return samplers.NSGAIISampler()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it is called experimental
        return samplers.TPESampler(constant_liar=max_workers > 1)


def check_sampler(sampler: Any) -> None:
    """Raise `DeclarationError` for what is no sampler of Optuna."""
    from nbpart.errors import DeclarationError

    if not isinstance(sampler, load_optuna().samplers.BaseSampler):
        raise DeclarationError(
            f"sampler= is one of optuna.samplers, as optuna.samplers.TPESampler(seed=0), not {sampler!r:.60}."
        )


def _describe(key: str, outcome: TrialOutcome) -> dict[str, Any]:
    return {"partition_key": key} | ({"run_id": outcome.run_id} if outcome.run_id else {})


@contextlib.contextmanager
def _silence(name: str) -> Iterator[None]:
    """Keep Optuna from saying that it made a study, which nobody asked for by that name."""
    logger = logging.getLogger(name)
    before, logger.disabled = logger.disabled, True
    try:
        yield
    finally:
        logger.disabled = before
