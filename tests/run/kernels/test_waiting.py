"""Waiting for kernels in a forked process, where the event loop of its parent is of no use."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from nbpart.run.kernels import zygotes
from nbpart.run.kernels.install import install_kernelspec
from nbpart.run.kernels.waiting import call_in_thread, wait_readable
from tests.run.conftest import PACKAGE_ROOT

pytestmark = pytest.mark.skipif(not zygotes.is_supported(), reason="kernels are forked on Linux only")
FORKS = """
import concurrent.futures, json, multiprocessing, nbclient, nbformat
def run(number):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(PARENT)])
    nbclient.NotebookClient(notebook, kernel_name="nbp-forks", timeout=60).execute()
    return eval(notebook.cells[0].outputs[0].data["text/plain"])
PARENT = "import os; 'zygote' in open('/proc/%d/cmdline' % os.getppid()).read()"
first = run(0)
context = multiprocessing.get_context("fork")
with concurrent.futures.ProcessPoolExecutor(2, mp_context=context) as pool:
    print(json.dumps([first, *pool.map(run, range(4))]))
"""


@pytest.mark.kernel
def test_processes_forked_from_one_that_had_kernels_have_theirs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path))
    install_kernelspec("nbp-forks")
    done = subprocess.run(
        [sys.executable, "-c", FORKS],
        env={**os.environ, "PYTHONPATH": PACKAGE_ROOT},
        stdout=subprocess.PIPE,
        timeout=150,
        check=True,
    )
    assert json.loads(done.stdout) == [True] * 5


def test_a_call_in_a_thread_gives_what_it_returns_or_raises() -> None:
    async def work() -> int:
        with pytest.raises(ZeroDivisionError):
            await call_in_thread(lambda: 1 / 0)
        return await call_in_thread(sum, [1, 2])

    assert asyncio.run(work()) == 3


def test_a_descriptor_is_waited_for_until_it_is_readable() -> None:
    async def work() -> list[bool]:
        read, write = os.pipe()
        before = await wait_readable(read, 0.01)
        asyncio.get_running_loop().call_later(0.05, os.write, write, b"x")
        return [before, await wait_readable(read, 30)]

    assert asyncio.run(work()) == [False, True]
