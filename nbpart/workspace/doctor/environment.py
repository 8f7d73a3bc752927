"""The installation: versions, extras, and kernels."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import sys
from collections.abc import Iterator

from nbpart.run.kernels.folders import find_abandoned
from nbpart.run.kernels.install import find_prewarmed
from nbpart.run.kernels.specs import NATIVE
from nbpart.run.kernels.zygotes import is_supported
from nbpart.workspace.doctor.findings import Finding, Level

#: What is told with its version where all is well; of the others only what is not.
_TOLD = ("duckdb", "papermill", "jupyter-client", "ipykernel", "anywidget", "pandas")
#: Extras of those who develop nbpart.
_OWN_EXTRAS = ("test", "bench", "dev")


def look_at_versions() -> Iterator[Finding]:
    """Python, nbpart, and what it needs; a version that does not fit is a problem."""
    own = _version("nbpart") or "of a folder, not installed"
    yield Finding("versions", f"python {platform.python_version()} ({sys.executable}), nbpart {own}")
    found, wrong = _check_requirements(None)
    told = [f"{name} {found[name]}" for name in _TOLD if name in found]
    yield Finding("versions", ", ".join(told))
    if wrong:
        text = f"{', '.join(wrong)} do not fit what nbpart needs"
        yield Finding("versions", text, Level.PROBLEM, "pip install --upgrade nbpart")


def look_at_extras() -> Iterator[Finding]:
    """Which extras are there, and which are not."""
    names = importlib.metadata.metadata("nbpart").get_all("Provides-Extra") or []
    there: list[str] = []
    lacking: list[str] = []
    for name in sorted(set(names) - set(_OWN_EXTRAS)):
        found, wrong = _check_requirements(name)
        (lacking if wrong else there).append(name if wrong else f"{name} ({_list_versions(found)})")
    yield Finding("extras", f"installed: {', '.join(there) or 'none'}")
    if lacking:
        yield Finding("extras", f"not installed: {', '.join(lacking)}", advice='pip install "nbpart[NAME]" adds one')


def look_at_kernels() -> Iterator[Finding]:
    """The kernels that Jupyter finds, whether they can be forked, and what dead processes left."""
    from jupyter_client.kernelspec import KernelSpecManager

    specs = KernelSpecManager().get_all_specs()
    yield Finding("kernels", f"installed: {', '.join(sorted(specs)) or 'none'}")
    for name, found in sorted(specs.items()):
        program = (found["spec"].get("argv") or [""])[0]
        if shutil.which(program) is None:
            text = f"kernel {name} starts {program!r}, which is not there"
            yield Finding("kernels", text, Level.WARNING, f"jupyter kernelspec remove {name}, or install it again")
    if NATIVE not in specs:
        yield Finding("kernels", f"there is no kernel {NATIVE}", Level.PROBLEM, "pip install ipykernel")
    if not is_supported():
        text = "kernels cannot be forked on this platform: each run starts one, which takes about a second"
        yield Finding("kernels", text, Level.WARNING)
    elif (prewarmed := find_prewarmed()) is not None:
        yield Finding("kernels", f"runs fork theirs; JupyterLab has the pre-warmed kernel {prewarmed[0]}")
    else:
        yield Finding("kernels", "runs fork theirs", advice="`nbpart kernelspec install` gives them to JupyterLab too")
    if left := find_abandoned():
        text = f"{len(left)} folders of kernels whose process died lie in {os.path.dirname(left[0])}"
        yield Finding("kernels", text, Level.WARNING, "the next run removes them")


def _check_requirements(extra: str | None) -> tuple[dict[str, str], list[str]]:
    """The versions of what nbpart needs, or what an extra of it does, and what of that lacks or does not fit."""
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    found: dict[str, str] = {}
    wrong: list[str] = []
    for text in importlib.metadata.requires("nbpart") or ():
        needed = Requirement(text)
        is_of_extra = needed.marker is not None and "extra" in str(needed.marker)
        if needed.name == "nbpart" or is_of_extra != (extra is not None):
            continue
        if needed.marker is not None and not needed.marker.evaluate({"extra": extra or ""}):
            continue
        version = _version(needed.name)
        if version is not None:
            found[canonicalize_name(needed.name)] = version
        if version is None or not needed.specifier.contains(version, prereleases=True):
            wrong.append(f"{needed.name} {version or '(not installed)'} (needs {needed.specifier})")
    return found, wrong


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _list_versions(found: dict[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in found.items())
