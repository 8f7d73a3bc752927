"""The one object a user holds."""

from __future__ import annotations

import logging
import os
import random
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbpart.assets.asset import Asset, Source, declare_function, name_of, notebook, source
from nbpart.assets.graph import AssetGraph
from nbpart.assets.selection import describe, select
from nbpart.automation import Sensor, declare_sensor
from nbpart.backfill.coordinator import Coordinator
from nbpart.backfill.kept import find_kept
from nbpart.backfill.nodes import Node, Registry, load_registry, spell_key
from nbpart.backfill.options import check_count
from nbpart.backfill.plan import plan_steps
from nbpart.backfill.sources import refresh_sources
from nbpart.catalog import Batch, Catalog, Moment, RunRecord, events, queries
from nbpart.errors import DeclarationError, MissingInputError, UnknownNameError
from nbpart.partitions import DynamicPartitions, Parameters
from nbpart.project.backfills import Backfill, Backfills
from nbpart.project.choosing import list_keys, read_statuses, restrict
from nbpart.project.data import Tables, load_partition
from nbpart.project.data_check import check_files, to_frame
from nbpart.project.launch import Site, refuse_unreadable
from nbpart.project.partition_set import PartitionSet, ensure_dynamic
from nbpart.project.plans import Plan
from nbpart.project.prune import STRAY_AFTER_S, prune_files
from nbpart.project.runs import Run
from nbpart.project.statuses import tabulate_statuses
from nbpart.project.trust import is_trusted, require_trust, trust_workspace
from nbpart.workspace.bound import BoundAsset
from nbpart.workspace.edits import CodeLook, CodeWatch, describe_seen
from nbpart.workspace.registration import register_items, tell_changes, tell_earlier_imports
from nbpart.workspace.ticks import Tick, run_tick

if TYPE_CHECKING:
    import duckdb
    import pandas as pd

    from nbpart.widgets.explorer import Explorer
    from nbpart.widgets.graph import AssetGraph as AssetGraphWidget
    from nbpart.widgets.heatmap import PartitionHeatmap
    from nbpart.widgets.monitor import BackfillMonitor

log = logging.getLogger("nbpart")


