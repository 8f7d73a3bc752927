"""The folder of a workspace: its file system, free space, clock, and whether files can be locked there."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from nbpart.catalog.lease import Lease
from nbpart.storage.files import probe_clock
from nbpart.storage.mounts import find_file_system
from nbpart.workspace.doctor.findings import Finding, Level

_GB = 1 << 30
#: Less free space than this is told.
_LITTLE, _TOO_LITTLE = 2 * _GB, _GB // 10
_FEW_FILES = 1_000
#: A file system whose clock differs by more: what other machines see of processes here is judged by it.
_MOST_SKEW_S = 2.0
_NETWORK = ("nfs", "cifs", "smb", "sshfs", "9p", "lustre", "gpfs", "ceph", "glusterfs", "beegfs", "afs", "fuse.")


def look_at_disk(root: Path) -> Iterator[Finding]:
    """How much may still be written."""
    usage, files = shutil.disk_usage(root), os.statvfs(root)
    text = f"{usage.free / _GB:,.1f} GB free of {usage.total / _GB:,.0f} GB"
    advice = "ws.prune() (`nbpart prune`) removes old data"
    few = bool(files.f_files) and files.f_favail < _FEW_FILES
    if few:
        text += f", room for {files.f_favail:,} more files"
    if usage.free < _TOO_LITTLE or few:
        yield Finding("disk", text, Level.PROBLEM, advice)
    else:
        is_little = usage.free < _LITTLE
        yield Finding("disk", text, Level.WARNING if is_little else Level.OK, advice if is_little else "")


def look_at_file_system(folder: Path, what: str) -> Iterator[Finding]:
    """Of what kind a file system is, and what that means."""
    kind = find_file_system(folder)
    if kind is None:
        yield Finding("file system", f"{what} is in {folder}; of what kind is not known")
    elif kind.startswith(_NETWORK):
        text = f"{what} is in {folder}, on {kind}, which several machines may see"
        advice = (
            'locks there can be slow or be granted twice; nbpart.open(path, catalog="/a/local/folder") keeps the '
            "catalog on a local disk, and only one machine should use it then"
        )
        yield Finding("file system", text, Level.WARNING, advice)
    else:
        yield Finding("file system", f"{what} is in {folder}, on {kind}")


def look_at_locks(catalog: Path) -> Iterator[Finding]:
    """Whether files can be locked beside the catalog, as processes that share it need."""
    Lease(catalog, "nbpart doctor").probe()
    yield Finding("locks", "files can be locked")


def look_at_clock(root: Path) -> Iterator[Finding]:
    """Whether the file system has the time of this machine."""
    before = time.time()
    told = probe_clock(root)
    skew = told - before if told < before else max(0.0, told - time.time())
    if abs(skew) <= _MOST_SKEW_S:
        yield Finding("clock", "the file system has the time of this machine")
        return
    text = f"the file system is {abs(skew):,.0f} s {'ahead of' if skew > 0 else 'behind'} this machine"
    yield Finding(
        "clock", text, Level.WARNING, "set both by a time server: files that changed may look older than they are"
    )
