"""The actions of a workspace's widgets, each with the line of Python that does the same."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol

from nbpart.backfill.options import OPTIONS, Option
from nbpart.project.accept import accept
from nbpart.project.adopt import adopt, describe_paths
from nbpart.project.backfills import Backfill, Backfills
from nbpart.project.choice_summary import count_chosen, list_columns, spell_keys_of
from nbpart.project.details import (
    load_data_preview,
    load_log_part,
    load_partition_details,
)
from nbpart.project.equivalent_code import MAX_SPELLED, spell_axis, spell_call, spell_keys, spell_rows, spell_set
from nbpart.project.partition_set import PartitionSet
from nbpart.project.partition_sets import load_sets
from nbpart.project.plans import Plan, make_plan
from nbpart.project.project import Project
from nbpart.project.prune import prune
from nbpart.project.refresh import find_code_checked_at, refresh
from nbpart.project.removal import remove_keys
from nbpart.project.run_actions import ProjectRunActions
from nbpart.project.why import explain_asset
from nbpart.project.wipe import wipe
from nbpart.widgets.actions import (
    ActionResult,
    ChoiceSummary,
    DataPreview,
    KeyLike,
    LogPart,
    PartitionDetails,
    PlanSummary,
    VerbSummary,
)
from nbpart.workspace.trigger_actions import WorkspaceTriggerActions

_NONE: Mapping[str, Any] = MappingProxyType({})
#: How many steps of a plan are shown.
_MAX_STEPS = 200


class _Question(Protocol):
    """What a verb did, or would do: said as a question before, and as a sentence after."""

    @property
    def question(self) -> str: ...


@dataclass(frozen=True)
class _Asked:
    """The partitions that a verb is asked to change, and why; ``spelled`` is the expression that chooses the keys."""

    selection: Sequence[str]
    keys: Sequence[KeyLike] | None
    where: str
    reason: str
    spelled: str

    @property
    def chosen(self) -> tuple[list[str], list[KeyLike] | None, str | None]:
        """Selection, keys and condition, as verbs take them."""
        return list(self.selection), None if self.keys is None else list(self.keys), self.where or None

    def spell(self, options: Mapping[str, Any] = _NONE, *, first: str = "") -> str:
        """The arguments of the verb; ``first`` is the name of that of the selection, where it is not the first one."""
        given = {**options, **({"reason": self.reason} if self.reason else {})}
        spelled = spell_call(self.selection, self.spelled, ["outdated"], given, where=self.where)
        return f"{first}={spelled}" if first else spelled


class WorkspaceActions(WorkspaceTriggerActions, ProjectRunActions):
    """Implements `nbpart.widgets.actions.Actions`, whose docstrings say what each action does, on a project."""

    def __init__(self, project: Project) -> None:
        WorkspaceTriggerActions.__init__(self, project)
        ProjectRunActions.__init__(self, project)

    @property
    def root(self) -> Path:
        return self._project.root

    # backfills

    @property
    def form_options(self) -> Sequence[Option]:
        return [option for option in OPTIONS.values() if option.label]

    def plan(
        self, selection: Sequence[str], keys: Sequence[KeyLike] | None, status: Sequence[str], where: str = ""
    ) -> PlanSummary:
        plan = self._plan(selection, keys, status, where)
        code = f"ws.plan({spell_call(selection, self._spell_keys(selection, keys), status, where=where)})"
        steps, remarks = _list_steps(plan), (plan.notice, plan.notes, plan.describe_waiting())
        return PlanSummary(plan.selection, len(plan), plan.counts(), steps, code, *remarks)

    def backfill(
        self,
        selection: Sequence[str],
        keys: Sequence[KeyLike] | None,
        status: Sequence[str],
        options: Mapping[str, Any],
        where: str = "",
    ) -> ActionResult:
        given = {name: value for name, value in options.items() if value != OPTIONS[name].default}
        plan = self._plan(selection, keys, status, where)
        spelled = self._spell_keys(selection, keys)
        if not len(plan):
            code = f"ws.plan({spell_call(selection, spelled, status, where=where)})"
            return ActionResult(_add_notice(_explain_nothing(plan), plan.notice), code)
        backfill = plan.run(**given)
        message = _add_notice(f"Backfill {backfill.id} has begun: {len(plan):,} steps.", plan.notice)
        code = f"ws.backfill({spell_call(selection, spelled, status, given, where=where)})"
        return ActionResult(message, code, backfill.id)

    def describe_choice(self, selection: Sequence[str], keys: Sequence[str] | None, where: str) -> ChoiceSummary:
        code = f"ws.plan({spell_call(selection, self._spell_keys(selection, keys), ['outdated'], where=where)})"
        if not where:
            return ChoiceSummary(None if keys is None else len(keys), code)
        return ChoiceSummary(count_chosen(self._project, selection, keys, where), code)

    def accept(
        self, selection: Sequence[str], keys: Sequence[KeyLike] | None, where: str, *, reason: str, dry_run: bool
    ) -> VerbSummary:
        asked = self._ask(selection, keys, where, reason)
        done = accept(self._project, *asked.chosen, reason=reason, dry_run=dry_run)
        return _summarize(done, done.count, f"ws.accept({asked.spell()})", dry_run)

    def wipe(
        self,
        selection: Sequence[str],
        keys: Sequence[KeyLike] | None,
        where: str,
        *,
        data: bool,
        reason: str,
        dry_run: bool,
    ) -> VerbSummary:
        asked = self._ask(selection, keys, where, reason)
        done = wipe(self._project, *asked.chosen, reason=reason, data=data, dry_run=dry_run)
        return _summarize(done, done.count, f"ws.wipe({asked.spell({'data': True} if data else {})})", dry_run)

    def prune(
        self,
        selection: Sequence[str],
        keys: Sequence[KeyLike] | None,
        where: str,
        *,
        keep: int,
        reason: str,
        dry_run: bool,
    ) -> VerbSummary:
        asked = self._ask(selection, keys, where, reason)
        assets, *choice = asked.chosen
        # all of them, without a choice, is what also removes files that the catalog does not know
        is_all = assets == ["*"] and choice == [None, None]
        done = prune(self._project, keep, None if is_all else assets, *choice, reason=reason, dry_run=dry_run)
        spelled = [f"reason={reason!r}"] * bool(reason) if is_all else [asked.spell(first="assets")]
        return _summarize(done, done.count, f"ws.prune({', '.join([f'keep={keep}', *spelled])})", dry_run)

    def adopt(self, asset: str, path: str, *, version: str, reason: str, dry_run: bool) -> VerbSummary:
        if not path:
            return VerbSummary(describe_paths(self._project, asset, Path.cwd()), 0, "")
        given = {"version": version, "reason": reason}
        done = adopt(self._project, asset, path, folder=Path.cwd(), dry_run=dry_run, **given)
        options = {name: value for name, value in given.items() if value not in ("", "hash")}
        spelled = "".join(f", {name}={value!r}" for name, value in options.items())
        return _summarize(done, done.count, f"ws.adopt({asset!r}, {path!r}{spelled})", dry_run)

    def explain_asset(self, asset: str) -> Sequence[str]:
        return explain_asset(self._project, asset)

    def list_columns(self, selection: Sequence[str]) -> Sequence[tuple[str, str]]:
        return list_columns(self._project, selection)

    def cancel(self, backfill_id: str) -> ActionResult:
        try:
            self._backfill(backfill_id).cancel(timeout_s=0.0)
            message = "It has ended."
        except TimeoutError:
            message = "It was asked to end: running notebooks are stopped, nothing new starts."
        return ActionResult(message, f"ws.backfills[{backfill_id!r}].cancel()", backfill_id)

    def retry_failed(self, backfill_id: str) -> ActionResult:
        backfill = self._backfill(backfill_id)
        code = f"ws.backfills[{backfill_id!r}].retry_failed()"
        again = backfill.retry_failed()
        if again is backfill:
            return ActionResult(backfill.explain_nothing_to_retry(), code)
        return ActionResult(f"Backfill {again.id} has begun.", code, again.id)

    def resume(self, backfill_id: str) -> ActionResult:
        backfill = self._backfill(backfill_id)
        explanation = backfill.explain_nothing_to_resume()
        backfill.resume()
        return ActionResult(explanation or "It goes on.", f"ws.backfills[{backfill_id!r}].resume()", backfill_id)

    @property
    def code_checked_at(self) -> datetime | None:
        return find_code_checked_at(self._project)

    def refresh(self) -> ActionResult:
        changes = refresh(self._project)
        sentences = [_as_sentence(text) for text in (changes.notice, changes.source_notice, *changes.warnings) if text]
        return ActionResult(" ".join(sentences) or "Nothing changed.", "ws.refresh()")

    def interrupt_dead_runs(self) -> None:
        self._project.coordinator.reap_if_due()

    # keys

    def add_keys(self, partitions: str, keys: Sequence[KeyLike], columns: Mapping[str, Any] = _NONE) -> ActionResult:
        if columns:
            return self._add_rows(partitions, keys, columns)
        new = self._set(partitions).add(list(keys))
        message = f"{_pluralize(len(new), 'key')} added" + _describe_old(len(keys) - len(new))
        return ActionResult(message, f"{spell_set(partitions)}.add({spell_keys(keys)})", keys=tuple(new))

    def add_grid(
        self, partitions: str, axes: Mapping[str, Sequence[Any]], columns: Mapping[str, Any] = _NONE
    ) -> ActionResult:
        if columns:
            combinations = itertools.product(*axes.values())
            return self._add_rows(partitions, [dict(zip(axes, one, strict=True)) for one in combinations], columns)
        new = self._set(partitions).add_grid(**axes)
        arguments = ", ".join(f"{name}={spell_axis(values)}" for name, values in axes.items())
        code = f"{spell_set(partitions)}.add_grid({arguments})"
        return ActionResult(f"{_pluralize(len(new), 'key')} added.", code, keys=tuple(new[:1000]))

    def add_sample(self, partitions: str, n_points: int, seed: int | None, values: Mapping[str, Any]) -> ActionResult:
        new = self._set(partitions).add_sample(n_points, sampler_seed=seed, values=values)
        message = f"{_pluralize(len(new), 'key')} added" + _describe_old(n_points - len(new))
        given = ("" if seed is None else f", sampler_seed={seed}") + (f", values={dict(values)!r}" if values else "")
        code = f"{spell_set(partitions)}.add_sample({n_points}{given})"
        return ActionResult(message, code, keys=tuple(new[:1000]))

    def _add_rows(self, partitions: str, keys: Sequence[KeyLike], columns: Mapping[str, Any]) -> ActionResult:
        """Add keys that all have these columns, given as texts or all as dicts."""
        key = "partition_key" if keys and isinstance(keys[0], str) else None
        rows = [{**({"partition_key": one} if isinstance(one, str) else one), **columns} for one in keys]
        new = self._set(partitions).add_rows(rows, key=key)
        message = f"{_pluralize(len(new), 'key')} added" + _describe_old(len(keys) - len(new))
        named = "" if key is None else f", key={key!r}"
        return ActionResult(
            message, f"{spell_set(partitions)}.add_rows({spell_rows(rows)}{named})", keys=tuple(new[:1000])
        )

    def remove_keys(
        self, partitions: str, keys: Sequence[KeyLike], *, delete_data: bool, reason: str, dry_run: bool
    ) -> VerbSummary:
        found = self._set(partitions)
        done = remove_keys(
            self._project.catalog, found.set_id, found.definition, list(keys),
            delete_data=delete_data, reason=reason, dry_run=dry_run,
        )  # fmt: skip
        spelled = ", ".join(repr(key) for key in keys[:MAX_SPELLED]) + (", ..." if len(keys) > MAX_SPELLED else "")
        given = (", delete_data=True" if delete_data else "") + (f", reason={reason!r}" if reason else "")
        code = f"{spell_set(partitions)}.remove({spelled}{given})"
        return _summarize(done, len(done.keys), code, dry_run)

    # details

    def read_partition(self, asset: str, partition_key: str | None) -> PartitionDetails:
        return load_partition_details(self._project, asset, partition_key)

    def read_log(self, run_id: str, after: int | None = None, max_bytes: int = 20_000) -> LogPart:
        return load_log_part(self._project, run_id, after, max_bytes)

    def preview_data(
        self, asset: str, partition_key: str | None, run_id: str | None = None, file: str | None = None
    ) -> DataPreview:
        return load_data_preview(self._project, asset, partition_key, run_id, file)

    def _plan(
        self, selection: Sequence[str], keys: Sequence[KeyLike] | None, status: Sequence[str], where: str
    ) -> Plan:
        chosen, statuses = None if keys is None else list(keys), status[0] if len(status) == 1 else list(status)
        return make_plan(self._project, list(selection), chosen, statuses, where=where or None)

    def _ask(self, selection: Sequence[str], keys: Sequence[KeyLike] | None, where: str, reason: str) -> _Asked:
        return _Asked(selection, keys, where, reason, self._spell_keys(selection, keys))

    def _spell_keys(self, selection: Sequence[str], keys: Sequence[KeyLike] | None) -> str:
        """The expression that chooses these keys of a selection, "" for all."""
        return "" if keys is None else spell_keys_of(self._project, selection, keys)

    def _backfill(self, backfill_id: str) -> Backfill:
        self._project.coordinator.reap()
        return Backfills(self._project)[backfill_id]

    def _set(self, name: str) -> PartitionSet:
        return load_sets(self._project.catalog)[name]


def _list_steps(plan: Plan) -> tuple[tuple[str, str | None, str], ...]:
    """The first steps of a plan as (asset, partition key, reason); a plan may have a million."""
    return tuple(
        (row.asset, row.partition_key if isinstance(row.partition_key, str) else None, str(row.reason))
        for row in plan.head(_MAX_STEPS).itertuples(index=False)
    )


def _summarize(done: _Question, count: int, code: str, dry_run: bool) -> VerbSummary:
    """What a verb did, or the question before it, if there is something to do."""
    return VerbSummary(done.question if dry_run and count else f"{_as_sentence(str(done))}.", count, code)


def _explain_nothing(plan: Plan) -> str:
    if waiting := plan.describe_waiting():
        return f"Nothing to do yet: {waiting}."
    return f"Nothing to do: {plan.explain_empty() or 'everything chosen is up to date'}."


def _pluralize(n: int, noun: str) -> str:
    return f"{n:,} {noun}{'' if n == 1 else 's'}"


def _describe_old(n: int) -> str:
    """How many of the keys were in the set before, as the end of a sentence."""
    return f"; {n:,} {'was' if n == 1 else 'were'} there already." if n > 0 else "."


def _add_notice(message: str, notice: str) -> str:
    return f"{message} {_as_sentence(notice)}" if notice else message


def _as_sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
