from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.projects import show_to_processes

#: How much is attacked: 1 with each run of the tests, 5 and more with `make crash`. What an attack does is the same.
SCALE = int(os.environ.get("NBPART_CRASH_SCALE", "1"))
#: Where chance begins.
SEED = int(os.environ.get("NBPART_KILL_SEED", "0"))
VICTIMS = (
    "coordinator",
    "kernel",
    "zygote",
    "guardian",
    "detached",
    "zygote and guardian",
    "coordinator and zygote",
    "coordinator and guardian",
)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "seed" in metafunc.fixturenames:
        metafunc.parametrize("seed", range(SEED, SEED + SCALE))


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory: an empty folder, from which also other processes import."""
    monkeypatch.chdir(tmp_path)
    show_to_processes(tmp_path, monkeypatch)
    return tmp_path
