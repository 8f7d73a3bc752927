"""Importing in the zygote: what each kernel needs, and what notebooks import, as a kernel would import it."""

from __future__ import annotations

import contextlib
import fnmatch
import importlib
import os
import sys
import threading
import types
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from nbpart.assets.nbformat_import import load_nbformat
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


_WARM_CELLS = ("def f(x):\n    return {'x': x}", "x = f(1)\nprint(x)\nx")

#: What papermill imports for notebooks at addresses, which no run reads: it changes what warnings are shown.
_RARELY_USED = ("requests", "papermill.s3", "papermill.adl", "papermill.abs")


def preload_all(optional: Sequence[str], names: Sequence[str], reads: EnvironmentReads) -> dict[str, str]:
    """Import all of it as a kernel's cell would; what failed of `names`, and why."""
    environment = dict(os.environ)
    for name in _KERNEL_MODULES:
        with contextlib.suppress(ImportError):  # not each version has each
            importlib.import_module(name)
    load_nbformat()
    with _put_off(_RARELY_USED):
        failed = _import_all(["nbpart.run.kernels.child", "nbpart.run.child_run", "papermill"])
    if failed:
        return failed
    from nbpart.run.kernels.forked_app import generators, shell_for_imports

    # before there is anything of a library in it that would take notice
    shell_for_imports.execute_once(_WARM_CELLS)
    shell_for_imports.note_variables(environment)
    with shell_for_imports.show(), reads.watch():
        # what fails of these raises again in the notebook that imports it
        _import_all(optional)
        with generators.watch():
            return _import_all(names)


def make_ready() -> Any:
    """Do once what a first run would do, and make the kernel that each run has a copy of."""
    from nbpart.run.kernels.run_app import RunApp
    from nbpart.run.warming import execute_once

    with contextlib.suppress(Exception):  # then each run does it itself
        execute_once()
    for pattern in ("*.py", "*.ipy"):  # of IPython's startup files: what is compiled here is kept
        fnmatch.filter([], pattern)
    return RunApp.make()


class _LateModule(types.ModuleType):
    """Stands for a module until a function or a class of it is called."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return lambda *args, **options: getattr(importlib.import_module(self.__name__), name)(*args, **options)


@contextlib.contextmanager
def _put_off(names: Iterable[str]) -> Iterator[None]:
    """In the block these modules are imported only in name; who imports them later has them anew."""
    late = {name: _LateModule(name) for name in names if name not in sys.modules}
    sys.modules.update(late)
    try:
        yield
    finally:
        for name in late:
            sys.modules.pop(name, None)


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
