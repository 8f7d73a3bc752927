"""Imports of a run: local modules are imported from the copies that were made when its backfill started.

A module imported from a snapshot keeps its original `__file__`, so that data beside it is found and tracebacks name the
file that a person edits.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from importlib.abc import MetaPathFinder, SourceLoader
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_file_location
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from nbpart.assets.modules.scripts import is_script

SPEC_VARIABLE = "NBPART_RUN_SPEC"
RUN_VARIABLE = "NBPART_RUN_ID"
#: What the processes of a run are found by: its id and its workspace, as runs of two workspaces may have one id.
MARK_VARIABLE = "NBPART_RUN_MARK"

#: What a Python kernel executes before its first cell.
STARTUP_LINE = "__import__('nbpart.run.modules', fromlist=['modules']).install_from_environment()"


def install(
    import_roots: Sequence[str], modules: Mapping[str, tuple[str, str]], late_roots: Sequence[str] = ()
) -> None:
    """Put import roots in front of sys.path, late ones at its end, and have modules imported from their snapshots.

    A second call has no effect. Scripts in ``modules`` are executed from their snapshots too.
    """
    for root in reversed(import_roots):
        if root not in sys.path:
            sys.path.insert(0, root)
    sys.path += [root for root in late_roots if root not in sys.path]
    if scripts := {original: kept for name, (kept, original) in modules.items() if is_script(name)}:
        _keep_scripts(scripts)
    if modules and not any(isinstance(finder, SnapshotFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, SnapshotFinder(modules))


def install_from_environment() -> None:
    """Call `install` for the spec that the environment names; does nothing outside a run."""
    from nbpart.run.spec import RunSpec

    path = os.environ.get(SPEC_VARIABLE)
    if path and os.path.exists(path):
        spec = RunSpec.read(path)
        install(*spec.imports)


def _keep_scripts(scripts: Mapping[str, str]) -> None:
    """Have ``%run`` execute the snapshot of a script whose file was edited after that."""
    from IPython.core.interactiveshell import InteractiveShell
    from IPython.utils.syspathcontext import prepended_to_syspath

    execute: Any = InteractiveShell.safe_execfile
    execute_cells: Any = InteractiveShell.safe_execfile_ipy
    if getattr(execute, "scripts", None) == scripts:
        return

    def safe_execfile(shell: InteractiveShell, fname: Any, *where: Any, **options: Any) -> Any:
        kept = scripts.get(os.path.realpath(fname))
        if kept is None or _is_same_file(kept, fname):
            return execute(shell, fname, *where, **options)
        with prepended_to_syspath(os.path.dirname(os.path.realpath(fname))):
            return execute(shell, kept, *where, **options)

    def safe_execfile_ipy(shell: InteractiveShell, fname: Any, *options: Any, **more: Any) -> Any:
        original = os.path.realpath(os.path.expanduser(fname))
        if (kept := scripts.get(original)) is None:
            return execute_cells(shell, fname, *options, **more)
        with prepended_to_syspath(os.path.dirname(original)):
            shell.run_cell(Path(kept).read_text("utf-8"), silent=True)  # type: ignore[no-untyped-call]

    safe_execfile.scripts = scripts  # type: ignore[attr-defined]
    InteractiveShell.safe_execfile = safe_execfile  # type: ignore[assignment, method-assign]
    InteractiveShell.safe_execfile_ipy = safe_execfile_ipy  # type: ignore[assignment, method-assign]


def _is_same_file(kept: str, original: Any) -> bool:
    try:
        return Path(kept).read_bytes() == Path(original).read_bytes()
    except OSError:
        return False


class SnapshotFinder(MetaPathFinder):
    """Finds the modules of a mapping name -> (snapshot, original)."""

    def __init__(self, modules: Mapping[str, tuple[str, str]]) -> None:
        self._modules = dict(modules)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname not in self._modules:
            return None
        snapshot, original = self._modules[fullname]
        is_package = Path(original).name == "__init__.py"
        folders = [os.path.dirname(original)] if is_package else None
        loader = SnapshotLoader(snapshot, original)
        return spec_from_file_location(fullname, original, loader=loader, submodule_search_locations=folders)


class SnapshotLoader(SourceLoader):
    """Compiles the snapshot's source under the original's name; no bytecode is cached."""

    def __init__(self, snapshot: str, original: str) -> None:
        self._snapshot = snapshot
        self._original = original

    def get_filename(self, fullname: str) -> str:
        return self._original

    def source_to_code(  # type: ignore[override]
        self, data: Any, path: Any = "<string>", *, _optimize: int = -1
    ) -> CodeType:
        # snapshots are UTF-8, whatever encoding the original declares
        text = data.decode("utf-8", "surrogatepass") if isinstance(data, bytes) else data
        code: CodeType = compile(text, path, "exec", dont_inherit=True, optimize=_optimize)
        return code

    def get_data(self, path: str) -> bytes:
        return Path(self._snapshot if path == self._original else path).read_bytes()
