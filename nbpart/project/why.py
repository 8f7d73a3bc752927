"""Why a partition is what it is: a sentence, and the chain of its causes as a frame."""

from __future__ import annotations

import html
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nbpart.assets.asset import name_of
from nbpart.assets.code_changes import describe_code_change
from nbpart.backfill.cause_search import CauseSearch
from nbpart.backfill.registry import Node, Registry, spell_key
from nbpart.catalog import Batch, queries
from nbpart.catalog.causes import (
    Cause,
    Part,
    describe_chain,
    describe_first,
    describe_late,
    describe_late_ones,
    list_chain_parts,
    spell_ref,
)
from nbpart.catalog.lateness import load_late
from nbpart.catalog.queries.status import count_outdated
from nbpart.project.data import find_key_id
from nbpart.project.kept_code import read_code, read_kept_code
from nbpart.project.project import Project
from nbpart.project.refresh import refresh_registry
from nbpart.states import CheckOutcome

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Why:
    """Why a partition is what it is, with all that led to it: ``causes`` from the nearest to the root.

    ``at`` is the time at which it was asked, ``late_since`` since when it is late, None where it is not, ``bad_checks``
    the checks that its own data do not pass. Shown, it is one sentence.
    """

    causes: tuple[Cause, ...]
    at: datetime
    late_since: datetime | None = None
    bad_checks: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """One sentence: the status, what led to it, since when it is late, and the checks that it does not pass."""
        return describe_chain(self.causes, self.at) + self._besides

    @property
    def parts(self) -> tuple[Part, ...]:
        """The sentence in parts, each with the partition whose name it is, or None."""
        return (*list_chain_parts(self.causes, self.at), *([(self._besides, None)] if self._besides else []))

    @property
    def _besides(self) -> str:
        late = [] if self.late_since is None else [describe_late(self.late_since, self.at)]
        return "".join(f"; {text}" for text in (*late, *self.bad_checks))

    @property
    def subject(self) -> tuple[str, str | None] | None:
        """Asset and key of the partition that the sentence names first; None where it names none."""
        named = self.causes[0].subject
        return None if named is None else (named.asset, named.key)

    @cached_property
    def frame(self) -> pd.DataFrame:
        """The chain, a link a row: ``asset, partition_key, status, cause, detail, at, run_id``, the root last."""
        import pandas as pd

        columns = ["asset", "partition_key", "status", "cause", "detail", "at", "run_id"]
        rows = [
            (one.of.asset, one.of.key, one.status, str(one.kind), one.describe(self.at), one.at, one.run_id)
            for one in self.causes
        ]
        frame = pd.DataFrame(rows, columns=columns, dtype=object)  # None stays None
        return frame.assign(at=pd.to_datetime(frame["at"], utc=True))

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"{spell_ref(self.causes[0].of)} is {self.text}"

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{html.escape(spell_ref(one.of))}</td><td>{html.escape(one.describe(self.at))}</td></tr>"
            for one in self.causes
        )
        return f"<div><p>{html.escape(repr(self))}</p><table>{rows}</table></div>"


def find_why(project: Project, asset: Any, key: Any) -> Why:
    """Why a partition is what it is; see `Workspace.why`."""
    registry = refresh_registry(project)
    node = registry[name_of(asset)]
    text = spell_key(node, key)
    return project.read(lambda batch: explain_partition(batch, project.root, registry, node, text))


def explain_partition(batch: Batch, root: Path, registry: Registry, node: Node, key: str | None) -> Why:
    """Why a partition is what it is, as one batch sees it."""
    search = _make_search(batch, root, registry)
    key_id, late = find_key_id(batch, node, key), load_late(batch, node.asset_id)
    since = None if late is None else late.since_of(key_id)
    return Why(tuple(search.list_causes(node.name, key_id)), batch.now, since, _list_bad_checks(batch, node, key_id))


def _list_bad_checks(batch: Batch, node: Node, key_id: int) -> tuple[str, ...]:
    """A few words for each check that the data of a partition do not pass."""
    if not node.checks:
        return ()
    found = queries.load_judgements(batch, node.asset_id, np.array([key_id], np.int64))
    return tuple(
        f"its check {row.check} {row.outcome}{f' ({row.message})' if row.message else ''}"
        for row in found.itertuples(index=False)
        if row.outcome != CheckOutcome.PASSED
    )


def explain_asset(project: Project, asset: str) -> tuple[str, ...]:
    """Why partitions of an asset are not up to date: of each kind of cause how many, and why the first of them is.

    Last how many are late, if some are.
    """
    registry = project.registry()
    node = registry[asset]

    def work(batch: Batch) -> tuple[str, ...]:
        search = _make_search(batch, project.root, registry)
        outdated = [
            describe_first(search.list_causes(node.name, key_id), count, batch.now)
            for count, key_id in count_outdated(batch, node.asset_id)
        ]
        late = load_late(batch, node.asset_id)
        return (*outdated, *([describe_late_ones(late.since, batch.now)] if late and len(late.since) else []))

    return project.read(work)


def _make_search(batch: Batch, root: Path, registry: Registry) -> CauseSearch:
    """A search that says what changed in code as the workspace kept it."""

    def describe_code(changed: Node, version: str | None) -> str:
        before = read_kept_code(batch, root, changed, version)
        if before is None:
            return ""
        try:
            return describe_code_change(before, read_code(root, changed.definition))
        except (RecursionError, MemoryError):  # what Python raises for code that is nested too deeply to be parsed
            return ""

    return CauseSearch(batch, registry, describe_code)
