"""A watcher, its zygotes and its sensors' children are killed again and again while files come, change and go.

NBPART_CRASH_SCALE says how many are killed, NBPART_KILL_SEED where chance begins.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import nbpart
from nbpart.automation.watching import find_watch
from nbpart.catalog.check import check
from nbpart.run.kernels.processes import children_of, descendants_of
from tests.crash.conftest import SCALE, SEED
from tests.projects import import_written, show_to_processes

KILLS = 25 * SCALE
#: How long a victim is waited for: a watcher that has just begun has no others yet.
_APPEARS_S = 6.0
FLOW = """
from pathlib import Path

import nbpart

files = nbpart.DynamicPartitions("files")
numbers = nbpart.DynamicPartitions("numbers")
inbox = nbpart.source("inbox", "inbox/{partition_key}.txt", partitions=files)
watched = inbox.watch(every="2s", settle="0.3s", on_remove="remove")


@nbpart.asset(partitions=files)
def cleaned(inbox) -> str:
    return Path(inbox).read_text()


@nbpart.asset(on_missing_input="skip")
def report(cleaned) -> dict:
    return dict(cleaned)


@nbpart.asset(partitions=numbers)
def counted(partition_key: str) -> str:
    return partition_key


@nbpart.sensor(every="1s", partitions=numbers)
def counting(context):
    n = int(context.cursor or 0)
    context.cursor = str(n + 1)
    return f"n{n}"
"""


class Victim:
    """The watcher's process, started anew whenever it is dead."""

    def __init__(self, folder: Path) -> None:
        self._log = (folder / "watch.log").open("ab")
        self._process: subprocess.Popen[bytes] | None = None

    def ensure(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            command = [sys.executable, "-m", "nbpart.cli", "-w", "workspace", "watch", "-j", "2"]
            self._process = subprocess.Popen(command, stdout=self._log, stderr=self._log)
        return self._process

    def kill_one(self, chance: random.Random) -> str:
        """Kill the watcher, its zygote of sensors or one of the children of that, or its zygote of kernels, once it is
        there; returns which."""
        process = self.ensure()
        kind = chance.choice(("watcher", "zygote", "child", "kernels' zygote"))
        end = time.monotonic() + _APPEARS_S
        while not (pids := self._find(kind, process.pid)):
            if time.monotonic() > end or process.poll() is not None:
                kind = "watcher"
            time.sleep(0.01)
        send_kill(pids[0])
        if kind == "watcher":
            process.wait(30)
        return kind

    def _find(self, kind: str, watcher: int) -> list[int]:
        if kind == "watcher":
            return [watcher]
        program = "kernels.zygote" if kind == "kernels' zygote" else "sensor_process"
        zygotes = [pid for pid in children_of(watcher) if program in command_of(pid)]
        return [pid for zygote in zygotes for pid in descendants_of(zygote)] if kind == "child" else zygotes

    def end(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(120)
        self._log.close()


def send_kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def command_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def change_files(inbox: Path, chance: random.Random) -> None:
    """Let a file come, change, grow while it is written, or go."""
    path = inbox / f"f{chance.randrange(6)}.txt"
    match chance.choice(("write", "write", "grow", "go")):
        case "write":
            path.write_text(f"whole {chance.random()}")
        case "grow":
            with path.open("a") as file:
                file.write(f"{chance.random()}")
                file.flush()
                time.sleep(0.1)
                file.write(" more")
        case "go":
            path.unlink(missing_ok=True)


@pytest.fixture
def ws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[nbpart.Workspace]:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "inbox").mkdir()
    flow = import_written(tmp_path, "watch_flow", FLOW, monkeypatch)
    show_to_processes(tmp_path, monkeypatch)
    with nbpart.open("workspace") as workspace:
        workspace.register(flow.inbox, flow.cleaned, flow.report, flow.counted, flow.watched, flow.counting)
        yield workspace


def wait_for(condition: Callable[[], bool], limit_s: float, describe: Callable[[], str]) -> None:
    end = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < end, describe()
        time.sleep(0.5)


@pytest.mark.kernel
@pytest.mark.timeout(1500)
@pytest.mark.skipif(sys.platform != "linux", reason="processes are found in /proc")
def test_every_file_is_made_from_its_last_bytes_whoever_dies(ws: nbpart.Workspace, tmp_path: Path) -> None:
    chance, inbox, victim = random.Random(SEED), tmp_path / "inbox", Victim(tmp_path)
    killed: list[str] = []
    try:
        while len(killed) < KILLS:
            victim.ensure()
            for _ in range(chance.randrange(3)):
                change_files(inbox, chance)
            time.sleep(chance.uniform(0.2, 1.5))
            killed.append(victim.kill_one(chance))
        victim.ensure()

        def holds() -> bool:
            return {key: ws.load("cleaned", key) for key in ws.partitions("files")} == read_all(inbox)

        def is_settled() -> bool:
            made = ws.partition_status("cleaned")
            keys = {path.stem for path in inbox.glob("*.txt")}
            return set(made.partition_key) == keys and set(made.status) <= {"materialized"} and holds()

        def says() -> str:
            log = (tmp_path / "watch.log").read_text()
            return f"{killed}\n{ws.partition_status('cleaned').to_string()}\n{log[-4000:]}"

        wait_for(is_settled, 240, says)
        ws.triggers["counting"].off()
        wait_for(lambda: set(ws.status().loc["counted"].drop("materialized")) == {0}, 240, says)
    finally:
        victim.end()
    assert set(killed) == {"watcher", "zygote", "child", "kernels' zygote"}
    numbers = list(ws.partitions("numbers"))
    assert numbers == [f"n{n}" for n in range(len(numbers))], "no look was lost, and none counted twice"
    assert ws.triggers["counting"].cursor == str(len(numbers))
    asked = ws.ticks("counting").query("outcome == 'asked'")
    assert (len(asked), set(asked.added)) == (len(numbers), {1})
    assert ws.project.catalog.read(check) == []
    assert not find_watch(ws.project.catalog.path, ws.project.catalog.clock()).is_held


def read_all(inbox: Path) -> dict[str, str]:
    return {path.stem: path.read_text() for path in inbox.glob("*.txt")}
