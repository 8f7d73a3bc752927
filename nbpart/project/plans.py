"""A plan that can be looked at and run."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from nbpart.assets.selection import describe, select
from nbpart.backfill.options import PER_PARTITION, BackfillOptions, make_options
from nbpart.backfill.plan import AssetSteps, StepTable, plan_steps
from nbpart.backfill.registry import Registry
from nbpart.catalog import Batch, Moment, queries
from nbpart.project.backfills import Backfill
from nbpart.project.choosing import list_keys, read_statuses, restrict
from nbpart.project.detached import detach_backfill
from nbpart.project.launch import refuse_unreadable, start_backfill
from nbpart.project.project import Project
from nbpart.project.refresh import refresh_registry, take_up_edits
from nbpart.run.kernels.specs import find_missing
from nbpart.states import STATUS_CODES, PartitionStatus

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger("nbpart")


class Plan:
    """What a backfill would run, and why. Nothing runs until `run`; then exactly what is shown does.

    ``frame`` has the columns ``asset, partition_key, reason``, one row a step, in the order of the graph. ``notice``
    says which edited code it took up, "" where none was.
    """

    def __init__(
        self,
        project: Project,
        registry: Registry,
        steps: StepTable,
        selection: str,
        selected: Sequence[str],
        notice: str = "",
    ) -> None:
        self._project, self._registry, self._steps, self.selection = project, registry, steps, selection
        self._selected, self.notice = tuple(selected), notice

    def __len__(self) -> int:
        return len(self._steps)

    @property
    def assets(self) -> tuple[str, ...]:
        """The assets that have steps, in order."""
        return tuple(a.asset for a in self._steps.assets)

    @cached_property
    def frame(self) -> pd.DataFrame:
        return self._tabulate(len(self))

    def head(self, rows: int = 5) -> pd.DataFrame:
        """The first rows of ``frame``, without making all of it."""
        return self._tabulate(rows)

    def _tabulate(self, rows: int) -> pd.DataFrame:
        """The first rows of the plan as ``frame`` has them."""
        import pandas as pd

        firsts, left = [], rows
        for asset, reasons in zip(self._steps.assets, self._reasons, strict=True):
            firsts.append((asset.asset, asset.key_ids[:left], reasons[:left]))
            left -= len(firsts[-1][1])
            if not left:
                break
        texts = self._project.catalog.read(lambda batch: [queries.key_texts(batch, ids) for _, ids, _ in firsts])
        columns = ["asset", "partition_key", "reason"]
        parts = [
            pd.DataFrame({"asset": name, "partition_key": text, "reason": reasons}, columns=columns)
            for (name, _, reasons), text in zip(firsts, texts, strict=True)
        ]
        return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame({c: [] for c in columns}, dtype=str)

    @cached_property
    def notes(self) -> tuple[str, ...]:
        """What will keep steps from being made, a sentence each: a kernel that is not installed here."""
        wanted = {a.asset: self._registry[a.asset].definition.kernel for a in self._steps.assets}
        missing = find_missing(wanted.values())
        return tuple(
            f"the kernel {kernel!r} of {asset!r} is not installed here, so its steps would fail: install it, or "
            "register the notebook with kernel_name=..."
            for asset, kernel in wanted.items()
            if kernel in missing
        )

    def counts(self) -> dict[str, int]:
        """How many steps there are for each status that the partitions have now, in words as shown by ``reason``."""
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
        retries: int = 0,
        settings: Mapping[str, Any] | None = None,
        secrets: Mapping[str, Any] | None = None,
        timeout_s: float | None = None,
        backoff_s: float = 1.0,
        limits: Mapping[str, int] | None = None,
        keep_failed_kernels: int = 0,
        policy: str = PER_PARTITION,
        detach: bool = False,
    ) -> Backfill:
        """Start a backfill of exactly these steps and return at once; `Backfill.wait` waits for it.

        ``max_workers`` notebooks at a time (default: the cores this process may use), ``retries`` more attempts for a
        failed run (waiting ``backoff_s`` seconds, doubled each time, with jitter), ``settings`` overrides those of the
        runs, ``secrets`` the ones that their assets declared secret (``settings`` takes them too), ``timeout_s`` bounds
        each run. ``limits`` bounds the runs at a time of one asset or of a tag (``{"model": 1, "tag:db": 2}``).
        ``keep_failed_kernels`` kernels of failed runs stay alive to be looked at by `Run.kernel`.
        ``policy="single_run"`` gives one run of an asset all keys that are ready, for what is faster in bulk:
        ``run.partition_keys`` names them, ``run.partition(key)`` is one of them. With ``detach`` a process of its own
        runs it, which outlives this one. Raises `DeclarationError` for an option that cannot be.
        """
        options = self.check_options(
            max_workers=max_workers,
            retries=retries,
            settings=settings,
            secrets=secrets,
            timeout_s=timeout_s,
            backoff_s=backoff_s,
            limits=limits,
            keep_failed_kernels=keep_failed_kernels,
            policy=policy,
        )
        for note in self.notes:
            log.warning("%s", note)
        start = detach_backfill if detach else start_backfill
        backfill_id = start(self._project, self._registry, self._steps, self.selection, options, self._reasons)
        return Backfill(self._project, backfill_id)

    def check_options(  # noqa: PLR0913
        self,
        *,
        max_workers: int | None = None,
        retries: int = 0,
        settings: Mapping[str, Any] | None = None,
        secrets: Mapping[str, Any] | None = None,
        timeout_s: float | None = None,
        backoff_s: float = 1.0,
        limits: Mapping[str, int] | None = None,
        keep_failed_kernels: int = 0,
        policy: str = PER_PARTITION,
    ) -> BackfillOptions:
        """What `run` makes of its options; nothing runs. Raises what it raises, also where there is nothing to run."""
        selected = [self._registry[name].definition for name in self._selected]
        return make_options(
            selected,
            preload=self._project.preload,
            max_workers=max_workers,
            retries=retries,
            settings=settings,
            secrets=secrets,
            timeout_s=timeout_s,
            backoff_s=backoff_s,
            limits=limits,
            keep_failed_kernels=keep_failed_kernels,
            policy=policy,
        )

    @property
    def secrets(self) -> frozenset[str]:
        """The settings of the selected assets whose values are recorded nowhere."""
        return frozenset(name for asset in self._selected for name in self._registry[asset].definition.secrets)

    @cached_property
    def _reasons(self) -> list[pd.Categorical]:
        """The reasons of each asset's steps: their cause, and of the stale ones what changed."""
        return self._project.catalog.read(self._load_reasons)

    def _load_reasons(self, batch: Batch) -> list[pd.Categorical]:
        import pandas as pd

        found = []
        stale_code = STATUS_CODES[PartitionStatus.STALE]
        for asset in self._steps.assets:
            reasons = pd.Series(pd.Categorical.from_codes(asset.cause, list(asset.causes)))
            stale = asset.cause == stale_code
            if stale.any():
                ids = asset.key_ids[stale]
                told = queries.stale_reasons(batch, self._registry[asset.asset].asset_id, ids)
                by_key = pd.Series(told["reason"].to_numpy(), index=told["key_id"].to_numpy())
                text = reasons.astype(object)
                text[stale] = by_key.reindex(ids).fillna("input changed").to_numpy()
                reasons = text.astype("category")
            reasons = self._tell_deleted(batch, asset, reasons)
            found.append(reasons.array)
        return found

    def _tell_deleted(self, batch: Batch, asset: AssetSteps, reasons: pd.Series) -> pd.Series:
        """The reasons of an asset's steps; of data that was deleted they say so."""
        import pandas as pd

        missing = asset.cause == STATUS_CODES[PartitionStatus.MISSING]
        if not missing.any():
            return reasons
        deleted = queries.deleted_reasons(batch, self._registry[asset.asset].asset_id)
        if deleted.empty:
            return reasons
        by_key = pd.Series(deleted["reason"].to_numpy(), index=deleted["key_id"].to_numpy())
        told = by_key.reindex(asset.key_ids).to_numpy(dtype=object)
        is_told = missing & np.isin(asset.key_ids, deleted["key_id"].to_numpy())
        text = reasons.astype(object)
        text[is_told] = told[is_told]
        return text.astype("category")

    def __repr__(self) -> str:
        told = ", ".join(f"{n} {cause}" for cause, n in self.counts().items())
        plan = f"<Plan {self.selection!r}: {len(self)} steps{': ' + told if told else ', nothing to do'}>"
        return "\n".join([*self.notes, plan])

    def _repr_html_(self) -> str:
        from nbpart.widgets.tables import plan_html

        return plan_html(self.selection, len(self), self.counts(), self.head(200), self.notes)


def make_plan(project: Project, selection: Any, keys: Any, status: Any) -> Plan:
    """What a backfill would run; see `Workspace.plan`. Code that was edited on disk is taken up first."""
    look = take_up_edits(project, is_told=False)
    registry = refresh_registry(project)
    names = select(registry.graph, selection)
    look.without(names).tell()
    refuse_unreadable(look.unreadable, names)
    statuses = read_statuses(status)
    listed = list_keys(keys)

    def work(batch: Batch) -> tuple[Any, Any, Moment]:
        facts = queries.plan_facts(batch, [registry[name].asset_id for name in names])
        restricted = None if listed is None else restrict(batch, registry, names, listed)
        return facts, restricted, Moment(registry.moment.sequence, batch.now)

    facts, restricted, moment = project.catalog.read(work)
    by_name = {name: facts[registry[name].asset_id] for name in names}
    steps = plan_steps(registry.graph, names, by_name, keys=restricted, statuses=statuses)
    return Plan(project, registry.at(moment), steps, describe(selection), names, look.notice)
