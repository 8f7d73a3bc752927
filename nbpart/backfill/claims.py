"""Claiming steps: at most one active run per (asset, key), its inputs resolved in the same transaction."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nbpart.backfill.claimed_run import ClaimedRun, ClaimResults, OtherRun, RefusedStep
from nbpart.backfill.inputs import ResolvedInputs, resolve_inputs
from nbpart.backfill.kept_kernels import connection_path
from nbpart.backfill.options import BackfillOptions
from nbpart.backfill.registry import Node, Registry, StepToClaim, describe_key, group_by_asset, list_injected
from nbpart.catalog import Batch, events, queries
from nbpart.catalog.bound_columns import COLUMNS_ID
from nbpart.partitions import PartitionRef
from nbpart.run.check_result import CheckSpec
from nbpart.run.spec import InputItem, InputSpec, Member, MemberReads, RunSpec, encode_value
from nbpart.states import StepStatus
from nbpart.storage import place_data
from nbpart.storage.own_files import find_own
from nbpart.storage.relative import to_relative

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

#: Why a step is skipped.
CAME_OUT_EQUAL = "what it reads came out equal"


def claim_steps(
    batch: Batch,
    root: Path,
    registry: Registry,
    backfill_no: int | None,
    coordinator_no: int,
    steps: Sequence[StepToClaim],
    overrides: Mapping[str, Mapping[str, Any]],
    unreadable: Mapping[PartitionRef, str],
) -> ClaimResults:
    """Claim a run for each of ``steps`` and resolve its inputs; a step that gets no run is in another list.

    ``backfill_no`` is None for a run that belongs to no backfill. ``overrides`` has the settings that the runs of each
    asset get, for every asset of ``steps``; ``unreadable`` says why partitions of sources cannot be read.
    """
    claims = ClaimResults()
    keys, claimable = _find_claimable(batch, registry, steps, claims, overrides)
    ready: list[tuple[Node, StepToClaim, ResolvedInputs]] = []
    for name, group in group_by_asset(claimable).items():
        node = registry[name]
        resolved = resolve_inputs(batch, root, registry, node, {w.key_id: keys[w.key_id] for w in group}, unreadable)
        unblocked = [w for w in group if not _refuse_blocked(w, resolved[w.key_id], keys, claims)]
        if unblocked:
            attributes = queries.load_attributes(batch, node.set_id, [w.key_id for w in unblocked])
            for key_id, values in attributes.items():
                resolved[key_id].attributes = values
        ready += [(node, w, resolved[w.key_id]) for w in unblocked]
    if ready:
        answer = events.claim_runs(batch, _build_claims(backfill_no, ready, overrides), coordinator_no)
        _record_columns(batch, answer, ready)
        _sort_claimed(answer, ready, keys, claims, overrides)
    return claims


def start_attempts(batch: Batch, started: Sequence[tuple[ClaimedRun, datetime]]) -> None:
    """Record that these attempts began, and when."""
    import pyarrow as pa

    if started:
        runs = [run for run, _ in started]
        attempts = {
            "run_no": [run.run_no for run in runs],
            "attempt": [run.attempt for run in runs],
            "started_at": pa.array([at for _, at in started], pa.timestamp("us", "UTC")),
            "notebook": [f"runs/{run.record_stem}.ipynb" for run in runs],
            "log": [f"runs/{run.record_stem}.log" for run in runs],
        }
        events.start_attempts(batch, pa.table(attempts))


def build_spec(
    root: Path, node: Node, run: ClaimedRun, options: BackfillOptions, settings: Mapping[str, Any]
) -> RunSpec:
    """The spec of one attempt of a run of one partition: all that it needs, since a run has no catalog."""
    about = describe_key(node, run.key, run.attributes)
    spec = _build_common_spec(root, node, run, options, settings)
    return replace(
        spec,
        params=about.params,
        columns=about.columns,
        window=about.window,
        injected={**list_injected(node, run.key, about), **settings},
        inputs=dict(run.inputs),
    )


def build_bulk_spec(
    root: Path, node: Node, runs: Sequence[ClaimedRun], options: BackfillOptions, settings: Mapping[str, Any]
) -> RunSpec:
    """The spec of one attempt that makes many partitions: ``runs`` come from `combine_runs` and have equal inputs."""
    merged = {name: _merge_inputs([run.inputs[name] for run in runs]) for name in runs[0].inputs}
    members = [
        _build_member(node, run, {name: reads[place] for name, (_, reads) in merged.items() if reads})
        for place, run in enumerate(runs)
    ]
    spec = _build_common_spec(root, node, runs[0], options, settings)
    return replace(
        spec,
        run_id=f"{runs[0].run_id}-many",
        partition_key=None,
        data_prefix=place_data(runs[0].record_stem),
        injected=settings,
        inputs={name: given for name, (given, _) in merged.items()},
        members=tuple(members),
    )


def _build_member(node: Node, run: ClaimedRun, reads: Mapping[str, MemberReads]) -> Member:
    about = describe_key(node, run.key, run.attributes)
    return Member(
        run.run_no, run.run_id, run.key or "", place_data(run.stem), about.params, about.columns, about.window, reads
    )


def _merge_inputs(given: Sequence[InputSpec]) -> tuple[InputSpec, list[MemberReads]]:
    """One input for several runs, each of its partitions once, and what each run reads of it; no reads where all do."""
    first = given[0]
    if all(one.items == first.items and one.missing == first.missing for one in given[1:]):
        return first, []
    places: dict[str | None, int] = {}
    items: list[InputItem] = []
    for item in itertools.chain.from_iterable(one.items for one in given):
        if places.setdefault(item.partition_key, len(items)) == len(items):
            items.append(item)
    reads = [MemberReads(tuple(places[item.partition_key] for item in one.items), one.missing) for one in given]
    missing = tuple(dict.fromkeys(key for one in given for key in one.missing))
    return replace(first, items=tuple(items), missing=missing, is_split=True), reads


def _build_common_spec(
    root: Path, node: Node, run: ClaimedRun, options: BackfillOptions, settings: Mapping[str, Any]
) -> RunSpec:
    definition, stem, keep = node.definition, run.record_stem, partial(to_relative, root=str(root))
    return RunSpec(
        run_no=run.run_no,
        run_id=run.run_id,
        attempt=run.attempt,
        asset=node.name,
        partition_key=run.key,
        settings=settings,
        notebook=_check_code(root, definition.snapshot, node) if definition.snapshot else "",
        folder=keep(definition.folder),
        import_roots=tuple(map(keep, definition.import_roots)),
        late_roots=tuple(map(keep, definition.late_roots)),
        modules={
            name: (_check_code(root, kept, node), keep(original))
            for name, (kept, original) in definition.modules.items()
        },
        output_notebook=f"runs/{stem}.ipynb",
        log=f"runs/{stem}.log",
        data_prefix=place_data(run.stem),
        report=f"runs/{stem}.json",
        kernel_name=definition.kernel_name,
        language=definition.language,
        timeout_s=options.timeout_s or definition.timeout_s,
        workspace=str(root),
        env=definition.env,
        format=definition.format,
        metrics=definition.metrics,
        checks=list_checks(root, node),
        preload=options.preload,
        keep_kernel=connection_path(run.run_id, run.attempt) if options.count_kept_kernels(failed=True) else None,
        keeps_succeeded=options.keep_kernels > 0,
    )


def list_checks(root: Path, node: Node) -> tuple[CheckSpec, ...]:
    """The checks of an asset as its runs are told of them."""
    relative = [check.with_paths(partial(to_relative, root=str(root))) for check in node.checks]
    return tuple(CheckSpec(check.name, check.version, check.code, check.arguments) for check in relative)


def _check_code(root: Path, path: str, node: Node) -> str:
    """A path of kept code, after a look that it lies in the workspace."""
    find_own(root, path, f"asset {node.name!r}")
    return path


def _find_claimable(
    batch: Batch,
    registry: Registry,
    steps: Sequence[StepToClaim],
    claims: ClaimResults,
    overrides: Mapping[str, Mapping[str, Any]],
) -> tuple[dict[int, str | None], list[StepToClaim]]:
    """The keys by key id, and those of ``steps`` that are still to run.

    A step whose key is gone, and, unless its asset is given settings, one that another backfill brought up to date
    after this one was planned, or that is up to date since what it reads came out equal, is added to ``claims``.
    """
    nodes = [registry[w.asset] for w in steps]
    asked = [(node.asset_id, node.set_id, w.key_id) for node, w in zip(nodes, steps, strict=True)]
    candidates = queries.load_claim_candidates(batch, asked, registry.moment.sequence)
    keys, claimable = {one.key_id: one.key for one in candidates}, []
    for w, one in zip(steps, candidates, strict=True):
        label, again = PartitionRef(w.asset, one.key).label, bool(overrides[w.asset])
        if not one.is_member:
            claims.removed.append(w.step)
        elif one.made_by is not None and not again:
            claims.already_made.append(OtherRun(w.step, one.made_by, label))
        elif one.is_fresh and not (again or w.runs_fresh):
            claims.refused.append(RefusedStep(w.step, StepStatus.SKIPPED, CAME_OUT_EQUAL, label))
        else:
            claimable.append(w)
    return keys, claimable


def _refuse_blocked(
    w: StepToClaim, resolved: ResolvedInputs, keys: Mapping[int, str | None], claims: ClaimResults
) -> bool:
    if resolved.blocking_cause is None:
        return False
    label = PartitionRef(w.asset, keys[w.key_id]).label
    claims.refused.append(RefusedStep(w.step, StepStatus.BLOCKED, resolved.blocking_cause, label))
    return True


def _record_columns(
    batch: Batch, answer: pd.DataFrame, ready: Sequence[tuple[Node, StepToClaim, ResolvedInputs]]
) -> None:
    """Record what the bound columns of the keys of claimed runs come to; of an asset that binds none nothing."""
    run_nos, hashes = [], []
    for (_, _, inputs), run_no in zip(ready, answer["run_no"].array, strict=True):
        for read in inputs.reads:
            if read.input_id == COLUMNS_ID and read.data_hash is not None and isinstance(run_no, int | np.integer):
                run_nos.append(int(run_no))
                hashes.append(read.data_hash)
    if run_nos:
        events.record_run_columns(batch, run_nos, hashes)


def _build_claims(
    backfill_no: int | None,
    ready: Sequence[tuple[Node, StepToClaim, ResolvedInputs]],
    overrides: Mapping[str, Mapping[str, Any]],
) -> pa.Table:
    import pyarrow as pa

    settings = {name: json.dumps(encode_value(dict(some))) if some else None for name, some in overrides.items()}
    return pa.table(
        {
            "backfill_no": pa.array([backfill_no] * len(ready), pa.int32()),
            "step_no": pa.array([w.step_no for _, w, _ in ready], pa.int64()),
            "asset_id": pa.array([node.asset_id for node, _, _ in ready], pa.int32()),
            "key_id": pa.array([w.key_id for _, w, _ in ready], pa.int64()),
            "code_version": pa.array([node.definition.code_version for node, _, _ in ready], pa.string()),
            "settings": pa.array([settings[node.name] for node, _, _ in ready], pa.string()),
        }
    )


def _sort_claimed(
    answer: pd.DataFrame,
    ready: Sequence[tuple[Node, StepToClaim, ResolvedInputs]],
    keys: Mapping[int, str | None],
    claims: ClaimResults,
    overrides: Mapping[str, Mapping[str, Any]],
) -> None:
    """Add to ``claims`` the runs that were claimed, and the runs of other backfills that have the other partitions.

    ``answer`` is that of `events.claim_runs`: a row for each that is ``ready``.
    """
    import pandas as pd

    for (node, w, inputs), row in zip(ready, answer.itertuples(index=False), strict=True):
        if pd.isna(row.run_no):
            label = PartitionRef(node.name, keys[w.key_id]).label
            claims.followed.append(OtherRun(w.step, int(row.active_run), label, counts_here=not overrides[node.name]))
            continue
        claims.runs.append(
            ClaimedRun(
                step=w.step,
                run_no=int(row.run_no),
                run_id=row.run_id,
                asset=node.name,
                key=keys[w.key_id],
                inputs=inputs.inputs,
                reads=inputs.reads,
                code_version=node.definition.code_version,
                attributes=inputs.attributes,
            )
        )
