"""Kernels of failed runs that were left alive: finding them, and ending those beyond the number that was asked for."""

from __future__ import annotations

import logging
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
    """End the kernel of ``connection_file``, in the background, if more than ``most`` are kept in the workspace.

    ``connection_file`` is the path of the kernel that was kept last, relative to ``root``. Returns whether the kernel
    is gone: it was ended here, or had ended already.
    """
    connection_file = str(root / connection_file)
    kernels = list(find_kept_kernels(root))
    newest = next((kernel for _, kernel in kernels if kernel.connection_file == connection_file), None)
    if newest is None or len(kernels) <= most:
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
