"""Importing in the zygote: what each kernel needs, and what notebooks import, as a kernel would import it."""

from __future__ import annotations

import contextlib
import importlib
import os
import threading
from collections.abc import Iterable, Sequence

from nbpart.run.kernels.environment_reads import EnvironmentReads

#: Who preloads these pays once for what each kernel imports at its start or at its first cell.
_KERNEL_MODULES = (
    "ipykernel.kernelapp",
    "ipykernel.ipkernel",
    "ipykernel.zmqshell",
    "ipykernel.debugger",
    "ipykernel.subshell_manager",
    "IPython.core.completer",
    "IPython.core.history",
    "IPython.core.magics",
    "IPython.extensions.storemagic",
    "encodings.idna",
    "faulthandler",
    "psutil",
    "resource",
    "sqlite3",
    "stringprep",
    "tornado.platform.asyncio",
)


def preload_all(optional: Sequence[str], names: Sequence[str], reads: EnvironmentReads) -> dict[str, str]:
    """Import all of it as a kernel's cell would; what failed of `names`, and why."""
    environment = dict(os.environ)
    for name in _KERNEL_MODULES:
        with contextlib.suppress(ImportError):  # not each version has each
            importlib.import_module(name)
    failed = _import_all(["nbpart.run.kernels.child"])
    if failed:
        return failed
    from nbpart.run.kernels.child import generators, shell_for_imports

    shell_for_imports.note_variables(environment)
    with shell_for_imports.show(), reads.watch():
        # what fails of these raises again in the notebook that imports it
        _import_all(optional)
        with generators.watch():
            return _import_all(names)


def _import_all(names: Iterable[str]) -> dict[str, str]:
    """What of these modules could not be imported, or may not be, and why."""
    failed = {}
    for name in names:
        threads = set(threading.enumerate())
        try:
            importlib.import_module(name)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever a module does at its import
            failed[name] = f"{type(error).__name__}: {error}"
        if started := [thread.name for thread in threading.enumerate() if thread not in threads]:
            failed[name] = f"its import starts the thread {started[0]!r}, which a forked kernel would not have"
    return failed
