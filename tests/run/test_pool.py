from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from nbpart.run.kernels import forking
from nbpart.run.notebook import NotebookRun
from nbpart.run.pool import Pool, ThreadPool
from nbpart.run.report import RunReport
from nbpart.run.shared_pool import SharedPool
from nbpart.run.spec import RunSpec
from nbpart.states import RunStatus
from tests.run.conftest import make_report, make_spec, processes_of, wait_for


class Gate:
    """Stands in for the execution of notebooks: each run waits until it is let go or cancelled."""

    def __init__(self) -> None:
        self.running: set[str] = set()
        self.most = 0
        self.open: set[str] = set()
        self._lock = threading.Lock()

    def execute(self, run: NotebookRun) -> RunReport:
        name = run.spec.run_id
        with self._lock:
            self.running.add(name)
            self.most = max(self.most, len(self.running))
        wait_for(lambda: name in self.open or run._is_stopped())
        with self._lock:
            self.running.discard(name)
        return _result(run.spec, RunStatus.CANCELLED if run._is_stopped() else RunStatus.SUCCEEDED)


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Gate:
    gate = Gate()
    monkeypatch.setattr(NotebookRun, "execute", lambda run: gate.execute(run))
    return gate


@contextlib.contextmanager
def open_thread_pool(max_workers: int) -> Iterator[Pool]:
    with ThreadPool(max_workers) as pool:
        yield pool


@contextlib.contextmanager
def open_share(max_workers: int) -> Iterator[Pool]:
    shared = SharedPool(max_workers)
    share = shared.share(lambda spec: None)
    try:
        yield share
    finally:
        share.close()
        shared.close()


OpenPool = Callable[[int], contextlib.AbstractContextManager[Pool]]


@pytest.fixture(params=[open_thread_pool, open_share], ids=["thread pool", "share of a pool"])
def open_pool(request: pytest.FixtureRequest) -> OpenPool:
    """Opens each kind of pool."""
    opened: OpenPool = request.param
    return opened


def _result(spec: RunSpec, status: RunStatus) -> RunReport:
    return make_report(spec, status)


def collect(pool: Pool, count: int) -> dict[str, RunStatus]:
    results: dict[str, RunStatus] = {}
    while len(results) < count:
        came = pool.next_results(timeout_s=60)
        assert came, f"only {len(results)} of {count} results came"
        results.update((result.run_id, result.status) for result in came)
    return results


def test_a_run_that_cannot_be_executed_at_all_has_a_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, open_pool: OpenPool
) -> None:
    def execute(run: NotebookRun) -> RunReport:
        raise ImportError("nbpart was replaced while it ran")

    monkeypatch.setattr(NotebookRun, "execute", execute)
    with open_pool(1) as pool:
        for name in ("a", "b"):
            pool.submit(make_spec(tmp_path, name))
        assert collect(pool, 2) == {"a": RunStatus.FAILED, "b": RunStatus.FAILED}


def test_at_most_so_many_at_once_and_one_result_each(tmp_path: Path, gate: Gate, open_pool: OpenPool) -> None:
    names = [f"r{number}" for number in range(10)]
    with open_pool(3) as pool:
        assert pool.max_workers == 3
        for name in names:
            pool.submit(make_spec(tmp_path, name))
        wait_for(lambda: len(gate.running) == 3)
        assert pool.next_results(timeout_s=0) == []
        gate.open.update(names)
        assert collect(pool, 10) == dict.fromkeys(names, RunStatus.SUCCEEDED)
        assert pool.next_results() == []  # none is to come, so it does not wait
    assert gate.most == 3


def test_cancel_running_and_waiting(tmp_path: Path, gate: Gate, open_pool: OpenPool) -> None:
    with open_pool(1) as pool:
        for name in ("runs", "waits", "stays"):
            pool.submit(make_spec(tmp_path, name))
        wait_for(lambda: gate.running == {"runs"})
        pool.cancel("waits")
        pool.cancel("unknown")
        assert collect(pool, 1) == {"waits": RunStatus.CANCELLED}
        gate.open.add("stays")
        pool.cancel("runs")
        assert collect(pool, 2) == {"runs": RunStatus.CANCELLED, "stays": RunStatus.SUCCEEDED}


def test_close_cancels_and_keeps_results(tmp_path: Path, gate: Gate, open_pool: OpenPool) -> None:
    with open_pool(2) as pool:
        for number in range(5):
            pool.submit(make_spec(tmp_path, f"r{number}"))
        wait_for(lambda: len(gate.running) == 2)
        pool.close()
        assert gate.running == set()
        assert set(collect(pool, 5).values()) == {RunStatus.CANCELLED}
        with pytest.raises(RuntimeError, match="closed"):
            pool.submit(make_spec(tmp_path, "late"))
        pool.close()


