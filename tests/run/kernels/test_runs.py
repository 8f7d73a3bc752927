"""Runs in prewarmed kernels: as good as stock ones, and nothing is left however it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from nbpart.run.kernels import forking, zygotes
from nbpart.run.kernels.forked_kernel import PrewarmError
from nbpart.run.notebook import execute
from nbpart.run.pool import ThreadPool
from nbpart.run.report import RunReport
from nbpart.run.spec import RunSpec
from nbpart.states import RunStatus
from tests.run.conftest import PACKAGE_ROOT, make_spec, processes_of, wait_for

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.skipif(not zygotes.is_supported(), reason="kernels are forked on Linux only"),
]


def run_all(specs: list[RunSpec], workers: int) -> dict[str, RunReport]:
    results: dict[str, RunReport] = {}
    with ThreadPool(workers) as pool:
        for spec in specs:
            pool.submit(spec)
        while len(results) < len(specs):
            came = pool.next_results(timeout_s=120)
            assert came, "results are missing"
            results.update((result.run_id, result) for result in came)
    return results


def printed(spec: RunSpec) -> list[str]:
    return Path(spec.locate(spec.log)).read_text("utf-8").splitlines()[:-1]


def test_four_at_once_keep_folder_environment_and_chance_apart(tmp_path: Path) -> None:
    tell = (
        "import os, random, sys, uuid, numpy, multiprocessing\n"
        "print(os.getcwd()); print(os.environ['NBPART_RUN_ID']); print(_dh[0])\n"
        "print(random.random()); print(numpy.random.rand()); print(uuid.uuid4())\n"
        "print(multiprocessing.current_process().authkey.hex()); print(os.getsid(0) == os.getpid())\n"
        "print('nbp_here' in sys.modules, __import__('nbp_here').WHERE)"
    )
    specs = []
    for number in range(8):
        folder = tmp_path / f"folder {number}"
        folder.mkdir()
        (folder / "nbp_here.py").write_text(f"WHERE = {number}")
        specs.append(make_spec(tmp_path, f"apart{number}", tell, folder=str(folder)))
    results = run_all(specs, 4)
    assert {(r.status, r.kernel_kind, r.error_message) for r in results.values()} == {
        (RunStatus.SUCCEEDED, "prewarmed", None)
    }
    lines = [printed(spec) for spec in specs]
    for number, (spec, said) in enumerate(zip(specs, lines, strict=True)):
        assert said[:3] == [spec.locate(spec.folder), spec.run_id, spec.locate(spec.folder)]
        assert said[7:] == ["True", f"False {number}"]
    for column in range(3, 7):
        assert len({said[column] for said in lines}) == len(specs), f"line {column} is not each run's own"


def test_output_of_processes_and_of_the_exit_is_in_the_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTEST_CURRENT_TEST")  # with it ipykernel leaves the output of subprocesses alone
    spec = make_spec(
        tmp_path,
        "late",
        "import atexit, os, sys\natexit.register(lambda: print('at exit'))\n"
        "unclosed = open('unclosed.txt', 'w'); unclosed.write('kept')",
        "os.system('seq 1 20000')",
    )
    assert execute(spec).status is RunStatus.SUCCEEDED
    said = printed(spec)
    assert [line for line in said if line.isdigit()] == [str(number) for number in range(1, 20001)]
    assert "at exit" in said
    assert Path(spec.locate(spec.folder), "unclosed.txt").read_text() == "kept"


@pytest.mark.parametrize("kind", ["prewarmed", "stock"])
def test_the_last_output_of_a_kernel_that_dies_is_in_the_log_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.delenv("PYTEST_CURRENT_TEST")  # with it ipykernel leaves the output of subprocesses alone
    if kind == "stock":
        monkeypatch.setattr(forking, "can_fork", lambda kernel_spec: False)
    much = "for number in range(30000): print('line', number, 'ü' * 30)"
    spec = make_spec(
        tmp_path, f"words-{kind}", much, "import os\nprint('the last words', flush=True)\nos.kill(os.getpid(), 9)"
    )
    result = execute(spec)
    assert (result.error_class, result.exit_code) == ("DeadKernel", -9)
    said = printed(spec)
    assert [line.split()[1] for line in said if line.startswith("line")] == [str(number) for number in range(30000)]
    assert [line for line in said if "last words" in line] == ["the last words"]


def test_what_goes_to_stderr_is_in_the_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTEST_CURRENT_TEST")  # with it ipykernel leaves the output of subprocesses alone
    say = (
        "import os, sys\nprint('by print', file=sys.stderr)\nos.system('echo by a process >&2')\nos.write(2, b'raw\\n')"
    )
    spec = make_spec(tmp_path, "stderr", say, "open(os.devnull).close()", say)
    assert execute(spec).status is RunStatus.SUCCEEDED
    assert sorted(printed(spec)) == ["by a process"] * 2 + ["by print"] * 2 + ["raw"] * 2


def test_preloaded_modules_are_there_and_are_not_where_a_snapshot_is(tmp_path: Path) -> None:
    asks = "import sys\nprint('wave' in sys.modules, 'sndhdr' in sys.modules, 'matplotlib' in sys.modules)"
    with_it = make_spec(tmp_path, "with", asks, preload=("wave",))
    assert execute(with_it).kernel_kind == "prewarmed"
    assert printed(with_it) == ["True False False"]
    snapshot = tmp_path / "wave.py"
    snapshot.write_text("VALUE = 'snapshot'")
    without = make_spec(
        tmp_path,
        "without",
        "import wave\nprint(wave.VALUE)",
        preload=("wave",),
        modules={"wave": (str(snapshot), str(snapshot))},
    )
    execute(without)
    assert printed(without) == ["snapshot"]


@pytest.mark.parametrize("name", ["nbp_absent", "antigravity_of_nobody.x"])
def test_a_preload_that_fails_is_noted_and_a_stock_kernel_does_the_work(tmp_path: Path, name: str) -> None:
    spec = make_spec(tmp_path, "stock", "print('done')", preload=(name,))
    result = execute(spec)
    assert (result.status, result.kernel_kind) == (RunStatus.SUCCEEDED, "stock"), result.error_message
    assert name in result.kernel_notes[0]
    assert RunReport.read(spec.locate(spec.report)) == result
    said = printed(spec)
    assert said[-1] == "done"
    assert name in said[0]


def test_a_refused_fork_is_noted_and_a_stock_kernel_does_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PrewarmError("no kernel could be forked: too many processes")

    monkeypatch.setattr(zygotes.Zygote, "run_kernel", refuse)
    result = execute(make_spec(tmp_path, "refused", "1"))
    assert (result.status, result.kernel_kind) == (RunStatus.SUCCEEDED, "stock")
    assert "too many processes" in result.kernel_notes[0]


def test_a_run_of_another_workspace_with_the_same_id_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forking, "can_fork", lambda kernel_spec: False)
    wait = "import os, time\nopen('began', 'w').close()\nwhile not os.path.exists('go on'): time.sleep(0.02)"
    specs = []
    for name, cell in (("first", wait), ("second", "1")):
        (tmp_path / name).mkdir()
        specs.append(make_spec(tmp_path / name, "same", cell))
    work = tmp_path / "first" / "work"
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(execute, specs[0])
        wait_for((work / "began").exists)
        try:
            assert execute(specs[1]).status == RunStatus.SUCCEEDED
        finally:
            (work / "go on").touch()
        assert waiting.result().status == RunStatus.SUCCEEDED


def test_a_killed_zygote_fails_its_run_and_the_next_gets_another(tmp_path: Path) -> None:
    kill = "import os, signal\nos.kill(os.getppid(), signal.SIGKILL)\nwhile True: pass"
    first = execute(make_spec(tmp_path, "kills", kill))
    assert (first.status, first.error_class, first.error_cell) == (RunStatus.FAILED, "DeadKernel", 0)
    assert first.is_lost
    assert first.error_message == (
        "the kernel died in cell 1 with the process that had forked it, killed by signal 9 (SIGKILL), often because "
        "the memory ran out"
    )
    assert processes_of("kills") == []
    second = execute(make_spec(tmp_path, "next", "1"))
    assert (second.status, second.kernel_kind, second.is_lost) == (RunStatus.SUCCEEDED, "prewarmed", False)


@pytest.mark.parametrize("kind", ["prewarmed", "stock"])
def test_nothing_survives_the_death_of_the_owner(tmp_path: Path, kind: str) -> None:
    cell = "import subprocess\nsubprocess.Popen(['sleep', '600'])\nprint('in', flush=True)\nwhile True: pass"
    specs = [make_spec(tmp_path, f"orphan{number}-{kind}", cell) for number in range(2)]
    paths = [str(spec.write()) for spec in specs]
    script = (
        "import sys\nfrom nbpart.run.kernels import forking\n"
        f"if {kind!r} == 'stock': forking.can_fork = lambda kernel_spec: False\n"
        "from nbpart.run import RunSpec, ThreadPool\npool = ThreadPool(2)\n"
        "for path in sys.argv[1:]: pool.submit(RunSpec.read(path))\npool.next_results()"
    )
    mark = f"NBPART_TEST_OWNER={os.urandom(8).hex()}"

    def marked() -> list[str]:
        found = []
        for entry in filter(str.isdigit, os.listdir("/proc")):
            try:
                if mark.encode() in Path("/proc", entry, "environ").read_bytes().split(b"\0"):
                    found.append(entry)
            except OSError:  # it ended meanwhile, or is not ours
                continue
        return found

    with tempfile.TemporaryDirectory() as scratch:  # a short path, as sockets need it
        environment = {**os.environ, "PYTHONPATH": PACKAGE_ROOT, "TMPDIR": scratch, **dict([mark.split("=")])}
        with subprocess.Popen([sys.executable, "-c", script, *paths], env=environment) as owner:
            for spec in specs:
                log = Path(spec.locate(spec.log))
                wait_for(lambda log=log: log.exists() and "in" in log.read_text("utf-8").split())
            # the owner, of each run the kernel and what it started; the zygote and its spare
            wait_for(lambda: len(marked()) >= (7 if kind == "prewarmed" else 5))
            owner.send_signal(signal.SIGKILL)
        wait_for(lambda: marked() == [] and not any(processes_of(spec.run_id) for spec in specs), limit_s=30)
        wait_for(lambda: os.listdir(scratch) == [], limit_s=30)


def test_no_descriptor_is_lost_over_many_runs(tmp_path: Path) -> None:
    specs = [make_spec(tmp_path, f"many{number}", "1") for number in range(36)]
    counts: list[int] = []
    with ThreadPool(1, on_start=lambda spec: counts.append(len(os.listdir("/proc/self/fd")))) as pool:
        for spec in specs:
            pool.submit(spec)
        done = 0
        while done < len(specs):
            done += len(pool.next_results(timeout_s=120))
    assert len(counts) == len(specs)
    # of the last ones the least: another thread may hold one for a moment
    assert min(counts[-5:]) <= max(counts[3:8])
