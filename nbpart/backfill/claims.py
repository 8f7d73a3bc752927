"""Claiming steps: at most one active run per (asset, key), its inputs resolved in the same transaction."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbpart.backfill.inputs import ResolvedInputs, resolve_inputs
from nbpart.backfill.kept import connection_path
from nbpart.backfill.nodes import Node, Registry, Wanted, by_asset, partition_label
from nbpart.backfill.options import BackfillOptions
from nbpart.catalog import Batch, InputRead, events, queries
from nbpart.partitions import Mapping as KeyMapping
from nbpart.run.spec import EACH, InputSpec, Member, RunSpec, encode_value
from nbpart.states import StepStatus
from nbpart.storage import place_run
from nbpart.storage.own_files import find_own

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Flight:
    """One claimed run on its way; ``step`` is its number in the schedule."""

    step: int
    run_no: int
    run_id: str
    asset: str
    key: str | None
    inputs: Mapping[str, InputSpec]
    reads: Sequence[InputRead]
    code_version: str
    attempt: int = 1
    bulk: str | None = None  # of a run of many: the stem of the notebook and log that it shares

    @property
    def label(self) -> str:
        return partition_label(self.asset, self.key)

    @property
    def stem(self) -> str:
        """Name of its files: ``<asset>/<safe key>/<run id>-<attempt>``."""
        return place_run(self.asset, self.key, self.run_id, self.attempt)

    @property
    def record_stem(self) -> str:
        """Name of its notebook and log."""
        return self.bulk or self.stem

    def next_attempt(self) -> Flight:
        return replace(self, attempt=self.attempt + 1, bulk=None)


@dataclass(frozen=True)
class Refused:
    """A step that cannot run, and why."""

    step: int
    status: StepStatus
    cause: str
    label: str


@dataclass(frozen=True)
class Followed:
    """A step whose partition a run of another backfill has, or had since the plan was made."""

    step: int
    run_no: int
    asset: str
    label: str


@dataclass
class Claimed:
    """What became of the steps that were to be claimed.

    ``followed``: another backfill runs them now; ``made``: one has made them since this one was planned; ``removed``:
    steps whose key is gone.
    """

    flights: list[Flight] = field(default_factory=list)
    followed: list[Followed] = field(default_factory=list)
    made: list[Followed] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    removed: list[int] = field(default_factory=list)


def claim_steps(
    batch: Batch,
    root: Path,
    registry: Registry,
    backfill_no: int | None,
    coordinator_no: int,
    wanted: Sequence[Wanted],
    overrides: Mapping[str, Mapping[str, Any]],
    unreadable: Mapping[tuple[str, str], str],
) -> Claimed:
    """Claim runs for ``wanted``; what lacks an input, whose key is gone or which another backfill has is told apart.

    Arguments: ``overrides``: the settings that the runs of each asset get; ``unreadable``: why a key of a source
    cannot be read.
    """
    claimed = Claimed()
    for name, group in by_asset(wanted).items():
        node = registry[name]
        keys, group = _look(batch, registry, node, group, claimed, again=bool(overrides[name]))
        resolved = resolve_inputs(batch, root, registry, node, {w.key_id: keys[w.key_id] for w in group}, unreadable)
        ready = [w for w in group if not _refuse_lacking(w, resolved[w.key_id], keys, claimed)]
        if ready:
            frame = _claims(backfill_no, node, ready, overrides[name])
            _take(events.claim_runs(batch, frame, coordinator_no), node, ready, keys, resolved, claimed)
    return claimed


def start_attempts(batch: Batch, started: Sequence[tuple[Flight, datetime]]) -> None:
    """Record that these attempts began, and when."""
    import pandas as pd

    if started:
        flights = [flight for flight, _ in started]
        attempts = {
            "run_no": [f.run_no for f in flights],
            "attempt": [f.attempt for f in flights],
            "started_at": [at for _, at in started],
            "notebook": [f"runs/{f.record_stem}.ipynb" for f in flights],
            "log": [f"runs/{f.record_stem}.log" for f in flights],
        }
        events.start_attempts(batch, pd.DataFrame(attempts))


def build_spec(
    root: Path, node: Node, flight: Flight, options: BackfillOptions, settings: Mapping[str, Any]
) -> RunSpec:
    """Everything that one attempt needs, without the catalog."""
    params = node.parameters.parse(flight.key) if node.parameters and flight.key is not None else {}
    injected = {**({"partition_key": flight.key} if flight.key is not None else {}), **params, **settings}
    spec = _bare_spec(root, node, flight, options, settings)
    return replace(spec, params=params, injected=injected, inputs=dict(flight.inputs))


def gather(flights: Sequence[Flight]) -> list[Flight]:
    """The flights of one asset as those of one run of many, which is named after the first of them."""
    bulk = f"{flights[0].asset}/_bulk/{flights[0].run_id}-many-{flights[0].attempt}"
    return [replace(flight, bulk=bulk) for flight in flights]


def build_bulk_spec(
    root: Path, node: Node, flights: Sequence[Flight], options: BackfillOptions, settings: Mapping[str, Any]
) -> RunSpec:
    """What one run of many partitions needs: the flights were gathered, and have the same inputs by name."""
    members = [
        Member(
            flight.run_no,
            flight.run_id,
            flight.key or "",
            str(root / "data" / flight.stem),
            node.parameters.parse(flight.key) if node.parameters and flight.key is not None else {},
        )
        for flight in flights
    ]
    inputs = {name: _merge_inputs([flight.inputs[name] for flight in flights]) for name in flights[0].inputs}
    spec = _bare_spec(root, node, flights[0], options, settings)
    return replace(
        spec,
        run_id=f"{flights[0].run_id}-many",
        partition_key=None,
        data_prefix=str(root / "data" / flights[0].record_stem),
        injected=settings,
        inputs=inputs,
        members=tuple(members),
    )


def _merge_inputs(given: Sequence[InputSpec]) -> InputSpec:
    first = given[0]
    if first.mapping != KeyMapping.SAME:
        return first
    items = tuple(item for one in given for item in one.items)
    return replace(first, mapping=EACH, items=items, missing=tuple(key for one in given for key in one.missing))


def _bare_spec(
    root: Path, node: Node, flight: Flight, options: BackfillOptions, settings: Mapping[str, Any]
) -> RunSpec:
    definition, stem = node.definition, flight.record_stem
    return RunSpec(
        run_no=flight.run_no,
        run_id=flight.run_id,
        attempt=flight.attempt,
        asset=node.name,
        partition_key=flight.key,
        settings=settings,
        notebook=str(find_own(root, definition.snapshot, f"asset {node.name!r}")) if definition.snapshot else str(root),
        folder=definition.folder,
        import_roots=definition.import_roots,
        late_roots=definition.late_roots,
        modules={
            name: (str(find_own(root, kept, f"asset {node.name!r}")), original)
            for name, (kept, original) in definition.modules.items()
        },
        output_notebook=str(root / "runs" / f"{stem}.ipynb"),
        log=str(root / "runs" / f"{stem}.log"),
        data_prefix=str(root / "data" / flight.stem),
        report=str(root / "runs" / f"{stem}.json"),
        kernel_name=definition.kernel_name,
        language=definition.language,
        timeout_s=options.timeout_s or definition.timeout_s,
        workspace=str(root),
        env=definition.env,
        preload=options.preload,
        keep_kernel=str(connection_path(root, flight.run_id, flight.attempt)) if options.keep_failed_kernels else None,
    )


def _look(
    batch: Batch, registry: Registry, node: Node, group: Sequence[Wanted], claimed: Claimed, *, again: bool
) -> tuple[dict[int, str | None], list[Wanted]]:
    """The texts of the keys, and the steps that are still to run.

    Left out are those whose key is gone and, unless they are to run ``again``, those that another backfill has brought
    up to date since this one was planned.
    """
    ids = [w.key_id for w in group]
    seen = queries.look_before_claim(batch, node.asset_id, node.set_id, ids, registry.moment.sequence)
    keys, left = {key_id: key for key_id, key, _, _ in seen}, []
    for w, (_, key, is_member, made) in zip(group, seen, strict=True):
        if not is_member:
            claimed.removed.append(w.step)
        elif made is not None and not again:
            claimed.made.append(Followed(w.step, made, node.name, partition_label(node.name, key)))
        else:
            left.append(w)
    return keys, left


def _refuse_lacking(w: Wanted, resolved: ResolvedInputs, keys: Mapping[int, str | None], claimed: Claimed) -> bool:
    if resolved.lacking is None:
        return False
    label = partition_label(w.asset, keys[w.key_id])
    claimed.refused.append(Refused(w.step, StepStatus.BLOCKED, resolved.lacking, label))
    return True


def _claims(backfill_no: int | None, node: Node, ready: Sequence[Wanted], overrides: Mapping[str, Any]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(
        {
            "backfill_no": pd.array([backfill_no] * len(ready), dtype="Int64"),
            "step_no": [w.step_no for w in ready],
            "asset_id": node.asset_id,
            "key_id": [w.key_id for w in ready],
            "code_version": node.definition.code_version,
            "params": json.dumps(encode_value(dict(overrides))) if overrides else None,
        }
    )


def _take(
    answer: pd.DataFrame,
    node: Node,
    ready: Sequence[Wanted],
    keys: Mapping[int, str | None],
    resolved: Mapping[int, ResolvedInputs],
    claimed: Claimed,
) -> None:
    import pandas as pd

    by_number = {w.step_no: w for w in ready}
    for row in answer.itertuples(index=False):
        w = by_number[row.step_no]
        if pd.isna(row.run_no):
            label = partition_label(node.name, keys[w.key_id])
            claimed.followed.append(Followed(w.step, int(row.active_run), node.name, label))
            continue
        inputs = resolved[w.key_id]
        claimed.flights.append(
            Flight(
                step=w.step,
                run_no=int(row.run_no),
                run_id=row.run_id,
                asset=node.name,
                key=keys[w.key_id],
                inputs=inputs.inputs,
                reads=inputs.reads,
                code_version=node.definition.code_version,
            )
        )
