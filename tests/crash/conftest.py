from __future__ import annotations

import os

import pytest

#: How many processes are killed, and where chance begins; each round kills one of each kind.
KILLS = int(os.environ.get("NBPART_KILLS", "24"))
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
        metafunc.parametrize("seed", range(SEED, SEED + -(-KILLS // len(VICTIMS))))
