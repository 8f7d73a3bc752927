"""Plans: what a backfill would run, to be looked at and run."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from nbpart.assets.selection import Selection, describe, read_selection
from nbpart.backfill.blocked_steps import describe_blocked
from nbpart.backfill.options import OPTIONS, PER_PARTITION, BackfillOptions, make_options
from nbpart.backfill.plan import AssetSteps, PlannedSteps, StepTable
from nbpart.backfill.plan_sentences import PlanSentences
from nbpart.backfill.planning import plan_from_catalog
from nbpart.backfill.pruned_inputs import describe_lacking
from nbpart.backfill.registry import Registry
from nbpart.backfill.step_order import StepOrder, check_order, order_steps
from nbpart.backfill.waiting import make_finder
from nbpart.catalog import Batch, Moment, queries
from nbpart.catalog.queries.chosen_keys import list_keys
from nbpart.catalog.reasons import load_reason_codes
from nbpart.partitions import PartitionRef
from nbpart.partitions.filters import Condition, read_condition
from nbpart.partitions.order import OLDEST, Order, read_order
from nbpart.project.backfills import Backfill
from nbpart.project.detached import detach_backfill
from nbpart.project.key_choices import has_order, list_choices
from nbpart.project.launch import check_readable, start_backfill
from nbpart.project.partition_selection import ChosenPartitions, choose_partitions, parse_statuses
from nbpart.project.project import Project
from nbpart.project.refresh import refresh_registry, register_edited_code
from nbpart.project.why import explain_partition
from nbpart.run.kernels.specs import find_missing
from nbpart.run.pruners import Pruner
from nbpart.states import OUTDATED, STATUS_CODES, PartitionStatus

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

log = logging.getLogger("nbpart")

#: The statuses that have a reason.
_WITH_REASON = [STATUS_CODES[status] for status in OUTDATED]
_TAKES_ALL = "where= asks what became of partitions, and so those of every status are taken (status='all')"
#: So many of the assets that a plan leaves alone are named.
_MOST_NAMED = 10


@dataclass(frozen=True)
class PlanRequest:
    """What somebody asked for: the ``selection`` as a text, the assets that it means, the ``order`` of their keys.

    ``named`` are those of the assets that it names, which have to have what is asked of their columns.
    ``notice``, ``untouched`` and ``without_columns`` are as in `Plan`. ``unended`` are sentences about windows that
    have not ended and would read what was asked for, and about pruned data that it reads. ``remarks`` are others about
    what was chosen, ``nothing`` is the one that says why there is no step. ``runs_fresh``: partitions were chosen also
    where they are up to date.
    """

    selection: str
    names: Sequence[str]
    order: str = OLDEST
    notice: str = ""
    untouched: Sequence[str] = ()
    without_columns: Sequence[str] = ()
    unended: Sequence[str] = ()
    remarks: Sequence[str] = ()
    nothing: str = ""
    runs_fresh: bool = False
    named: frozenset[str] = frozenset()


class Plan:
    """What a backfill would run, and why. Nothing runs until `run`; then exactly what is shown does.

    ``frame`` has the columns ``asset, partition_key, reason``, one row a step, in the order of the graph and, of an
    asset, in ``order``: what stands first starts first. ``notice`` is a sentence that names the edited code which was
    registered for it, "" where none was. ``untouched`` are the assets that a pattern such as ``*`` chose and that have
    none of the keys asked for, ``without_columns`` those that have not all columns of the condition: they are left
    alone.
    """

    def __init__(self, project: Project, registry: Registry, planned: PlannedSteps, request: PlanRequest) -> None:
        self._project, self._registry, self._request = project, registry, request
        self._steps, self._waiting, self._left_out = planned.steps, planned.waiting, planned.left_out
        self.selection, self.order, self.notice = request.selection, request.order, request.notice
        self.untouched, self.without_columns = tuple(request.untouched), tuple(request.without_columns)
        self._selected = tuple(request.names)

    def __len__(self) -> int:
        return len(self._steps)

    @property
    def assets(self) -> tuple[str, ...]:
        """The assets that have steps, in order."""
        return tuple(a.asset for a in self._steps.assets)

    @cached_property
    def frame(self) -> pd.DataFrame:
        """All steps: ``asset, partition_key, reason``."""
        return self._tabulate(len(self))

    def head(self, rows: int = 5) -> pd.DataFrame:
        """The first rows of ``frame``, without making all of it."""
        return self._tabulate(rows)

    def explain(self, rows: int = 5) -> pd.DataFrame:
        """The first rows of ``frame``, in which the reason is the whole sentence of `Workspace.why`."""
        frame = self.head(rows)

        def work(batch: Batch) -> list[str]:
            return [
                explain_partition(batch, self._project.root, self._registry, self._registry[asset], key).text
                for asset, key in zip(frame["asset"], frame["partition_key"], strict=True)
            ]

        return frame.assign(reason=self._project.catalog.read(work))

    def _tabulate(self, rows: int) -> pd.DataFrame:
        """The first rows of the plan as ``frame`` has them."""
        import pandas as pd

        firsts, left = list[AssetSteps](), rows
        for asset in self._steps.assets:
            firsts.append(replace(asset, key_ids=asset.key_ids[:left], cause=asset.cause[:left]))
            left -= len(firsts[-1])
            if not left:
                break
        is_part = rows < len(self) and "_reasons" not in vars(self)
        every = self._list_reasons(StepTable(tuple(firsts))) if is_part else self._reasons
        texts = self._project.catalog.read(lambda batch: [queries.key_texts(batch, part.key_ids) for part in firsts])
        columns = ["asset", "partition_key", "reason"]
        parts = [
            pd.DataFrame({"asset": part.asset, "partition_key": text, "reason": reasons[: len(part)]}, columns=columns)
            for part, text, reasons in zip(firsts, texts, every, strict=False)
        ]
        return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame({c: [] for c in columns}, dtype=str)

    @property
    def notes(self) -> tuple[str, ...]:
        """What to know of the plan, a sentence each: assets that it leaves alone, what a condition implies, why it is
        empty, what checks hold back, and kernels that are missing here."""
        return (*self._selection_notes, *filter(None, [self.explain_empty(), self._blocked]), *self._kernel_notes)

    @cached_property
    def _blocked(self) -> str:
        return self._project.catalog.read(lambda batch: describe_blocked(batch, self._registry, self._steps))

    def explain_empty(self) -> str:
        """Why there is nothing to run although partitions were chosen; "" where there is something, or none was."""
        return "" if len(self) or self.waiting_count else self._request.nothing

    @property
    def _selection_notes(self) -> tuple[str, ...]:
        """The sentences about the assets that are left alone, and about what was chosen."""
        left = ((self.untouched, "none of these keys"), (self.without_columns, "not all columns of the condition"))
        return (*(_describe_untouched(names, lack) for names, lack in left if names), *self._request.remarks)

    def _log_notes(self) -> None:
        for note in self._selection_notes:
            log.info("%s", note)
        for note in self._kernel_notes:
            log.warning("%s", note)

    @cached_property
    def _kernel_notes(self) -> tuple[str, ...]:
        """A sentence for each asset whose steps would fail because its kernel is not installed here."""
        wanted = {a.asset: self._registry[a.asset].definition.kernel for a in self._steps.assets}
        missing = find_missing(wanted.values())
        return tuple(
            f"the kernel {kernel!r} of {asset!r} is not installed here, so its steps would fail: install it, or "
            "register the notebook with kernel_name=..."
            for asset, kernel in wanted.items()
            if kernel in missing
        )

    @property
    def left_out(self) -> tuple[str, ...]:
        """A line for each asset because of which alone other partitions are stale, and which this plan does not make.

        ``"12 more are stale only because of cleaned: add + to make it"``
        """
        counts: dict[str, int] = {}
        for part in self._left_out.assets:
            for place, n in zip(*np.unique(part.cause, return_counts=True), strict=True):
                counts[part.causes[place]] = counts.get(part.causes[place], 0) + int(n)
        return tuple(
            f"{n:,} more {'is' if n == 1 else 'are'} stale only because of {name}: add + to make it"
            for name, n in counts.items()
        )

    @cached_property
    def reads(self) -> tuple[str, ...]:
        """A line for each input that its steps read by another key than their own, or that is not all there."""
        found = self._project.catalog.read(
            lambda batch: PlanSentences(make_finder(batch, self._registry)).list_reads(self._steps)
        )
        return (*found, *self._request.unended)

    @property
    def waiting_count(self) -> int:
        """How many partitions would be steps if what they require were there."""
        return len(self._waiting)

    @cached_property
    def waiting(self) -> pd.DataFrame:
        """The partitions that cannot be made yet, and so are no steps: ``asset, partition_key, reason``."""
        return self._list_waiting(None)

    def _list_waiting(self, most: int | None) -> pd.DataFrame:
        """The first so many rows of ``waiting``."""
        import pandas as pd

        def work(batch: Batch) -> list[pd.DataFrame]:
            sentences = PlanSentences(make_finder(batch, self._registry))
            frames: list[pd.DataFrame] = []
            for part in self._waiting.assets:
                ids = part.key_ids[: None if most is None else most - sum(len(frame) for frame in frames)]
                texts, reasons = queries.key_texts(batch, ids), sentences.explain_waiting(part.asset, ids)
                frames.append(pd.DataFrame({"asset": part.asset, "partition_key": texts, "reason": reasons}))
            return frames

        empty = pd.DataFrame({name: [] for name in ("asset", "partition_key", "reason")}, dtype=str)
        frames = self._project.catalog.read(work) if self._waiting.assets else []
        return pd.concat(frames, ignore_index=True) if frames else empty

    def describe_waiting(self) -> str:
        """A sentence that counts what waits, with the first reason; "" where nothing does."""
        if not self.waiting_count:
            return ""
        first = self._list_waiting(1).iloc[0]
        label = PartitionRef(first.asset, first.partition_key).label
        return f"{self.waiting_count:,} waiting: {label} {first.reason}{'' if self.waiting_count == 1 else ', ...'}"

    def counts(self) -> dict[str, int]:
        """How many steps there are by the status that their partitions have now: ``{"missing": 3, "stale": 1}``."""
        total: dict[str, int] = {}
        for asset in self._steps.assets:
            for code, n in zip(*np.unique(asset.cause, return_counts=True), strict=True):
                cause = asset.causes[int(code)]
                total[cause] = total.get(cause, 0) + int(n)
        return total

    def run(  # noqa: PLR0913
        self,
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
        """Start a backfill of exactly these steps and return at once; `Backfill.wait` waits for it.

        ``max_workers`` notebooks at a time (default: the cores this process may use), ``retries`` more attempts for a
        failed run (waiting ``backoff_s`` seconds, doubled each time, with jitter), ``settings`` overrides those of the
        runs, ``secrets`` the ones that their assets declared secret (``settings`` takes them too), ``timeout_s`` bounds
        each run; ``retries``, ``backoff_s`` and ``timeout_s`` are else those of each asset, ``limits`` bounds the runs
        at a time of one asset or of a tag (``{"model": 1, "tag:db": 2}``).
        ``keep_failed_kernels`` of failed runs stay alive for `Run.kernel`, ``keep_kernels`` of any. A ``pruner``
        (`nbpart.median_pruner`, `nbpart.successive_halving`) ends runs early that are worse than others; after
        ``stop_after`` failures with one error, raised at one place, the rest is not run. ``policy="single_run"`` gives
        one run of an asset all keys that are ready, for what is faster in bulk: ``run.partition_keys`` names them,
        ``run.partition(key)`` is one of them. ``order``: see `Workspace.plan`. With ``detach`` a process that outlives
        this one runs it. Raises `DeclarationError` for an option that cannot be.
        """
        options = self.check_options(
            {
                "max_workers": max_workers,
                "retries": retries,
                "settings": settings,
                "secrets": secrets,
                "timeout_s": timeout_s,
                "backoff_s": backoff_s,
                "limits": limits,
                "keep_failed_kernels": keep_failed_kernels,
                "keep_kernels": keep_kernels,
                "policy": policy,
                "pruner": pruner,
                "stop_after": stop_after,
                "order": order,
            }
        )
        return self._start(options, detach=detach)

    def _start(self, options: BackfillOptions, *, detach: bool) -> Backfill:
        steps = self._order_steps(options.order)
        self._log_notes()
        start = detach_backfill if detach else start_backfill
        reasons = self._reasons if steps is self._steps else self._list_reasons(steps)
        backfill_id = start(self._project, self._registry, steps, self.selection, options, reasons)
        return Backfill(self._project, backfill_id)

    def check_options(self, given: Mapping[str, Any]) -> BackfillOptions:
        """The checked options that `run` would use if it were given these, by name; nothing runs.

        Raises `DeclarationError` for one that is none or cannot be.
        """
        selected = [self._registry[name].definition for name in self._selected]
        options = make_options(
            selected,
            preload=self._project.preload,
            runs_fresh=self._request.runs_fresh,
            **{**given, "order": given.get("order") or self.order},
        )
        self._order_steps(options.order)
        return options

    def _order_steps(self, order: str | None) -> StepTable:
        """The steps in another order than that of the plan, or as they are where it is its own.

        Raises `DeclarationError`, and `UnknownNameError` for a column that is not there.
        """
        wanted = read_order(order)
        if wanted.text == self.order:
            return self._steps

        def work(batch: Batch) -> StepTable:
            how = check_order(batch, self._registry, self._selected, wanted, named=self._request.named)
            return order_steps(batch, self._registry, self._steps, how)[0]

        return self._project.catalog.read(work)

    @property
    def secrets(self) -> frozenset[str]:
        """The names of the settings that the selected assets declared secret."""
        return frozenset(name for asset in self._selected for name in self._registry[asset].definition.secrets)

    @cached_property
    def _reasons(self) -> list[pd.Categorical]:
        """The reason of every step, a categorical an asset: the first cause of what is outdated, as in
        `partition_status`, else the partition's status or what this plan makes that it reads."""
        return self._list_reasons(self._steps)

    def _list_reasons(self, steps: StepTable) -> list[pd.Categorical]:
        return self._project.catalog.read(lambda batch: self._load_reasons(batch, steps))

    def _load_reasons(self, batch: Batch, steps: StepTable) -> list[pd.Categorical]:
        import pandas as pd

        found = []
        for asset in steps.assets:
            codes, texts = asset.cause.astype(np.int64), list(asset.causes)
            told = np.flatnonzero(np.isin(asset.cause, _WITH_REASON))
            if len(told):
                asset_id = self._registry[asset.asset].asset_id
                places, known, reasons = load_reason_codes(batch, asset_id, asset.key_ids[told])
                texts += [reason for reason in reasons if reason not in texts]
                codes[told[places]] = np.array([texts.index(reason) for reason in reasons], np.int64)[known]
            found.append(pd.Categorical.from_codes(codes, texts).remove_unused_categories())
        return found

    def __repr__(self) -> str:
        counts = ", ".join(f"{n} {cause}" for cause, n in self.counts().items())
        summary = f": {counts}" if counts else ", nothing to do" + (" yet" if self.waiting_count else "")
        plan = f"<Plan {self.selection!r}: {len(self)} steps{summary}>"
        return "\n".join([*self.notes, plan, *self.reads, *self.left_out, *filter(None, [self.describe_waiting()])])

    def _repr_html_(self) -> str:
        from nbpart.widgets.tables import PlanRemarks, plan_html

        remarks = PlanRemarks(self.notes, (*self.reads, *self.left_out), self.describe_waiting())
        return plan_html(self.selection, len(self), self.counts(), self.head(200), remarks)


