"""The workspace: the object that a user opens and calls."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbpart.assets.asset import Asset, Source, name_of
from nbpart.assets.checks import Check
from nbpart.assets.graph import AssetGraph
from nbpart.assets.watched_source import WatchedSource
from nbpart.automation import Schedule, Sensor
from nbpart.automation.registration import register_items, remove_item
from nbpart.automation.triggers import describe_unwatched, describe_watching
from nbpart.backfill.options import PER_PARTITION
from nbpart.catalog import Catalog
from nbpart.partitions import DynamicPartitions, Parameters, PartitionsDefinition
from nbpart.partitions.declaration import as_part
from nbpart.project.backfills import Backfill, Backfills
from nbpart.project.code_scan import CodeChanges
from nbpart.project.data import load
from nbpart.project.data_check import check_data
from nbpart.project.edits import Edit, open_edit
from nbpart.project.limits import limits_frame, set_limits
from nbpart.project.lineage import list_inputs, list_readers
from nbpart.project.materialization import materialize
from nbpart.project.partition_set import PartitionSet
from nbpart.project.partition_sets import declare_set, load_sets
from nbpart.project.plans import Plan, make_plan
from nbpart.project.project import Project
from nbpart.project.prune import STRAY_AFTER_S, prune
from nbpart.project.refresh import describe_code_age, find_code_checked_at, refresh
from nbpart.project.runs import Run, get_run, list_kept_kernels, list_runs
from nbpart.project.status_frames import count_statuses, partition_status
from nbpart.project.values import give_value
from nbpart.project.why import Why, find_why
from nbpart.run.pruners import Pruner
from nbpart.trials import make_grower
from nbpart.workspace.automating import Automating
from nbpart.workspace.bound import BoundAsset, BoundSource
from nbpart.workspace.checking import Checking
from nbpart.workspace.declaring import Declaring
from nbpart.workspace.trying import Trying
from nbpart.workspace.verbs import Verbs

if TYPE_CHECKING:
    import duckdb
    import pandas as pd

    from nbpart.widgets.explorer import Explorer
    from nbpart.widgets.graph import AssetGraph as AssetGraphWidget
    from nbpart.widgets.heatmap import PartitionHeatmap
    from nbpart.widgets.monitor import BackfillMonitor
    from nbpart.widgets.trigger_table import TriggerTable
    from nbpart.workspace.doctor.findings import Diagnosis


class Workspace(Declaring[BoundAsset], Verbs, Automating, Checking, Trying):
    """An open workspace: a folder with catalog, data, runs and code. `nbpart.open` makes or opens one.

    Use it as a context manager, or `close` it: both wait for the backfills that run in this process. Where an exception
    leaves the ``with`` block they are cancelled.
    """

    def __init__(self, root: Path, catalog: Catalog, purpose: str, preload: Sequence[str] = ()) -> None:
        #: The parts of the workspace, which the methods below pass on to functions of `nbpart.project`.
        self.project = Project(root, catalog, purpose, preload=preload)
        self.project.show_backfill = self._show_backfill
        self.project.show_triggers = self._show_triggers
        self.project.make_grower = partial(make_grower, self.project)
        self._sensors: dict[str, Sensor] = {}

    @property
    def root(self) -> Path:
        """Its folder."""
        return self.project.root

    @property
    def workspace_id(self) -> str:
        """Its unique id, given when it was made."""
        return self.project.catalog.workspace_id

    @property
    def is_trusted(self) -> bool:
        """Whether the code that it holds may run: this user made it, or trusts it, at this path."""
        return self.project.is_trusted

    def trust(self) -> None:
        """Trust this workspace, whoever made it, from now on: the code that it holds may run as you."""
        self.project.trust()

    # declaring

    def dynamic_partitions(
        self,
        name: str,
        params: Mapping[str, Any] | Parameters | None = None,
        *,
        columns: Mapping[str, Any] | None = None,
        under: Mapping[str, Any] | None = None,
    ) -> PartitionSet:
        """The set of dynamic partitions of that name, made if it is new.

        ``params`` declares keys with parameters, by types or by distributions, which samples are drawn from
        (``{"lr": nbpart.loguniform(1e-4, 1e-1), "depth": nbpart.Param(int, default=3)}``), ``columns`` attributes that
        do not make the key, ``under={"file": files}`` the partitions below whose keys these are; None leaves each as it
        was declared before. Raises `ParameterError` for parameters that do not fit the set's keys.
        """
        return declare_set(self.project.catalog, DynamicPartitions(name, params, columns, under))

    def partitions(self, partitions: PartitionsDefinition | PartitionSet | str) -> PartitionSet:
        """The live set of a definition, made if it is new and else brought up to date, or the set of that name.

        What made partitions a changed definition takes off the list, and of which assets, is logged; their data stays.
        Raises `UnknownNameError` for a name that no set has, `DeclarationError` for a name of another kind.
        """
        if isinstance(partitions, str):
            return load_sets(self.project.catalog)[partitions]
        return declare_set(self.project.catalog, as_part(partitions))

    def register(
        self, *items: Asset | Source | PartitionSet | DynamicPartitions | Sensor | Schedule | WatchedSource | Check
    ) -> None:
        """Register declarations together: all of them, or none if one is wrong.

        One with the name of a registered one replaces it. Raises `DeclarationError`, `CycleError`, `UnknownNameError`.
        """
        self._sensors |= register_items(self.project, items, self)

    def remove_asset(self, asset: Any) -> None:
        """Remove an asset or source from what is registered; its runs and data stay.

        Raises `DeclarationError` while another asset reads it.
        """
        remove_item(self.project, asset)

    # reading

    @property
    def assets(self) -> AssetGraph:
        """The registered assets and sources: definitions by name, each after those that it reads."""
        return self.project.registry().graph

    @property
    def partition_sets(self) -> dict[str, PartitionSet]:
        """The sets of partitions by name; those that nobody named are left out."""
        return dict(load_sets(self.project.catalog))

    def status(self, assets: Any = None) -> pd.DataFrame:
        """How many partitions of each asset have each status: of all assets, or of a selection (see `plan`).

        An asset a row (the index), a status a column.
        Where edited code was last looked for over a minute ago, the name of the columns says when: "as seen 10:02". It
        also says where triggers are on and nobody watches: "3 triggers; nobody has watched since 18:02".
        """
        counts = count_statuses(self.project, assets)
        said = [text for text in (counts.columns.name, describe_unwatched(self.project)) if text]
        return counts.rename_axis(columns="; ".join(said) or None)

    def partition_status(self, asset: Any, where: Any = None) -> pd.DataFrame:
        """A partition a row, in the order of the set: ``partition_key, status, reason, error, late, stopped_early,
        run_id, materialized_at, duration_s, rows, bytes``, then the columns of the set and metrics; all, or those that
        ``where`` chooses (see `plan`)."""
        return partition_status(self.project, asset, where)

    def runs(
        self,
        asset: Any = None,
        partition_key: Any = None,
        *,
        where: Any = None,
        backfill: str | None = None,
        limit: int | None = None,
    ) -> pd.DataFrame:
        """Runs, newest first: ``run_id, asset, partition_key, status, attempt, backfill_id, started_at, duration_s,
        error``; of one asset, one key, the partitions of an asset that ``where`` chooses (see `plan`), one backfill."""
        return list_runs(self.project, asset, partition_key, backfill, limit, where)

    def get_run(self, run_id: str) -> Run:
        """The run with that id: its notebook, log, error and more. Raises `UnknownNameError`."""
        return get_run(self.project, run_id)

    def inputs(self, asset: Any, partition_key: Any = None) -> pd.DataFrame:
        """What a partition reads: ``asset, argument, partition_key, mapping, status``, in the order of each set.

        Also what has no data yet; windows that are no partitions are not listed. Raises `UnknownNameError`.
        """
        return list_inputs(self.project, asset, partition_key)

    def readers(self, asset: Any, partition_key: Any = None) -> pd.DataFrame:
        """The partitions that read one of an asset or source, with the same columns as `inputs`."""
        return list_readers(self.project, asset, partition_key)

    def why(self, asset: Any, partition_key: Any = None) -> Why:
        """Why a partition is stale, missing, waiting, or what it is: a sentence; ``.frame`` is the chain to its root.

        Of one that is up to date it says when it was made, of what, and by which run. Raises `UnknownNameError`.
        """
        return find_why(self.project, asset, partition_key)

    def load(
        self,
        asset: Any,
        partition_key: Any = None,
        *,
        run: Any = None,
        file: str | None = None,
        trusted: Collection[str] = (),
        **params: Any,
    ) -> Any:
        """The data of one partition: now, or as ``run`` (a run or its id) left it, which needs no key.

        ``file`` names one of several files that a run saved; ``trusted`` types that skops data may hold besides those
        that skops knows to be harmless. Raises `UnknownNameError`, `MissingInputError`, `UnreadableDataError` for what
        was saved with other versions of packages and cannot be loaded here, and `UntrustedWorkspaceError` for a pickle
        of a workspace that is not trusted: loading it runs what it says.
        """
        key = partition_key if partition_key is not None else params or None
        return load(self.project, asset, key, run, file, trusted=trusted)

    def table(self, asset: Any) -> duckdb.DuckDBPyRelation:
        """All materialized partitions of an asset as one DuckDB relation, with key and parameters as columns."""
        return self.project.tables.table(self.project.registry()[name_of(asset)])

    def sql(self, query: str) -> duckdb.DuckDBPyRelation:
        """The answer to a DuckDB query in which each asset is a table of its name, with its current data."""
        return self.project.tables.sql(query)

    @property
    def code_checked_at(self) -> datetime | None:
        """When a plan, a tick or a refresh of any process last looked for edited code; None where none did."""
        return find_code_checked_at(self.project)

    def refresh(self) -> CodeChanges:
        """Look for changed files of sources and edited code, and record or register what changed; nothing runs.

        Logs and returns what code was edited, cannot be read, or is gone, and which sources changed. `plan` and `tick`
        do this by themselves.
        """
        return refresh(self.project)

    # widgets

    def graph(self, assets: Any = None, *, folded: Collection[str] = (), height: int = 460) -> AssetGraphWidget:
        """The asset graph as a live widget: of all assets, or of a selection (see `plan`).

        ``folded`` are groups, ``height`` is in pixels; it has a ``selection``.
        """
        from nbpart.workspace.view import make_graph

        return make_graph(self.project, assets, folded=folded, height=height)

    def heatmap(
        self, assets: Any = None, *, where: Any = None, color_by: str = "status", sort_by: str | None = None
    ) -> PartitionHeatmap:
        """Every partition as a live widget: of all assets, or of a selection (see `plan`).

        ``where``: only those that a condition chooses (see `plan`), asked again as things change. A key is shown for
        all assets of its set if it is chosen of one, an asset without partitions always, and one that lacks a column
        not at all.
        ``color_by``: ``"status"``, ``"duration_s"``, ``"rows"``, ``"bytes"`` or a metric; ``sort_by``: one of these, or
        ``"key"``. ``.selection`` is what is chosen, as ranges. Raises `UnknownNameError`, `DeclarationError`.
        """
        from nbpart.workspace.view import make_heatmap

        return make_heatmap(self.project, assets, where=where, color_by=color_by, sort_by=sort_by)

    def explore(self, *, height: int = 300) -> Explorer:
        """The workspace as one live widget: graph, heatmap, and a panel to look at, add, plan and run partitions.

        ``height`` is that of the graph, in pixels.
        """
        from nbpart.workspace.view import make_explorer

        return make_explorer(self.project, height=height)

    # running

    def plan(
        self,
        selection: Any = "*",
        keys: Any = None,
        status: Any = "outdated",
        where: Any = None,
        *,
        order: str | None = None,
    ) -> Plan:
        """What a backfill of ``selection`` would run, and why; nothing runs.

        ``selection``: a name, a glob (``raw_*``, ``*``), ``tag:db``, ``group:daily``, each with what is above (``+x``,
        two steps of it: ``2+x``) or below (``x+``, ``x+1``); an asset; or a list of these.
        ``keys``: a key or date, a dict of all or some parameters or dimensions, a part of a date (``"2013-01"``),
        `nbpart.between`, a list or frame of these. They are asked of the assets that are named, which must have each;
        what ``+`` adds follows through what is read, and of what a glob, tag or group means those without any are left
        alone. ``status``: the
        partitions to run: ``"outdated"`` (missing, stale or failed, and what reads them), ``"all"``, a status, a list.
        ``where``: a condition on what `partition_status` shows (``"lr < 0.1 and status = 'failed'"``), a dict of values
        (``{"shop": ["x", "y"]}``), or a text with its values (``("kind = $k", {"k": kind})``), asked of the same assets
        as keys; one that asks more than key and columns takes partitions of every status.
        ``order``: which keys of an asset start first: ``"oldest"`` (as the set has them, the default), ``"newest"``,
        ``"as_listed"`` (as ``keys``, a list, has them), or by columns that `partition_status` shows
        (``"depth, lr desc"``). What has no value comes last. An asset that is named must have the columns; where others
        lack them the order of the set stays. Code that was edited on disk is registered first. Raises
        `DeclarationError` where that of one of them cannot be read, `UnknownNameError` for a column that is not there.
        """
        return make_plan(self.project, selection, keys, status, order, where)

    def backfill(  # noqa: PLR0913
        self,
        selection: Any = "*",
        keys: Any = None,
        status: Any = "outdated",
        where: Any = None,
        *,
        max_workers: int | None = None,
        retries: int | None = None,
        settings: Mapping[str, Any] | None = None,
        secrets: Mapping[str, Any] | None = None,
        timeout_s: float | None = None,
        backoff_s: float | None = None,
        limits: Mapping[str, int] | None = None,
        keep_failed_kernels: int = 0,
        keep_kernels: int = 0,
        policy: str = PER_PARTITION,
        pruner: Pruner | None = None,
        stop_after: int | None = None,
        order: str | None = None,
        detach: bool = False,
    ) -> Backfill:
        """Plan and run in the background; see `plan` for what is chosen and `Plan.run` for the options."""
        return self.plan(selection, keys, status, where, order=order).run(
            max_workers=max_workers,
            retries=retries,
            settings=settings,
            secrets=secrets,
            timeout_s=timeout_s,
            backoff_s=backoff_s,
            limits=limits,
            keep_failed_kernels=keep_failed_kernels,
            keep_kernels=keep_kernels,
            policy=policy,
            pruner=pruner,
            stop_after=stop_after,
            detach=detach,
        )

    def materialize(
        self,
        asset: Any,
        partition_key: Any = None,
        *,
        retries: int | None = None,
        timeout_s: float | None = None,
        settings: Mapping[str, Any] | None = None,
        **params: Any,
    ) -> Run:
        """Run one partition now and wait for it; a key that is new is added to its dynamic partitions.

        Returns the run. Raises what the notebook raised (a `RunFailedError`, which is a ``ValueError`` too where the
        notebook raised one), or `MissingInputError` where it could not run.
        """
        key = partition_key if partition_key is not None else params or None
        return materialize(self.project, asset, key, retries=retries, timeout_s=timeout_s, settings=settings)

    def edit(self, asset: Any, partition_key: Any = None, *, settings: Mapping[str, Any] | None = None) -> Edit:
        """Open a working copy of an asset's notebook in which all is as in a run of one partition.

        It lies in the workspace below ``edits``; its first cell gives what a run gets: inputs, key, columns,
        ``settings``. Displayed, it is a link that opens it in JupyterLab, on the pre-warmed kernel where that is
        installed. ``.save()`` writes the cells back to your own file, ``.discard()`` gives them up. An edit that is
        open is found again with its changes. A function is opened to try. Raises `DeclarationError` where the partition
        is queued or running, `MissingInputError` where an input has no data, `UnknownNameError`.
        """
        return open_edit(self.project, asset, partition_key, settings)

    @property
    def backfills(self) -> Backfills:
        """The backfills of this workspace by id, wherever they run."""
        self.project.coordinator.reap()
        return Backfills(self.project)

    def set_limits(self, limits: Mapping[str, int | None]) -> None:
        """Set how many runs of an asset (``{"model": 1}``) or of a tag (``{"tag:db": 2}``) go on at a time.

        A limit holds over all backfills and processes of this workspace, also those that run now; None takes it away,
        and others stay. Raises `DeclarationError` for a name that is no asset nor the tag or group of one.
        """
        set_limits(self.project, limits)

    def limits(self) -> pd.DataFrame:
        """The limits of this workspace and of its assets, one a row: ``limit, most, running, waiting``.

        ``running`` runs have a place; of ``waiting`` assets in backfills each waits for one.
        """
        return limits_frame(self.project)

    def kernels(self) -> pd.DataFrame:
        """The live kernels that runs left, one a row: ``run_id, asset, partition_key, pid, expires_at``."""
        return list_kept_kernels(self.project)

    def prune(
        self,
        keep: int = 3,
        assets: Any = None,
        *,
        keys: Any = None,
        where: Any = None,
        reason: str = "",
        dry_run: bool = False,
        stray_after_s: float = STRAY_AFTER_S,
    ) -> pd.DataFrame:
        """Remove old data, executed notebooks and logs, and stray files, which the catalog does not know.

        Of each partition the newest ``keep`` materializations and runs stay, and all that is current or running; what
        was wiped goes. Stray files are removed when they are ``stray_after_s`` seconds old. ``assets``, ``keys`` and
        ``where`` restrict it (see `plan`), and then stray files stay. With ``keep=0``, which needs ``keys`` or
        ``where``, current data go too: such a partition is *pruned*, still materialized and not outdated, and what
        reads it stays as it is. Returns what was removed, a file a row: ``path, reason, bytes``; with ``dry_run`` what
        would be. The records of runs and materializations stay. Adopted files are never removed.
        """
        return prune(
            self.project, keep, assets, keys, where, reason=reason, dry_run=dry_run, stray_after_s=stray_after_s
        ).tell()

    def check_data(
        self,
        selection: Any = "*",
        *,
        sample: int | float | None = None,
        progress: Callable[[int, int], object] | None = None,
    ) -> pd.DataFrame:
        """Compare the data files of partitions with what was recorded of them: existence, size and content.

        Returns the faults, a file a row: ``asset, partition_key, file`` (the name of an extra file), ``problem``,
        ``path`` in the workspace. From then on a partition whose data was deleted is missing, and one whose data was
        replaced is stale: ``ws.backfill(selection)`` makes them again. A file that was put back is good again after the
        next check. ``sample`` limits how many files are read whole, drawn at random: a number (``200``, ``0``) or a
        fraction (``0.01``). ``progress`` is called with the number of files checked so far and of all. Raises
        `UnknownNameError`, and `DeclarationError` for another ``sample``.
        """
        return check_data(self.project, selection, sample, progress)

    def doctor(self) -> Diagnosis:
        """Look whether installation and workspace are well, a line each with what to do; no code of it runs."""
        from nbpart.workspace.doctor.diagnose import diagnose

        return diagnose(self.root, self.project)

    def close(self, timeout_s: float | None = None) -> None:
        """Wait for the backfills that run in this process, then close the catalog.

        Those that still run after ``timeout_s`` seconds (None: however long they take) are cancelled, also where a
        Ctrl-C ends the waiting: their kernels are interrupted, and soon killed, whatever their cells do about it.
        """
        self.project.close(timeout_s)

    def __enter__(self) -> Workspace:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        self.close(timeout_s=None if error is None else 0.0)

    def _register_source(self, declared: Source) -> BoundSource:
        self.register(declared)
        return BoundSource.bind(declared, self.project)

    def _register_assets(self, declared: Sequence[Asset]) -> list[BoundAsset]:
        self.register(*declared)
        return [BoundAsset.bind(one, self.project) for one in declared]

    def _give_value(self, source: Source, value: Any) -> None:
        give_value(self.project, source, value)

    def __repr__(self) -> str:
        return f"<Workspace {str(self.root)!r}: {len(self.assets)} assets and sources>"

    def _repr_html_(self) -> str:
        from nbpart.widgets.tables import workspace_html

        age, watching = describe_code_age(self.project), describe_watching(self.project)
        return workspace_html(str(self.root), self.assets, self.status(), age, watching)

    def _show_backfill(self, backfill_id: str) -> BackfillMonitor:
        from nbpart.workspace.view import make_monitor

        return make_monitor(self.project, backfill_id)

    def _show_triggers(self) -> TriggerTable:
        from nbpart.workspace.view import make_trigger_table

        return make_trigger_table(self.project)
