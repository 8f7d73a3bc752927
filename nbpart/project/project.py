"""The parts of an open workspace: its folder, its catalog, and this process as one that runs backfills there."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from nbpart.backfill.coordinator import Coordinator
from nbpart.backfill.growth import Grower
from nbpart.backfill.job import Job
from nbpart.backfill.registry import Registry, load_registry
from nbpart.backfill.runner import Runner
from nbpart.catalog import Batch, Catalog
from nbpart.project.data_tables import Tables
from nbpart.project.person import name_person
from nbpart.project.trust import is_trusted, require_trust, trust_workspace
from nbpart.run.pool import Pool, ThreadPool
from nbpart.run.spec import RunSpec
from nbpart.storage import LocalStore, Store
from nbpart.storage.adopted import AdoptingStore

T = TypeVar("T")
log = logging.getLogger("nbpart")

#: How long a cancelled backfill may take to end, in seconds: its kernels are interrupted, and killed 2 s later.
END_LIMIT_S = 60.0


def make_thread_pool(max_workers: int, on_start: Callable[[RunSpec], None]) -> Pool:
    """A pool that executes runs on this machine; ``on_start`` is called with each run as it begins."""
    return ThreadPool(max_workers, on_start=on_start)


class Project:
    """An open workspace, as the functions of this package take it: folder, catalog and the backfills that run here.

    ``make_pool(max_workers, on_start)`` makes the pool that executes the runs of a backfill; its runner closes it.
    ``store`` keeps the data files.
    ``runners`` holds the runner of each backfill of this process by the backfill's id. ``show_backfill`` returns the
    monitor widget of a backfill by its id, ``show_triggers`` the live table of triggers; None where there are no
    widgets. ``make_grower`` makes what asks for the steps of a study, with one of the ``samplers``, which are those of
    this process by asset; those of ``samplers_used`` have been asked. ``has_warned_untrusted`` says that a warning
    about sources of an untrusted workspace was logged, so that it is logged once.
    """

    def __init__(
        self,
        root: Path,
        catalog: Catalog,
        purpose: str,
        *,
        preload: Sequence[str] = (),
        is_assumed_trusted: bool = False,
    ) -> None:
        """``purpose`` tells other processes what this one does.

        ``preload`` names modules that pre-warmed kernels find imported already. With ``is_assumed_trusted`` the list of
        trusted workspaces is not asked: whoever started this process did.
        """
        self.root, self.catalog, self.preload = root, catalog, tuple(preload)
        catalog.person = name_person()
        self.store: Store = AdoptingStore(LocalStore(root), root, self.check_trust)
        self.coordinator = Coordinator(catalog, catalog.path.with_name("coordinators"), purpose)
        self.tables = Tables(catalog, self.store)
        self.runners: dict[str, Runner] = {}
        self.make_pool: Callable[[int, Callable[[RunSpec], None]], Pool] = make_thread_pool
        self.show_backfill: Callable[[str], Any] | None = None
        self.show_triggers: Callable[[], Any] | None = None
        self.make_grower: Callable[[Job], Grower] | None = None
        self.samplers: dict[str, Any] = {}
        self.samplers_used: set[str] = set()
        self.has_warned_untrusted = False
        self._is_vouched_for = is_assumed_trusted
        self._registry: Registry | None = None

    @property
    def is_trusted(self) -> bool:
        """Whether the code that the workspace holds may run: this user made it, or trusts it, at this path."""
        return self._is_vouched_for or is_trusted(self.root, self.catalog.workspace_id)

    def check_trust(self) -> None:
        """Raise `UntrustedWorkspaceError` where the workspace's code may not run; called before anything is run."""
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
        """Read the catalog after runs of dead processes were marked as interrupted, at most every two seconds.

        Everything that shows a status of runs, steps or backfills reads in this way.
        """
        self.coordinator.reap_if_due()
        return self.catalog.read(work)

    def close(self, timeout_s: float | None = None) -> None:
        """Wait for the backfills that run in this process and close the catalog; see `Workspace.close`."""
        with contextlib.ExitStack() as closing:  # last in, first out, also where one raises or Ctrl-C comes
            closing.callback(self.catalog.close)
            closing.callback(self.tables.close)
            closing.callback(self._end_coordinator)
            closing.callback(self._end_backfills)
            self._wait_for_backfills(timeout_s)

    def _end_backfills(self) -> None:
        """Cancel the backfills that still run in this process, and wait until no kernel of theirs lives."""
        for runner in list(self.runners.values()):
            runner.cancel()
        self._wait_for_backfills(END_LIMIT_S)
        for backfill_id, runner in list(self.runners.items()):
            if not runner.has_ended:
                log.warning(
                    "backfill %s did not end within %g s after it was cancelled; the workspace is closed all the same, "
                    "and whoever opens it next finds it interrupted.",
                    backfill_id,
                    END_LIMIT_S,
                )

    def _end_coordinator(self) -> None:
        if all(runner.has_ended for runner in self.runners.values()):
            self.coordinator.close()
        else:
            self.coordinator.abandon()

    def _wait_for_backfills(self, timeout_s: float | None) -> None:
        """Wait until every backfill of this process has ended, all together at most ``timeout_s`` seconds."""
        end = None if timeout_s is None else time.monotonic() + timeout_s
        for runner in list(self.runners.values()):
            runner.wait(None if end is None else max(0.0, end - time.monotonic()))
