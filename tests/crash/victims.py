"""A project with a small flow, backfills of it in this process and in others, and what kills parts of them."""

from __future__ import annotations

import contextlib
import os
import random
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil

import nbpart
from tests.processes import MARK, find_marked, wait_for

KEYS = ("a", "b", "c", "d")
STEPS = 2 * len(KEYS) + 1
FLOW = """
import os
import random
import signal
import subprocess
import time

import nbpart
import pandas as pd

files = nbpart.DynamicPartitions("files")


def leave_child(kind):
    if kind == "group":
        subprocess.Popen(["sleep", "600"])
    elif kind == "session":
        subprocess.Popen(["sleep", "600"], start_new_session=True)
    elif kind == "shell":
        os.system("sleep 600 &")
    elif os.fork() == 0:
        for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        while True:
            time.sleep(600)


@nbpart.asset(partitions=files)
def raw(partition_key: str) -> pd.DataFrame:
    leave_child({"a": "group", "b": "session", "c": "shell"}.get(partition_key, "fork that ignores signals"))
    time.sleep(random.uniform(0.05, 0.2))
    return pd.DataFrame({"n": range(5000), "key": partition_key})


@nbpart.asset(partitions=files)
def clean(raw, run) -> dict:
    run.save("half way", name="note")
    time.sleep(random.uniform(0.05, 0.2))
    return {"sum": int(raw["n"].sum()), "key": raw["key"][0]}


@nbpart.asset
def total(clean) -> str:
    return ", ".join(f"{key}: {one['sum']}" for key, one in sorted(clean.items()))
"""
RUNS = """
import sys
import nbpart
ws = nbpart.open("workspace", purpose="a victim")
backfill = ws.backfill("*", status="all", max_workers=2, policy=sys.argv[2], detach=sys.argv[1] == "detached")
print(backfill.id, flush=True)
if sys.argv[1] != "detached":
    backfill.wait(progress=False)
"""
_TOKEN = "NBPART_TEST_VICTIM"
#: Nothing of a killed process may be left after so many seconds.
REMOVE_AFTER_S = 2.0


@dataclass(frozen=True)
class Kill:
    """One kill: of what, in which backfill, when (steps done and kernels at work), and what was seen after it."""

    victim: str
    backfill_id: str
    done: int
    running: int
    left_s: float  # how long anything that belonged to it was left
    allowed_s: float

    @property
    def in_the_middle(self) -> bool:
        return self.running > 0 or 0 < self.done < STEPS

    def __str__(self) -> str:
        return (
            f"{self.victim:<24} killed with {self.done} of {STEPS} steps done and {self.running} kernels at work; "
            f"its processes were gone after {self.left_s:.2f} s (allowed: {self.allowed_s:.1f} s)"
        )


