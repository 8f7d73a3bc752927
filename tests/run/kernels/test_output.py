"""Nothing that a run prints is lost, however much and by whom it is printed, and nobody's memory grows with it."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest

from nbpart.run.kernels import launch, zygotes
from nbpart.run.spec import RunSpec
from nbpart.states import RunStatus
from tests.run.conftest import make_spec
from tests.run.kernels.test_runs import run_all

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.skipif(not zygotes.is_supported(), reason="kernels are forked on Linux only"),
]

FLUSHED = "for n in range(20_000): print(f'flushed {n}', flush=True)"
MIXED = """
import sys
for n in range(6_000):
    print(f'mixed {n}', file=(sys.stdout, sys.stderr)[n // 3 % 2], flush=True)
"""
RECORDS = """
import logging
logging.basicConfig(format='%(message)s')
for n in range(2_000): logging.warning('record %d', n)
"""
DISPLAYS = """
from IPython.display import display
for n in range(1_000): display({'display': n})
"""
THREADS = """
import threading
def say(who):
    for n in range(1_000): print(f'thread{who} {n}\\n', end='', flush=True)
threads = [threading.Thread(target=say, args=(who,)) for who in range(3)]
for thread in threads: thread.start()
for thread in threads: thread.join()
"""
CHILDREN = """
import multiprocessing, os
def speak(who):
    for n in range(500): print(f'child{who}', n)
context = multiprocessing.get_context('fork')
children = [context.Process(target=speak, args=(who,)) for who in range(2)]
for child in children: child.start()
for child in children: child.join()
os.system("seq -f 'system %.0f' 0 19999")
"""
COMMAND = "!seq -f 'command %.0f' 0 9999"
COUNTS = {
    **{"flushed": 20_000, "mixed": 6_000, "record": 2_000, "system": 20_000, "command": 10_000},
    **{f"thread{who}": 1_000 for who in range(3)},
    **{f"child{who}": 500 for who in range(2)},
}


def numbers_of(text: str) -> dict[str, list[int]]:
    """Of each that says something in lines like `who 17` the numbers, in their order."""
    found: dict[str, list[int]] = {}
    for who, number in re.findall(r"^(\w+) (\d+)\r?$", text, re.M):
        found.setdefault(who, []).append(int(number))
    return found


def outputs_of(spec: RunSpec) -> list[nbformat.NotebookNode]:
    cells = nbformat.read(spec.output_notebook, as_version=4).cells
    return [output for cell in cells for output in cell.outputs]


@pytest.mark.parametrize(("workers", "kind"), [(1, "prewarmed"), (4, "prewarmed"), (2, "stock")])
def test_all_that_is_printed_is_in_the_log_and_in_the_notebook(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: int, kind: str
) -> None:
    if kind == "stock":
        monkeypatch.delenv("PYTEST_CURRENT_TEST")  # with it a stock kernel leaves the output of subprocesses alone
        monkeypatch.setattr(launch, "can_prewarm", lambda kernel_spec: False)
    cells = [FLUSHED, MIXED, RECORDS, DISPLAYS, THREADS, CHILDREN, COMMAND]
    specs = [make_spec(tmp_path, f"all-{n}-{kind}", *cells, timeout_s=300) for n in range(workers)]
    results = run_all(specs, workers)
    assert {result.status for result in results.values()} == {RunStatus.SUCCEEDED}
    for spec in specs:
        outputs = outputs_of(spec)
        shown = "".join(output.text for output in outputs if output.output_type == "stream")
        for place, text in (("log", Path(spec.log).read_text("utf-8")), ("notebook", shown)):
            said = numbers_of(text)
            assert {who: len(numbers) for who, numbers in said.items()} == COUNTS, place
            for who, numbers in said.items():
                assert numbers == list(range(COUNTS[who])), f"the order of {who} in the {place}"
        displays = [output.data["text/plain"] for output in outputs if output.output_type == "display_data"]
        assert displays == [str({"display": n}) for n in range(1_000)]
