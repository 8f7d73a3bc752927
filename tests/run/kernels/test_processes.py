"""What the system knows of processes: their descendants, the run that started them, and killing those left behind."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator

import pytest

from nbpart.run.kernels import processes, zygotes
from tests.run.conftest import wait_for
from tests.run.kernels.test_folders import dead_process

pytestmark = pytest.mark.skipif(not zygotes.is_supported(), reason="processes are told apart on Linux only")
Start = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def start() -> Iterator[Start]:
    begun: list[subprocess.Popen[bytes]] = []

    def start(*command: str, **environment: str) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(command or ("sleep", "600"), env={"PATH": os.environ["PATH"], **environment})
        begun.append(process)
        # a child has its parent's environment until it is another program
        wait_for(lambda: (processes.read_environment(process.pid) or {}).keys() == {"PATH", *environment})
        return process

    yield start
    for process in begun:
        process.kill()
        process.wait()


def test_children_and_those_below_them_are_found(start: Start) -> None:
    shell = start("sh", "-c", "sh -c 'sleep 600; true'; true")
    wait_for(lambda: len(processes.descendants_of(shell.pid)) == 2)
    child, below = processes.descendants_of(shell.pid)
    assert processes.children_of(shell.pid) == [child]
    assert processes.children_of(child) == [below]
    assert shell.pid in processes.children_of(os.getpid())
    processes.send(9, [child, below])


def test_a_process_is_known_by_number_and_start(start: Start) -> None:
    name = processes.identify(start().pid)
    number, _, started = name.partition(".")
    assert not processes.is_gone(name)
    assert processes.is_gone(f"{number}.{int(started) - 1}")
    assert processes.is_gone("0.0")


def test_what_bears_a_run_s_mark_is_killed_and_no_other(start: Start) -> None:
    run_id = uuid.uuid4().hex
    of_run, other = start(NBPART_RUN_MARK=run_id), start(NBPART_RUN_MARK=f"{run_id}0")
    stays = start(NBPART_RUN_MARK=run_id, NBPART_GUARDIAN="")
    processes.kill_run(run_id)
    assert of_run.wait(10) == -9
    assert (other.poll(), stays.poll()) == (None, None)


def test_the_abandoned_are_killed_and_no_others(start: Start) -> None:
    dead, own = dead_process(), processes.identify(os.getpid())
    abandoned = [start(NBPART_GUARDIAN=f"{dead}/"), start(NBPART_GUARDIAN=f"{dead}/12")]
    others = [start(NBPART_GUARDIAN=mark) for mark in (f"{own}/", "", "-" * 40, "what is this?", f"{dead}")]
    others.append(start())
    processes.kill_abandoned()
    assert [process.wait(10) for process in abandoned] == [-9, -9]
    assert [process.poll() for process in others] == [None] * len(others)


def test_the_system_shows_what_is_written_in_place_of_a_variable() -> None:
    code = (
        "import os\nfrom nbpart.run.kernels import processes as p\n"
        "for name, value in (('ROOM', 'short'), ('XROOM', 'longer than that'), ('NOT_THERE', 'x')):\n"
        "    p.write_environment_block(name, value)\n    print(p.read_environment(os.getpid()).get(name))"
    )
    environment = {**os.environ, "XROOM": "-" * 10, "ROOM": "-" * 30}
    done = subprocess.run([sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, text=True, check=True)
    assert done.stdout.splitlines() == ["short", "longer tha", "None"]


def test_memory_in_large_pages_holds_what_it_held() -> None:
    code = (
        "from nbpart.run.kernels.processes import use_large_pages; import os;"
        "held = [bytes([n % 251]) * 1000 for n in range(20_000)];"
        "use_large_pages(); pid = os.fork();"
        "good = all(part == bytes([n % 251]) * 1000 for n, part in enumerate(held));"
        "os._exit(not good) if pid == 0 else print(good and os.waitpid(pid, 0)[1] == 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("True\n", "")
