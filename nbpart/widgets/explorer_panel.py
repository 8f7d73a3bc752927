"""The explorer's panel as a live widget: what is selected, and what can be done with it."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from nbpart.catalog import AssetRecord, Batch, Catalog, SetRecord, queries
from nbpart.catalog.queries import Changes
from nbpart.catalog.queries.live import BackfillProgress, TouchedPartitions
from nbpart.errors import NbpartError
from nbpart.widgets import explorer_model as model
from nbpart.widgets import payloads, schema
from nbpart.widgets.actions import ActionResult, Actions, DataPreview, NumberOption, PartitionDetails, RunDetails
from nbpart.widgets.bundle import load_css, load_esm
from nbpart.widgets.change_feed import subscribe
from nbpart.widgets.contracts import EXPLORER
from nbpart.widgets.dead_processes import DeadProcessCheck
from nbpart.widgets.explorer_html import panel_html
from nbpart.widgets.explorer_model import AssetBrief, Chosen, Counts, PanelModel, SetForm
from nbpart.widgets.graph import AssetGraph
from nbpart.widgets.heatmap import PartitionHeatmap
from nbpart.widgets.heatmap_state import OutOfDateError
from nbpart.widgets.live_widget import LiveWidget
from nbpart.widgets.monitor_model import build_monitor, changed_fields
from nbpart.widgets.schema import Answer, BadRequest

#: So many backfills are shown: those that are open, then those that ended since the panel was opened.
MAX_BACKFILLS = 3


@dataclass(frozen=True, slots=True)
class _Read:
    """What was read of the catalog; ``assets`` and ``sets`` are None where they are as before."""

    counts: Mapping[int, Counts]
    touched: TouchedPartitions | None
    assets: list[AssetRecord] | None
    sets: list[SetRecord] | None
    backfills: tuple[BackfillProgress, ...]


class _Mirror(threading.local):
    busy = False


class ExplorerPanel(LiveWidget):
    """One partition with its history, log and data, or counts of several; adds, removes, plans and runs partitions.

    It shows what was selected last in ``graph`` or ``heatmap``. Facts are read on a thread of their own.
    """

    contract = EXPLORER
    _esm = load_esm("explorer")
    _css = load_css("explorer.css")

    def __init__(self, catalog: Catalog, actions: Actions, graph: AssetGraph, heatmap: PartitionHeatmap) -> None:
        self._catalog, self._actions, self._graph, self._heatmap = catalog, actions, graph, heatmap
        self._dead_process_check = DeadProcessCheck(actions.interrupt_dead_runs)
        self._followed: tuple[str, ...] = ()
        self._ended: dict[str, BackfillProgress] = {}
        self._is_behind = self._is_reading = False
        self._mirror = _Mirror()
        self.model = PanelModel()
        found, seen = catalog.read(lambda batch: (self.read(batch, Changes(batch, 0)), batch.sequence))
        self.model = self._take_in(self.model, found)
        self._told = self.model.to_json()
        super().__init__()
        self._answer()
        graph.observe(self._choose_assets, "selection")
        heatmap.observe(self._choose_partitions, "selection")
        self._feed = subscribe(catalog, self, seen)
        self._is_open = True

    def _answer(self) -> None:
        options = {option.name: schema.option_number(option.check) for option in self._actions.form_options}
        self.on_request("clear", self._clear)
        self.on_request("open_run", self._open_run)
        self.on_request("log", self._log)
        self.on_request("preview", self._preview)
        self.on_request("executed", self._executed)
        self.on_request("plan", self._plan)
        self.on_request("backfill", self._backfill, options)
        self.on_request("refresh", self._look_anew)
        self.on_request("cancel", self._cancel)
        self.on_request("retry_failed", self._retry_failed)
        self.on_request("resume", self._resume)
        self.on_request("add_keys", self._add_keys)
        self.on_request("measure_grid", self._measure_grid)
        self.on_request("add_grid", self._add_grid)
        self.on_request("remove", self._remove)

    def state(self) -> payloads.ExplorerState:
        options = [_option_json(option) for option in self._actions.form_options]
        return {"panel": self._told, "home": str(Path.home()), "options": options}

    def static_html(self) -> str:
        return panel_html(self.model)

    def close(self) -> None:
        if self.__dict__.pop("_is_open", False):  # it is called again when it is collected
            self._feed.remove(self)
            self._graph.unobserve(self._choose_assets, "selection")
            self._heatmap.unobserve(self._choose_partitions, "selection")
        super().close()

    # following the catalog

    def on_view_opened(self) -> None:
        self._feed.poll_now()

    def on_poll(self) -> bool:
        if any(progress["is_active"] for progress in self.model.backfills):
            self._dead_process_check.start()
        return False

    def read(self, batch: Batch, changes: Changes) -> _Read:
        return _Read(
            counts=changes.counts,
            touched=changes.touched if self.model.chosen.kind == "partition" else None,
            assets=queries.load_assets(batch) if changes.registered else None,
            sets=queries.load_sets(batch) if changes.registered or changes.changed_sets else None,
            backfills=self._read_backfills(batch),
        )

    def _read_backfills(self, batch: Batch) -> tuple[BackfillProgress, ...]:
        still = [record.backfill_id for record in queries.open_backfills(batch, MAX_BACKFILLS)]
        ended = {i: progress for i, progress in self._ended.items() if i not in still}
        ids = list(dict.fromkeys([*still, *self._followed]))[:MAX_BACKFILLS]
        found = (ended.get(i) or queries.backfill_progress(batch, i, most=0) for i in ids)
        return tuple(progress for progress in found if progress)

    def apply(self, found: _Read) -> None:
        with self.lock:
            self._tell(self._take_in(self.model, found))
            asset_id = next((a.asset_id for a in self.model.assets if (a.name,) == self.model.chosen.assets), None)
            kind = self.model.chosen.kind
        if kind == "partitions":
            self._count_selected()
        elif kind == "partition" and _touches(found, asset_id):
            self._refresh()

    def _take_in(self, now: PanelModel, found: _Read) -> PanelModel:
        """The model with what was read; called with the lock held, or by the one that makes it."""
        monitors = [build_monitor(progress) for progress in found.backfills]
        going = [m.backfill_id for m in monitors if m.is_active]
        self._followed = tuple(dict.fromkeys([*going, *self._followed]))[:MAX_BACKFILLS]
        self._ended = {
            p.record.backfill_id: p for p, m in zip(found.backfills, monitors, strict=True) if not m.is_active
        }
        root = self._actions.root
        briefs = tuple(_backfill_json(m.to_json(root)) for m in monitors)
        assets = now.assets if found.assets is None else tuple(_brief(a) for a in found.assets)
        sets: tuple[SetForm, ...] = now.sets if found.sets is None else model.set_forms(found.sets)
        now = replace(now, assets=assets, sets=sets, backfills=briefs, seen_at=self._code_checked_at())
        return replace(now, chosen=_count(now, found.counts))

    # what is selected

    def _choose_assets(self, change: Any) -> None:
        if not self._mirror.busy:
            with self._mirroring():
                self._heatmap.unselect()
            self._choose(model.choose_assets(change["new"], self.model.assets))

    def _choose_partitions(self, change: Any) -> None:
        selection = change["new"]
        if self._mirror.busy:
            return
        if selection is None:
            self._choose(model.choose_assets(self._graph.selection, self.model.assets))
            return
        with self._mirroring():
            self._graph.selection = list(selection.assets)
        self._choose(model.choose_partitions(selection, whole=self._is_whole()))
        if self.model.chosen.kind == "partitions":
            self._count_selected()

    @contextmanager
    def _mirroring(self) -> Iterator[None]:
        """What is selected here meanwhile, by this thread, only shows what was selected elsewhere."""
        self._mirror.busy = True
        try:
            yield
        finally:
            self._mirror.busy = False

    def _choose(self, chosen: Chosen) -> None:
        counts = self._catalog.read(queries.count_by_code) if chosen.kind in ("all", "assets") else {}
        with self.lock:
            now = self.model.choose(chosen)
            self._tell(replace(now, chosen=_count(now, counts)))
        self._refresh()

    def _is_whole(self) -> bool:
        try:
            return self._heatmap.is_all_selected
        except NbpartError:  # keys were removed since
            return False

    def _count_selected(self) -> None:
        number = self.model.chosen.number
        try:
            counts = self._heatmap.count_selected()
        except OutOfDateError as error:
            self._heatmap.unselect()  # it shows them selected no more
            with self.lock:
                self._tell(replace(self.model, trouble=str(error)))
            return
        with self.lock:
            if self.model.chosen.number == number:
                self._tell(replace(self.model, chosen=replace(self.model.chosen, counts=counts), trouble=""))

    def _clear(self) -> Answer:
        self._graph.selection = []
        self._heatmap.unselect()  # where no asset was
        return Answer(message="Nothing is selected.")

    def _open_run(self, run_id: str | None) -> Answer:
        if run_id is not None:
            run = self._actions.read_run(run_id)
            self._check_place(run)
        with self.lock:
            self._tell(replace(self.model, opened=run_id))
        self._refresh()
        if run_id is None:
            return Answer(message="As it is now.")
        return Answer(message=f"As run {run_id} left it.", code=run.code)

    def _check_place(self, run: RunDetails) -> None:
        chosen = self.model.chosen
        if chosen.kind != "partition" or (run.asset, run.partition_key) != (chosen.assets[0], chosen.key):
            raise BadRequest(f"Run {run.run_id} is no run of what is selected.")

    def _refresh(self) -> None:
        """Read the facts of the partition that is selected, on another thread; once for all who ask meanwhile."""
        with self.lock:
            self._is_behind = True
            if self._is_reading or self.model.chosen.kind != "partition":
                return
            self._is_reading = True
        threading.Thread(target=self._keep_reading, name="nbpart-explorer", daemon=True).start()

    def _keep_reading(self) -> None:
        while True:
            with self.lock:
                now = self.model
                if not self._is_behind or now.chosen.kind != "partition":
                    self._is_reading = False
                    return
                self._is_behind = False
            partition, run, trouble = self._look(now)
            with self.lock:
                if (self.model.chosen.number, self.model.opened) == (now.chosen.number, now.opened):
                    told = {"partition": partition, "run": run, "trouble": trouble, "loading": False}
                    self._tell(replace(self.model, **told))  # type: ignore[arg-type]

    def _look(self, now: PanelModel) -> tuple[PartitionDetails | None, RunDetails | None, str]:
        try:
            partition = self._actions.read_partition(now.chosen.assets[0], now.chosen.key)
            run_id = now.opened or partition.run_id
            return partition, self._actions.read_run(run_id) if run_id else None, ""
        except NbpartError as error:
            return None, None, str(error)
        except Exception as error:  # noqa: BLE001 - the person who clicked is told
            return None, None, f"{type(error).__name__}: {error}"

    def _tell(self, now: PanelModel) -> None:
        """Take the model and tell the pages what is new; called with the lock held."""
        self.model = now
        before, self._told = self._told, now.to_json()
        if changed := changed_fields(self._told, before):
            self.send_patch("panel", changed)

    # what pages ask for: looking

    def _log(self, run_id: str, after: int | None) -> Answer:
        log = self._actions.read_log(run_id, after)
        return Answer({"text": model.clean(log.text), "start": log.start, "end": log.end}, code=log.code)

    def _preview(self, number: int, run_id: str | None, file: str | None) -> Answer:
        chosen = self._current(number)
        if chosen.kind != "partition":
            raise BadRequest("Select one partition.")
        data = self._actions.preview_data(chosen.assets[0], chosen.key, run_id, file or None)
        return Answer(
            _data_json(data), message=data.description, code=data.code, buffers=[data.image] if data.image else []
        )

    def _executed(self, run_id: str) -> Answer:
        shown = self._actions.read_executed_notebook(run_id)
        images: list[bytes] = []
        cells: list[payloads.CellJson] = []
        for cell in shown.cells:
            outputs: list[payloads.OutputJson] = []
            for output in cell.outputs:
                if isinstance(output, bytes):
                    outputs.append({"image": len(images)})
                    images.append(output)
                else:
                    outputs.append({"text": model.clean(output)})
            cells.append({"kind": cell.kind, "source": cell.source, "outputs": outputs})
        return Answer({"cells": cells, "omitted_cells": shown.omitted_cells}, buffers=images)

    # what pages ask for: doing

    def _plan(self, number: int, inputs: bool, readers: bool, status: str) -> Answer:
        terms, keys = self._wanted(number, inputs, readers)
        plan = self._actions.plan(terms, keys, [status])
        self._tell_seen()
        return Answer(model.plan_json(plan), message=model.tell_plan(plan), code=plan.code)

    def _backfill(self, number: int, inputs: bool, readers: bool, status: str, **options: int | None) -> Answer:
        terms, keys = self._wanted(number, inputs, readers)
        done = self._actions.backfill(terms, keys, [status], options)
        self._tell_seen()
        return self._done(done)

    def _look_anew(self) -> Answer:
        done = self._actions.refresh()
        self._tell_seen()
        return self._done(done)

    def _code_checked_at(self) -> str | None:
        seen_at = self._actions.code_checked_at
        return None if seen_at is None else seen_at.isoformat()

    def _tell_seen(self) -> None:
        with self.lock:
            self._tell(replace(self.model, seen_at=self._code_checked_at()))

    def _cancel(self, backfill_id: str) -> Answer:
        return self._done(self._actions.cancel(backfill_id))

    def _retry_failed(self, backfill_id: str) -> Answer:
        return self._done(self._actions.retry_failed(backfill_id))

    def _resume(self, backfill_id: str) -> Answer:
        return self._done(self._actions.resume(backfill_id))

    def _add_keys(self, partitions: str, text: str) -> Answer:
        return self._done(self._actions.add_keys(partitions, model.read_keys(text)))

    def _measure_grid(self, partitions: str, axes: dict[str, str]) -> Answer:
        parameters, values = self._read_axes(partitions, axes)
        n, first = model.measure_grid(parameters, values)
        return Answer({"n": n, "first": first})

    def _add_grid(self, partitions: str, axes: dict[str, str]) -> Answer:
        return self._done(self._actions.add_grid(partitions, self._read_axes(partitions, axes)[1]))

    def _read_axes(self, partitions: str, axes: dict[str, str]) -> tuple[Any, dict[str, list[Any]]]:
        form = next((form for form in self.model.sets if form.name == partitions), None)
        if form is None or form.parameters is None:
            raise BadRequest(f"There are no partitions {partitions[:80]!r} with parameters.")
        return form.parameters, model.read_axes(form.parameters, axes)

    def _remove(self, number: int, n: int) -> Answer:
        chosen = self._current(number)
        if not self._is_removable(chosen):
            raise BadRequest("Select keys of dynamic partitions in the heatmap.")
        keys = self._keys_of(chosen)
        if len(keys) != n:
            raise BadRequest(f"{n:,} keys were to be removed, but {len(keys):,} are selected now.")
        done = self._actions.remove_keys(chosen.set_name, keys)
        self._heatmap.unselect()
        return self._done(done)

    def _is_removable(self, chosen: Chosen) -> bool:
        is_dynamic = chosen.set_name in {form.name for form in self.model.sets}
        return is_dynamic and chosen.kind in ("partition", "partitions")

    def _wanted(self, number: int, inputs: bool, readers: bool) -> tuple[list[str], list[str] | None]:
        """Terms and keys of a plan for what is selected; keys None is all of them."""
        chosen = self._current(number)
        terms = model.selection_terms(chosen, inputs=inputs, readers=readers)
        is_keyed = chosen.kind in ("partition", "partitions") and not chosen.whole
        return terms, self._keys_of(chosen) if is_keyed else None

    def _keys_of(self, chosen: Chosen) -> list[str]:
        if chosen.keys is not None:
            return list(chosen.keys)
        if chosen.n > model.MAX_KEYS:
            raise BadRequest(
                f"{chosen.n:,} keys cannot be named one by one: select at most {model.MAX_KEYS:,}, or all."
            )
        return self._heatmap.selected_keys()

    def _current(self, number: int) -> Chosen:
        chosen = self.model.chosen
        if chosen.number != number:
            raise BadRequest("What is selected has changed since: look at it, then try again.")
        return chosen

    def _done(self, done: ActionResult) -> Answer:
        if done.backfill_id:
            with self.lock:
                self._followed = tuple(dict.fromkeys([done.backfill_id, *self._followed]))[:MAX_BACKFILLS]
                self._ended.pop(done.backfill_id, None)
        self._feed.poll_now()
        return Answer({"backfill_id": done.backfill_id}, message=done.message, code=done.code)

    def __repr__(self) -> str:
        return f"<ExplorerPanel: {self.model.chosen.title}>"


def _touches(found: _Read, asset_id: int | None) -> bool:
    """Whether partitions of that asset may have changed."""
    return found.touched is None or found.assets is not None or bool((found.touched.asset_ids == asset_id).any())


def _count(now: PanelModel, counts: Mapping[int, Counts]) -> Chosen:
    """What is selected with the counts of its assets, where it is whole assets."""
    chosen = now.chosen
    if chosen.kind not in ("all", "assets"):
        return chosen
    own = [a for a in now.assets if a.kind != "source" and (not chosen.assets or a.name in chosen.assets)]
    return replace(chosen, counts=model.sum_counts(counts.get(a.asset_id, model.NO_COUNTS) for a in own))


def _brief(asset: AssetRecord) -> AssetBrief:
    return AssetBrief(asset.asset_id, asset.name, asset.kind, asset.set_name)


def _option_json(option: NumberOption) -> payloads.OptionJson:
    return {
        "name": option.name, "label": option.label, "help": option.help, "placeholder": option.placeholder,
        "default": option.default, "least": option.least, "most": option.most,
    }  # fmt: skip


def _backfill_json(monitored: payloads.MonitorJson) -> payloads.BackfillJson:
    """What of a backfill's monitor the panel shows."""
    return {
        "id": monitored["id"], "selection": monitored["selection"], "status": monitored["status"],
        "is_active": monitored["is_active"], "waiting_for": monitored["waiting_for"], "steps": monitored["steps"],
        "done": monitored["done"], "counts": monitored["counts"], "remaining_s": monitored["remaining_s"],
        "allowed": monitored["allowed"],
    }  # fmt: skip


def _data_json(data: DataPreview) -> payloads.DataJson:
    return {
        "kind": data.kind,
        "columns": list(data.columns),
        "types": list(data.types),
        "rows": [list(row) for row in data.rows],
        "text": model.clean(data.text),
    }
