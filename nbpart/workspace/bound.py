"""Assets and sources with methods: those of the workspace in which they are registered."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from nbpart.assets.asset import Asset, Source
from nbpart.assets.watched_source import Duplicates, OnChange, OnRemove, WatchedSource
from nbpart.automation.registration import register_items
from nbpart.automation.watched_source import find_vanished
from nbpart.project.accept import accept
from nbpart.project.adopt import adopt
from nbpart.project.backfills import Backfill
from nbpart.project.data import load
from nbpart.project.materialization import materialize
from nbpart.project.parameter_grid import add_grid, join_axes, split_options
from nbpart.project.partition_sets import load_sets
from nbpart.project.plans import make_plan
from nbpart.project.project import Project
from nbpart.project.runs import Run
from nbpart.project.verb_result import VerbResult
from nbpart.project.wipe import wipe


@dataclass(frozen=True, eq=False, repr=False)
class BoundAsset(Asset):
    """What `Workspace.asset` and `Workspace.notebook` return: an asset with methods to run it and load its data."""

    project: Project | None = field(default=None, repr=False)

    @classmethod
    def bind(cls, asset: Asset, project: Project) -> BoundAsset:
        """The asset with the project in which it is registered."""
        fields = {f.name: getattr(asset, f.name) for f in dataclasses.fields(Asset)}
        return cls(**fields, project=project)

    def backfill(  # noqa: PLR0913
        self,
        values: Mapping[str, Any] | None = None,
        /,
        *,
        keys: Any = None,
        status: Any = "outdated",
        where: Any = None,
        max_workers: int | None = None,
        retries: int | None = None,
        timeout_s: float | None = None,
        settings: Mapping[str, Any] | None = None,
        order: str | None = None,
        **axes: Any,
    ) -> Backfill:
        """Run this asset for every combination of the given parameter values (a list or one value each).

        They are given by name, or in a dict where one is called as an option is: ``{"lr": [0.01, 0.1], "retries": 1}``.
        The other options of `Plan.run` are taken too. New keys are added first. An asset without partitions gets a set
        of its own name, with parameters of the types in its parameters cell or its arguments. Without values it runs
        those of ``keys`` that have ``status`` and for which ``where`` is true. ``order``: see `Workspace.plan`. Returns
        at once; ``.wait()`` waits.
        """
        options, axes = split_options(self._project, self, axes) if axes else ({}, axes)
        if given := join_axes(values, axes):
            self._project.check_trust()
            keys = add_grid(self._project, self, given)
        plan = make_plan(self._project, self.name, keys, status, order, where)
        return plan.run(max_workers=max_workers, retries=retries, timeout_s=timeout_s, settings=settings, **options)

    def materialize(
        self,
        partition_key: Any = None,
        *,
        retries: int | None = None,
        timeout_s: float | None = None,
        settings: Mapping[str, Any] | None = None,
        **params: Any,
    ) -> Run:
        """Run one partition now; see `Workspace.materialize`."""
        key = partition_key if partition_key is not None else params or None
        return materialize(self._project, self.name, key, retries=retries, timeout_s=timeout_s, settings=settings)

    def load(
        self,
        partition_key: Any = None,
        *,
        run: Any = None,
        file: str | None = None,
        trusted: Collection[str] = (),
        **params: Any,
    ) -> Any:
        """The data of one partition; see `Workspace.load`."""
        key = partition_key if partition_key is not None else params or None
        return load(self._project, self.name, key, run, file, trusted=trusted)

    def accept(self, keys: Any = None, *, where: Any = None, reason: str = "", dry_run: bool = False) -> VerbResult:
        """Record partitions as current, as if they had run with the code and inputs of now; see `Workspace.accept`."""
        return accept(self._project, self.name, keys, where, reason=reason, dry_run=dry_run)

    def adopt(
        self,
        path: str | os.PathLike[str],
        *,
        version: Literal["hash", "size+mtime"] = "hash",
        reason: str = "",
        dry_run: bool = False,
    ) -> VerbResult:
        """Make files that are there the data of partitions; see `Workspace.adopt`."""
        folder = Path.cwd()
        return adopt(self._project, self.name, path, folder=folder, version=version, reason=reason, dry_run=dry_run)

    def wipe(
        self, keys: Any = None, *, where: Any = None, reason: str = "", data: bool = False, dry_run: bool = False
    ) -> VerbResult:
        """Make partitions missing, as if they had never run; see `Workspace.wipe`."""
        return wipe(self._project, self.name, keys, where, reason=reason, data=data, dry_run=dry_run)

    @property
    def _project(self) -> Project:
        assert self.project is not None
        return self.project


@dataclass(frozen=True, eq=False, repr=False)
class BoundSource(Source):
    """What `Workspace.source` returns: a source that can be watched."""

    project: Project | None = field(default=None, repr=False)

    @classmethod
    def bind(cls, source: Source, project: Project) -> BoundSource:
        """The source with the project in which it is registered."""
        fields = {f.name: getattr(source, f.name) for f in dataclasses.fields(Source)}
        return cls(**fields, project=project)

    def watch(
        self,
        *,
        every: str | float = "30s",
        settle: str | float = "5s",
        on_change: OnChange = "run",
        on_remove: OnRemove = "keep",
        duplicates: Duplicates = "run",
        run: Any = None,
    ) -> WatchedSource:
        """Watch its files from now on: register a trigger of its name; see `Source.watch` for the options."""
        declared = super().watch(
            every=every, settle=settle, on_change=on_change, on_remove=on_remove, duplicates=duplicates, run=run
        )
        register_items(self._project, [declared], None)
        return declared

    def remove_vanished(self, *, reason: str = "", dry_run: bool = False) -> list[str]:
        """Remove the keys that had a file once and have none now, however many; returns them.

        Their history and what was made of them stay. With ``dry_run`` nothing is changed. Raises `DeclarationError`
        where the set is not dynamic, `MissingInputError` where the files cannot be listed.
        """
        keys = find_vanished(self._project, self.name)
        if keys and self.partitions is not None:
            partitions = load_sets(self._project.catalog)[self.partitions.set_name]
            return partitions.remove(keys, reason=reason, dry_run=dry_run)
        return []

    @property
    def _project(self) -> Project:
        assert self.project is not None
        return self.project
