"""Nothing that a run prints is lost, however much and by whom it is printed, and nobody's memory grows with it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from nbpart.run.kernels import forking, zygotes
from nbpart.run.notebook import NotebookRun, execute
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
    cells = nbformat.read(spec.locate(spec.output_notebook), as_version=4).cells
    return [output for cell in cells for output in cell.outputs]


@pytest.mark.parametrize(("workers", "kind"), [(1, "prewarmed"), (4, "prewarmed"), (2, "stock")])
def test_all_that_is_printed_is_in_the_log_and_in_the_notebook(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: int, kind: str
) -> None:
    if kind == "stock":
        monkeypatch.delenv("PYTEST_CURRENT_TEST")  # with it a stock kernel leaves the output of subprocesses alone
        monkeypatch.setattr(forking, "can_fork", lambda kernel_spec: False)
    cells = [FLUSHED, MIXED, RECORDS, DISPLAYS, THREADS, CHILDREN, COMMAND]
    specs = [make_spec(tmp_path, f"all-{n}-{kind}", *cells, timeout_s=300) for n in range(workers)]
    results = run_all(specs, workers)
    assert {result.status for result in results.values()} == {RunStatus.SUCCEEDED}
    for spec in specs:
        outputs = outputs_of(spec)
        shown = "".join(output.text for output in outputs if output.output_type == "stream")
        for place, text in (("log", Path(spec.locate(spec.log)).read_text("utf-8")), ("notebook", shown)):
            said = numbers_of(text)
            assert {who: len(numbers) for who, numbers in said.items()} == COUNTS, place
            for who, numbers in said.items():
                assert numbers == list(range(COUNTS[who])), f"the order of {who} in the {place}"
        displays = [output.data["text/plain"] for output in outputs if output.output_type == "display_data"]
        assert displays == [str({"display": n}) for n in range(1_000)]


LONG = """
line = 'x' * 89
for n in range(600_000): print(f'{n:10d}{line}')
from pathlib import Path
_ = Path('kernel').write_text(Path('/proc/self/status').read_text())
"""
RUN_ONE = """
import sys
from pathlib import Path
from nbpart.run.notebook import execute
from nbpart.run.spec import RunSpec
spec = RunSpec.read(sys.argv[1])
for path in sys.argv[2:]: execute(RunSpec.read(path))
before = Path('/proc/self/status').read_text()
result = execute(spec)
assert result.status == 'succeeded', result
print(before, Path('/proc/self/status').read_text(), sep='---')
"""


def most_memory(status: str) -> int:
    """The most memory that a process has had, in MB."""
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert found
    return int(found[1]) // 1024


def test_a_cell_that_prints_60_mb_takes_little_memory_and_its_notebook_names_the_log(tmp_path: Path) -> None:
    short = make_spec(tmp_path, "short", LONG.replace("600_000", "1_000").replace("'kernel'", "'short'"))
    spec = make_spec(tmp_path, "long", LONG)
    paths = [str(each.write()) for each in (spec, short)]
    done = subprocess.run([sys.executable, "-c", RUN_ONE, *paths], stdout=subprocess.PIPE, text=True, check=True)
    before, after = map(most_memory, done.stdout.split("---"))
    assert after < before + 120, "the coordinator's memory grew with what was printed"
    plain, most = (most_memory(Path(spec.locate(spec.folder), name).read_text()) for name in ("short", "kernel"))
    # of the notebook there are 10 MB, and some copies of that while it is written
    assert most < plain + 60, "the kernel's memory grew with what was printed"
    lines = Path(spec.locate(spec.log)).read_text("utf-8").splitlines()[:-1]
    assert [int(line.rstrip("x")) for line in lines] == list(range(600_000))
    (output,) = outputs_of(spec)
    head, tail = re.split(
        r"\n\[nbpart\] [\d,]+ characters are left out here; the log has all of it: (?:.*)\n", output.text
    )
    assert len(head) + len(tail) <= 10 << 20
    assert [int(line[:10]) for line in head.splitlines()] == list(range(len(head.splitlines())))
    assert tail.splitlines() == lines[-len(tail.splitlines()) :]
    assert f"all of it: {Path(spec.locate(spec.log)).relative_to(tmp_path)}\n" in output.text


COUNTING = """
import mmap, os, sys
counter = mmap.mmap(os.open('counter', os.O_RDWR | os.O_CREAT), 8)
def count():
    n = 0
    while True:
        print('line', n, '.' * (n % 50))
        n += 1
        counter[:] = n.to_bytes(8, 'little')
        yield n
"""


def check_counted(spec: RunSpec) -> int:
    """How many lines were printed; each is in the log, and nothing is there twice."""
    printed = int.from_bytes(Path(spec.locate(spec.folder), "counter").read_bytes(), "little")
    numbers = [int(n) for n in re.findall(r"^line (\d+) ", Path(spec.locate(spec.log)).read_text("utf-8"), re.M)]
    assert numbers == list(range(len(numbers)))
    # of the next line there may be the beginning
    assert printed <= len(numbers) <= printed + 1
    return printed


@pytest.mark.parametrize("flush", ["", "sys.stdout.flush()"])
def test_a_kernel_that_is_killed_while_it_prints_has_all_of_it_in_the_log(tmp_path: Path, flush: str) -> None:
    work = "with open('counter', 'wb') as file: file.write(bytes(8))"
    kill = f"for n in count():\n    {flush}\n    if n == 60_000: os.kill(os.getpid(), 9)"
    spec = make_spec(tmp_path, "killed", work, COUNTING, kill)
    result = execute(spec)
    assert (result.error_class, result.exit_code) == ("DeadKernel", -9)
    assert check_counted(spec) == 60_000


def test_a_time_out_ends_what_prints_and_heeds_no_interrupt_and_keeps_what_it_printed(tmp_path: Path) -> None:
    work = "with open('counter', 'wb') as file: file.write(bytes(8))"
    endless = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)\nfor n in count(): pass"
    spec = make_spec(tmp_path, "endless", work, COUNTING, endless, timeout_s=2.0)
    result = NotebookRun(spec, grace_s=0.5).execute()
    assert (result.status, result.error_class) == (RunStatus.FAILED, "TimeoutError")
    assert check_counted(spec) > 1_000
