"""Claiming steps: at most one active run per (asset, key), its inputs resolved in the same transaction."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from nbpart.backfill.inputs import ResolvedInputs, resolve_inputs
from nbpart.backfill.nodes import Node, Registry, partition_label
from nbpart.backfill.sources import Observation, load_seen, observe
from nbpart.catalog import Batch, Catalog, InputRead, events, queries
from nbpart.partitions import Mapping as KeyMapping
from nbpart.partitions import safe_name
from nbpart.run.spec import InputSpec, RunSpec
from nbpart.states import StepStatus
from nbpart.storage import FileVersion

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

    @property
    def label(self) -> str:
        return partition_label(self.asset, self.key)

    @property
    def stem(self) -> str:
        """Name of its files: ``<asset>/<safe key>/<run id>-<attempt>``."""
        folder = "_whole" if self.key is None else safe_name(self.key)
        return f"{self.asset}/{folder}/{self.run_id}-{self.attempt}"

    def next_attempt(self) -> Flight:
        return replace(self, attempt=self.attempt + 1)


@dataclass(frozen=True)
class Refused:
    """A step that cannot run, and why."""

    step: int
    status: StepStatus
    cause: str
    label: str


@dataclass
class Claimed:
    """What became of the steps that were to be claimed; ``followed`` maps the run of another backfill to a step."""

    flights: list[Flight] = field(default_factory=list)
    followed: dict[int, int] = field(default_factory=dict)
    refused: list[Refused] = field(default_factory=list)


@dataclass(frozen=True)
class Wanted:
    """A step to claim: its number in the schedule and in the catalog, and its partition."""

    step: int
    step_no: int
    asset: str
    key_id: int


class RunOptions(Protocol):
    """The options of a backfill that reach its runs."""

    @property
    def params(self) -> Mapping[str, Any]: ...
    @property
    def timeout_s(self) -> float | None: ...


def claim_steps(
    batch: Batch,
    root: Path,
    registry: Registry,
    backfill_no: int | None,
    coordinator_no: int,
    wanted: Sequence[Wanted],
    params: Mapping[str, Any],
) -> Claimed:
    """Claim runs for ``wanted``; what lacks an input, whose key is gone or which runs elsewhere is told apart."""
    claimed = Claimed()
    for name, group in _by_asset(wanted).items():
        node = registry[name]
        keys = _texts(batch, group)
        group = _drop_removed(batch, node, group, keys, claimed)
        resolved = resolve_inputs(batch, root, registry, node, {w.key_id: keys[w.key_id] for w in group})
        ready = [w for w in group if not _refuse_lacking(w, resolved[w.key_id], keys, claimed)]
        if ready:
            frame = _claims(batch.now, backfill_no, node, ready, params)
            _take(events.claim_runs(batch, frame, coordinator_no), frame, node, ready, keys, resolved, claimed)
    return claimed


def observe_sources(
    catalog: Catalog, registry: Registry, wanted: Sequence[Wanted]
) -> list[tuple[Node, list[Observation]]]:
    """What changed in the files that ``wanted`` read key by key, so that what is recorded as read is true.

    Files are looked at, and new ones hashed, before the transaction that claims the steps: it must be short.
    """
    groups = {
        name: group
        for name, group in _by_asset(wanted).items()
        if any(registry[read.name].definition.is_source for read in registry[name].definition.inputs)
    }
    if not groups:
        return []

    def load(batch: Batch) -> list[tuple[Node, dict[str, FileVersion | None]]]:
        seen = []
        for name, group in groups.items():
            keys = [key or "" for key in _texts(batch, group).values()]
            for read in registry[name].definition.inputs:
                source = registry[read.name]
                if source.definition.is_source and read.mapping is not KeyMapping.ALL:
                    texts = [""] if read.mapping is KeyMapping.WHOLE else keys
                    seen.append((source, load_seen(batch, source, texts)))
        return seen

    return [(node, changed) for node, before in catalog.read(load) if (changed := observe(node, before))]


def start_attempts(
    batch: Batch, root: Path, registry: Registry, flights: Sequence[Flight], options: RunOptions
) -> list[RunSpec]:
    """Record that these attempts start now, and what each of them is to do."""
    import pandas as pd

    if not flights:
        return []
    events.start_attempts(
        batch,
        pd.DataFrame(
            {
                "run_no": [f.run_no for f in flights],
                "attempt": [f.attempt for f in flights],
                "notebook": [f"runs/{f.stem}.ipynb" for f in flights],
                "log": [f"runs/{f.stem}.log" for f in flights],
            }
        ),
    )
    return [build_spec(root, registry[f.asset], f, options) for f in flights]


def build_spec(root: Path, node: Node, flight: Flight, options: RunOptions) -> RunSpec:
    """Everything that one attempt needs, without the catalog."""
    definition = node.definition
    params = node.parameters.parse(flight.key) if node.parameters and flight.key is not None else {}
    settings = {name: value for name, value in options.params.items() if name in definition.settings}
    injected = {**({"partition_key": flight.key} if flight.key is not None else {}), **params, **settings}
    return RunSpec(
        run_id=flight.run_id,
        attempt=flight.attempt,
        asset=node.name,
        partition_key=flight.key,
        params=params,
        settings=settings,
        inputs=dict(flight.inputs),
        notebook=str(root / (definition.snapshot or "")),
        folder=definition.folder,
        import_roots=definition.import_roots,
        modules={name: (str(root / kept), original) for name, (kept, original) in definition.modules.items()},
        output_notebook=str(root / "runs" / f"{flight.stem}.ipynb"),
        log=str(root / "runs" / f"{flight.stem}.log"),
        data_prefix=str(root / "data" / flight.stem),
        result=str(root / "runs" / f"{flight.stem}.json"),
        kernel_name=definition.kernel_name,
        language=definition.language,
        timeout_s=options.timeout_s or definition.timeout_s,
        injected=injected,
        workspace=str(root),
    )


def new_run_id(now: datetime) -> str:
    """An id that sorts by time: ``20131231T235959123-1f2e3d``."""
    return f"{now:%Y%m%dT%H%M%S}{now.microsecond // 1000:03d}-{secrets.token_hex(3)}"


def _by_asset(wanted: Sequence[Wanted]) -> dict[str, list[Wanted]]:
    groups: dict[str, list[Wanted]] = {}
    for one in wanted:
        groups.setdefault(one.asset, []).append(one)
    return groups


def _texts(batch: Batch, group: Sequence[Wanted]) -> dict[int, str | None]:
    ids = np.array([w.key_id for w in group], dtype=np.int64)
    return {key_id: key or None for key_id, key in zip(ids.tolist(), queries.key_texts(batch, ids), strict=True)}


def _drop_removed(
    batch: Batch, node: Node, group: Sequence[Wanted], keys: Mapping[int, str | None], claimed: Claimed
) -> list[Wanted]:
    gone = set(queries.absent_keys(batch, node.set_id, [w.key_id for w in group]))
    for w in group:
        if w.key_id in gone:
            label = partition_label(node.name, keys[w.key_id])
            claimed.refused.append(Refused(w.step, StepStatus.CANCELLED, "its key was removed", label))
    return [w for w in group if w.key_id not in gone]


def _refuse_lacking(w: Wanted, resolved: ResolvedInputs, keys: Mapping[int, str | None], claimed: Claimed) -> bool:
    if resolved.lacking is None:
        return False
    label = partition_label(w.asset, keys[w.key_id])
    claimed.refused.append(Refused(w.step, StepStatus.BLOCKED, resolved.lacking, label))
    return True


def _claims(
    now: datetime, backfill_no: int | None, node: Node, ready: Sequence[Wanted], params: Mapping[str, Any]
) -> pd.DataFrame:
    import pandas as pd

    used = {name: value for name, value in params.items() if name in node.definition.settings}
    return pd.DataFrame(
        {
            "backfill_no": pd.array([backfill_no] * len(ready), dtype="Int64"),
            "step_no": [w.step_no for w in ready],
            "asset_id": node.asset_id,
            "key_id": [w.key_id for w in ready],
            "run_id": [new_run_id(now) for _ in ready],
            "code_version": node.definition.code_version,
            "params": json.dumps(used) if used else None,
        }
    )


def _take(
    answer: pd.DataFrame,
    claims: pd.DataFrame,
    node: Node,
    ready: Sequence[Wanted],
    keys: Mapping[int, str | None],
    resolved: Mapping[int, ResolvedInputs],
    claimed: Claimed,
) -> None:
    import pandas as pd

    run_ids = dict(zip(claims["step_no"], claims["run_id"], strict=True))
    by_number = {w.step_no: w for w in ready}
    for row in answer.itertuples(index=False):
        w = by_number[row.step_no]
        if pd.isna(row.run_no):
            claimed.followed[int(row.active_run)] = w.step
            continue
        inputs = resolved[w.key_id]
        claimed.flights.append(
            Flight(
                step=w.step,
                run_no=int(row.run_no),
                run_id=run_ids[w.step_no],
                asset=node.name,
                key=keys[w.key_id],
                inputs=inputs.inputs,
                reads=inputs.reads,
                code_version=node.definition.code_version,
            )
        )
