"""What a run started belongs to it: however the run ends, nothing of that is left, and nobody waits for it."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from nbpart.run.kernels import forking, zygotes
from nbpart.run.notebook import execute
from nbpart.run.report import RunReport
from nbpart.run.spec import RunSpec
from nbpart.states import RunStatus
from tests.run.conftest import make_spec, processes_of, wait_for

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.skipif(not zygotes.is_supported(), reason="kernels are forked on Linux only"),
]
TELL = "import os, signal, subprocess, time\ndef tell(pid): print(pid, file=open('pids', 'a'))\n"
STUBBORN = (
    "    for number in (1, 2, 15): signal.signal(number, signal.SIG_IGN)\n    tell(os.getpid())\n"
    "    while True: time.sleep(600)\n"
)
#: Lines that start a process and tell its number in the file `pids`.
CHILDREN = {
    "group": "tell(subprocess.Popen(['sleep', '600']).pid)",
    "session": "tell(subprocess.Popen(['sleep', '600'], start_new_session=True).pid)",
    "shell": "os.system('sleep 600 & echo $! >> pids')",
    "nohup": "os.system('nohup setsid sh -c \\'echo $$ >> pids; exec sleep 600\\' > out 2>&1 &')",
    "fork": "if os.fork() == 0:\n" + STUBBORN,
    "fork and session": "if os.fork() == 0:\n    os.setsid()\n" + STUBBORN,
    "daemon": "child = os.fork()\nif child == 0:\n    os.setsid()\n    if os.fork() == 0:\n"
    "        os.execve('/bin/sh', ['sh', '-c', 'echo $$ >> pids; sleep 600; true'], {})\n    os._exit(0)\n"
    "os.waitpid(child, 0)",
}
AWAIT = "while len(open('pids').readlines()) < {}: time.sleep(0.01)\n"
ENDINGS = {
    "end": "",
    "error": "1 / 0",
    "exit": "os._exit(3)",
    "kill": "os.kill(os.getpid(), signal.SIGKILL)",
    "time-out": "while True: pass",
    "zygote": "os.kill(os.getppid(), signal.SIGKILL)\nwhile True: pass",
    "guardian": (
        "guardian = open(f'/proc/{os.getppid()}/stat').read().rpartition(')')[2].split()[1]\n"
        "os.kill(int(guardian), signal.SIGKILL)\nwhile True: pass"
    ),
    "zygote and guardian": (
        "guardian = open(f'/proc/{os.getppid()}/stat').read().rpartition(')')[2].split()[1]\n"
        "os.kill(int(guardian), signal.SIGSTOP)\nos.kill(os.getppid(), signal.SIGSTOP)\n"
        "zygote = os.getppid()\nos.kill(int(guardian), signal.SIGKILL); os.kill(zygote, signal.SIGKILL)\n"
        "while True: pass"
    ),
}


def started(folder: Path) -> list[int]:
    return [int(line) for line in (folder / "pids").read_text().split()]


def alive(pids: list[int]) -> list[int]:
    """Of these processes those that run: who waits to be reaped has ended."""
    found = []
    for pid in pids:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        if state not in "ZX":
            found.append(pid)
    return found


def run(folder: Path, name: str, *cells: str, **values: object) -> tuple[RunSpec, RunReport]:
    spec = make_spec(folder, f"{name}-{os.urandom(4).hex()}", *cells, **values)
    return spec, execute(spec)


@pytest.fixture(params=["prewarmed", "stock"])
def kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "stock":
        monkeypatch.setattr(forking, "can_fork", lambda kernel_spec: False)
    return str(request.param)


@pytest.mark.parametrize("ending", ["end", "kill", "time-out"])
def test_every_child_of_a_stock_kernel_ends_with_its_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    monkeypatch.setattr(forking, "can_fork", lambda kernel_spec: False)
    # above it there is nobody who would know a process without parent, session and environment
    kinds = [kind for kind in CHILDREN if kind != "daemon"]
    cells = TELL + "\n".join(CHILDREN[kind] for kind in kinds), AWAIT.format(len(kinds)) + ENDINGS[ending]
    spec, result = run(tmp_path, "stock", *cells, timeout_s=15.0 if ending == "time-out" else 120.0)
    expected = {"end": None, "time-out": "TimeoutError"}.get(ending, "DeadKernel")
    assert (result.error_class, result.kernel_kind) == (expected, "stock")
    pids = started(Path(spec.locate(spec.folder)))
    assert len(pids) == len(kinds)
    wait_for(lambda: alive(pids) == [], limit_s=2)
    assert processes_of(spec.run_id) == []


@pytest.mark.parametrize("ending", ENDINGS)
def test_every_child_ends_with_its_run(tmp_path: Path, ending: str) -> None:
    # of two that are killed at once none is left who would know a process without parent, session and environment
    kinds = [kind for kind in CHILDREN if (kind, ending) != ("daemon", "zygote and guardian")]
    cells = TELL + "\n".join(CHILDREN[kind] for kind in kinds), AWAIT.format(len(kinds)) + ENDINGS[ending]
    spec, result = run(tmp_path, "ends", *cells, timeout_s=8.0 if ending == "time-out" else 120.0)
    expected = {"end": None, "error": "ZeroDivisionError", "time-out": "TimeoutError"}.get(ending, "DeadKernel")
    assert (result.error_class, result.kernel_kind) == (expected, "prewarmed")
    if expected == "DeadKernel":
        assert result.exit_code == (3 if ending == "exit" else -9)
    pids = started(Path(spec.locate(spec.folder)))
    assert len(pids) == len(kinds)
    wait_for(lambda: alive(pids) == [], limit_s=2)
    assert processes_of(spec.run_id) == []


@pytest.mark.parametrize(
    "cell",
    [
        "import subprocess\nsubprocess.Popen(['true'])",
        "import subprocess\nsubprocess.Popen(['sleep', '600'])",
        "import multiprocessing\npool = multiprocessing.Pool(2)\npool.map(abs, range(9))",
        "import multiprocessing, time\nmultiprocessing.Process(target=time.sleep, args=(600,)).start()",
        "import threading, time\nthreading.Thread(target=time.sleep, args=(600,)).start()",
        "import concurrent.futures, time\nconcurrent.futures.ThreadPoolExecutor().submit(time.sleep, 600)",
        "import concurrent.futures, time\nconcurrent.futures.ProcessPoolExecutor(1).submit(time.sleep, 600)",
    ],
    ids=["zombie", "child", "pool", "process", "thread", "thread pool", "process pool"],
)
def test_nobody_waits_for_what_a_notebook_leaves(tmp_path: Path, kind: str, cell: str) -> None:
    at_exit = (
        "import atexit\nimport pathlib\n"
        "atexit.register(lambda: (print('at exit'), pathlib.Path('flushed').write_text('at exit')))"
    )
    begin = time.monotonic()
    spec, result = run(tmp_path, "leaves", at_exit, cell)
    took_s = time.monotonic() - begin
    assert (result.status, result.kernel_kind) == (RunStatus.SUCCEEDED, kind)
    if kind == "prewarmed":  # of a stock one what comes so late is not listened to
        assert "at exit" in Path(spec.locate(spec.log)).read_text("utf-8")
    assert Path(spec.locate(spec.folder), "flushed").read_text() == "at exit"
    # far from what ipykernel takes by itself, 29 s, and from no end at all
    assert took_s < 20
    assert processes_of(spec.run_id) == []


def test_what_is_started_without_a_guardian_outlives_its_run(tmp_path: Path, kind: str) -> None:
    start = (
        "import os, time\n"
        "os.system('NBPART_GUARDIAN= setsid sh -c \\'echo $$ > pids; exec sleep 600\\' > out 2>&1 &')\n"
        "while not os.path.exists('pids') or not open('pids').read(): time.sleep(0.01)"
    )
    spec, result = run(tmp_path, "stays", start)
    assert (result.status, result.kernel_kind) == (RunStatus.SUCCEEDED, kind)
    [pid] = started(Path(spec.locate(spec.folder)))
    try:
        assert alive([pid]) == [pid]
        zygotes.shared.close()
        assert alive([pid]) == [pid]
    finally:
        os.kill(pid, signal.SIGKILL)


STUCK = "import atexit, time\natexit.register(lambda: (open('leaving', 'w').close(), time.sleep(600)))"


def test_a_time_out_counts_to_the_very_end(tmp_path: Path) -> None:
    _, result = run(tmp_path, "late", STUCK, timeout_s=2.0)
    assert (result.status, result.error_class) == (RunStatus.FAILED, "TimeoutError")


def test_a_cancel_counts_to_the_very_end(tmp_path: Path) -> None:
    spec = make_spec(tmp_path, f"late-{os.urandom(4).hex()}", STUCK)
    result = execute(spec, should_stop=Path(spec.locate(spec.folder), "leaving").exists)
    assert (result.status, result.error_class) == (RunStatus.CANCELLED, "Cancelled")
    assert RunReport.read(spec.locate(spec.report)) == result
    assert processes_of(spec.run_id) == []


def test_only_cells_count_as_its_duration(tmp_path: Path) -> None:
    spec, result = run(tmp_path, "lasts", STUCK, "time.sleep(0.3)")
    assert result.status is RunStatus.SUCCEEDED
    assert 0.3 <= result.duration_s < (result.finished_at - result.started_at).total_seconds() - 1
    assert f"succeeded after {result.duration_s:.1f} s" in Path(spec.locate(spec.log)).read_text("utf-8")
