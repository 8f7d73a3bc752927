from __future__ import annotations

import atexit
import compileall
import gc
import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings

# a slow machine is no fault of the code under test
settings.register_profile("nbpart", deadline=None)
settings.load_profile("nbpart")

# what tests make and trust is no business of the person who runs them; the processes that they start inherit it
os.environ["XDG_STATE_HOME"] = tempfile.mkdtemp(prefix="nbpart-tests-")
atexit.register(shutil.rmtree, os.environ["XDG_STATE_HOME"], ignore_errors=True)

# a background job of a shell without job control ignores Ctrl-C, and so does every process that it starts
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

#: What takes long begins first, so that no worker is left with it alone at the end.
LONG = (
    "tests/browser/",
    "tests/crash/",
    "tests/test_snippets.py",
    "tests/test_benchmarks.py",
    "tests/demo/test_story.py",
    "tests/workspace/test_moving.py",
)


def pytest_xdist_auto_num_workers() -> int:
    """One worker more than there are cores: a third of the tests wait for kernels and browsers."""
    return 1 + (len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)


def pytest_configure(config: pytest.Config) -> None:
    # where Python keeps no bytecode, each of the hundreds of processes that tests start would compile the package anew
    if sys.dont_write_bytecode and not hasattr(config, "workerinput"):
        compileall.compile_dir(Path(__file__).parents[1] / "nbpart", quiet=2)


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: not item.nodeid.startswith(LONG))
    for item in items:
        if uses_fixture_of_module(item):
            # workers would make it twice; it is mostly a workspace in which a backfill has run, or a kernel
            item.add_marker(pytest.mark.xdist_group(item.nodeid.partition("::")[0]))


def pytest_collection_finish() -> None:
    # the thousands of tests that were collected stay to the end: no garbage collection walks through them again
    gc.collect()
    gc.freeze()


def uses_fixture_of_module(item: pytest.Item) -> bool:
    """Whether a test uses a fixture that is made once for all tests of its file."""
    used = item._fixtureinfo.name2fixturedefs if isinstance(item, pytest.Function) else {}
    return any(definitions[-1].scope == "module" for definitions in used.values())
