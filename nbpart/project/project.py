"""A workspace's folder, its catalog, and this process as one that runs backfills there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from nbpart.backfill.coordinator import Coordinator
from nbpart.backfill.registry import Registry, load_registry
from nbpart.backfill.runner import Runner
from nbpart.catalog import Batch, Catalog
from nbpart.project.tables import Tables
from nbpart.project.trust import is_trusted, require_trust, trust_workspace
from nbpart.run.pool import Pool, ThreadPool
from nbpart.run.spec import RunSpec

T = TypeVar("T")


def start_threads(max_workers: int, on_start: Callable[[RunSpec], None]) -> Pool:
    """The pool of this machine."""
    return ThreadPool(max_workers, on_start=on_start)


class Project:
    """What a workspace is made of, for all that reads it, changes it or runs something in it.

    ``make_pool`` makes the pool of a backfill, for so many runs at once, which tells each run that it begins; the
    runner closes it. ``runners`` are the backfills that run in this process, by id. ``show_backfill`` gives the live
    picture of a backfill by its id, where there is one. ``is_distrust_told``: that this workspace is not trusted was
    said once, where it only meant that less is shown.
    """

    def __init__(
        self,
        root: Path,
        catalog: Catalog,
        purpose: str,
        *,
        preload: Sequence[str] = (),
        is_vouched_for: bool = False,
    ) -> None:
        """``purpose`` says to other processes what this one is.

        ``preload`` names modules that pre-warmed kernels find imported already. ``is_vouched_for``: whoever started
        this process has made sure that the workspace's code may run.
        """
        self.root, self.catalog, self.preload = root, catalog, tuple(preload)
        self.coordinator = Coordinator(catalog, catalog.path.with_name("coordinators"), purpose)
        self.tables = Tables(catalog, root)
        self.runners: dict[str, Runner] = {}
        self.make_pool: Callable[[int, Callable[[RunSpec], None]], Pool] = start_threads
        self.show_backfill: Callable[[str], Any] | None = None
        self.is_distrust_told = False
        self._is_vouched_for = is_vouched_for
        self._registry: Registry | None = None

    @property
    def is_trusted(self) -> bool:
        """Whether the code that the workspace holds may run: this user made it, or trusts it, at this path."""
        return self._is_vouched_for or is_trusted(self.root, self.catalog.workspace_id)

    def check_trust(self) -> None:
        """Raise `UntrustedWorkspaceError` where the workspace's code may not run; whatever starts runs asks first."""
        if not self._is_vouched_for:
            require_trust(self.root, self.catalog.workspace_id)

    def trust(self) -> None:
        """Trust this workspace, whoever made it, from now on."""
        trust_workspace(self.root, self.catalog.workspace_id)

    def registry(self) -> Registry:
        """What is registered, read again only when the catalog changed."""
        if self._registry is None or self._registry.moment.sequence != self.catalog.sequence():
            self._registry = self.catalog.read(lambda batch: load_registry(batch, self.root))
        return self._registry

    def read(self, work: Callable[[Batch], T]) -> T:
        """Read the catalog for somebody who looks: what belonged to processes that died says so.

        All that shows the status of runs, steps and backfills reads by this.
        """
        self.coordinator.reap_if_due()
        return self.catalog.read(work)

    def cancel_backfills(self) -> None:
        """Ask the backfills that run in this process for their end; returns at once."""
        for runner in list(self.runners.values()):
            runner.cancel()

    def close(self) -> None:
        """Wait for the backfills that run in this process and let go of the catalog."""
        for runner in list(self.runners.values()):
            runner.wait()
        self.coordinator.close()
        self.tables.close()
        self.catalog.close()
