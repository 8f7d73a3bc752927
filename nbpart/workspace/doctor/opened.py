"""An open catalog: its schema, who uses the workspace, what is registered, and whether it is trusted."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from nbpart.automation.triggers import describe_unwatched
from nbpart.automation.watching import find_watch, show_time
from nbpart.backfill.coordinator_locks import LockFolder
from nbpart.backfill.kept_kernels import find_kept_kernels
from nbpart.backfill.registry import load_registry
from nbpart.catalog import Catalog, CoordinatorRecord, migrations, queries
from nbpart.project.project import Project
from nbpart.run.kernels.specs import find_missing
from nbpart.workspace.doctor.findings import Finding, Level


def look_at_catalog(catalog: Catalog, root: Path) -> Iterator[Finding]:
    """Whether it can be read, and what is registered in it."""
    number, registry = catalog.read(lambda batch: (migrations.load_number(batch), load_registry(batch, root)))
    size = os.stat(catalog.path).st_size / (1 << 20)
    count = len(registry.nodes)
    text = f"{catalog.path} can be read: schema {number}, {size:,.1f} MB, {count} assets and sources"
    yield Finding("catalog", text)
    kernels = {node.definition.kernel for node in registry.nodes.values() if not node.definition.is_source}
    for name in sorted(find_missing(kernels)):
        assets = [n.name for n in registry.nodes.values() if n.definition.kernel == name]
        text = f"the kernel {name!r} of {', '.join(assets[:5])} is not installed"
        yield Finding("kernels", text, Level.PROBLEM, "install it, or register them with another kernel_name")


def look_at_processes(catalog: Catalog, project: Project) -> Iterator[Finding]:
    """Who uses the workspace: processes that run backfills, the watcher, and kernels that were kept."""
    locks, now = LockFolder(catalog.path.with_name("coordinators"), catalog.path), datetime.now(UTC)
    running = catalog.read(queries.live_coordinators)
    for one in running:
        yield _describe(one, now, is_dead=locks.is_dead(one.host, one.lock))
    watch = find_watch(catalog.path, now)
    if watch.note is not None and watch.is_held and not watch.is_watched:
        text = f"process {watch.note.pid} on {watch.note.host} holds the watch, and {watch.describe(now)}"
        yield Finding("watcher", text, Level.WARNING, f"it was stopped or hangs: end it (kill -9 {watch.note.pid})")
    elif watch.is_watched:
        yield Finding("watcher", watch.describe(now))
    elif unwatched := describe_unwatched(project):
        yield Finding("watcher", unwatched, Level.WARNING, "ws.watch() or `nbpart watch` looks with them")
    kept = list(find_kept_kernels(project.root))
    if kept:
        text = f"{len(kept)} kernels of runs are kept: processes {', '.join(str(k.pid) for _, k in kept[:5])}"
        yield Finding("kernels", text, advice="`nbpart kernels` lists them; each ends by itself within an hour")
    if not running and not watch.is_watched:
        yield Finding("processes", "no process runs a backfill or watches")


def look_at_trust(project: Project) -> Iterator[Finding]:
    """Whether the code of the workspace may run."""
    if project.is_trusted:
        yield Finding("trust", "you made or trust this workspace: its code may run")
    else:
        text = "this is no workspace that you made or trust: nothing of its code runs"
        yield Finding("trust", text, Level.WARNING, "`nbpart trust` trusts it, if you know who made it")


def _describe(one: CoordinatorRecord, now: datetime, *, is_dead: bool) -> Finding:
    here = " on this machine" if one.host == socket.gethostname() else f" on {one.host}"
    who = f"process {one.pid}{here} ({one.purpose or 'without a name'}), since {show_time(one.started_at, now)}"
    if is_dead:
        advice = "any command, as `nbpart status`, marks its runs as interrupted"
        return Finding("processes", f"{who} died", Level.WARNING, advice)
    return Finding("processes", f"{who} is alive")
