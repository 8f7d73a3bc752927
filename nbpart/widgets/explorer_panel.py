"""The explorer's panel as a live widget: what is selected, and what can be done with it."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from nbpart.catalog import AssetRecord, Batch, Catalog, SetRecord, queries
from nbpart.catalog.queries import Changes
from nbpart.catalog.queries.live import BackfillProgress, TouchedPartitions
from nbpart.errors import NbpartError
from nbpart.partitions import PartitionRef
from nbpart.widgets import explorer_json, payloads, schema
from nbpart.widgets.actions import ActionResult, Actions, PartitionDetails, RunDetails
from nbpart.widgets.bundle import load_css, load_esm
from nbpart.widgets.change_feed import subscribe
from nbpart.widgets.clipping import strip_terminal_codes
from nbpart.widgets.contracts import EXPLORER
from nbpart.widgets.counts import NO_COUNTS, Counts, sum_counts
from nbpart.widgets.dead_processes import DeadProcessCheck
from nbpart.widgets.explorer_backfills import BackfillList
from nbpart.widgets.explorer_html import panel_html
from nbpart.widgets.explorer_keys import KeyRequests
from nbpart.widgets.explorer_model import (
    PanelModel,
    PanelSelection,
    list_set_forms,
    plan_terms,
    select_assets,
    select_key,
    select_partitions,
    summarize_asset,
)
from nbpart.widgets.explorer_parsing import MAX_KEYS
from nbpart.widgets.explorer_verbs import VerbRequests, answer_verb
from nbpart.widgets.graph import AssetGraph
from nbpart.widgets.heatmap import PartitionHeatmap
from nbpart.widgets.heatmap_selection import OutOfDateError
from nbpart.widgets.live_widget import LiveWidget
from nbpart.widgets.monitor_model import changed_fields
from nbpart.widgets.reloading import Reloading
from nbpart.widgets.run_requests import RunRequests
from nbpart.widgets.schema import Answer, BadRequest
from nbpart.widgets.trigger_actions import TriggersSummary
from nbpart.widgets.trigger_list import TriggerList, TriggerRequests


@dataclass(frozen=True, slots=True)
class _CatalogRead:
    """What was read of the catalog; ``assets`` and ``sets`` are None if they did not change."""

    counts: Mapping[int, Counts]
    touched: TouchedPartitions | None
    assets: list[AssetRecord] | None
    sets: list[SetRecord] | None
    backfills: tuple[BackfillProgress, ...]
    has_triggers: bool


class _Mirroring(threading.local):
    is_active = False


class ExplorerPanel(LiveWidget):
    """One partition with its history, log and data, or the counts of several, with forms to add, remove and run them.

    It shows what was selected last in ``graph`` or ``heatmap``, and shows the selection of the one in the other. The
    details of a partition are read on a thread of their own.
    """

    contract = EXPLORER
    _esm = load_esm("explorer")
    _css = load_css("explorer.css", "triggers.css", "curves.css")

    def __init__(self, catalog: Catalog, actions: Actions, graph: AssetGraph, heatmap: PartitionHeatmap) -> None:
        self._catalog, self._actions, self._graph, self._heatmap = catalog, actions, graph, heatmap
        self._dead_process_check = DeadProcessCheck(actions.interrupt_dead_runs)
        self._backfills = BackfillList()
        self._triggers = TriggerList(actions, self._publish_triggers)
        self._reloading = Reloading(self._read_selected)
        self._mirroring = _Mirroring()
        self.model = PanelModel()
        found, seen = catalog.read(lambda batch: (self.read(batch, Changes(batch, 0)), batch.sequence))
        self.model = self._merge(self.model, found)
        self._published = self.model.to_json()
        super().__init__()
        self._register_actions()
        graph.observe(self._on_assets_selected, "selection")
        heatmap.observe(self._on_partitions_selected, "selection")
        self._feed = subscribe(catalog, self, seen)
        self._is_open = True
        self._triggers.on_change(are_there=found.has_triggers)

    def _register_actions(self) -> None:
        options = {option.name: schema.option_number(option.check) for option in self._actions.form_options}
        self.on_request("clear", self._clear_selection)
        self.on_request("show_partition", self._show_partition)
        self.on_request("open_run", self._open_run)
        self.on_request("read_log", self._read_log)
        self.on_request("preview_data", self._preview_data)
        for name, handler in RunRequests(self._actions, lambda: self._feed.poll_now()).handlers.items():
            self.on_request(name, handler)
        self.on_request("describe_choice", self._describe_choice)
        self.on_request("list_columns", self._list_columns)
        self.on_request("plan", self._plan)
        self.on_request("backfill", self._backfill, options)
        for name, handler in VerbRequests(self._actions, self._plan_arguments, self._after_verb).handlers.items():
            self.on_request(name, handler)
        for name, handler in TriggerRequests(self._actions, self._after_trigger).handlers.items():
            self.on_request(name, handler)
        self.on_request("refresh", self._refresh_code)
        self.on_request("show_backfill", self._show_backfill)
        self.on_request("cancel", self._cancel)
        self.on_request("retry_failed", self._retry_failed)
        self.on_request("resume", self._resume)
        for name, handler in KeyRequests(self._actions, lambda: self.model.sets, self._answer).handlers.items():
            self.on_request(name, handler)
        self.on_request("remove_keys", self._remove_keys)

    def state(self) -> payloads.ExplorerState:
        options = [explorer_json.option_json(option) for option in self._actions.form_options]
        return {"panel": self._published, "home": str(Path.home()), "options": options}

    def static_html(self) -> str:
        return panel_html(self.model)

    def close(self) -> None:
        if self.__dict__.pop("_is_open", False):  # it is called again at garbage collection
            self._feed.remove(self)
            self._graph.unobserve(self._on_assets_selected, "selection")
            self._heatmap.unobserve(self._on_partitions_selected, "selection")
        super().close()

    # as a `Subscriber` of the catalog

    def on_view_opened(self) -> None:
        self._feed.poll_now()

    def on_poll(self) -> bool:
        if any(backfill["is_active"] for backfill in self.model.backfills):
            self._dead_process_check.start()
        self._triggers.on_poll()
        return False

    def read(self, batch: Batch, changes: Changes) -> _CatalogRead:
        return _CatalogRead(
            counts=changes.counts,
            touched=changes.touched if self.model.selection.kind == "partition" else None,
            assets=queries.load_assets(batch) if changes.registered else None,
            sets=queries.load_sets(batch) if changes.registered or changes.changed_sets else None,
            backfills=self._backfills.read(batch),
            has_triggers=bool(queries.load_triggers(batch)),
        )

    def apply(self, found: _CatalogRead) -> None:
        with self.lock:
            self._publish(self._merge(self.model, found))
            selection, concerned = self.model.selection, self.model.list_read()
        self._triggers.on_change(are_there=found.has_triggers)
        if selection.kind == "partitions":
            self._count_selected()
        elif selection.kind == "partition" and _may_concern(found, concerned):
            self._reload_partition()

    def _merge(self, model: PanelModel, found: _CatalogRead) -> PanelModel:
        """The model with what was read. Called with the lock held, or before anybody else has this object."""
        backfills = self._backfills.take(found.backfills, self._actions.root)
        assets = model.assets if found.assets is None else tuple(summarize_asset(a) for a in found.assets)
        sets = model.sets if found.sets is None else list_set_forms(found.sets)
        checked_at = self._code_checked_at()
        model = replace(model, assets=assets, sets=sets, backfills=backfills, code_checked_at=checked_at)
        return replace(model, selection=_with_counts(model, found.counts))

    # the selection

    def _on_assets_selected(self, change: Any) -> None:
        if self._mirroring.is_active:
            return
        with self._mirror_selection():
            self._heatmap.unselect()
        self._show_selection(select_assets(change["new"], self.model.assets))

    def _on_partitions_selected(self, change: Any) -> None:
        selected = change["new"]
        if self._mirroring.is_active:
            return
        if selected is None:
            self._show_selection(select_assets(self._graph.selection, self.model.assets))
            return
        with self._mirror_selection():
            self._graph.selection = list(selected.assets)
        self._show_selection(select_partitions(selected, has_all_keys=self._are_all_keys_selected()))
        if self.model.selection.kind == "partitions":
            self._count_selected()

    @contextmanager
    def _mirror_selection(self) -> Iterator[None]:
        """Ignore changes of the selection in graph and heatmap that this thread makes meanwhile."""
        self._mirroring.is_active = True
        try:
            yield
        finally:
            self._mirroring.is_active = False

    def _show_selection(self, selection: PanelSelection) -> None:
        counts = self._catalog.read(queries.count_by_code) if selection.kind in ("all", "assets") else {}
        with self.lock:
            model = self.model.with_selection(selection)
            self._publish(replace(model, selection=_with_counts(model, counts)))
        self._reload_partition(urgent=True)

    def _are_all_keys_selected(self) -> bool:
        try:
            return self._heatmap.is_all_selected
        except NbpartError:  # keys were removed since
            return False

    def _count_selected(self) -> None:
        """Publish the counts of the partitions that are selected in the heatmap."""
        number = self.model.selection.number
        try:
            counts = self._heatmap.count_selected()
        except OutOfDateError as error:
            self._heatmap.unselect()  # the heatmap does not show them as selected any more
            with self.lock:
                self._publish(replace(self.model, error=str(error)))
            return
        with self.lock:
            if self.model.selection.number == number:
                selection = replace(self.model.selection, counts=counts)
                self._publish(replace(self.model, selection=selection, error=""))

    def _reload_partition(self, *, urgent: bool = False) -> None:
        """Read the details of the selected partition on another thread; ``urgent`` where somebody waits for them."""
        if self.model.selection.kind == "partition":
            self._reloading.ask(urgent=urgent)

    def _read_selected(self) -> None:
        model = self.model
        if model.selection.kind != "partition":
            return
        partition, run, error = self._read_details(model)
        with self.lock:
            shown = self.model.selection.number, self.model.opened_run_id
            if shown == (model.selection.number, model.opened_run_id):
                self._publish(replace(self.model, partition=partition, run=run, error=error, loading=False))

    def _read_details(self, model: PanelModel) -> tuple[PartitionDetails | None, RunDetails | None, str]:
        """The selected partition and the run to show with it; or the error message to show instead."""
        try:
            partition = self._actions.read_partition(model.selection.assets[0], model.selection.key)
            run_id = model.opened_run_id or partition.run_id
            return partition, self._actions.read_run(run_id) if run_id else None, ""
        except NbpartError as error:
            return None, None, str(error)
        except Exception as error:  # noqa: BLE001 - it is shown to the person who clicked
            return None, None, f"{type(error).__name__}: {error}"

    def _publish(self, model: PanelModel) -> None:
        """Make this the model and send pages what changed; called with the lock held."""
        self.model = model
        before, self._published = self._published, model.to_json()
        if changed := changed_fields(self._published, before):
            self.send_patch("panel", changed)

    # requests that read

    def _clear_selection(self) -> Answer:
        self._graph.selection = []
        self._heatmap.unselect()  # in case no asset was selected
        return Answer(message="Nothing is selected.")

    def _show_partition(self, asset: str, partition_key: str | None) -> Answer:
        """Select one partition, in the heatmap too where that shows its asset."""
        found = next((each for each in self.model.assets if each.name == asset), None)
        if found is None:
            raise BadRequest(f"There is no asset {asset[:80]!r} any more.")
        if partition_key is None or not found.set_name:
            self._graph.selection = [asset]
        elif not self._heatmap.select_partition(asset, partition_key):
            with self._mirror_selection():
                self._graph.selection = [asset]
                self._heatmap.unselect()
            self._show_selection(select_key(found, partition_key))
        return Answer(message=PartitionRef(asset, partition_key).label)

    def _open_run(self, run_id: str | None) -> Answer:
        run = None if run_id is None else self._actions.read_run(run_id)
        if run is not None:
            self._check_run_of_selection(run)
        with self.lock:
            self._publish(replace(self.model, opened_run_id=run_id))
        self._reload_partition(urgent=True)
        if run is None:
            return Answer(message="As it is now.")
        return Answer(message=f"As run {run_id} left it.", code=run.code)

    def _check_run_of_selection(self, run: RunDetails) -> None:
        selection = self.model.selection
        if selection.kind != "partition" or (run.asset, run.partition_key) != (selection.assets[0], selection.key):
            raise BadRequest(f"Run {run.run_id} is no run of what is selected.")

    def _read_log(self, run_id: str, after: int | None) -> Answer:
        log = self._actions.read_log(run_id, after)
        text = strip_terminal_codes(log.text)
        return Answer({"text": text, "start": log.start, "end": log.end}, code=log.code)

    def _preview_data(self, selection_number: int, run_id: str | None, file: str | None) -> Answer:
        selection = self._get_selection(selection_number)
        if selection.kind != "partition":
            raise BadRequest("Select one partition.")
        data = self._actions.preview_data(selection.assets[0], selection.key, run_id, file or None)
        images = [data.image] if data.image else []
        return Answer(explorer_json.data_json(data), message=data.description, code=data.code, buffers=images)

    def _describe_choice(self, selection_number: int, where: str) -> Answer:
        terms, keys = self._plan_arguments(selection_number, False, False)
        found = self._actions.describe_choice(terms, keys, where.strip())
        return Answer({"count": found.count}, code=found.code)

    def _list_columns(self, selection_number: int) -> Answer:
        terms, _ = self._plan_arguments(selection_number, False, False)
        return Answer({"columns": list(self._actions.list_columns(terms))})

    def _plan(self, selection_number: int, inputs: bool, readers: bool, status: str, where: str) -> Answer:
        terms, keys = self._plan_arguments(selection_number, inputs, readers)
        plan = self._actions.plan(terms, keys, [status], where.strip())
        self._publish_code_checked_at()
        return Answer(explorer_json.plan_json(plan), message=explorer_json.describe_plan(plan), code=plan.code)

    def _show_backfill(self, backfill_id: str) -> Answer:
        """List a backfill, whenever it ended."""
        with self.lock:
            self._backfills.add(backfill_id)
        found = self._catalog.read(self._backfills.read)
        with self.lock:
            self._publish(replace(self.model, backfills=self._backfills.take(found, self._actions.root)))
        if all(progress.record.backfill_id != backfill_id for progress in found):
            raise BadRequest(f"Three others are open: ws.backfills[{backfill_id!r}] shows it.")
        return Answer(message=f"Backfill {backfill_id}", code=f"ws.backfills[{backfill_id!r}]")

    # requests that change something

    def _backfill(
        self, selection_number: int, inputs: bool, readers: bool, status: str, where: str, **options: int | None
    ) -> Answer:
        terms, keys = self._plan_arguments(selection_number, inputs, readers)
        result = self._actions.backfill(terms, keys, [status], options, where.strip())
        self._publish_code_checked_at()
        return self._answer(result)

    def _after_verb(self) -> None:
        self._publish_code_checked_at()
        self._feed.poll_now()

    def _after_trigger(self, backfills: Iterable[str]) -> None:
        with self.lock:
            for backfill_id in backfills:
                self._backfills.add(backfill_id)
        self._triggers.ask()
        self._feed.poll_now()

    def _refresh_code(self) -> Answer:
        result = self._actions.refresh()
        self._publish_code_checked_at()
        return self._answer(result)

    def _cancel(self, backfill_id: str) -> Answer:
        return self._answer(self._actions.cancel(backfill_id))

    def _retry_failed(self, backfill_id: str) -> Answer:
        return self._answer(self._actions.retry_failed(backfill_id))

    def _resume(self, backfill_id: str) -> Answer:
        return self._answer(self._actions.resume(backfill_id))

    def _remove_keys(self, selection_number: int, n_keys: int, delete_data: bool, reason: str, dry_run: bool) -> Answer:
        selection = self._get_selection(selection_number)
        if not self._is_removable(selection):
            raise BadRequest("Select keys of dynamic partitions in the heatmap.")
        keys = self._list_keys(selection)
        if len(keys) != n_keys:
            raise BadRequest(f"{n_keys:,} keys were to be removed, but {len(keys):,} are selected now.")
        done = self._actions.remove_keys(
            selection.set_name, keys, delete_data=delete_data, reason=reason, dry_run=dry_run
        )
        if not dry_run:
            self._heatmap.unselect()
            if self.model.selection.number == selection_number:  # it was none of the heatmap's
                self._show_selection(select_assets(self._graph.selection, self.model.assets))
            self._feed.poll_now()
        return answer_verb(done)

    def _answer(self, result: ActionResult) -> Answer:
        if result.backfill_id:
            with self.lock:
                self._backfills.add(result.backfill_id)
        self._feed.poll_now()
        return Answer({"backfill_id": result.backfill_id}, message=result.message, code=result.code)

    # what requests need

    def _code_checked_at(self) -> str | None:
        checked_at = self._actions.code_checked_at
        return None if checked_at is None else checked_at.isoformat()

    def _publish_code_checked_at(self) -> None:
        with self.lock:
            self._publish(replace(self.model, code_checked_at=self._code_checked_at()))

    def _publish_triggers(self, triggers: TriggersSummary) -> None:
        with self.lock:
            self._publish(replace(self.model, triggers=triggers))

    def _is_removable(self, selection: PanelSelection) -> bool:
        is_dynamic = selection.set_name in {each.name for each in self.model.sets if each.is_editable}
        return is_dynamic and selection.kind in ("partition", "partitions")

    def _plan_arguments(self, selection_number: int, inputs: bool, readers: bool) -> tuple[list[str], list[str] | None]:
        """The terms and the keys of a plan for the selection; None means all keys."""
        selection = self._get_selection(selection_number)
        terms = plan_terms(selection, inputs=inputs, readers=readers)
        has_keys = selection.kind in ("partition", "partitions") and not selection.has_all_keys
        return terms, self._list_keys(selection) if has_keys else None

    def _list_keys(self, selection: PanelSelection) -> list[str]:
        if selection.keys is not None:
            return list(selection.keys)
        if selection.n_keys > MAX_KEYS:
            raise BadRequest(
                f"{selection.n_keys:,} keys cannot be named one by one: select at most {MAX_KEYS:,}, or all."
            )
        return self._heatmap.selected_keys()

    def _get_selection(self, selection_number: int) -> PanelSelection:
        """The selection, if it is still the one that a request is about. Raises `BadRequest` if not."""
        selection = self.model.selection
        if selection.number != selection_number:
            raise BadRequest("What is selected has changed since: look at it, then try again.")
        return selection

    def __repr__(self) -> str:
        return f"<ExplorerPanel: {self.model.selection.title}>"


def _may_concern(found: _CatalogRead, asset_ids: set[int]) -> bool:
    """Whether partitions of one of these assets may have changed."""
    if found.touched is None or found.assets is not None:
        return True
    return not asset_ids.isdisjoint(found.touched.asset_ids.tolist())


def _with_counts(model: PanelModel, counts: Mapping[int, Counts]) -> PanelSelection:
    """The selection, if it is of whole assets with their counts; ``counts`` are by asset id."""
    selection = model.selection
    if selection.kind not in ("all", "assets"):
        return selection
    own = [a for a in model.assets if a.kind != "source" and (not selection.assets or a.name in selection.assets)]
    return replace(selection, counts=sum_counts(counts.get(a.asset_id, NO_COUNTS) for a in own))
