"""The zygote and its owner: what cannot work is named, what is forked is a process of its own, and nothing stays."""

from __future__ import annotations

import errno
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ipykernel.zmqshell import ZMQInteractiveShell
from IPython.core.interactiveshell import InteractiveShell
from jupyter_client.blocking.client import BlockingKernelClient

from nbpart.run.kernels import folders, wire, zygotes
from nbpart.run.kernels.forked_kernel import PrewarmError
from nbpart.run.kernels.guardian import Guardian
from nbpart.run.kernels.processes import GUARDIAN_VARIABLE
from nbpart.run.kernels.zygote import ZygoteServer
from nbpart.run.kernels.zygotes import Zygote, Zygotes
from tests.run.conftest import PACKAGE_ROOT, wait_for
from tests.run.kernels.idle_run import ENTRY
from tests.run.kernels.test_folders import dead_process

pytestmark = pytest.mark.skipif(not zygotes.is_supported(), reason="kernels are forked on Linux only")
ENVIRONMENT = {**os.environ, "PYTHONPATH": PACKAGE_ROOT}


@pytest.fixture(scope="module")
def zygote() -> Iterator[Zygote]:
    zygote = Zygote.start(sys.executable, ["json"], ENVIRONMENT)
    yield zygote
    zygote.close()
    zygote.process.wait(30)


def adopt(zygote: Zygote, folder: Path, **environment: str) -> Any:
    kernel = zygote.run_kernel({**ENVIRONMENT, **environment}, str(folder), [], {"entry": ENTRY}, {})
    kernel.wait_until_ready()
    return kernel


@pytest.mark.kernel
def test_a_kernel_is_ready_in_its_folder_with_its_environment_and_mark(zygote: Zygote, tmp_path: Path) -> None:
    kernel = adopt(zygote, tmp_path, NBPART_RUN_MARK="the-run")
    assert os.readlink(f"/proc/{kernel.pid}/cwd") == str(tmp_path)
    assert os.getsid(kernel.pid) == os.getpgid(kernel.pid) == kernel.pid
    assert b"NBPART_RUN_MARK=the-run" in Path(f"/proc/{kernel.pid}/environ").read_bytes().split(b"\0")
    kernel.terminate()
    assert kernel.wait(30) == -signal.SIGTERM
    assert kernel.usage.cpu_s > 0
    assert kernel.usage.peak_rss_bytes > 10**6
    kernel.close()


@pytest.mark.kernel
def test_a_kernel_opens_sockets_when_it_is_asked_to_which_are_gone_when_it_is(zygote: Zygote, tmp_path: Path) -> None:
    def find_folders() -> list[Path]:
        return list(Path(tempfile.gettempdir()).glob(f"nbpart-*-{zygote.process.pid}.*"))

    plain = adopt(zygote, tmp_path)
    assert find_folders() == []
    kernel = zygote.run_kernel(ENVIRONMENT, str(tmp_path), [], {"entry": ENTRY, "opens": True}, {})
    kernel.wait_until_ready()
    wait_for(lambda: [*(folder / "kernel.json" for folder in find_folders())] != [])
    (folder,) = find_folders()
    assert folder.stat().st_mode & 0o777 == 0o700
    wait_for((folder / "kernel.json").exists)
    assert (folder / "kernel.json").stat().st_mode & 0o777 == 0o600
    client = BlockingKernelClient(connection_file=str(folder / "kernel.json"))
    client.load_connection_file()
    client.start_channels()
    client.wait_for_ready(timeout=30)
    assert client.execute_interactive("print(1 + 1)", output_hook=lambda message: None)["content"]["status"] == "ok"
    client.stop_channels()
    for each in (plain, kernel):
        each.terminate()
        assert each.wait(30) == -signal.SIGTERM
        each.close()
    assert find_folders() == []


@pytest.mark.kernel
def test_closing_a_kernel_kills_it(zygote: Zygote, tmp_path: Path) -> None:
    kernel = adopt(zygote, tmp_path)
    assert kernel.poll() is None
    kernel.close()
    wait_for(lambda: not os.path.exists(f"/proc/{kernel.pid}"))


@pytest.mark.kernel
def test_a_folder_that_is_not_there_is_named(zygote: Zygote) -> None:
    kernel = zygote.run_kernel(ENVIRONMENT, "/nowhere/at/all", [], {"entry": ENTRY}, {})
    with pytest.raises(PrewarmError, match="/nowhere/at/all"):
        kernel.wait_until_ready()
    kernel.close()