def test_only_what_has_not_begun_is_cancelled(tmp_path: Path, gate: Gate, open_pool: OpenPool) -> None:
    with open_pool(1) as pool:
        for name in ("runs", "waits", "too"):
            pool.submit(make_spec(tmp_path, name))
        wait_for(lambda: gate.running == {"runs"})
        pool.cancel_waiting()
        assert collect(pool, 2) == {"waits": RunStatus.CANCELLED, "too": RunStatus.CANCELLED}
        gate.open.add("runs")
        assert collect(pool, 1) == {"runs": RunStatus.SUCCEEDED}


def test_shares_of_a_pool_have_its_workers_together_and_their_results_apart(tmp_path: Path, gate: Gate) -> None:
    shared = SharedPool(2)
    one, other = (shared.share(lambda spec: None) for _ in range(2))
    for number in range(3):
        one.submit(make_spec(tmp_path, f"one{number}"))
        other.submit(make_spec(tmp_path, f"other{number}"))
    wait_for(lambda: len(gate.running) == 2)
    other.close()
    assert set(collect(other, 3).values()) == {RunStatus.CANCELLED}
    gate.open.update(f"one{number}" for number in range(3))
    assert collect(one, 3) == dict.fromkeys(("one0", "one1", "one2"), RunStatus.SUCCEEDED)
    assert (gate.most, shared.running) == (2, 0)
    shared.close()


def test_a_pool_can_be_cancelled_and_used_again(tmp_path: Path, gate: Gate, open_pool: OpenPool) -> None:
    with open_pool(2) as pool:
        for number in range(4):
            pool.submit(make_spec(tmp_path, f"r{number}"))
        pool.cancel_all()
        assert set(collect(pool, 4).values()) == {RunStatus.CANCELLED}
        gate.open.add("again")
        pool.submit(make_spec(tmp_path, "again"))
        assert collect(pool, 1) == {"again": RunStatus.SUCCEEDED}


def test_a_waiting_caller_wakes_when_a_result_comes(tmp_path: Path, gate: Gate, open_pool: OpenPool) -> None:
    with open_pool(1) as pool:
        pool.submit(make_spec(tmp_path, "r"))
        threading.Timer(0.05, lambda: gate.open.add("r")).start()
        assert [result.run_id for result in pool.next_results()] == ["r"]


def test_a_pool_of_no_workers_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        ThreadPool(0)


@pytest.mark.kernel
def test_threads_keep_their_folders_apart(tmp_path: Path) -> None:
    names = [f"folder{number}" for number in range(4)]
    started: list[str] = []
    with ThreadPool(4, on_start=lambda spec: started.append(spec.run_id)) as pool:
        for name in names:
            folder = tmp_path / name / "own"
            folder.mkdir(parents=True)
            pool.submit(make_spec(tmp_path, name, "import os\nprint(os.getcwd())", folder=str(folder)))
        assert collect(pool, 4) == dict.fromkeys(names, RunStatus.SUCCEEDED)
        assert sorted(started) == names
    for name in names:
        assert (tmp_path / "runs" / f"{name}-1.log").read_text().splitlines()[0] == str(tmp_path / name / "own")
        assert processes_of(name) == []


@pytest.mark.kernel
def test_closing_leaves_no_kernel(tmp_path: Path) -> None:
    pool = ThreadPool(1)
    pool.submit(make_spec(tmp_path, "closing", "print('in', flush=True)\nwhile True: pass"))
    log = tmp_path / "runs" / "closing-1.log"
    wait_for(lambda: log.exists() and "in" in log.read_text())
    pool.close()
    assert collect(pool, 1) == {"closing": RunStatus.CANCELLED}
    assert processes_of("closing") == []


@pytest.mark.kernel
def test_where_none_can_be_forked_spares_are_started_ahead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forking, "can_fork", lambda kernel_spec: False)
    go = tmp_path / "go"
    wait = f"import os, time\nwhile not os.path.exists({str(go)!r}): time.sleep(0.01)\nprint(os.getcwd())"
    names = [f"ahead{number}" for number in range(4)]
    results: list[RunReport] = []
    with ThreadPool(1) as pool:
        for name in names:
            folder = tmp_path / name
            folder.mkdir()
            pool.submit(make_spec(tmp_path, name, wait, folder=str(folder)))
        wait_for(lambda: processes_of("ahead0") and processes_of("ahead1"))
        assert processes_of("ahead2") == []  # at most as many as workers
        pool.cancel("ahead1")
        assert processes_of("ahead1") == []
        go.touch()
        while len(results) < len(names):
            results += pool.next_results(timeout_s=60)
    kinds = {result.run_id: (result.status, result.kernel_kind, result.kernel_notes) for result in results}
    assert kinds["ahead0"] == (RunStatus.SUCCEEDED, "stock", ())
    assert kinds["ahead1"] == (RunStatus.CANCELLED, None, ())
    assert kinds["ahead3"] == (RunStatus.SUCCEEDED, "spare", ())
    for name in ("ahead0", "ahead2", "ahead3"):
        assert (tmp_path / "runs" / f"{name}-1.log").read_text().splitlines()[0] == str(tmp_path / name)
    assert {name: processes_of(name) for name in names} == {name: [] for name in names}
