"""Judging what is there: checks are run alone, each partition in a kernel of its own, and recorded as they end."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nbpart.assets.check_definition import CheckDefinition
from nbpart.assets.selection import read_selection
from nbpart.backfill.claimed_run import ClaimedRun
from nbpart.backfill.claims import build_spec, list_checks
from nbpart.backfill.inputs import resolve_inputs
from nbpart.backfill.options import BackfillOptions, make_options
from nbpart.backfill.registry import Node, Registry
from nbpart.backfill.storage_options import find_options_of_inputs
from nbpart.catalog import Batch, Judgement, events, queries
from nbpart.catalog.queries.cells import member_ids
from nbpart.errors import DeclarationError, UnknownNameError, nearest
from nbpart.partitions import PartitionRef
from nbpart.partitions.filters import read_condition
from nbpart.project.key_choices import list_choices
from nbpart.project.partition_selection import choose_partitions
from nbpart.project.project import Project
from nbpart.project.refresh import refresh_registry, register_edited_code
from nbpart.run.report import RunReport
from nbpart.run.spec import RunSpec
from nbpart.states import CheckOutcome, RunStatus
from nbpart.storage import FileRecord

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

#: So many failures are named in a sentence.
_MOST_NAMED = 3
_COLUMNS = ("asset", "partition_key", "check", "outcome", "message", "metadata")


@dataclass(frozen=True)
class CheckResults:
    """What checks said of the partitions that were judged: ``frame`` has a row a check and partition.

    Its columns: ``asset, partition_key, check, outcome`` (passed, warned or failed), ``message, metadata``.
    ``without_data`` are the partitions that have none, and so no outcome; ``notes`` say what else was not judged.
    ``blocks``: whether one failed that holds back what reads the partition.
    """

    frame: pd.DataFrame = field(repr=False)
    without_data: tuple[PartitionRef, ...] = ()
    notes: tuple[str, ...] = ()
    blocks: bool = False

    @property
    def counts(self) -> dict[str, int]:
        """How many outcomes there are of each kind: ``{"passed": 2, "failed": 1}``."""
        found = self.frame["outcome"].value_counts()
        return {str(one): int(found[one]) for one in CheckOutcome if one in found.index}

    def __repr__(self) -> str:
        """``2 partitions judged: 3 passed, 1 failed (extract/a.csv: no_gaps: there are gaps); 2 have no data``"""
        judged = len(self.frame[["asset", "partition_key"]].drop_duplicates())
        counts = ", ".join(f"{n:,} {outcome}" for outcome, n in self.counts.items())
        bad = self.frame[self.frame["outcome"] != str(CheckOutcome.PASSED)]
        named = [
            ": ".join(filter(None, (PartitionRef(row.asset, row.partition_key).label, row.check, row.message)))
            for row in bad.head(_MOST_NAMED).itertuples(index=False)
        ]  # fmt: skip
        more = "; …" if len(bad) > _MOST_NAMED else ""
        told = f" ({'; '.join(' '.join(one.split()) for one in named)}{more})" if named else ""
        first = f"{judged:,} partition{'' if judged == 1 else 's'} judged{f': {counts}' if counts else ''}{told}"
        n = len(self.without_data)
        absent = [f"{n:,} {'has' if n == 1 else 'have'} no data (first {self.without_data[0].label})"] if n else []
        return "; ".join([first, *absent, *self.notes])


@dataclass(frozen=True)
class _Judged:
    """A partition to judge by some checks: whose data of now are these files."""

    node: Node
    key_id: int
    key: str | None
    materialization_id: int
    data_hash: int
    files: tuple[FileRecord, ...]
    attributes: Mapping[str, Any]
    checks: Mapping[str, CheckDefinition]


def run_checks(
    project: Project,
    selection: Any = "*",
    keys: Any = None,
    *,
    where: Any = None,
    checks: Any = None,
    max_workers: int | None = None,
    timeout_s: float | None = None,
) -> CheckResults:
    """Judge partitions as they are; see `Workspace.run_checks`. Where Ctrl-C ends it, what was judged stays."""
    project.check_trust()
    register_edited_code(project)
    registry = refresh_registry(project, asks=True)
    nodes, notes = _choose_checks(registry, selection, checks)
    options = make_options([], preload=project.preload, max_workers=max_workers, timeout_s=timeout_s)

    def plan(batch: Batch) -> _Plan:
        chosen = _choose_keys(batch, registry, selection, keys, where)
        absent: list[PartitionRef] = []
        specs, judged = [], {}
        for name in [name for name in nodes if chosen is None or name in chosen]:
            ids = member_ids(batch, registry[name].set_id) if chosen is None else chosen[name]
            for one in _find_data(batch, registry[name], nodes[name], ids, absent):
                spec = _build_spec(batch, project.root, registry, one, options)
                specs.append(spec)
                judged[spec.run_id] = one
        return _Plan(specs, judged, tuple(absent))

    planned = project.catalog.read(plan)
    rows: list[tuple[Any, ...]] = []
    blocks = False
    for one, report in _execute(project, planned, options):
        rows += _list_rows(one, report)
        blocks |= any(one.checks[result.name].blocks and not result.passed for result in report.checks)
        if report.status is not RunStatus.SUCCEEDED:
            label = PartitionRef(one.node.name, one.key).label
            notes.append(f"{label} could not be judged: {report.error_message or report.status}")
    return CheckResults(_to_frame(rows, nodes), planned.without_data, tuple(notes), blocks)


@dataclass(frozen=True)
class _Plan:
    """The runs that judge, with the partition of each by its id, and the partitions that have no data."""

    specs: Sequence[RunSpec]
    judged: Mapping[str, _Judged]
    without_data: tuple[PartitionRef, ...]


def _choose_checks(
    registry: Registry, selection: Any, checks: Any
) -> tuple[dict[str, dict[str, CheckDefinition]], list[str]]:
    """The functions among the checks of each selected asset that has some, and sentences about what is left out."""
    selected = read_selection(registry.graph, selection)
    wanted = None if checks is None else {checks} if isinstance(checks, str) else set(checks)
    nodes: dict[str, dict[str, CheckDefinition]] = {}
    cells: list[str] = []
    for name in selected.names:
        all_of = registry[name].checks
        if name in selected.named and not all_of:
            raise DeclarationError(f"{name!r} has no checks: declare one with @ws.check({name!r}).")
        asked = [one for one in all_of if wanted is None or one.name in wanted]
        cells += [f"{one.name} of {name}" for one in asked if one.code is None]
        if functions := {one.name: one for one in asked if one.code is not None}:
            nodes[name] = functions
    known = {one.name for name in selected.names for one in registry[name].checks}
    if unknown := sorted((wanted or set()) - known):
        raise UnknownNameError(f"none of what is selected has a check {unknown[0]!r}; {nearest(unknown[0], known)}")
    notes = [f"not judged: {', '.join(cells)}, in cells that are executed with their notebook alone"] if cells else []
    return nodes, notes


def _choose_keys(
    batch: Batch, registry: Registry, selection: Any, keys: Any, where: Any
) -> Mapping[str, NDArray[np.int64]] | None:
    """The key ids that are chosen, by asset; None where all are."""
    if keys is None and where is None:
        return None
    choices = None if keys is None else list_choices(keys)
    condition = None if where is None else read_condition(where)
    selected = read_selection(registry.graph, selection)
    return choose_partitions(batch, registry, selected, choices, condition).key_ids


def _find_data(
    batch: Batch,
    node: Node,
    checks: Mapping[str, CheckDefinition],
    ids: NDArray[np.int64],
    absent: list[PartitionRef],
) -> Iterator[_Judged]:
    """The partitions that have data, of those with some key ids; the others are added to ``absent``."""
    rows = queries.current_inputs(batch, node.asset_id, ids)
    has_data = rows["materialization_id"].notna() & (rows["pruned"] == "")
    absent += [PartitionRef(node.name, key) for key in rows["key"][~has_data]]
    rows = rows[has_data]
    files = queries.data_files_of(batch, rows["materialization_id"].to_numpy(np.int64))
    attributes = queries.load_attributes(batch, node.set_id, rows["key_id"].tolist())
    for row in rows.itertuples(index=False):
        key_id, made = int(row.key_id), int(row.materialization_id)
        own, hashed = files.get(made, ()), int(row.data_hash)
        yield _Judged(node, key_id, row.key, made, hashed, own, attributes.get(key_id, {}), checks)


def _build_spec(batch: Batch, root: Path, registry: Registry, one: _Judged, options: BackfillOptions) -> RunSpec:
    """The spec of a run that only judges a partition."""
    node, run_id = one.node, f"check-{secrets.token_hex(8)}"
    inputs: Mapping[str, Any] = {}
    if any(check.inputs for check in one.checks.values()):
        found = resolve_inputs(batch, root, registry, node, {one.key_id: one.key}, registry.unreadable)
        inputs = found[one.key_id].inputs
    version = node.definition.code_version
    run = ClaimedRun(0, 0, run_id, node.name, one.key, inputs, [], version, attributes=one.attributes)
    read = (registry[each.name].definition for each in node.definition.inputs)
    return replace(
        build_spec(root, node, run, options, {}),
        run_no=None,
        notebook="",
        injected={},
        checks=tuple(spec for spec in list_checks(root, node) if spec.name in one.checks),
        judged=one.files,
        storage_options=find_options_of_inputs(root, [source for source in read if source.is_source]),
    )


def _execute(project: Project, planned: _Plan, options: BackfillOptions) -> Iterator[tuple[_Judged, RunReport]]:
    """Judge the partitions and record what is said as it comes; nothing of the runs is left but that."""
    pool = project.make_pool(options.max_workers, lambda spec: None)
    try:
        for spec in planned.specs:
            pool.submit(spec)
        left = len(planned.specs)
        while left:
            done = [(planned.judged[report.run_id], report) for report in pool.next_results(1.0)]
            left -= len(done)
            judgements = [
                Judgement(one.node.asset_id, one.key_id, one.materialization_id, one.data_hash, result)
                for one, report in done
                for result in report.checks
            ]
            if judgements:
                project.catalog.write(partial(events.record_judgements, judgements=judgements))
            yield from done
    finally:
        pool.close()
        for spec in planned.specs:
            project.store.remove(spec.output_notebook, spec.log, spec.report, spec.curves)


def _list_rows(one: _Judged, report: RunReport) -> Iterator[tuple[Any, ...]]:
    for result in report.checks:
        severity = one.checks[result.name].severity
        bad = CheckOutcome.WARNED if severity == "warn" else CheckOutcome.FAILED
        outcome = CheckOutcome.PASSED if result.passed else bad
        yield (one.node.name, one.key, result.name, str(outcome), result.message, dict(result.metadata)), one.key_id


def _to_frame(rows: Sequence[tuple[Any, ...]], nodes: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    """The rows as a frame, in the order of the assets, of their keys' ids and of the checks."""
    import pandas as pd

    places = {(name, check): place for name, checks in nodes.items() for place, check in enumerate(checks)}
    assets = list(nodes)
    ordered = sorted(rows, key=lambda row: (assets.index(row[0][0]), row[1], places[row[0][0], row[0][2]]))
    return pd.DataFrame([row for row, _ in ordered], columns=list(_COLUMNS), dtype=object)
