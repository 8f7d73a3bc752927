"""Trying parameters and choosing among what came of them, as methods of a workspace."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nbpart.project.project import Project
from nbpart.run.pruners import Pruner
from nbpart.trials import Board, Study, compare, make_study


class Trying:
    """Comparing the partitions of an asset, and searching for the best."""

    project: Project

    def compare(self, asset: Any, *, metrics: Mapping[str, Any] | None = None) -> Board:
        """The partitions of an asset beside each other, best first: parameters, settings and what their runs logged.

        ``metrics`` say which way each is better, in place of those that the asset declares; the first one orders.
        Raises `UnknownNameError` for a metric that no run logged.
        """
        return compare(self.project, asset, metrics)

    def study(
        self,
        asset: Any,
        *,
        objective: str | None = None,
        objectives: Mapping[str, str] | Sequence[str] | None = None,
        sampler: Any = None,
        pruner: Pruner | None = None,
        values: Mapping[str, Any] | None = None,
    ) -> Study:
        """A search for the best partition of an asset over the distributions of its parameters, by Optuna.

        A trial makes the asset; of ``"+score"`` also what is outdated of all that its partition reads, as its folds.
        ``objective`` is a metric, or ``"duration_s"``, ``"rows"`` or ``"bytes"``; ``objectives`` are several, each with
        ``"max"`` or ``"min"`` (default: as ``metrics=`` says). ``sampler`` is one of `optuna.samplers` (default: TPE,
        with a liar where trials run beside each other; NSGA-II for several objectives), ``pruner`` one of nbpart's,
        ``values`` are those of parameters without a distribution. Every partition that was made counts as a trial,
        whoever ran it. Needs the extra ``optuna``. Raises `DeclarationError`, `ParameterError`, and `UnknownNameError`
        for a metric that no run logged.
        """
        return make_study(self.project, asset, objective, objectives, sampler, pruner, values)