class Attack:
    """One backfill of everything, and a kill at a random point of it."""

    def __init__(self, ws: nbpart.Workspace, project: Path, chance: random.Random) -> None:
        self._ws, self._project, self._chance = ws, project, chance
        self._begun_with = self._saved()

    def kill(self, victim: str) -> Kill:
        """Start a backfill, wait for a random point of it, kill, and wait until what must go is gone."""
        if victim == "detached" or victim.startswith("coordinator"):
            return self._kill_owner(victim)
        backfill = self._ws.backfill(
            "*", status="all", max_workers=2, retries=5, backoff_s=0.01, policy=self._choose_policy()
        )
        self._await_point(lambda: backfill.is_running)
        kill = None
        while kill is None and backfill.is_running:
            found = [self._find_kernel()] if victim == "kernel" else find_above(psutil.Process(), victim)
            if None not in found:
                kill = self._strike(victim, backfill.id, found, self._find_below(victim, found))
        if kill is None:  # there was nothing left to kill
            backfill.wait(300, progress=False)
            return Attack(self._ws, self._project, self._chance).kill(victim)
        return kill

    def _kill_owner(self, victim: str) -> Kill:
        token = uuid.uuid4().hex
        command = [sys.executable, "-c", RUNS, victim, self._choose_policy()]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, _TOKEN: token}) as process:
            assert process.stdout is not None
            backfill_id = process.stdout.readline().strip()
            assert backfill_id, "the victim died by itself"
            if victim == "detached":
                process.wait(60)
            owner = _detached_owner(token) if victim == "detached" else psutil.Process(process.pid)
            self._await_point(lambda: not _is_over(owner))
            others = [other for other in find_above(owner, victim) if other is not None]
            kill = self._strike(victim, backfill_id, [owner, *others], lambda: _find_with(token))
        assert kill is not None, "the victim ended by itself"
        return kill

    def _find_below(self, victim: str, killed: list[psutil.Process]) -> Callable[[], object]:
        """What tells which are left of those killed, and of all that belongs to them."""
        marked = [psutil.Process(pid) for pid in find_marked(self._project, running=True) if psutil.pid_exists(pid)]
        if victim == "kernel":
            run = _environment(killed[0]).get(MARK)
            marked = [process for process in marked if _environment(process).get(MARK) == run]
        return lambda: [process for process in [*killed, *marked] if not _is_over(process)]

    def _choose_policy(self) -> str:
        return self._chance.choice(["per_partition", "per_partition", "per_partition", "single_run"])

    def _await_point(self, goes_on: Callable[[], bool]) -> None:
        """Wait for a random number of finished steps, now and then for none, and a random moment more."""
        wanted = self._chance.choice([0, *range(1, STEPS - 2), *range(1, STEPS - 2)])
        wait_for(lambda: self._done >= wanted or not goes_on(), 120, f"{wanted} steps are done")
        time.sleep(self._chance.uniform(0, 0.3))

    @property
    def _done(self) -> int:
        return self._saved() - self._begun_with

    def _saved(self) -> int:
        """How many steps have ever saved their data: counted without the catalog, so that nobody is held up."""
        files = Path(self._project, "workspace", "data").rglob("*.*")
        return sum(1 for file in files if file.suffix != ".tmp" and ".note." not in file.name)

    def _strike(
        self, victim: str, backfill_id: str, processes: list[psutil.Process], is_left: Callable[[], object]
    ) -> Kill | None:
        """Kill processes, and wait until what must go with them is gone; None where the first had ended before."""
        running, done = len(find_marked(self._project, running=True)), self._done
        if _is_over(processes[0]):
            return None
        for process in processes:
            with contextlib.suppress(psutil.NoSuchProcess):  # it came to its end just now
                process.kill()
        begin = time.monotonic()
        wait_for(lambda: not is_left(), 60, f"everything of the killed {victim} is gone")
        left_s = time.monotonic() - begin
        return Kill(victim, backfill_id, done, running, left_s, REMOVE_AFTER_S + 20 * _sluggishness_s())

    def _find_kernel(self) -> psutil.Process | None:
        kernels = find_marked(self._project, running=True)
        with contextlib.suppress(psutil.NoSuchProcess):
            return psutil.Process(self._chance.choice(sorted(kernels))) if kernels else None
        return None


def find_above(owner: psutil.Process, victim: str) -> list[psutil.Process | None]:
    """The zygote and the guardian of an owner, those that the victim's name has in it; None for one that is not there.

    A guardian is a child of its owner that carries the empty mark, a zygote the child of a guardian.
    """
    guardian = zygote = None
    with contextlib.suppress(psutil.NoSuchProcess):
        marked = (child for child in owner.children() if (_environment(child).get(MARK) or "").startswith("-"))
        guardian = next((child for child in marked if not _is_over(child)), None)
        zygote = next((child for child in (guardian.children() if guardian else []) if not _is_over(child)), None)
    return [found for name, found in (("zygote", zygote), ("guardian", guardian)) if name in victim]


def _is_over(process: psutil.Process) -> bool:
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def _environment(process: psutil.Process) -> dict[str, str]:
    try:
        return process.environ()
    except psutil.Error:  # it ended meanwhile, or is not ours
        return {}


def _find_with(token: str) -> list[psutil.Process]:
    """Every process that has this token from the one that was started with it."""
    return [p for p in psutil.process_iter() if _environment(p).get(_TOKEN) == token and not _is_over(p)]


def _detached_owner(token: str) -> psutil.Process:
    """The process that runs a detached backfill: of those with the token the one without a run's mark."""
    [owner] = [process for process in _find_with(token) if MARK not in _environment(process)]
    return owner


def _sluggishness_s() -> float:
    """How long a process that does nothing takes: 0.01 s on a quiet machine."""
    begin = time.monotonic()
    subprocess.run([sys.executable, "-S", "-c", ""], check=True)
    return time.monotonic() - begin
