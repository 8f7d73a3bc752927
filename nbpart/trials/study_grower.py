"""The trials of a study as the steps of a backfill: asked while it runs, recorded, and told how they ended."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nbpart.backfill.growth import Grower, Growth
from nbpart.backfill.input_relations import InputRelations
from nbpart.backfill.job import Job
from nbpart.backfill.plan import AssetSteps, StepRelation, StepTable, relate_steps
from nbpart.backfill.planning import plan_from_catalog
from nbpart.backfill.reached_keys import reach_inputs
from nbpart.backfill.registry import Node
from nbpart.catalog import Batch, events, queries
from nbpart.errors import DeclarationError, UnknownNameError
from nbpart.partitions import PartitionRef
from nbpart.project.added_keys import build_key_columns, insert_keys
from nbpart.project.project import Project
from nbpart.run.report import RunReport
from nbpart.run.spec import decode_value, encode_value
from nbpart.states import PartitionStatus, StepStatus
from nbpart.trials.objectives import Objective
from nbpart.trials.optuna_study import OptunaStudy, create_study, make_sampler
from nbpart.trials.outcomes import FAILED, TrialEnd, TrialOutcome, load_outcomes, read_report
from nbpart.trials.search_space import SearchSpace, read_space

if TYPE_CHECKING:
    import optuna
    from numpy.typing import NDArray

log = logging.getLogger("nbpart")

#: Why a step of a study runs.
ASKED = "asked by its study"


@dataclass(frozen=True)
class StudyPlan:
    """What a backfill of a study is to do, as it is recorded with its options.

    ``values`` are those of parameters that are not drawn; ``sampler`` is the name of the sampler that somebody gave.
    ``assets``: what it makes for a trial, the asset itself the last.
    """

    asset: str
    assets: tuple[str, ...]
    objectives: tuple[Objective, ...]
    trials: int
    values: Mapping[str, Any]
    sampler: str | None = None

    def to_json(self) -> dict[str, Any]:
        return {
            "asset": self.asset,
            "assets": list(self.assets),
            "objectives": [[one.name, one.direction] for one in self.objectives],
            "trials": self.trials,
            "values": encode_value(dict(self.values)),
            "sampler": self.sampler,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> StudyPlan:
        objectives = tuple(Objective(name, direction) for name, direction in data["objectives"])
        assets, values = tuple(data["assets"]), decode_value(data["values"])
        return cls(data["asset"], assets, objectives, data["trials"], values, data["sampler"])


@dataclass(frozen=True)
class _Asked:
    """A trial that was asked for, and the key of its values."""

    trial: optuna.Trial
    key: str
    values: str


@dataclass(frozen=True, kw_only=True)
class _Trials(Growth):
    """The steps of trials, with what one transaction found of all that were asked for.

    ``key_ids`` has the id of each trial's key, ``outcomes`` what is known by key of those that need no run, ``by_hand``
    the outcomes of partitions that others made meanwhile.
    """

    sequence: int
    key_ids: Sequence[int]
    outcomes: Mapping[str, TrialOutcome]
    by_hand: Mapping[str, TrialOutcome]


def build_study(
    batch: Batch,
    project: Project,
    node: Node,
    space: SearchSpace,
    objectives: Sequence[Objective],
    sampler: Any,
    *,
    with_curves: bool = False,
) -> tuple[OptunaStudy, list[queries.AskedTrial]]:
    """Optuna's study of an asset from what the catalog has, and the trials that were asked for and have no outcome.

    Each partition that was made is a trial, whoever ran it; one that was asked for has the values that were asked.
    """
    outcomes = load_outcomes(batch, project.root, node, objectives, with_curves=with_curves)
    asked = queries.load_asked_trials(batch, node.asset_id)
    study = create_study(node.name, space, objectives, sampler)
    keys = {one.key for one in asked}
    for key, outcome in outcomes.items():
        if key not in keys and space.covers(key):
            study.add(key, space.read(key), outcome)
    for one in asked:
        found = outcomes.get(one.key, FAILED if one.is_blocked else None)
        if found is not None and space.covers(one.key):
            study.add(one.key, space.decode(one.asked, one.key), found)
    return study, [one for one in asked if one.key not in outcomes and not one.is_blocked]


def make_grower(project: Project, job: Job) -> Grower:
    """What asks for the trials of a backfill of a study; see `StudyGrower`.

    Without a study of the asset in this process Optuna's own sampler goes on.
    """
    assert job.options.study is not None, "only a study has one"
    plan = StudyPlan.from_json(job.options.study)
    sampler = project.samplers.get(plan.asset)
    if sampler is None and plan.sampler is not None:
        log.warning(
            "backfill %s goes on with Optuna's own sampler instead of %s: to go on with that, declare "
            "ws.study(%r, ..., sampler=) before you resume it.",
            job.backfill_id, plan.sampler, plan.asset,
        )  # fmt: skip
    is_new = sampler is None or plan.asset not in project.samplers_used
    sampler = sampler or make_sampler(len(plan.objectives), job.options.max_workers)
    grower = StudyGrower(project, job, plan, sampler)
    if is_new and grower.has_asked:
        sampler.reseed_rng()  # it would ask for the same points as when it was new
    project.samplers[plan.asset] = sampler
    project.samplers_used.add(plan.asset)
    return grower


class StudyGrower:
    """Asks Optuna for the trials of a backfill, and tells it of them: a `Grower`.

    Everything that has to outlive the process is in the catalog: each trial is recorded in the transaction that makes
    it a step, before anything of it runs. Two trials that are rounded to one key share its run.
    """

    def __init__(self, project: Project, job: Job, plan: StudyPlan, sampler: Any) -> None:
        self._project, self._plan = project, plan
        self._backfill_no, self._registry, self._node = job.backfill_no, job.registry, job.registry[plan.asset]
        self._is_simple = len(plan.assets) == 1 and not job.sources(plan.asset)
        self._space = read_space(self._node, plan.values)
        self._asking: list[_Asked] = []
        self._open: dict[int, list[_Asked]] = {}  # by key id: trials without an outcome
        self._unread: dict[int, list[_Asked]] = {}  # by key id: ended, as the catalog knows and nobody reported
        self._own: set[int] = set()  # the key ids of all steps of this backfill
        self._error: Exception | None = None
        self._asked = self._total = self._seen = 0
        self._has_asked = False
        self._load(sampler)

    @property
    def asset(self) -> str:
        return self._node.name

    @property
    def study(self) -> optuna.Study:
        """Optuna's study, which this renews while the backfill runs."""
        return self._study.study

    @property
    def has_asked(self) -> bool:
        """Whether any study of the asset has asked for trials."""
        return self._has_asked

    @property
    def left(self) -> int:
        return self._total - self._asked

    @property
    def is_simple(self) -> bool:
        return self._is_simple

    def ask(self, room: int) -> bool:
        if self._error is not None:
            raise self._error
        self._read_ended()
        if self._study.is_exhausted:
            self._end()
        if not (self._asking or self._is_waiting(room)):
            self._asking = [self._ask() for _ in range(min(room, self.left))]
        return bool(self._asking)

    def record(self, batch: Batch) -> Growth:
        node, definition = self._node, self._space.definition
        keys = list(dict.fromkeys(one.key for one in self._asking))
        added = insert_keys(batch, node.set_id, definition, keys, build_key_columns(definition, keys))
        assert added.key_ids is not None, "it says them"
        new, ids = set(added.new), dict(zip(keys, added.key_ids.tolist(), strict=True))
        # what this backfill has run and has no outcome failed for good: it was blocked, or its key was removed
        outcomes = {key: FAILED for key in keys if ids[key] in self._own and ids[key] not in self._open}
        if there := [ids[key] for key in keys if key not in new]:
            outcomes.update(self._find_made(batch, there))
        key_ids = [ids[one.key] for one in self._asking]
        events.add_trials(batch, self._backfill_no, self._asked, key_ids, [one.values for one in self._asking])
        wanted = [ids[key] for key in keys if key not in outcomes and ids[key] not in self._own]
        steps = self._plan_steps(batch, np.array(wanted, np.int64))
        asset_ids = [np.full(len(part), self._registry[part.asset].asset_id, np.int64) for part in steps.assets]
        all_ids = np.concatenate([part.key_ids for part in steps.assets] or [np.empty(0, np.int64)])
        numbers = events.add_steps(batch, self._backfill_no, np.concatenate(asset_ids or [all_ids]), all_ids, ASKED)
        relations: Sequence[StepRelation] = ()
        if not self._is_simple:
            relations = relate_steps(self._registry.graph, steps, InputRelations(batch, self._registry).relate)
        return _Trials(
            steps,
            np.array(numbers, np.int64),
            relations,
            sequence=batch.sequence,
            key_ids=key_ids,
            outcomes=outcomes | self._find_waiting(keys, ids, wanted, steps),
            by_hand=self._find_others(batch, {*self._own, *key_ids}),
        )

    def commit(self, growth: Growth) -> None:
        assert isinstance(growth, _Trials), "it is what `record` gave"
        asking, self._asking = self._asking, []
        self._asked, self._seen, self._has_asked = self._asked + len(asking), growth.sequence, True
        for key, outcome in growth.by_hand.items():
            if self._space.covers(key) and not self._study.knows(key):
                self._study.add(key, self._space.read(key), outcome)
        self._own.update(_own_keys(growth.steps, self.asset))
        for one, key_id in zip(asking, growth.key_ids, strict=True):
            if (known := growth.outcomes.get(one.key)) is not None:
                self._tell([one], known)
            else:
                self._open.setdefault(key_id, []).append(one)

    def end(self, key_id: int, status: StepStatus, cause: str, report: RunReport | None) -> None:
        asked = self._open.pop(key_id, [])
        if not asked or status is StepStatus.CANCELLED:
            return
        label = PartitionRef(self.asset, asked[0].key).label
        if status is StepStatus.BLOCKED and len(self._plan.assets) > 1:
            self._tell(asked, FAILED)  # what it reads failed
        elif status is StepStatus.BLOCKED:
            self._error = DeclarationError(
                f"the study of {self.asset} ended, since {label} is blocked: {cause}. Make what it reads, as by "
                f"ws.backfill('+{self.asset}'), or have it made for each trial: ws.study('+{self.asset}', ...)."
            )
        elif status is StepStatus.FAILED:
            self._tell(asked, FAILED if report is None else TrialOutcome(TrialEnd.FAILED, run_id=report.run_id))
        elif report is None:
            self._unread[key_id] = asked
        else:
            self._tell(asked, self._read(label, report))

    def _load(self, sampler: Any) -> None:
        def work(batch: Batch) -> None:
            self._study, open_trials = build_study(
                batch, self._project, self._node, self._space, self._plan.objectives, sampler
            )
            self._seen = batch.sequence
            own = queries.load_asked_trials(batch, self._node.asset_id)
            self._has_asked = bool(own)
            self._own = {one.key_id for one in own if one.backfill_no == self._backfill_no}
            self._asked = queries.count_asked_trials(batch, self._backfill_no)
            self._total = self._asked + queries.count_trials_left(batch, self._backfill_no)
            for one in open_trials:
                if one.backfill_no == self._backfill_no:
                    trial = self._study.resume(self._space.decode(one.asked, one.key))
                    self._open.setdefault(one.key_id, []).append(_Asked(trial, one.key, one.asked))

        self._project.catalog.read(work)
        if self._study.left_out:
            log.warning(
                "the study of %s goes on without %d of its former trials: they have values that are no longer among "
                "those of a choice().",
                self.asset, self._study.left_out,
            )  # fmt: skip

    def _is_waiting(self, room: int) -> bool:
        """Whether so many trials wait for runs of others that no more are asked for."""
        waiting = sum(map(len, self._open.values()))
        return waiting >= 2 * (room + len(self._open))

    def _ask(self) -> _Asked:
        trial, asked = self._study.ask()
        key = self._space.spell(asked)
        trial.set_user_attr("partition_key", key)
        return _Asked(trial, key, json.dumps(asked))

    def _find_made(self, batch: Batch, key_ids: Sequence[int]) -> Mapping[str, TrialOutcome]:
        """The outcomes, by key, of partitions that need no run: they are up to date, or this backfill ran them."""
        ids = np.array(key_ids, np.int64)
        outcomes = load_outcomes(batch, self._project.root, self._node, self._plan.objectives, key_ids=ids)
        status = queries.partition_status(batch, self._node.asset_id, ids).set_index("partition_key")["status"]
        own = {
            key for key, key_id in zip(queries.key_texts(batch, ids), key_ids, strict=True)
            if key_id in self._own and key_id not in self._open
        }  # fmt: skip
        return {
            key: outcome
            for key, outcome in outcomes.items()
            if key in own or status[key] == PartitionStatus.MATERIALIZED
        }

    def _plan_steps(self, batch: Batch, key_ids: NDArray[np.int64]) -> StepTable:
        """The steps of some trials: of the asset, or also of what is outdated of all that they read."""
        if len(self._plan.assets) == 1:
            return StepTable((_ask_for(self.asset, key_ids),))
        reached = reach_inputs(batch, self._registry, {self.asset: key_ids})
        names = [name for name in self._plan.assets if name in reached]
        planned = plan_from_catalog(batch, self._registry, names, keys=reached)
        return StepTable(tuple(_ask_for(part.asset, part.key_ids) for part in planned.steps.assets))

    def _find_waiting(
        self, keys: Sequence[str], ids: Mapping[str, int], wanted: Sequence[int], steps: StepTable
    ) -> dict[str, TrialOutcome]:
        """The trials, by key, that are no step though they were wanted: what they require does not exist."""
        waiting = set(wanted).difference(_own_keys(steps, self.asset))
        return {key: FAILED for key in keys if ids[key] in waiting}

    def _find_others(self, batch: Batch, own: set[int]) -> Mapping[str, TrialOutcome]:
        """The outcomes of partitions that others have made since this was asked last."""
        if batch.sequence == self._seen + 1:  # nobody has written since
            return {}
        changed = [one for one in queries.changed_partitions(batch, self._node.asset_id, self._seen) if one not in own]
        if not changed:
            return {}
        ids = np.array(changed, np.int64)
        return load_outcomes(batch, self._project.root, self._node, self._plan.objectives, key_ids=ids)

    def _read_ended(self) -> None:
        """Tell of trials that ended without a report here: others ran them, or they were up to date after all."""
        if not self._unread:
            return
        ids = np.array(list(self._unread), np.int64)
        outcomes = self._project.catalog.read(
            lambda batch: load_outcomes(batch, self._project.root, self._node, self._plan.objectives, key_ids=ids)
        )
        for asked in self._unread.values():
            self._tell(asked, outcomes.get(asked[0].key, FAILED))
        self._unread.clear()

    def _read(self, label: str, report: RunReport) -> TrialOutcome:
        """The outcome of a run; of one that did not log an objective it is a failure, where others did."""
        try:
            return read_report(self._plan.objectives, label, report, self._project.root)
        except UnknownNameError as error:
            if not self._study.has_values:
                self._error = error
            log.warning("%s", error)
        except DeclarationError as error:
            self._error = error
        return TrialOutcome(TrialEnd.FAILED, run_id=report.run_id)

    def _tell(self, asked: Sequence[_Asked], outcome: TrialOutcome) -> None:
        for one in asked:
            try:
                self._study.tell(one.trial, one.key, outcome)
            except Exception as error:  # noqa: BLE001 - a sampler of the user's; the next ask raises it
                self._error = error

    def _end(self) -> None:
        """Ask for nothing more: the sampler has no other points."""
        self._project.catalog.write(lambda batch: events.end_study(batch, self._backfill_no, self._asked))
        log.info("the study of %s ends after %d trials: its sampler has no others.", self.asset, self._asked)
        self._total = self._asked


def _ask_for(asset: str, key_ids: NDArray[np.int64]) -> AssetSteps:
    return AssetSteps(asset, key_ids, np.zeros(len(key_ids), np.int16), (ASKED,))


def _own_keys(steps: StepTable, asset: str) -> list[int]:
    """The key ids of an asset's steps."""
    return [int(key_id) for part in steps.assets if part.asset == asset for key_id in part.key_ids]
