"""Studies: Optuna chooses what to try next over the partitions of an asset, and backfills answer."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from nbpart.assets.asset import name_of
from nbpart.assets.numbers import check_count
from nbpart.backfill.job import Job
from nbpart.backfill.options import BackfillOptions, make_options
from nbpart.backfill.plan import NO_STEPS, AssetSteps, StepTable
from nbpart.backfill.registry import Node, Registry
from nbpart.catalog import Batch, events, queries
from nbpart.errors import DeclarationError, MissingInputError
from nbpart.project.backfills import Backfill
from nbpart.project.launch import check_readable, launch, make_steps_frame
from nbpart.project.project import Project
from nbpart.project.refresh import refresh_registry, register_edited_code
from nbpart.run.pruners import Pruner
from nbpart.trials.objectives import Objective, check_logged, read_objectives
from nbpart.trials.optuna_study import check_sampler
from nbpart.trials.search_space import load_optuna, read_space
from nbpart.trials.study_grower import StudyGrower, StudyPlan, build_study

if TYPE_CHECKING:
    import optuna
    import pandas as pd

#: The most trials that one call asks for.
MOST_TRIALS = 1_000_000


class Study:
    """A search for the best partition of an asset; see `Workspace.study`. It follows the catalog."""

    def __init__(
        self,
        project: Project,
        node: Node,
        objectives: tuple[Objective, ...],
        pruner: Pruner | None,
        values: Mapping[str, Any],
        *,
        makes_inputs: bool = False,
    ) -> None:
        self._project, self._node, self._objectives = project, node, objectives
        self._makes_inputs = makes_inputs
        self._pruner, self._values = pruner, dict(values)
        self._seen: tuple[int, optuna.Study] | None = None

    @property
    def asset(self) -> str:
        return self._node.name

    @property
    def objectives(self) -> dict[str, str]:
        """The objectives, and which way each is better: ``max`` or ``min``."""
        return {one.name: one.direction for one in self._objectives}

    @property
    def optuna(self) -> optuna.Study:
        """The ordinary study of Optuna, in memory, for its plots, its importances and its dashboard.

        Every partition that was made is a trial of it, whoever ran it; ``trial.user_attrs`` has its
        ``partition_key`` and ``run_id``. While a backfill of this study runs in this process it is the one that is
        asked; what is changed in it is not recorded.
        """
        if (running := self._find_running()) is not None:
            return running.study
        sequence = self._project.catalog.sequence()
        if self._seen is None or self._seen[0] != sequence:
            node = refresh_registry(self._project)[self.asset]
            space, sampler = read_space(node, self._values), self._project.samplers.get(self.asset)
            built, _ = self._project.read(
                lambda batch: build_study(
                    batch, self._project, node, space, self._objectives, sampler, with_curves=True
                )
            )
            self._seen = sequence, built.study
        return self._seen[1]

    @property
    def frame(self) -> pd.DataFrame:
        """A trial a row, in their order: ``partition_key``, the parameters, the objectives, ``state`` and ``run_id``.

        ``state`` is ``complete``, ``pruned`` (it was stopped early), ``fail`` or ``running``.
        """
        import pandas as pd

        rows = []
        for trial in self.optuna.get_trials(deepcopy=False):
            values = trial.values if trial.values is not None and trial.state.name == "COMPLETE" else ()
            rows.append(
                {
                    "partition_key": trial.user_attrs.get("partition_key"),
                    **trial.params,
                    **dict(zip(self.objectives, values, strict=False)),
                    "state": trial.state.name.lower(),
                    "run_id": trial.user_attrs.get("run_id"),
                }
            )
        drawn = read_space(self._node, self._values).distributions
        return pd.DataFrame(rows, columns=["partition_key", *drawn, *self.objectives, "state", "run_id"])

    @property
    def best(self) -> pd.DataFrame:
        """The best trial as a frame of one row; with several objectives those that none is better than in all.

        What was stopped early is never best. Without a trial that came to its end it is empty.
        """
        frame = self.frame.drop_duplicates("partition_key", keep="first")
        done = frame[frame["state"] == "complete"]
        if len(self._objectives) == 1 and len(done):
            [one] = self._objectives
            values = done[one.name].astype(float)
            place = values.idxmax() if one.direction == "max" else values.idxmin()
            return done.loc[[place]].reset_index(drop=True)
        keys = {trial.user_attrs.get("partition_key") for trial in self.optuna.best_trials} if len(done) else set()
        return done[done["partition_key"].isin(keys)].reset_index(drop=True)

    def optimize(  # noqa: PLR0913
        self,
        n_trials: int,
        *,
        max_workers: int | None = None,
        retries: int | None = None,
        settings: Mapping[str, Any] | None = None,
        secrets: Mapping[str, Any] | None = None,
        timeout_s: float | None = None,
        backoff_s: float | None = None,
        limits: Mapping[str, int] | None = None,
        keep_failed_kernels: int = 0,
        stop_after: int | None = None,
    ) -> Backfill:
        """Start a backfill that asks for ``n_trials`` more trials, and return it at once.

        Each is a key of the asset's set, added when it is asked for; a trial that is rounded to a key whose partition
        is up to date takes its result, and counts. ``max_workers`` trials run at a time. The other options are those of
        `Plan.run`. A backfill that was ended before its last trial is taken up by `Backfill.resume`, which asks for
        what is left. Raises `DeclarationError`, also where a study of the asset runs in this process.
        """
        registry, plan = self._plan(n_trials)
        options = make_options(
            [registry[name].definition for name in plan.assets],
            preload=self._project.preload,
            study=plan.to_json(),
            max_workers=max_workers,
            retries=retries,
            settings=settings,
            secrets=secrets,
            timeout_s=timeout_s,
            backoff_s=backoff_s,
            limits=limits,
            keep_failed_kernels=keep_failed_kernels,
            stop_after=stop_after,
            pruner=self._pruner,
        )
        return Backfill(self._project, _start(self._project, registry, plan, options))

    def _plan(self, n_trials: int) -> tuple[Registry, StudyPlan]:
        """The registry of now, and what a backfill of the asset is to do. Raises where none can begin."""
        check_count("n_trials", n_trials, 1, MOST_TRIALS)
        project = self._project
        if (running := self._find_running()) is not None:
            raise DeclarationError(
                f"a study of {self.asset} runs already, with {running.left:,} trials to ask for: wait for it, or "
                "cancel it."
            )
        changes = register_edited_code(project)
        registry = refresh_registry(project)
        node = registry[self.asset]
        check_readable(changes.unreadable, [node.name])
        assets: tuple[str, ...] = (node.name,)
        if self._makes_inputs:
            above = registry.graph.ancestors(node.name)
            assets = tuple(name for name in registry.graph.computed if name in above or name == node.name)
        else:
            _check_inputs(project, registry, node)
        sampler = project.samplers.get(node.name)
        name = None if sampler is None else type(sampler).__name__
        return registry, StudyPlan(node.name, assets, self._objectives, n_trials, self._values, name)

    def _find_running(self) -> StudyGrower | None:
        """What asks for trials of the asset in this process now."""
        for runner in list(self._project.runners.values()):
            if isinstance(runner.grower, StudyGrower) and runner.grower.asset == self.asset and not runner.has_ended:
                return runner.grower
        return None

    def __repr__(self) -> str:
        trials = self.optuna.get_trials(deepcopy=False)
        counts: dict[str, int] = {}
        for trial in trials:
            counts[trial.state.name.lower()] = counts.get(trial.state.name.lower(), 0) + 1
        listed = ", ".join(f"{n:,} {state}" for state, n in counts.items()) or "no trials yet"
        aims = ", ".join(f"{name} {direction}" for name, direction in self.objectives.items())
        best = self.best
        shown = ""
        if len(best) == 1:
            values = ", ".join(f"{name} {best[name].iloc[0]:.6g}" for name in self.objectives)
            shown = f"; best {best['partition_key'].iloc[0]} ({values})"
        elif len(best):
            shown = f"; {len(best)} that none beats in all"
        return f"<Study of {self.asset}, {aims}: {listed}{shown}>"

    def _repr_html_(self) -> str:
        from nbpart.widgets.tables import titled_frame_html

        return titled_frame_html(repr(self).strip("<>"), self.best.head(20))


def make_study(
    project: Project,
    asset: Any,
    objective: Any,
    objectives: Any,
    sampler: Any,
    pruner: Pruner | None,
    values: Mapping[str, Any] | None,
) -> Study:
    """The study of an asset; see `Workspace.study`."""
    load_optuna()
    makes_inputs = isinstance(asset, str) and asset.startswith("+")
    node = refresh_registry(project)[asset[1:].strip() if makes_inputs else name_of(asset)]
    if node.definition.is_source:
        raise DeclarationError(f"{node.name} is a source: nothing of it can be tried.")
    if any(read.name == node.name for read in node.definition.inputs):
        raise DeclarationError(f"{node.name} reads itself, so its partitions cannot be tried one by one.")
    found = read_objectives(node, objective, objectives)
    if sampler is not None:
        check_sampler(sampler)
    make_options([node.definition], pruner=pruner)
    check_logged(node, found, *_list_logged(project, node))
    read_space(node, values)
    if sampler is not None and project.samplers.get(node.name) is not sampler:
        project.samplers[node.name] = sampler
        project.samplers_used.discard(node.name)
    return Study(project, node, found, pruner, values or {}, makes_inputs=makes_inputs)


def _check_inputs(project: Project, registry: Registry, node: Node) -> None:
    """Raise `MissingInputError` where what every trial reads was never made: all of them would be blocked."""
    if node.definition.on_missing_input == "skip":
        return
    inputs = [registry[read.name] for read in node.definition.inputs]
    for above in inputs:
        if above.definition.is_source or above.definition.is_partitioned:
            continue
        frame = project.read(partial(queries.partition_status, asset_id=above.asset_id))
        if frame["materialized_at"].isna().all():
            raise MissingInputError(
                f"every trial of {node.name} reads {above.name}, which has no data yet: make it, as by "
                f"ws.backfill({above.name!r}), then ask for trials."
            )


def _list_logged(project: Project, node: Node) -> tuple[list[str], list[str]]:
    """The columns of the metrics that runs of an asset logged, and those of them that hold texts."""
    metrics = project.read(lambda batch: queries.list_metric_columns(batch, node.asset_id))
    return list(metrics), [name for name, is_text in metrics.items() if is_text]


def _start(project: Project, registry: Registry, plan: StudyPlan, options: BackfillOptions) -> str:
    coordinator, frame = project.coordinator.number, make_steps_frame(registry, StepTable(), None)
    selection = f"study of {'+' * (len(plan.assets) > 1)}{plan.asset}"

    def begin(batch: Batch) -> Job:
        number, backfill_id = events.start_backfill(
            batch, selection, options.to_json(), coordinator, frame, registry.moment
        )
        events.start_study(batch, number, registry[plan.asset].asset_id, plan.trials)
        steps = StepTable(tuple(AssetSteps(name, *NO_STEPS) for name in plan.assets))
        return Job(number, backfill_id, registry, steps, np.empty(0, np.int64), options)

    backfill_id = launch(project, options, begin)
    assert backfill_id is not None, "there is a job"
    return backfill_id
