"""Kernels of failed runs that were left alive: finding them, and ending those beyond the number that was asked for."""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Iterator
from pathlib import Path

from nbpart.errors import MissingInputError
from nbpart.run.kernels.kept_kernel import KeptKernel
from nbpart.storage.own_files import check_own_folder

log = logging.getLogger("nbpart")


def connection_path(run_id: str, attempt: int) -> str:
    """The path in the workspace of the connection file of a kernel that is kept."""
    return f"runs/_kernels/{run_id}-{attempt}.json"


def find_kept_kernels(root: Path) -> Iterator[tuple[str, KeptKernel]]:
    """The run ids and kernels of the kept kernels in a workspace that are alive, the oldest first."""
    if not check_own_folder(root / "runs") or not check_own_folder(root / "runs" / "_kernels"):
        return
    for path in sorted((root / "runs" / "_kernels").glob("*.json")):
        try:
            kernel = KeptKernel(path)
        except MissingInputError:  # its time is over
            continue
        if kernel.is_alive:
            yield path.stem.rpartition("-")[0], kernel
        else:
            path.unlink(missing_ok=True)


def end_surplus_kernel(root: Path, most: int, connection_file: str) -> bool:
    """End the kernel of ``connection_file``, in the background, if ``most`` or more were kept in the workspace before.

    ``connection_file`` is its path, relative to ``root``. Those that were kept after it do not count: each has a turn
    of its own. Returns whether the kernel is gone: it was ended here, or had ended already.
    """
    own = root / connection_file
    alive = [Path(kernel.connection_file) for _, kernel in find_kept_kernels(root)]
    if own not in alive:
        return True
    place = _find_kept_at(own), own.name
    if sum((_find_kept_at(path), path.name) < place for path in alive) < most:
        return False
    # under another name it is not listed any more, though its end takes a moment
    leaving = own.with_suffix(".leaving")
    own.rename(leaving)
    threading.Thread(target=_end, args=(KeptKernel(leaving),), name="nbpart kept kernel", daemon=True).start()
    return True


def _find_kept_at(path: Path) -> float:
    """When a kernel was kept, by its connection file, as nanoseconds; infinite where it is gone."""
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return math.inf


def _end(kernel: KeptKernel) -> None:
    try:
        kernel.shutdown()
    except Exception as error:  # noqa: BLE001 - it ends by itself when its time is over
        log.warning("a kept kernel (process %d) did not end: %s", kernel.pid, error)