def make_plan(
    project: Project, selection: Any, keys: Any, status: Any, order: str | None = None, where: Any = None
) -> Plan:
    """What a backfill would run; see `Workspace.plan`. Code that was edited on disk is registered first."""
    wanted = read_order(OPTIONS["order"].check(order))
    condition = None if where is None else read_condition(where)
    choices = None if keys is None else list_choices(keys)
    given = parse_statuses(status)
    changes = register_edited_code(project, logs=False)
    registry = refresh_registry(project, asks=True)
    selected = read_selection(registry.graph, selection)
    changes.without_unreadable(selected.names).log()
    check_readable(changes.unreadable, selected.names)

    def work(batch: Batch) -> Plan:
        chosen = ChosenPartitions({})
        if choices is not None or condition is not None:
            chosen = choose_partitions(batch, registry, selected, choices, condition)
            names, key_ids = tuple(name for name in selected.names if name in chosen.key_ids), chosen.key_ids
        else:
            names, key_ids = selected.names, None
        listed = _list_keys(batch, registry, selected, keys, wanted)
        how = check_order(batch, registry, names, wanted, named=selected.named, listed=listed)
        takes_all = chosen.asks_facts and status == "outdated"
        statuses = frozenset(PartitionStatus) if takes_all else given
        planned = plan_from_catalog(
            batch, registry, names, keys=key_ids, statuses=statuses, order=how, followers=selected.asked
        )
        unended = [
            *_list_unended(batch, registry, selected, key_ids or {}),
            *describe_lacking(batch, registry, planned.lacking),
        ]
        request = PlanRequest(
            describe(selection), names, wanted.text, changes.notice, chosen.untouched, chosen.without_columns,
            unended, [*([_TAKES_ALL] if takes_all else []), *_describe_unordered(how)],
            _explain_nothing(chosen, condition, statuses), PartitionStatus.MATERIALIZED in statuses, selected.named,
        )  # fmt: skip
        return Plan(project, registry.at(Moment(registry.moment.sequence, batch.now)), planned, request)

    return project.catalog.read(work)