@pytest.mark.kernel
def test_when_the_zygote_dies_its_kernels_do_and_the_next_is_started_anew(tmp_path: Path) -> None:
    own = Zygotes()
    first = own.get(sys.executable, [], ENVIRONMENT)
    assert own.get(sys.executable, [], ENVIRONMENT) is first
    kernel = adopt(first, tmp_path)
    os.kill(first.pid, signal.SIGKILL)
    assert kernel.wait(30) == -signal.SIGKILL
    wait_for(lambda: not os.path.exists(f"/proc/{kernel.pid}"))
    with pytest.raises(PrewarmError, match=r"gone|died"):
        adopt(first, tmp_path)
    second = own.get(sys.executable, [], ENVIRONMENT)
    assert second is not first
    # what its kernels, that of the test and the one that stood ready, had bound
    wait_for(lambda: list(Path(tempfile.gettempdir()).glob(f"nbpart-*-{first.process.pid}.*")) == [])
    own.close()
    assert second.process.poll() is not None


def test_what_killed_guardians_left_goes_when_the_next_one_starts() -> None:
    dead = dead_process()
    folder = Path(folders.make_folder(dead))
    with subprocess.Popen(["sleep", "600"], env={**os.environ, GUARDIAN_VARIABLE: f"{dead}/12"}) as left:
        zygote = Zygote.start(sys.executable, [], ENVIRONMENT)
        assert left.wait(30) == -signal.SIGKILL
        wait_for(lambda: not folder.exists())
        zygote.close()
    assert zygote.process.wait(30) == 0


@pytest.mark.kernel
def test_a_variable_that_libraries_read_at_import_needs_another_zygote() -> None:
    own = Zygotes()
    first = own.get(sys.executable, [], ENVIRONMENT)
    assert own.find(sys.executable, [], {**ENVIRONMENT, "COLOUR": "red"}) is first
    assert own.find(sys.executable, [], {**ENVIRONMENT, "OMP_NUM_THREADS": "1"}) is None
    assert own.find(sys.executable, [], {**ENVIRONMENT, "PANDAS_COPY_ON_WRITE": "warn"}) is None
    assert own.find(sys.executable, ["json"], ENVIRONMENT) is None
    assert own.find(sys.executable, None, ENVIRONMENT) is None
    first.retire()
    assert first.process.wait(30) == 0
    own.close()


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (None, "nbp_preload .*ModuleNotFoundError.*take it out of preload"),
        ("raise ValueError('broken')", "nbp_preload .*ValueError: broken"),
        ("import sys\nsys.exit(3)", "nbp_preload .*SystemExit: 3"),
        ("import os\nos.write(2, b'last words')\nos._exit(3)", "died at its start: last words"),
        (
            "import threading\nthreading.Timer(60, print).start()\nthreading.enumerate()[-1].name = 'reader'",
            "nbp_preload .*starts the thread 'reader'",
        ),
    ],
    ids=["absent", "raises", "exits", "dies", "starts a thread"],
)
def test_a_preload_that_fails_is_named_and_not_tried_again(tmp_path: Path, source: str | None, words: str) -> None:
    if source is not None:
        (tmp_path / "nbp_preload.py").write_text(source)
    environment = {**ENVIRONMENT, "PYTHONPATH": os.pathsep.join([PACKAGE_ROOT, str(tmp_path)])}
    own = Zygotes()
    with pytest.raises(PrewarmError, match=words):
        own.get(sys.executable, ["nbp_preload"], environment)
    (tmp_path / "nbp_preload.py").write_text("")
    with pytest.raises(PrewarmError, match=words):
        own.get(sys.executable, ["nbp_preload"], environment)
    own.close()


def test_an_interpreter_that_is_not_there_is_named() -> None:
    with pytest.raises(PrewarmError, match=r"could not be started.*nowhere"):
        Zygotes().get("/nowhere/python", [], ENVIRONMENT)


def test_a_fork_that_is_refused_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refuse() -> int:
        raise OSError(errno.EAGAIN, "too many processes")

    shell = InteractiveShell.instance() if InteractiveShell.initialized() else None
    InteractiveShell.clear_instance()  # another test of this process may have one
    monkeypatch.setattr(os, "fork", refuse)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    ours, its = socket.socketpair()
    server = ZygoteServer(its, os.getpid(), Guardian("1.1", os.pidfd_open(os.getpid())))
    owner = Zygote(None, ours, None, pidfd=os.pidfd_open(os.getpid()))  # type: ignore[arg-type]
    for ask in (
        owner.run_kernel(ENVIRONMENT, "/", [], {"entry": ENTRY}, {}),
        owner.start_kernel([], ENVIRONMENT, "/", [0, 1, 2]),
    ):
        server._serve_owner()
        with pytest.raises(PrewarmError, match=r"could be forked.*too many processes"):
            ask.wait_until_ready()
    assert list(tmp_path.iterdir()) == []
    wire.send(ours, {"op": "goodbye"})
    server._serve_owner()
    ours.close()
    its.close()
    ZMQInteractiveShell.clear_instance()  # that of the zygote that this process has played
    for kind in type(shell).mro() if shell is not None else ():
        if issubclass(kind, InteractiveShell):
            kind._instance = shell
