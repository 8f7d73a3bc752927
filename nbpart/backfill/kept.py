"""Kernels of failed runs that were left alive: where they are, and at most how many."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from pathlib import Path

from nbpart.errors import MissingInputError
from nbpart.run.kernels.kept_kernel import KeptKernel
from nbpart.storage.own_files import check_own_folder

log = logging.getLogger("nbpart")


def connection_path(root: Path, run_id: str, attempt: int) -> Path:
    """Where the connection file of a kept kernel goes."""
    return root / "runs" / "_kernels" / f"{run_id}-{attempt}.json"


def find_kept(root: Path) -> Iterator[tuple[str, KeptKernel]]:
    """The kernels that are kept in a workspace and alive, with the ids of their runs, the oldest first."""
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


def let_go_beyond(root: Path, most: int, connection_file: str) -> bool:
    """End the kernel that was kept last, in the background, if there are more than ``most``; whether it was ended.

    ``connection_file`` is its path in the workspace.
    """
    connection_file = str(root / connection_file)
    kept = list(find_kept(root))
    newest = next((kernel for _, kernel in kept if kernel.connection_file == connection_file), None)
    if newest is None or len(kept) <= most:
        return newest is None
    # under another name it is not listed any more, though its end takes a moment
    leaving = Path(connection_file).with_suffix(".leaving")
    Path(connection_file).rename(leaving)
    threading.Thread(target=_end, args=(KeptKernel(leaving),), name="nbpart kept kernel", daemon=True).start()
    return True


def _end(kernel: KeptKernel) -> None:
    try:
        kernel.shutdown()
    except Exception as error:  # noqa: BLE001 - it ends by itself when its time is over
        log.warning("a kept kernel (process %d) did not end: %s", kernel.pid, error)