def _list_keys(
    batch: Batch, registry: Registry, selected: Selection, keys: Any, order: Order
) -> dict[int, NDArray[np.int64]] | None:
    """The key ids of each set that ``keys`` are asked of, as they are listed there, if they are and the order asks."""
    if not order.is_as_listed or not has_order(keys):
        return None
    choices = list_choices(keys)
    asked = [registry[name] for name in selected.named | selected.matched]
    sets = {node.set_id for node in asked if node.definition.is_partitioned}
    return {set_id: list_keys(batch, set_id, choices) for set_id in sets}


def _describe_unordered(how: StepOrder) -> list[str]:
    """A sentence about the assets for which an order does not hold, if there are some."""
    names = how.without_columns
    if not names:
        return []
    named = ", ".join(names[:_MOST_NAMED]) + (", …" if len(names) > _MOST_NAMED else "")
    has, its = ("has", "its") if len(names) == 1 else ("have", "their")
    return [f"in the order of {its} set: {named}, which {has} not all columns of order={how.order.text!r}"]


def _list_unended(
    batch: Batch, registry: Registry, selected: Selection, key_ids: Mapping[str, NDArray[np.int64]]
) -> list[str]:
    """The sentences about windows that have not ended and would read the chosen keys."""
    names = sorted(selected.with_readers.keys() & key_ids.keys())
    if not names:
        return []
    sentences = PlanSentences(make_finder(batch, registry))
    return [line for name in names for line in sentences.list_unended(name, key_ids[name])]


def _explain_nothing(
    chosen: ChosenPartitions, condition: Condition | None, statuses: Collection[PartitionStatus]
) -> str:
    """Why a plan of what was chosen would be empty: nothing was, or all of it is as it should be."""
    if not chosen.count:
        return "" if condition is None else f"no partition is chosen by {condition.describe()}"
    words = " or ".join(status for status in PartitionStatus if status in statuses)
    state = "all up to date" if frozenset(statuses) == OUTDATED else f"none of them {words}"
    return f"{chosen.count:,} chosen, {state}: status='all' runs them"


def _describe_untouched(names: Sequence[str], lack: str) -> str:
    named = ", ".join(names[:_MOST_NAMED]) + (", …" if len(names) > _MOST_NAMED else "")
    return f"untouched: {named}, which {'has' if len(names) == 1 else 'have'} {lack}"