class Workspace:
    """A project's directory: catalog, data, runs and code. `nbpart.open` makes or opens one.

    Use it as a context manager, or `close` it: both wait for the backfills that it runs.
    """

    def __init__(self, root: Path, catalog: Catalog, purpose: str, preload: Sequence[str] = ()) -> None:
        self.root = root
        self._catalog = catalog
        locks = catalog.path.with_name("coordinators")
        self._site = Site(
            root,
            catalog,
            Coordinator(catalog, locks, purpose),
            lambda: require_trust(root, catalog.workspace_id),
            lambda: self._take_up_edits().unreadable,
            preload=tuple(preload),
            show=self._show_backfill,
        )
        self._tables = Tables(catalog, root)
        self._code = CodeWatch(catalog, root, time.time_ns)
        self._sensors: dict[str, Sensor] = {}
        self._cached: Registry | None = None
        self._has_told_distrust = False

    @property
    def workspace_id(self) -> str:
        """Its identity, given when it was made."""
        return self._catalog.workspace_id

    @property
    def is_trusted(self) -> bool:
        """Whether the code that it holds may run: this user made it, or trusts it, at this path."""
        return is_trusted(self.root, self.workspace_id)

    def trust(self) -> None:
        """Trust this workspace, whoever made it, from now on: the code that it holds may run as you."""
        trust_workspace(self.root, self.workspace_id)

    # declaring

    def dynamic_partitions(self, name: str, params: Mapping[str, Any] | Parameters | None = None) -> PartitionSet:
        """The set of dynamic partitions of that name, made if it is new.

        ``params`` declares keys with parameters (``{"lr": float, "depth": nbpart.Param(int, default=3)}``); left out,
        what was declared before holds. Raises `ParameterError` where existing keys would lose their meaning.
        """
        wanted = DynamicPartitions(name, params)
        set_id, definition = self._catalog.write(lambda batch: ensure_dynamic(batch, wanted))
        return PartitionSet(self._catalog, set_id, definition)

    def source(
        self, name: str, path: str | os.PathLike[str], *, partitions: Any = None, description: str = ""
    ) -> Source:
        """Register files that come from elsewhere; see `nbpart.source`."""
        declared = source(name, path, partitions=partitions, description=description)
        self.register(declared)
        return declared

    def asset(self, function: Callable[..., Any] | None = None, **options: Any) -> Any:
        """Register a function as an asset, as a decorator; the options are those of `nbpart.asset`."""

        def decorate(f: Callable[..., Any]) -> BoundAsset:
            declared = declare_function(f, **options)
            self.register(declared)
            return BoundAsset.bind(declared, self)

        return decorate if function is None else decorate(function)

    def notebook(self, path: str | os.PathLike[str], **options: Any) -> BoundAsset:
        """Register a notebook as an asset; the options are those of `nbpart.notebook`."""
        declared = notebook(path, **options)
        self.register(declared)
        return BoundAsset.bind(declared, self)

    def register(self, *items: Asset | Source | PartitionSet | DynamicPartitions | Sensor) -> None:
        """Register declarations together: all of them, or none if one is wrong.

        A name that is registered already is replaced. Raises `DeclarationError`, `CycleError`, `UnknownNameError`.
        """
        tell_changes(register_items(self._catalog, self.root, items))
        tell_earlier_imports(items)
        self._sensors |= {item.name: item for item in items if isinstance(item, Sensor)}

    def remove_asset(self, asset: Any) -> None:
        """Take an asset or source away; its runs and data stay. Refused while another asset reads it."""
        name = name_of(asset)

        def work(batch: Batch) -> None:
            graph = load_registry(batch, self.root).graph
            if readers := graph.downstream(name):
                raise DeclarationError(f"{name!r} is read by {', '.join(readers)}; remove these first.")
            events.remove_asset(batch, name)

        self._catalog.write(work)

    def sensor(self, function: Callable[..., Any] | None = None, **options: Any) -> Any:
        """Register a sensor, as a decorator: ``every="30s"``, ``name``, ``partitions``.

        The function takes a context and returns keys to add and run, or an `nbpart.SensorResult`.
        """

        def decorate(f: Callable[..., Any]) -> Sensor:
            declared = declare_sensor(f, **options)
            self.register(declared)
            return declared

        return decorate if function is None else decorate(function)

    # looking

    @property
    def assets(self) -> AssetGraph:
        """What is registered: definitions by name, in the order of the graph."""
        return self._registry().graph

    @property
    def partition_sets(self) -> dict[str, PartitionSet]:
        """The sets of dynamic partitions by name."""
        sets = self._catalog.read(queries.load_sets)
        return {
            s.name: PartitionSet(
                self._catalog,
                s.set_id,
                DynamicPartitions(s.name, Parameters.from_json(s.params) if s.params else None),
            )
            for s in sets
            if s.kind == "dynamic"
        }

    def status(self) -> pd.DataFrame:
        """How many partitions of each asset have each status: an asset a row (the index), a status a column.

        Where somebody last looked for edited code over a minute ago, the columns are named "as seen 10:02".
        """
        registry = self._look()
        return tabulate_statuses(registry, self._catalog.read(queries.status_counts), self._as_seen)

    def partition_status(self, asset: Any) -> pd.DataFrame:
        """A partition a row, in the order of the set: ``partition_key, status, run_id, materialized_at, duration_s,
        rows, bytes``, then parameters and metrics."""
        node = self._look()[name_of(asset)]
        return self._catalog.read(lambda batch: queries.partition_status(batch, node.asset_id))

    def runs(
        self, asset: Any = None, partition_key: Any = None, *, backfill: str | None = None, limit: int | None = None
    ) -> pd.DataFrame:
        """Runs, newest first: ``run_id, asset, partition_key, status, attempt, backfill_id, started_at, duration_s,
        error``; of one asset, one key, one backfill."""
        node = None if asset is None else self._registry()[name_of(asset)]
        if partition_key is not None and node is None:
            raise DeclarationError("runs of a partition_key need the asset too: ws.runs(asset=..., partition_key=...).")
        key = spell_key(node, partition_key) if node and partition_key is not None else None

        def work(batch: Batch) -> pd.DataFrame:
            key_id = queries.find_key(batch, key) if key is not None else None
            backfill_no = self._backfill_no(batch, backfill)
            asset_id = node.asset_id if node else None
            return queries.runs_frame(batch, asset_id, -1 if key and key_id is None else key_id, backfill_no, limit)

        return self._site.read(work)

    def get_run(self, run_id: str) -> Run:
        """One run: its notebook, log, error and more. Raises `UnknownNameError`."""
        return Run(self.root, self._find_run(run_id), self._site.check_trust)

    def load(
        self, asset: Any, partition_key: Any = None, *, run: Any = None, file: str | None = None, **params: Any
    ) -> Any:
        """The data of one partition: now, or as ``run`` (a run or its id) left it, which needs no key.

        ``file`` names one of several files that a run saved. Raises `UnknownNameError`, `MissingInputError`.
        """
        node = self._registry()[name_of(asset)]
        given = partition_key if partition_key is not None else params or None
        record = None if run is None else self._find_run(getattr(run, "run_id", run))
        key = record.partition_key if record is not None and given is None else spell_key(node, given)
        return load_partition(self._catalog, self.root, node, key, record, file)

    def table(self, asset: Any) -> duckdb.DuckDBPyRelation:
        """Every materialized partition of an asset as one DuckDB relation, with key and parameters as columns."""
        return self._tables.table(self._registry()[name_of(asset)])

    def sql(self, query: str) -> duckdb.DuckDBPyRelation:
        """A DuckDB query over all assets: each is a table under its name, as they are now."""
        return self._tables.sql(query)

    @property
    def seen_at(self) -> datetime | None:
        """When a plan, a tick or a refresh of any process last looked for edited code; None where none did."""
        return self._code.seen_at

    def refresh(self) -> CodeLook:
        """Look at the files of sources and at the code on disk now, and take up what changed; nothing runs.

        Tells and returns what was edited, what cannot be read, and what is gone. `plan` and `tick` do it by themselves.
        """
        look = self._take_up_edits()
        self._look()
        return look

    # seeing

    def graph(self, **options: Any) -> AssetGraphWidget:
        """The asset graph as a live widget: ``folded`` groups, ``height`` in pixels; it has a ``selection``."""
        from nbpart.workspace.view import make_graph

        return make_graph(self, **options)

    def heatmap(self, assets: Any = None, *, color_by: str = "status", sort_by: str | None = None) -> PartitionHeatmap:
        """Every partition as a live widget: of all assets, or of a selection (see `plan`).

        ``color_by``: ``"status"``, ``"duration_s"``, ``"rows"``, ``"bytes"`` or a metric; ``sort_by``: one of these, or
        ``"key"``. ``.selection`` is what is chosen, as ranges. Raises `UnknownNameError`, `DeclarationError`.
        """
        from nbpart.workspace.view import make_heatmap

        return make_heatmap(self, assets, color_by=color_by, sort_by=sort_by)

    def explore(self, **options: Any) -> Explorer:
        """The workspace as one live widget: graph, heatmap, and a panel to look at, add, plan and run partitions."""
        from nbpart.workspace.view import make_explorer

        return make_explorer(self, **options)

    # running

    def plan(self, selection: Any = "*", keys: Any = None, status: Any = "outdated") -> Plan:
        """What a backfill of ``selection`` would run, and why; nothing runs.

        ``selection``: ``name``, ``+name`` (with all above), ``name+`` (with all below), ``*``, an asset, or a list.
        ``keys``: a key, a dict of parameters, or a list; restricts the assets that have them. ``status``: the
        partitions to run: ``"outdated"`` (missing, stale or failed, and what reads them), ``"all"``, a status, a list.
        Code that was edited on disk is taken up first. Raises `DeclarationError` where that of one of them cannot.
        """
        look = self._take_up_edits(is_told=False)
        registry = self._look()
        names = select(registry.graph, selection)
        look.without(names).tell()
        refuse_unreadable(look.unreadable, names)
        statuses = read_statuses(status)
        listed = list_keys(keys)

        def work(batch: Batch) -> tuple[Any, Any, Moment]:
            facts = queries.plan_facts(batch, [registry[name].asset_id for name in names])
            restricted = None if listed is None else restrict(batch, registry, names, listed)
            return facts, restricted, Moment(registry.moment.sequence, batch.now)

        facts, restricted, moment = self._catalog.read(work)
        by_name = {name: facts[registry[name].asset_id] for name in names}
        steps = plan_steps(registry.graph, names, by_name, keys=restricted, statuses=statuses)
        return Plan(self._site, registry.at(moment), steps, describe(selection), names, look.notice)

    def backfill(self, selection: Any = "*", keys: Any = None, status: Any = "outdated", **options: Any) -> Backfill:
        """Plan and run in the background; see `plan` for what is chosen and `Plan.run` for the options."""
        return self.plan(selection, keys, status).run(**options)

    def materialize(
        self,
        asset: Any,
        partition_key: Any = None,
        *,
        retries: int = 0,
        timeout_s: float | None = None,
        settings: Mapping[str, Any] | None = None,
        **params: Any,
    ) -> Run:
        """Run one partition now and wait for it; a key that is new is added to its dynamic partitions.

        Returns the run. Raises what the notebook raised (a `RunFailedError`, which is a ``ValueError`` too where the
        notebook raised one), or `MissingInputError` where it could not run.
        """
        self._site.check_trust()
        registry = self._look()
        node = registry[name_of(asset)]
        if node.definition.is_source:
            raise DeclarationError(f"{node.name!r} is a source: nobody here computes it.")
        key = spell_key(node, partition_key if partition_key is not None else params or None)
        if key is not None:
            self._add_if_new(node, key)
        plan = self.plan(node.name, keys=key, status="all")
        backfill = plan.run(max_workers=1, retries=retries, timeout_s=timeout_s, params=settings)
        try:
            backfill.wait(progress=False)
        except KeyboardInterrupt:
            backfill.cancel()
            raise
        step = backfill.steps().iloc[0]
        if step.status == "blocked":
            raise MissingInputError(f"{node.name if key is None else f'{node.name}/{key}'} {step.cause}.")
        run = self.get_run(step.run_id)
        if run.status != "succeeded":
            raise run.to_error()
        return run

    @property
    def backfills(self) -> Backfills:
        """The backfills of this workspace by id, wherever they run."""
        self._site.coordinator.reap()
        return Backfills(self._site)

    def tick(self, name: str, *, wait: bool = True, progress: bool = True, **options: Any) -> Tick:
        """Ask a sensor once: adds the keys that it found and runs what they touch; the options are a backfill's.

        What earlier ticks asked for and did not bring to its end, since their process died, goes on too.
        """
        return run_tick(self, self._site, self._sensors.get(name), name, wait=wait, progress=progress, **options)

    def kernels(self) -> pd.DataFrame:
        """The kernels of failed runs that were kept: ``run_id, asset, partition_key, pid, expires_at``."""
        import pandas as pd

        kept = [(self.get_run(run_id), kernel) for run_id, kernel in find_kept(self.root)]
        rows = [
            (run.run_id, run.asset, run.partition_key, kernel.pid, pd.Timestamp(kernel.expires_at, unit="s", tz="UTC"))
            for run, kernel in kept
        ]
        return pd.DataFrame(rows, columns=["run_id", "asset", "partition_key", "pid", "expires_at"])

    def prune(
        self, keep: int = 3, assets: Any = None, *, dry_run: bool = False, stray_after_s: float = STRAY_AFTER_S
    ) -> pd.DataFrame:
        """Remove old data, executed notebooks and logs, and files that nothing names; never what is current.

        Of each partition the newest ``keep`` materializations and runs stay, with what goes on. ``assets`` restricts it
        to a selection (see `plan`), and then stray files stay too; a stray file goes when it is ``stray_after_s``
        seconds old. Returns what was removed: ``path, reason, bytes``; with ``dry_run`` nothing is. What is recorded
        of it stays.
        """
        check_count("keep", keep, least=1)
        self._site.coordinator.reap()
        registry = self._registry()
        ids = None if assets is None else [registry[name].asset_id for name in select(registry.graph, assets)]
        return prune_files(self._catalog, self.root, keep, ids, dry_run=dry_run, stray_after_s=stray_after_s)

    def check_data(
        self,
        selection: Any = "*",
        *,
        sample: int | float | None = None,
        progress: Callable[[int, int], object] | None = None,
    ) -> pd.DataFrame:
        """Compare the data files of partitions with what was recorded of them: whether they are there, size, content.

        Returns what is wrong, a file a row: ``asset, partition_key, file`` (the name of an extra file), ``problem``,
        ``path`` in the workspace. From then on a partition whose data was deleted is missing, and one whose data is
        another is stale: ``ws.backfill(selection)`` makes them again; a file that was put back is found good by the
        next check. ``sample`` bounds of how many files the content is read (``200``, ``0.01``, ``0``), chosen anew each
        time; ``progress`` is called with how many files were looked at, and of how many. Raises `UnknownNameError`.
        """
        registry = self._registry()
        ids = [registry[name].asset_id for name in select(registry.graph, selection)]
        told = progress or (lambda done, total: None)
        return to_frame(check_files(self._catalog, self.root, ids, sample, random.Random(), told), self.root)

    def close(self) -> None:
        """Wait for the backfills that run here and let go of the catalog."""
        for runner in list(self._site.runners.values()):
            runner.wait()
        self._site.coordinator.close()
        self._tables.close()
        self._catalog.close()

    def __enter__(self) -> Workspace:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if error is not None:
            for runner in self._site.runners.values():
                runner.cancel()
        self.close()

    def __repr__(self) -> str:
        return f"<Workspace {str(self.root)!r}: {len(self.assets)} assets and sources>"

    def _repr_html_(self) -> str:
        from nbpart.widgets.tables import workspace_html

        return workspace_html(str(self.root), self.assets, self.status(), self._as_seen)

    def _show_backfill(self, backfill_id: str) -> BackfillMonitor:
        from nbpart.workspace.view import make_monitor

        return make_monitor(self, backfill_id)

    def _registry(self) -> Registry:
        """What is registered, read again only when the catalog changed."""
        if self._cached is None or self._cached.moment.sequence != self._catalog.sequence():
            self._cached = self._catalog.read(lambda batch: load_registry(batch, self.root))
        return self._cached

    def _look(self) -> Registry:
        """Registered assets, after looking for dead coordinators and for changed source files.

        Of a workspace that is not trusted the sources are as they were last seen: it could name any file or address.
        """
        self._site.coordinator.reap()
        registry = self._registry()
        sources = [d.name for d in registry.graph.definitions if d.is_source and registry.graph.downstream(d.name)]
        if self.is_trusted:
            refresh_sources(self._catalog, registry, sources)
        elif sources and not self._has_told_distrust:
            self._has_told_distrust = True
            log.warning("%s is not a workspace that you made or trust: sources are shown as last seen.", self.root)
        return registry

    def _take_up_edits(self, *, is_told: bool = True) -> CodeLook:
        """Register what changed on disk of the code; of a workspace that is not trusted nothing is looked at."""
        look = self._code.look(self._registry()) if self.is_trusted else CodeLook()
        if is_told:
            look.tell()
        return look

    @property
    def _as_seen(self) -> str:
        return describe_seen(self.seen_at, datetime.now(UTC))

    def _find_run(self, run_id: str) -> RunRecord:
        record = self._site.read(lambda batch: queries.find_run(batch, run_id))
        if record is None:
            raise UnknownNameError(f"there is no run {run_id!r}; ws.runs() lists them.")
        return record

    def _add_if_new(self, node: Node, key: str) -> None:
        sets = {s.set_id: s for s in self._catalog.read(queries.load_sets)}
        record = sets[node.set_id]
        if record.kind == "dynamic":
            PartitionSet(self._catalog, record.set_id, DynamicPartitions(record.name, node.parameters)).add(key)

    def _backfill_no(self, batch: Batch, backfill_id: str | None) -> int | None:
        if backfill_id is None:
            return None
        record = queries.find_backfill(batch, getattr(backfill_id, "id", backfill_id))
        if record is None:
            raise UnknownNameError(f"there is no backfill {backfill_id!r}; ws.backfills lists them.")
        return record.backfill_no
