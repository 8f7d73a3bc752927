"""Locks: a forked child keeps none, whatever it inherits and whenever it was forked."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from nbpart.errors import WorkspaceError
from nbpart.storage.locks import LockFile, on_own_thread


def test_a_lock_excludes_until_it_is_closed(tmp_path: Path) -> None:
    first, second = LockFile(tmp_path / "lock"), LockFile(tmp_path / "lock")
    assert first.try_lock()
    assert not second.try_lock()
    first.close()
    first.close()
    assert second.try_lock()
    assert not first.is_open
    with pytest.raises(ValueError, match="closed"):
        first.try_lock()
    second.close()


def test_a_link_is_no_lock_file(tmp_path: Path) -> None:
    (tmp_path / "lock").symlink_to(tmp_path / "victim")
    with pytest.raises(WorkspaceError, match="is a link"):
        LockFile(tmp_path / "lock")
    assert not (tmp_path / "victim").exists()


def test_a_child_keeps_no_lock_and_takes_none_from_its_parent(tmp_path: Path) -> None:
    lock = LockFile(tmp_path / "lock")
    assert lock.try_lock()
    reader, writer = os.pipe()
    if (child := os.fork()) == 0:
        lock.close()  # as a `with` block does that the child leaves too
        os.write(writer, b"x")
        signal.pause()
    try:
        assert os.read(reader, 1) == b"x"
        other = LockFile(tmp_path / "lock")
        assert not other.try_lock(), "the child let go of its parent's lock"
        lock.close()
        assert other.try_lock(), "the child keeps the lock"
        other.close()
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(reader)
        os.close(writer)


def test_a_child_that_python_does_not_know_of_keeps_no_lock(tmp_path: Path) -> None:
    lock = LockFile(tmp_path / "lock")
    assert lock.try_lock()
    # it gets the open file as a C library that forks would leave it
    held = subprocess.Popen(["sleep", "600"], pass_fds=(lock.descriptor,))
    try:
        lock.close()
        other = LockFile(tmp_path / "lock")
        assert other.try_lock()
        other.close()
    finally:
        held.kill()
        held.wait()


FORKS = """
import os, signal, sys, threading
from pathlib import Path
from nbpart.storage.locks import LockFile

path, go = Path(sys.argv[1]), threading.Event()

def work():
    while not go.is_set():
        lock = LockFile(path)
        lock.try_lock()
        lock.close()

threads = [threading.Thread(target=work) for _ in range(3)]
for thread in threads:
    thread.start()
children = []
for _ in range(300):
    if (child := os.fork()) == 0:
        held = [name for name in os.listdir("/proc/self/fd") if os.path.realpath(f"/proc/self/fd/{name}") == str(path)]
        os._exit(7 if held else 0)
    children.append(child)
go.set()
for thread in threads:
    thread.join()
print(sorted({os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children}))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="what a process has open is seen in /proc")
def test_no_fork_splits_opening_and_noting(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FORKS, str(tmp_path.resolve() / "lock")], capture_output=True, text=True, timeout=120
    )
    assert (done.stdout, done.stderr) == ("[0]\n", "")


def test_work_on_its_own_thread_returns_and_raises() -> None:
    assert on_own_thread(lambda: threading.current_thread() is threading.main_thread()) is False
    with pytest.raises(ZeroDivisionError):
        on_own_thread(lambda: 1 / 0)
